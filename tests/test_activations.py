"""Each activation function against exact values, over all of its range."""

import functools
import itertools
import math
from decimal import Decimal, getcontext, localcontext
from fractions import Fraction

import numpy as np
import pytest
from helpers import spread
from reference import ELEMENTWISE, assert_same_bits, exact, rounded, ulp

import cnnfs

ROUNDED = [name for name, (_, ulps) in ELEMENTWISE.items() if ulps]
MONOTONE = ["sigmoid", "tanh", "leaky_relu", "elu", "softplus"]
RANGES = {
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "leaky_relu": (-np.inf, np.inf),
    "elu": (-1, np.inf),
    "gelu": (-0.16997121, np.inf),
    "gelu_tanh": (-0.17004101, np.inf),
    "silu": (-0.27846455, np.inf),
    "softplus": (0, np.inf),
}
# Below it, where they fall steeply, gelu, gelu_tanh and silu may be 2 ulp off.
STEEP = -2.0
STRIDE = 499
CHUNK = 1 << 20
INFINITY = 0x7F800000  # bits of float32 infinity


def allowed_ulps(name, x):
    return np.where(x < STEEP, ELEMENTWISE[name][1], 1)


def float32_chunks():
    """Every 499th float32 from infinity to infinity, in ascending order."""
    patterns = np.arange(0, INFINITY + 1, STRIDE, dtype=np.uint32)
    for start in range(0, patterns.size, CHUNK):
        part = patterns[::-1][start : start + CHUNK]
        yield (part | np.uint32(1 << 31)).view(np.float32)
    for start in range(0, patterns.size, CHUNK):
        yield patterns[start : start + CHUNK].view(np.float32)


@pytest.mark.parametrize("name", ROUNDED)
def test_every_499th_float32(name, each_isa):
    function, (low, high) = getattr(cnnfs, name), RANGES[name]
    largest, at, last = 0.0, 0.0, -np.inf
    for x in float32_chunks():
        got = function(x)
        for isa in each_isa():
            assert_same_bits(function(x), got, isa)
        right, doubt = exact(name, x.astype(np.float64))
        with np.errstate(invalid="ignore"):
            error = np.where(got == right, 0, np.abs(got - right) - doubt) / ulp(right, np.float32)
        error /= allowed_ulps(name, x)
        if error.max() > largest:
            largest, at = float(error.max()), float(x[error.argmax()])
        assert (got >= np.float32(low)).all()
        assert (got <= np.float32(high)).all()
        if name in MONOTONE:
            steps = np.diff(got, prepend=np.float32(last))[1:]
            assert not (steps < 0).any(), "not monotone"
            assert got[0] >= last
            last = got[-1]
    print(f"largest error {largest:.4f} of what is allowed, at {at!r}")
    assert 0 < largest <= 1


@pytest.mark.parametrize("name", ROUNDED)
def test_neighbours_in_a_vector_change_nothing(name, isa, dtype, rng):
    # Where results are small, vectors take a slower way if one of their numbers needs it.
    function = getattr(cnnfs, name)
    lowest = -120 if dtype == np.float32 else -760
    for low, high in ((lowest, 40), (-6, 6), (-30, -2), (0.8 * lowest, 0.7 * lowest)):
        x = rng.uniform(low, high, 3000).astype(dtype)
        want = np.array([function(v[None])[0] for v in x])
        assert_same_bits(function(x), want)
        for value in (-np.inf, np.nan, lowest, 0.0):
            mixed = x.copy()
            mixed[::3] = value
            assert_same_bits(function(mixed)[1::3], want[1::3], f"beside {value}")


# ---- sixty digits ------------------------------------------------------------------------------


def decimal_erfc(a):
    """erfc by the series of exp(a^2) erf(a), whose terms are positive."""
    square = a * a
    term = total = Decimal(1)
    for n in itertools.count(1):
        term *= 2 * square / (2 * n + 1)
        total += term
        if term < total.scaleb(-getcontext().prec):
            break
    return 1 - 2 * a * total * (-square).exp() / decimal_pi(getcontext().prec).sqrt()


@functools.cache
def decimal_pi(digits):
    """Machin's formula."""

    def arctan_of_inverse(n):
        term = total = Decimal(1) / n
        for k in itertools.count(1):
            term /= -n * n
            if abs(term) < Decimal(10) ** -digits:
                break
            total += term / (2 * k + 1)
        return total

    return 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))


