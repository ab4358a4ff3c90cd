"""Dense neural networks on the CPU: fast, small, and the same bits everywhere.

Functions on arrays: `dense`, `step`, `linear`, `sigmoid`, `relu`. Classes: `Layer`, `Network`.

>>> import cnnfs
>>> layer = cnnfs.Layer.from_arrays([[0.5, -1.0], [3.0, 1.0]], [0.25, 0.0], "relu")
>>> layer([1.0, 2.0])
array([0., 5.])
"""

from cnnfs import _threadpoolctl
from cnnfs._cnnfs_core import __version__, dense, linear, relu, sigmoid, step
from cnnfs.activations import Activation
from cnnfs.adam import Adam, AdamW
from cnnfs.callbacks import Checkpoint, EarlyStopping, Epoch
from cnnfs.dropout import Dropout
from cnnfs.fit import TrainingDiverged
from cnnfs.history import History
from cnnfs.layer import Layer
from cnnfs.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
)
from cnnfs.network import Network
from cnnfs.optimizers import SGD, Adagrad, RMSprop
from cnnfs.runtime import get_num_threads, set_num_threads, show_config
from cnnfs.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearWarmup,
    StepDecay,
)
from cnnfs.training import Gradients, LayerGradients

__all__ = [
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "BinaryCrossEntropy",
    "Checkpoint",
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
    "Network",
    "RMSprop",
    "SGD",
    "StepDecay",
    "TrainingDiverged",
    "__version__",
    "dense",
    "get_num_threads",
    "linear",
    "relu",
    "set_num_threads",
    "show_config",
    "sigmoid",
    "step",
]

_threadpoolctl.register()
