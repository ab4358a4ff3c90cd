"""The arguments of the estimators, checked, and what they are in cnnfs."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from cnnfs import checks
from cnnfs.activations import Activation
from cnnfs.adam import Adam
from cnnfs.callbacks import Epoch
from cnnfs.dropout import Dropout
from cnnfs.layer import Layer
from cnnfs.losses import Loss
from cnnfs.network import Network
from cnnfs.optimizer import Optimizer, switch
from cnnfs.optimizers import SGD

# The names of scikit-learn, and those of cnnfs.
_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"} | {str(a): str(a) for a in Activation}
_SCHEDULES = ("constant", "invscaling", "adaptive")


class Goal(NamedTuple):
    """What is made small, and how it compares with scikit-learn's loss."""

    loss: str | Loss
    last: str  # the activation of the last layer
    # How many times scikit-learn's gradient that of cnnfs is, and its loss that of `loss_curve_`.
    slope: float
    size: float


class Settings(NamedTuple):
    """What `fit` takes from an estimator, in the words of cnnfs."""

    sizes: list[int]  # of the hidden layers
    activations: list[str]  # of them
    dropout: list[float]  # of what they give
    max_iter: int
    patience: float
    tol: float
    validation_fraction: float
    callbacks: list[Callable[[Epoch], object]]


def checked(model: Any) -> Settings:
    """The settings, after all arguments were found to be of the right kind and range."""
    given = model.hidden_layer_sizes
    several = isinstance(given, Iterable) and not isinstance(given, str)
    sizes = [
        checks.whole(size, "hidden_layer_sizes", least=1)
        for size in (given if several else [given])
    ]
    for name in ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping"):
        switch(getattr(model, name), name)
    if model.learning_rate not in _SCHEDULES:
        words = ", ".join(map(repr, _SCHEDULES))
        raise ValueError(f"learning_rate must be one of {words}, not {model.learning_rate!r}")
    if model.solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' is not there, as cnnfs trains in batches: use 'adam' or 'sgd'"
        )
    if model.solver not in ("adam", "sgd"):
        raise ValueError(f"solver must be 'adam' or 'sgd', not {model.solver!r}")
    if model.n_iter_no_change != math.inf:
        checks.whole(model.n_iter_no_change, "n_iter_no_change", least=1)
    if model.batch_size != "auto":
        checks.whole(model.batch_size, "batch_size", least=1)
    checks.real(model.alpha, "alpha", least=0)
    checks.real(model.power_t, "power_t", least=0)
    checks.real(model.learning_rate_init, "learning_rate_init", above=0)
    callbacks = model.callbacks if model.callbacks is not None else []
    return Settings(
        sizes,
        [hidden_activation(name) for name in _each(model.activation, sizes, "activation")],
        [
            checks.real(share, "dropout", least=0, below=1)
            for share in _each(model.dropout, sizes, "dropout")
        ],
        checks.whole(model.max_iter, "max_iter", least=1),
        model.n_iter_no_change,
        checks.real(model.tol, "tol", least=0),
        checks.real(model.validation_fraction, "validation_fraction", above=0, below=1),
        [callbacks] if callable(callbacks) else list(callbacks),
    )


def _each(given: Any, sizes: list[int], name: str) -> list[Any]:
    """One for each hidden layer: that which is given, or those."""
    if isinstance(given, str | numbers.Real):
        return [given] * len(sizes)
    if not isinstance(given, Iterable):
        raise TypeError(f"{name} must be one for all hidden layers or one for each, not {given!r}")
    several = list(given)
    if len(several) != len(sizes):
        raise ValueError(
            f"{name} has {len(several)} entries, but hidden_layer_sizes has {len(sizes)}"
        )
    return several


def hidden_activation(name: object) -> str:
    """The name in cnnfs."""
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        words = ", ".join(map(repr, _ACTIVATIONS))
        raise ValueError(f"activation must be one of {words}, not {name!r}")
    return _ACTIVATIONS[name]


def new_network(
    settings: Settings, goal: Goal, n_inputs: int, n_outputs: int, dtype: Any, draw: Any
) -> Network:
    """A network with the weights that scikit-learn would draw from the same random state.

    Uniform in ``+-sqrt(6 / (inputs + neurons))``, for sigmoid ``2`` in place of the 6, biases too.
    The last layer is drawn as if it had the activation of the one before.
    """
    widths = [n_inputs, *settings.sizes, n_outputs]
    kinds = [*settings.activations, (settings.activations or ["linear"])[-1]]
    parts: list[Layer | Dropout] = []
    for i, kind in enumerate(kinds):
        inputs, neurons = widths[i], widths[i + 1]
        edge = np.sqrt((2.0 if kind == "sigmoid" else 6.0) / (inputs + neurons))
        weights = draw.uniform(-edge, edge, (inputs, neurons))
        bias = draw.uniform(-edge, edge, neurons)
        name = goal.last if i == len(settings.sizes) else kind
        parts.append(Layer.from_arrays(weights.T, bias, name, dtype=dtype))
        if i < len(settings.sizes) and settings.dropout[i] != 0:
            parts.append(Dropout(settings.dropout[i]))
    return Network(parts)


def new_optimizer(model: Any, goal: Goal) -> Optimizer:
    """One that steps as scikit-learn's would, whatever the gradients are multiplied by."""
    if model.solver == "adam":
        epsilon = checks.real(model.epsilon, "epsilon", above=0)
        betas = (model.beta_1, model.beta_2)
        return Adam(model.learning_rate_init, betas, epsilon * goal.slope)
    momentum = checks.real(model.momentum, "momentum", least=0, below=1)
    nesterov = bool(model.nesterovs_momentum) and momentum > 0
    return SGD(model.learning_rate_init / goal.slope, momentum, nesterov)