def decimal_value(name, x):
    """The function of a float to sixty digits, as a Fraction."""
    with localcontext() as context:
        # 1 less something, and log(1 + something), lose as many digits as the result is small.
        context.prec = 100 + max(0, {"gelu": int(x * x / 4), "softplus": int(-x / 2)}.get(name, 0))
        context.Emin, context.Emax = -(10**7), 10**7
        v = Decimal(x)
        if name == "tanh":
            t = (-2 * abs(v)).exp()
            y = ((1 - t) / (1 + t)).copy_sign(v)
        elif name == "elu":
            y = v if v > 0 else v.exp() - 1
        elif name == "gelu":
            y = v * decimal_erfc(-v / Decimal(2).sqrt()) / 2
        elif name == "gelu_tanh":
            inner = (2 / decimal_pi(100)).sqrt() * (v + Decimal("0.044715") * v**3)
            y = v / (1 + (-2 * inner).exp())
        elif name == "silu":
            y = v / (1 + (-v).exp())
        elif name == "sigmoid":
            y = 1 / (1 + (-v).exp())
        elif name == "softplus":
            y = max(v, Decimal(0)) + (1 + (-abs(v)).exp()).ln()
        else:
            y = v if v > 0 else v / 100
        return Fraction(y)


LOWEST = {"tanh": -20, "elu": -40, "gelu": -38.4, "gelu_tanh": -21.5, "leaky_relu": -1e9}


def float64_points(name, rng, count):
    low = LOWEST.get(name, -745)
    return np.concatenate(
        [
            rng.uniform(low, -low if low > -50 else 40, count),
            rng.normal(scale=2, size=count),
            rng.uniform(-1.5, 0.9, count),
            np.ldexp(rng.normal(size=count), rng.integers(-70, 3, count)),
            np.linspace(low, 0.93 * low, count // 2),  # small results, in part subnormal
        ]
    )


@pytest.mark.parametrize("name", ROUNDED)
def test_float64_against_sixty_digits(name, isa, rng):
    x = float64_points(name, rng, 50)
    worst = Fraction(0)
    for point, got in zip(x.tolist(), getattr(cnnfs, name)(x).tolist(), strict=True):
        right = decimal_value(name, point)
        spacing = Fraction(float(ulp(np.float64(rounded(right, np.float64)), np.float64)))
        error = abs(Fraction(got) - right) / spacing
        worst = max(worst, error / int(allowed_ulps(name, point)))
    print(f"largest error {float(worst):.4f} of what is allowed")
    assert worst <= 1


def test_the_decimal_values_are_those_of_the_standard_library():
    for x in (-9.5, -3.0, -0.7, -1e-3, 1e-5, 0.4, 2.0, 6.0):
        assert math.isclose(decimal_value("tanh", x), math.tanh(x), rel_tol=1e-14)
        assert math.isclose(
            decimal_value("gelu", x), x * math.erfc(-x / math.sqrt(2)) / 2, rel_tol=1e-13
        )
        assert math.isclose(decimal_value("softplus", x), math.log1p(math.exp(x)), rel_tol=1e-14)


# ---- identities --------------------------------------------------------------------------------


def test_tanh_is_odd(isa, dtype, rng):
    x = np.concatenate([spread(rng, 5000, dtype), rng.normal(size=5000).astype(dtype)])
    assert_same_bits(cnnfs.tanh(-x), -cnnfs.tanh(x))


def test_small_numbers_pass_tanh_and_elu(isa, dtype):
    x = np.ldexp(dtype.type(1), np.arange(np.finfo(dtype).minexp - 20, -60)).astype(dtype)
    x = np.concatenate([x, -x])
    assert_same_bits(cnnfs.tanh(x), x)
    assert_same_bits(cnnfs.elu(x), x)
    assert_same_bits(cnnfs.leaky_relu(x), np.where(x < 0, x * dtype.type(0.01), x))


def test_large_numbers_pass_what_is_like_relu(isa, dtype):
    x = np.array([50, 1e4, 1e30, np.finfo(dtype).max, np.inf], dtype)
    for name in ("leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus"):
        assert_same_bits(getattr(cnnfs, name)(x), x, name)


def test_large_negative_numbers(isa, dtype):
    x = -np.array([1e4, 1e30, np.finfo(dtype).max, np.inf], dtype)
    for name in ("gelu", "gelu_tanh", "silu"):
        assert_same_bits(getattr(cnnfs, name)(x), np.full(4, -0.0, dtype), name)
    assert_same_bits(cnnfs.softplus(x), np.zeros(4, dtype))
    assert_same_bits(cnnfs.elu(x), np.full(4, -1, dtype))


def test_gelu_tanh_is_near_gelu(dtype):
    x = np.linspace(-10, 10, 20_001).astype(dtype)
    gap = np.abs(cnnfs.gelu(x) - cnnfs.gelu_tanh(x)).max()
    assert 0.0003 < gap < 0.0005  # what its documentation says
