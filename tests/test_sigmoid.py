"""sigmoid against correctly rounded values: at most one ulp, inside [0, 1], monotone."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from reference import assert_same_bits, bits, rounded, sigmoid, ulp

import cnnfs

STRIDE = 61
CHUNK = 1 << 20
INFINITY = 0x7F800000  # bits of float32 infinity


def float32_chunks(sign):
    """Every 61st of all 2^32 bit patterns of one sign up to infinity, in ascending magnitude."""
    first = 0 if sign == 0 else STRIDE - (1 << 31) % STRIDE
    patterns = np.arange(first, INFINITY + 1, STRIDE, dtype=np.uint32)
    for start in range(0, patterns.size, CHUNK):
        yield (patterns[start : start + CHUNK] | np.uint32(sign << 31)).view(np.float32)


@pytest.mark.parametrize("sign", [0, 1])
def test_every_61st_float32_is_within_one_ulp(sign, each_isa):
    largest, at, last = 0.0, 0.0, 0.5
    for x in float32_chunks(sign):
        got = cnnfs.sigmoid(x)
        for name in each_isa():
            assert_same_bits(cnnfs.sigmoid(x), got, name)
        exact = sigmoid(x.astype(np.float64))
        error = np.abs(got - exact) / ulp(exact, np.float32)
        if error.max() > largest:
            largest, at = float(error.max()), float(x[error.argmax()])
        assert got.min() >= 0
        assert got.max() <= 1
        steps = np.diff(got, prepend=np.float32(last))
        assert (steps <= 0 if sign else steps >= 0).all(), "not monotone"
        last = got[-1]
    print(f"largest error {largest:.4f} ulp, at {at!r}")
    assert 0 < largest <= 1


def test_the_last_and_first_subnormal_results_of_float32():
    # exp(x) is half the smallest subnormal at about -103.972: zero below, and never before.
    x = np.linspace(-104.5, -87, 200_001, dtype=np.float32)
    exact = sigmoid(x.astype(np.float64))
    got = cnnfs.sigmoid(x)
    assert (np.abs(got - exact) <= ulp(exact, np.float32)).all()
    assert (got[x > -103.2] > 0).all()
    assert (bits(cnnfs.sigmoid(np.full(40, -104.7, np.float32))) == 0).all()


def neighbours(centres, count):
    """For each centre the next count floats of the same dtype, in ascending order."""
    integer = np.int32 if centres.dtype == np.float32 else np.int64
    keys = centres.view(integer).astype(np.int64)
    least = np.iinfo(integer).min
    keys = np.where(keys < 0, least - keys, keys)  # negative floats order backwards
    keys = keys[:, None] + np.arange(count)
    return np.where(keys < 0, least - keys, keys).astype(integer).view(centres.dtype)


def centres(rng, dtype):
    """Places where an algorithm may change its mind: multiples of log 2, powers of two, tails."""
    low, high = (-104, 18) if dtype == np.float32 else (-746, 38)
    logs = np.arange(2 * low, 2 * high) * (np.log(2) / 2)
    powers = np.exp2(np.arange(-60, 10))
    some = rng.uniform(low, high, 300)
    ends = [low, high, -87.34, -103.97, 88.7, -708.4, -745.13, -709.8, 16.6, 36.7, 0.0]
    found = np.concatenate([logs, powers, -powers, some, ends])
    return found[(found > 2 * low) & (found < 90)].astype(dtype)


def test_monotone_on_neighbouring_floats(isa, dtype, rng):
    x = neighbours(centres(rng, dtype) * dtype.type(1 - 2.0**-14), 4096)
    x = np.concatenate([x, neighbours(centres(rng, dtype), 4096)])
    assert (np.diff(x) > 0).all()
    assert (np.diff(cnnfs.sigmoid(x)) >= 0).all()


def float64_points(rng, count):
    return np.concatenate(
        [
            rng.uniform(-746, 40, count),
            rng.normal(scale=5, size=count),
            np.ldexp(rng.normal(size=count), rng.integers(-70, 6, count)),
            np.linspace(-745.2, -708, count // 4),  # subnormal results
            np.linspace(35, 40, count // 4),  # where 1 is reached
        ]
    )


def test_float64_is_within_one_ulp_at_many_points(rng):
    digits = np.finfo(np.longdouble).nmant
    x = float64_points(rng, 150_000)
    got = cnnfs.sigmoid(x)
    exact = sigmoid(x.astype(np.longdouble))
    doubt = 4 * np.finfo(np.longdouble).eps * exact  # of the reference itself
    error = np.abs(got.astype(np.longdouble) - exact) / ulp(exact, np.float64)
    print(f"largest error {float(error.max()):.4f} ulp, reference of {digits} bits")
    assert (error <= 1 + doubt / ulp(exact, np.float64)).all()
    assert got.min() >= 0
    assert got.max() <= 1
    order = np.argsort(x)
    assert (np.diff(got[order]) >= 0).all()


def exact_sigmoid(x):
    """sigmoid of a float to 60 digits, as a Fraction."""
    with localcontext() as context:
        context.prec, context.Emin = 60, -(10**6)
        return Fraction(1 / (1 + (-Decimal(x)).exp()))


def test_float64_against_sixty_digits(isa, rng):
    x = float64_points(rng, 400)
    worst = Fraction(0)
    for point, got in zip(x.tolist(), cnnfs.sigmoid(x).tolist(), strict=True):
        exact = exact_sigmoid(point)
        spacing = Fraction(float(ulp(np.float64(rounded(exact, np.float64)), np.float64)))
        worst = max(worst, abs(Fraction(got) - exact) / spacing)
    print(f"largest error {float(worst):.4f} ulp")
    assert worst <= 1


def test_known_values(isa, dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, 1e4, -1e4, 1e30, -1e30], dtype)
    want = np.array([0.5, 0.5, 1, 0, 1, 0, 1, 0], dtype)
    assert_same_bits(cnnfs.sigmoid(x), want)
