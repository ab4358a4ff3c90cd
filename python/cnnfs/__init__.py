"""Dense neural networks on the CPU: fast, small, and the same bits in any batch.

Functions on arrays: `dense`, `linear`, `step`, `sigmoid`, `relu`, `softmax`, `tanh`, `leaky_relu`,
`elu`, `gelu`, `gelu_tanh`, `silu`, `softplus`. Classes: `Layer`, `Network`.

>>> import cnnfs
>>> layer = cnnfs.Layer.from_arrays([[0.5, -1.0], [3.0, 1.0]], [0.25, 0.0], "relu")
>>> layer([1.0, 2.0])
array([0., 5.])
"""

from typing import TYPE_CHECKING, Any

from cnnfs import _threadpoolctl
from cnnfs._cnnfs_core import (
    __version__,
    dense,
    elu,
    gelu,
    gelu_tanh,
    leaky_relu,
    linear,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    step,
    tanh,
)
from cnnfs.activations import Activation
from cnnfs.dropout import Dropout
from cnnfs.inspection import Gradients, LayerGradients
from cnnfs.layer import Layer
from cnnfs.network import Network
from cnnfs.runtime import get_num_threads, set_num_threads, show_config

# What is needed by some programs only is imported at first use.
if TYPE_CHECKING:
    from cnnfs.adam import Adam, AdamW
    from cnnfs.callbacks import Checkpoint, EarlyStopping, Epoch
    from cnnfs.conversion import ConversionError
    from cnnfs.course import TrainingDiverged
    from cnnfs.files import load, load_training
    from cnnfs.files_header import ModelFileError
    from cnnfs.history import History
    from cnnfs.interop.from_keras import from_keras
    from cnnfs.interop.from_onnx import from_onnx
    from cnnfs.interop.from_sklearn import from_sklearn
    from cnnfs.interop.from_torch import from_torch
    from cnnfs.losses import (
        BinaryCrossEntropy,
        CrossEntropy,
        Huber,
        MeanAbsoluteError,
        MeanSquaredError,
    )
    from cnnfs.optimizers import SGD, Adagrad, RMSprop
    from cnnfs.schedules import (
        CosineDecay,
        ExponentialDecay,
        InverseTimeDecay,
        LinearWarmup,
        StepDecay,
    )

_LAZY = {
    "Adam": "cnnfs.adam",
    "AdamW": "cnnfs.adam",
    "Checkpoint": "cnnfs.callbacks",
    "EarlyStopping": "cnnfs.callbacks",
    "Epoch": "cnnfs.callbacks",
    "ConversionError": "cnnfs.conversion",
    "load": "cnnfs.files",
    "load_training": "cnnfs.files",
    "ModelFileError": "cnnfs.files_header",
    "TrainingDiverged": "cnnfs.course",
    "History": "cnnfs.history",
    "from_keras": "cnnfs.interop.from_keras",
    "from_onnx": "cnnfs.interop.from_onnx",
    "from_sklearn": "cnnfs.interop.from_sklearn",
    "from_torch": "cnnfs.interop.from_torch",
    "BinaryCrossEntropy": "cnnfs.losses",
    "CrossEntropy": "cnnfs.losses",
    "Huber": "cnnfs.losses",
    "MeanAbsoluteError": "cnnfs.losses",
    "MeanSquaredError": "cnnfs.losses",
    "SGD": "cnnfs.optimizers",
    "Adagrad": "cnnfs.optimizers",
    "RMSprop": "cnnfs.optimizers",
    "CosineDecay": "cnnfs.schedules",
    "ExponentialDecay": "cnnfs.schedules",
    "InverseTimeDecay": "cnnfs.schedules",
    "LinearWarmup": "cnnfs.schedules",
    "StepDecay": "cnnfs.schedules",
}

__all__ = [
    "SGD",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "BinaryCrossEntropy",
    "Checkpoint",
    "ConversionError",
    "CosineDecay",
    "CrossEntropy",
    "Dropout",
    "EarlyStopping",
    "Epoch",
    "ExponentialDecay",
    "Gradients",
    "History",
    "Huber",
    "InverseTimeDecay",
    "Layer",
    "LayerGradients",
    "LinearWarmup",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "ModelFileError",
    "Network",
    "RMSprop",
    "StepDecay",
    "TrainingDiverged",
    "__version__",
    "dense",
    "elu",
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "gelu",
    "gelu_tanh",
    "get_num_threads",
    "leaky_relu",
    "linear",
    "load",
    "load_training",
    "relu",
    "set_num_threads",
    "show_config",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "step",
    "tanh",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'cnnfs' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_threadpoolctl.register()
