"""Estimators of scikit-learn, read. scikit-learn is there if an estimator is."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs.dropout import Dropout
from cnnfs.interop.chain import Chain
from cnnfs.interop.numbers import checked_dtype
from cnnfs.network import Network

_ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "relu": "relu",
    "softmax": "softmax",
    "tanh": "tanh",
}
_NOT_FITTED = "it is not fitted yet: call its fit"
Scaling = tuple[npt.ArrayLike, npt.ArrayLike]


def read(model: Any, dtype: npt.DTypeLike | None) -> Network:
    """What `from_sklearn` does."""
    kind = checked_dtype(dtype)
    sklearn = sys.modules.get("sklearn.base")
    if sklearn is None or not isinstance(model, sklearn.BaseEstimator):
        raise TypeError(
            "model must be a fitted MLPClassifier, MLPRegressor or Pipeline of scikit-learn, "
            f"not {type(model).__name__}"
        )
    chain = Chain(f"the {type(model).__name__} of scikit-learn")
    _read(chain, "", model)
    return chain.network(kind)


def _read(chain: Chain, place: str, model: Any) -> None:
    """Add an estimator to the chain, or refuse it."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import Pipeline

    from cnnfs.sklearn.base import Perceptron

    where = f"{place} {type(model).__name__}".strip()
    if type(model) is Pipeline:
        for name, step in model.steps:
            _read(chain, f"{place}['{name}']", step)
    elif type(model) in (MLPClassifier, MLPRegressor):
        _perceptron(chain, where, model)
    elif isinstance(model, Perceptron):
        _own(chain, where, model)
    elif type(model) is TransformedTargetRegressor:
        if not hasattr(model, "regressor_"):
            chain.refuse(where, _NOT_FITTED)
            return
        _read(chain, f"{place}.regressor_", model.regressor_)
        _scale(chain, f"{place}.transformer_", model.transformer_, inverse=True)
    else:
        _scale(chain, place, model)


def _perceptron(chain: Chain, where: str, model: Any) -> None:
    if not hasattr(model, "coefs_"):
        chain.refuse(where, _NOT_FITTED)
        return
    last = len(model.coefs_) - 1
    for i, (coefs, intercepts) in enumerate(zip(model.coefs_, model.intercepts_, strict=True)):
        chain.dense(f"{where}, layer {i}", coefs.T, intercepts)
        name = model.out_activation_ if i == last else model.activation
        if name in _ACTIVATIONS:
            chain.activation(where, _ACTIVATIONS[name])
        else:
            chain.refuse(f"{where}, layer {i}", f"cnnfs has no activation {name!r}")


def _own(chain: Chain, where: str, model: Any) -> None:
    """An estimator of `cnnfs.sklearn`."""
    if not hasattr(model, "network_"):
        chain.refuse(where, _NOT_FITTED)
        return
    for i, part in enumerate(model.network_):
        if isinstance(part, Dropout):
            chain.dropout(f"{where}, layer {i}", part.rate)
        else:
            chain.dense(f"{where}, layer {i}", part.weights, part.bias)
            chain.activation(f"{where}, layer {i}", str(part.activation))


def _scale(chain: Chain, place: str, step: Any, *, inverse: bool = False) -> None:
    """Add a scaler to the chain, or its inverse, or refuse it."""
    if step is None or isinstance(step, str):  # "passthrough"
        return
    where = f"{place} {type(step).__name__}".strip()
    readers = {
        "StandardScaler": _standard,
        "MinMaxScaler": _min_max,
        "MaxAbsScaler": _max_abs,
        "RobustScaler": _robust,
    }
    of_sklearn = type(step).__module__.startswith("sklearn.")
    reader = readers.get(type(step).__name__) if of_sklearn else None
    if reader is None:
        found = ": give its best_estimator_" if hasattr(step, "best_estimator_") else ""
        chain.refuse(where, f"it is no network, and no scaler that can be folded into one{found}")
    elif not hasattr(step, "scale_"):
        chain.refuse(where, _NOT_FITTED)
    elif getattr(step, "clip", False) and not inverse:
        chain.refuse(where, "clip=True can't be folded into a layer")
    else:
        center, scale = (np.asarray(a, np.float64) for a in reader(step))
        with np.errstate(all="ignore"):  # the chain refuses what is not finite
            numbers = (scale, center) if inverse else (1 / scale, -center / scale)
        chain.affine(where, *numbers)


# Each gives center and scale: the step computes (x - center) / scale.


def _standard(step: Any) -> Scaling:
    return step.mean_ if step.with_mean else 0.0, step.scale_ if step.with_std else 1.0


def _min_max(step: Any) -> Scaling:
    return -step.min_ / step.scale_, 1 / step.scale_


def _max_abs(step: Any) -> Scaling:
    return 0.0, step.scale_


def _robust(step: Any) -> Scaling:
    return (
        step.center_ if step.with_centering else 0.0,
        step.scale_ if step.with_scaling else 1.0,
    )
