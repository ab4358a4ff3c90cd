"""How far two correct computations of a network may be apart.

A layer's sums err by at most gamma_n times the sum of the magnitudes (see reference.py), here with
`SPARE` more roundings for a scaling before or after it. An error of the inputs passes through the
weights and through an activation, whose slope is at most `SLOPES`. An activation itself is a
handful of operations on numbers of at most 1 + |z|: `SPARE` roundings of that.
"""

from math import erf
from typing import NamedTuple

import numpy as np
from reference import gamma, sigmoid, unit_roundoff

SPARE = 8
SLOPES = {"sigmoid": 0.25, "gelu": 1.13, "gelu_tanh": 1.13, "silu": 1.1}
WIDE = np.longdouble


class Dense(NamedTuple):
    weights: np.ndarray
    bias: np.ndarray
    activation: str = "linear"
    size: np.ndarray | None = None  # of what the bias is made of, if that is more than the bias


def _tanh_gelu(z):
    return z / 2 * (1 + np.tanh(np.sqrt(WIDE(2) / np.pi) * (z + WIDE("0.044715") * z**3)))


FORMULAS = {
    "linear": lambda z: z,
    "step": lambda z: (z > 0).astype(WIDE),
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, z / 100),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "gelu": lambda z: z / 2 * (1 + np.vectorize(erf, [float])(z / np.sqrt(WIDE(2)))),
    "gelu_tanh": _tanh_gelu,
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
}


def outputs(layers, x, *dtypes):
    """The outputs, and how far apart two computations may be, each in one of two dtypes."""
    x = np.asarray(x, WIDE)
    bounds = [np.zeros(x.shape, WIDE) for _ in dtypes]
    for layer in layers:
        weights, bias = (np.asarray(a, WIDE) for a in (layer.weights, layer.bias))
        size = np.abs(bias) if layer.size is None else np.asarray(layer.size, WIDE)
        z = x @ weights.T + bias
        n = weights.shape[1] + 1 + SPARE
        for i, dtype in enumerate(dtypes):
            u, before = unit_roundoff(dtype), bounds[i]
            sums = (np.abs(x) + before) @ np.abs(weights).T + size
            bounds[i] = _through(layer, z, before @ np.abs(weights).T + gamma(n, u) * sums, u)
            bounds[i] = bounds[i] + np.finfo(dtype).tiny
        x = _softmax(z) if layer.activation == "softmax" else FORMULAS[layer.activation](z)
    return x, sum(bounds)


def _through(layer, z, bound, u):
    if layer.activation == "linear":
        return bound
    if layer.activation == "softmax":
        highest = z.max(axis=-1, keepdims=True)
        error = bound.max(axis=-1, keepdims=True) + u * (highest - z)
        return _softmax(z) * np.expm1(
            2 * error.max(axis=-1, keepdims=True) + (len(z.T) + SPARE) * u
        )
    return SLOPES.get(layer.activation, 1) * bound + SPARE * u * (1 + np.abs(z) + bound)


def _softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def assert_close(got, other, bound, note=""):
    """That these two are no further apart than two right computations may be."""
    got, other = np.asarray(got), np.asarray(other)
    assert got.shape == other.shape, f"{note}: shape {got.shape}, not {other.shape}"
    error = np.abs(got.astype(WIDE) - other.astype(WIDE))
    wrong = ~(error <= bound)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{note}: {wrong.sum()} of {wrong.size} outside the bound, first at {where}: "
            f"error {error[where]}, allowed {bound[where]}"
        )


def folded(dense, scale, shift, after):
    """A dense layer with ``x * scale + shift`` after or before it, as one layer."""
    w, b, scale, shift = (np.asarray(a, WIDE) for a in (dense.weights, dense.bias, scale, shift))
    size = np.abs(b) if dense.size is None else dense.size
    if after:
        size = size * np.abs(scale) + np.abs(shift)
        return Dense(w * scale[:, None], b * scale + shift, dense.activation, size)
    return Dense(w * scale, w @ shift + b, dense.activation, np.abs(w) @ np.abs(shift) + size)


def layers_of(net):
    """The layers of a network, to be given to `outputs`."""
    return [
        Dense(part.weights, part.bias, str(part.activation))
        for part in net
        if hasattr(part, "weights")
    ]
