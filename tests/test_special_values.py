"""NaN, infinities, signed zeros and subnormals, in every lane and at every length."""

import numpy as np
import pytest
from reference import ACTIVATIONS, ELEMENTWISE, assert_same_bits, bits, exact, ulp, wide

import cnnfs

LENGTHS = range(1, 131)


def specials(dtype):
    """One of every kind, the NaNs quiet and with a payload."""
    info = np.finfo(dtype)
    integer = f"u{dtype.itemsize}"
    quiet = int(np.array(np.inf, dtype).view(integer)) | 1 << (info.nmant - 1)
    nans = np.array([quiet, quiet | 0x1234, quiet | 1 << (info.bits - 1)], integer).view(dtype)
    tiny, least, most = info.smallest_normal, info.smallest_subnormal, info.max
    plain = [np.inf, -np.inf, 0.0, -0.0, tiny, -tiny, least, -least, tiny - least, least - tiny]
    values = [*plain, most, -most, 1.0, -1.0, 88.0, -88.0, -103.0, 709.0, -744.0]
    return np.concatenate([nans, np.array(values, dtype)])


# What each function is at +0, -0, infinity and minus infinity.
LIMITS = {
    "sigmoid": (0.5, 0.5, 1.0, 0.0),
    "tanh": (0.0, -0.0, 1.0, -1.0),
    "leaky_relu": (0.0, -0.0, np.inf, -np.inf),
    "elu": (0.0, -0.0, np.inf, -1.0),
    "gelu": (0.0, 0.0, np.inf, -0.0),
    "gelu_tanh": (0.0, 0.0, np.inf, -0.0),
    "silu": (0.0, 0.0, np.inf, -0.0),
    "softplus": (np.log(2), np.log(2), np.inf, 0.0),
}


def assert_limits_right(name, got, x):
    for value, want in zip((0.0, -0.0, np.inf, -np.inf), LIMITS[name], strict=True):
        here = got[bits(x) == bits(x.dtype.type(value))]
        assert (bits(here) == bits(x.dtype.type(want))).all(), (name, value, here)


def assert_elementwise_right(name, got, x):
    if ELEMENTWISE[name][1] > 0:
        nan = np.isnan(x)
        assert_same_bits(got[nan], x[nan], "NaN passes")
        assert_limits_right(name, got, x)
        right, doubt = exact(name, x[~nan].astype(wide(x.dtype)))
        with np.errstate(invalid="ignore"):  # infinities that are right
            error = np.abs(got[~nan].astype(right.dtype) - right)
        close = error <= ELEMENTWISE[name][1] * ulp(right, x.dtype) + doubt
        assert (close | (got[~nan] == right)).all()
        return
    zero = x.dtype.type(0)
    below = x <= 0  # false for NaN, true for -0.0
    want = {
        "linear": x,
        "relu": np.where(below, zero, x),
        "step": np.where(np.isnan(x), x, (x > 0).astype(x.dtype)),
    }[name]
    assert_same_bits(got, want, name)


def test_elementwise_in_every_lane_at_every_length(isa, dtype, function):
    values = specials(dtype)
    for length in LENGTHS:
        for turn in range(len(values)):  # each value is in each lane once
            x = np.resize(np.roll(values, turn), length)
            assert_elementwise_right(function.__name__, function(x), x)


def test_one_special_value_changes_no_other_lane(isa, dtype, function):
    values = specials(dtype)
    for length in (1, 7, 8, 16, 31, 64, 65, 130):
        usual = np.linspace(-4, 4, length).astype(dtype)
        want = function(usual)
        for lane in range(length):
            x = usual.copy()
            x[lane] = values[lane % len(values)]
            others = np.arange(length) != lane
            assert_same_bits(function(x)[others], want[others], f"lane {lane} of {length}")


def test_signalling_nan_stays_nan(each_isa, dtype, function):
    integer = f"u{dtype.itemsize}"
    infinity = int(np.array(np.inf, dtype).view(integer))
    x = np.full(130, infinity + 1, integer).view(dtype)
    results = [function(x) for _ in each_isa()]
    for got in results:
        assert np.isnan(got).all()
        assert_same_bits(got, results[0])


