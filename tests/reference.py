"""A slow NumPy oracle, independent of the C++ one, with the error bounds of the numeric contract.

Nothing here is a tolerance of taste. With u the unit roundoff and gamma_n = n u / (1 - n u), any
order of summing K products and a bias errs by at most gamma_(K+1) (|x| |W|^T + |b|), plus half a
smallest subnormal for each product that underflows (Higham, Accuracy and Stability of Numerical
Algorithms, chapters 2 and 3).
"""

from fractions import Fraction

import numpy as np
from scipy.special import erfc

# Each elementwise function: its Lipschitz constant, and how many ulp it may be off.
ELEMENTWISE = {
    "linear": (1, 0),
    "step": (np.inf, 0),
    "sigmoid": (0.25, 1),
    "relu": (1, 0),
    "tanh": (1, 1),
    "leaky_relu": (1, 1),
    "elu": (1, 1),
    "gelu": (1.13, 2),
    "gelu_tanh": (1.13, 2),
    "silu": (1.1, 2),
    "softplus": (1, 1),
}
ACTIVATIONS = (*ELEMENTWISE, "softmax")
BLOCK = 128  # summands in one chain of fused multiply-adds


def bits(array):
    """The bit patterns of a float array, as unsigned integers."""
    array = np.asarray(array)
    return array.copy(order="C").view(f"u{array.dtype.itemsize}")


def assert_same_bits(got, want, note=""):
    assert got.dtype == want.dtype, f"{note}: dtype {got.dtype}, not {want.dtype}"
    assert got.shape == want.shape, f"{note}: shape {got.shape}, not {want.shape}"
    wrong = bits(got) != bits(want)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{note}: {wrong.sum()} of {wrong.size} differ, first at {where}: "
            f"{float(got[where]).hex()}, not {float(want[where]).hex()}"
        )


def wide(dtype):
    """A float type with more digits than dtype (where the platform has one)."""
    return np.float64 if dtype == np.float32 else np.longdouble


def unit_roundoff(dtype):
    return float(np.finfo(dtype).eps) / 2


def gamma(n, u):
    return n * u / (1 - n * u)


def ulp(value, dtype):
    """Distance between neighbouring numbers of dtype at value, which is of a wider type."""
    info = np.finfo(dtype)
    exponent = np.where(value == 0, info.minexp, np.frexp(value)[1] - 1)
    return np.ldexp(np.ones((), value.dtype), np.maximum(exponent, info.minexp) - info.nmant)


def sigmoid(z):
    """1 / (1 + exp(-z)) in z's precision, never overflowing; within 4 eps of the true value."""
    t = np.exp(-np.abs(z))
    return np.where(z < 0, t, 1) / (1 + t)


def softmax(z):
    """exp(z) / sum(exp(z)) over the last axis, in z's precision."""
    e = np.exp(z - z.max(axis=-1, keepdims=True, initial=-np.inf))
    return e / e.sum(axis=-1, keepdims=True)


def exact(name, z):
    """An elementwise function in z's precision, and a bound of the error of this value."""
    z = np.asarray(z)
    below, size = np.minimum(z, 0), np.minimum(np.abs(z), 1e5)
    doubt = 8 * np.finfo(z.dtype).eps
    if name == "gelu":  # erfc is of float64 only
        y = np.where(np.isneginf(z), 0, z) * erfc(-z.astype("f8") / np.sqrt(2)) / 2
        return y, np.abs(y) * 8 * np.finfo("f8").eps * (1 + size**2)
    if name == "gelu_tanh":
        inner = np.sqrt(2 / np.arccos(z.dtype.type(-1))) * (size + size**3 * 44715 / 1000000)
        y = np.where(np.isneginf(z), 0, z) * sigmoid(np.copysign(2 * inner, z))
        return y, np.abs(y) * doubt * (1 + 2 * inner)
    y = {
        "linear": lambda: z,
        "step": lambda: np.heaviside(z, z.dtype.type(0)),
        "relu": lambda: np.maximum(z, 0),
        "leaky_relu": lambda: np.where(z < 0, z / 100, z),
        "sigmoid": lambda: sigmoid(z),
        "tanh": lambda: np.tanh(z),
        "elu": lambda: np.where(z < 0, np.expm1(below), z),
        "silu": lambda: np.where(np.isneginf(z), 0, z) * sigmoid(z),
        "softplus": lambda: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
    }[name]()
    return y, np.abs(y) * doubt


def preactivation(x, weights, bias):
    """x W^T + b in a wider precision, and how far a sum in x's own precision may be from it."""
    dtype, n = x.dtype, x.shape[-1] + 1
    x, weights, bias = (a.astype(wide(dtype)) for a in (x, weights, bias))
    z = x @ weights.T + bias
    size = np.abs(x) @ np.abs(weights).T + np.abs(bias)
    own = gamma(n, unit_roundoff(wide(dtype)))  # the oracle rounds too
    bound = (gamma(n, unit_roundoff(dtype)) + own) * size / (1 - own)
    return z, bound + n * np.finfo(dtype).smallest_subnormal.astype(bound.dtype)


def assert_dense_right(got, z, bound, activation, note=""):
    """Judge ``act(x W^T + b)`` by what preactivation() returned for the same data."""
    assert got.shape == z.shape, f"{note}: shape {got.shape}, not {z.shape}"
    wider = got.astype(z.dtype)
    if activation == "softmax":  # no more than twice the largest error of the row, relatively
        right = softmax(z)
        error = np.abs(wider - right)
        allowed = right * np.expm1(2 * bound.max(axis=-1, keepdims=True, initial=0))
        allowed = allowed + (9 + z.shape[-1] / 8) * ulp(np.maximum(right, wider), got.dtype)
    elif activation == "step":  # it jumps: nothing to say where the sign of z is in doubt
        assert np.isin(got, (0, 1)).all(), note
        sure = np.abs(z) > bound
        error, allowed = np.abs(wider - (z > 0)) * sure, np.zeros_like(z)
    else:
        slope, ulps = ELEMENTWISE[activation]
        right, doubt = exact(activation, z)
        error = np.abs(wider - right)
        allowed = slope * bound + doubt * (ulps > 0)
        allowed = allowed + ulps * np.maximum(ulp(right, got.dtype), ulp(wider, got.dtype))
    wrong = ~(error <= allowed)  # so that NaN is wrong
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{note}: {wrong.sum()} of {wrong.size} outside the bound, first at {where}: "
            f"error {error[where]}, allowed {allowed[where]}"
        )


def rounded(value, dtype):
    """A Fraction rounded to the nearest number of dtype, ties to even; exact arithmetic."""
    if value == 0:
        return Fraction(0)
    info = np.finfo(dtype)
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    quantum = Fraction(2) ** (max(exponent, int(info.minexp)) - int(info.nmant))
    return round(value / quantum) * quantum


def specified_sum(x, weights, bias):
    """One output of a linear layer in the contract's own order of operations, exactly rounded.

    k runs upwards in blocks of 128; a block is a chain of fused multiply-adds from zero; block sums
    are added in ascending order; the bias comes last.
    """
    dtype = x.dtype
    x, weights = ([Fraction(float(v)) for v in a] for a in (x, weights))
    total = Fraction(0)
    for start in range(0, len(x), BLOCK):
        block = Fraction(0)
        for a, b in zip(x[start : start + BLOCK], weights[start : start + BLOCK], strict=True):
            block = rounded(a * b + block, dtype)
        total = rounded(total + block, dtype)
    return dtype.type(float(rounded(total + Fraction(float(bias)), dtype)))