def dense_rule(x, weights, bias):
    """IEEE's answer, term by term; the finite sums are of small integers, hence exact."""
    with np.errstate(invalid="ignore"):
        return (x[:, None, :] * weights).sum(-1) + bias


def quiet_nan(dtype):
    return 0x7FC00000 if dtype == np.float32 else 0x7FF8000000000000


def assert_equals_rule(got, sums, activation):
    """got is act(sums), where NaN has one bit pattern only."""
    if activation == "softmax":
        sums = cnnfs.softmax(sums)
        activation = "linear"
    nan = np.isnan(sums)
    assert (bits(got[nan]) == quiet_nan(got.dtype)).all()
    assert_same_bits(got[~nan], getattr(cnnfs, activation)(sums[~nan]), activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_and_infinity_at_every_input(isa, dtype, activation):
    small = np.array([-1, 0, 1, 2], dtype)
    for inputs in LENGTHS:
        weights, bias = np.resize(small, (5, inputs)), np.resize(small, 5)
        for value in (np.nan, np.inf, -np.inf):
            x = np.resize(small[[0, 2, 3]], (inputs + 1, inputs))
            np.fill_diagonal(x, value)  # row i is spoiled at input i, the last row nowhere
            got = cnnfs.dense(x, weights, bias, activation)
            assert_equals_rule(got, dense_rule(x, weights, bias), activation)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("place", ["weights", "bias"])
def test_a_spoiled_neuron_spoils_only_its_own_lane(isa, dtype, place, activation):
    small = np.array([-1, 0, 1, 2], dtype)
    for neurons in LENGTHS:
        x = np.array([[-1, 1, 2], [2, 1, 1]], dtype)
        for turn in range(5):  # each value is in each lane once
            values = np.roll([np.nan, np.inf, -np.inf, 1, 2], turn)
            arrays = {"weights": np.resize(small, (neurons, 3)), "bias": np.resize(small, neurons)}
            arrays[place].T[..., :] = np.resize(values, neurons)
            got = cnnfs.dense(x, **arrays, activation=activation)
            assert_equals_rule(got, dense_rule(x, **arrays), activation)


def test_every_nan_that_dense_gives_has_the_same_bits(isa, dtype):
    odd = specials(dtype)[:3]
    infinity = np.array([np.inf], dtype)
    sources = [(n.reshape(1, 1), infinity.reshape(1, 1)) for n in odd]
    sources += [(infinity.reshape(1, 1), n.reshape(1, 1)) for n in odd]
    sources += [(infinity.reshape(1, 1), np.zeros((1, 1), dtype))]
    sources += [(np.repeat(infinity, 2)[None], np.array([[1, -1]], dtype))]
    for x, weights in sources:
        for activation in ACTIVATIONS:
            layer = cnnfs.Layer.from_arrays(np.repeat(weights, 37, axis=0), None, activation)
            net = cnnfs.Network([layer, cnnfs.Layer(37, 5, activation, dtype=dtype)])
            for got in (cnnfs.dense(x, weights, None, activation), layer(x), net(x)):
                assert (bits(got) == quiet_nan(dtype)).all(), (x, weights, activation)
    for n in odd:
        got = cnnfs.dense(np.ones(1, dtype), np.ones((1, 1), dtype), n[None])
        assert (bits(got) == quiet_nan(dtype)).all()


def test_subnormals_are_neither_flushed_nor_taken_for_zero(isa, dtype):
    least = np.finfo(dtype).smallest_subnormal
    for size in LENGTHS:
        one = np.ones((1, 1), dtype)
        column = (np.arange(1, size + 1).astype(dtype) * least)[:, None]
        assert_same_bits(cnnfs.dense(column, one), column, "subnormal x")
        assert_same_bits(cnnfs.dense(one, column), column.T, "subnormal weights")
        assert_same_bits(cnnfs.dense(one * 0, column, column[:, 0]), column.T, "subnormal bias")
        row = np.full((1, size), least, dtype)
        assert_same_bits(cnnfs.dense(row, np.ones((1, size), dtype)), column[-1:], "subnormal sum")
        assert_same_bits(cnnfs.relu(column), column)
        assert_same_bits(cnnfs.linear(-column), -column)
        assert (cnnfs.step(column) == 1).all()
        assert (cnnfs.dense(column, one, None, "step") == 1).all()
