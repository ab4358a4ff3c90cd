"""What x, weights and bias may be: shapes, kinds of number, and the words of the refusals."""

import re

import numpy as np
import pytest
from helpers import spread
from reference import ACTIVATIONS, assert_same_bits, bits

import cnnfs

# ---- shapes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("leading", [(), (1,), (7,), (2, 3), (2, 3, 4), (1,) * 6, (0,), (2, 0, 3)])
def test_leading_dimensions_are_kept(make_forward, dtype, rng, leading):
    forward = make_forward(dtype)
    x = spread(rng, (*leading, 4), dtype)
    got = forward(x)
    assert got.shape == (*leading, 5)
    assert got.dtype == dtype
    rows = forward.expected(x.reshape(-1, 4))
    assert_same_bits(got.reshape(-1, 5), rows)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 4), (2, 0, 3), (1, 2, 3, 4), (1,) * 32])
def test_elementwise_keeps_the_shape(isa, dtype, rng, function, shape):
    x = spread(rng, shape, dtype)
    got = function(x)
    assert got.shape == shape
    assert_same_bits(np.asarray(got).ravel(), function(x.ravel()))


@pytest.mark.parametrize("x", [2.5, -2.5, 0, True, np.float64(-3)])
def test_elementwise_of_a_number_is_a_numpy_scalar(function, x):
    got = function(x)
    assert type(got) is np.float64
    assert got == function(np.array([x], "float64"))[0]


@pytest.mark.parametrize(
    ("x", "kind"),
    [
        (np.float32(1.5), np.float32),
        (np.array(1.5, "float32"), np.float32),
        (np.float16(1.5), np.float32),
        (np.int8(1), np.float64),
        (np.array(1.5, ">f4"), np.float32),
    ],
)
def test_elementwise_of_no_dimensions_is_a_numpy_scalar(function, x, kind):
    assert type(function(x)) is kind


@pytest.mark.parametrize("x", [1.0, np.float32(1), np.array(1.0), np.array(1.0, "float32"), 7])
def test_models_refuse_a_single_number(forward, x):
    with pytest.raises(ValueError, match="x "):
        forward(x)


def test_zero_rows_zero_neurons_zero_inputs(isa, dtype, rng):
    for rows in (0, 1, 3):
        for inputs in (0, 2):
            for neurons in (0, 1, 17):
                x, weights = np.ones((rows, inputs), dtype), np.ones((neurons, inputs), dtype)
                bias = spread(rng, neurons, dtype)
                for activation in cnnfs.Activation:
                    row = getattr(cnnfs, activation)((bias + dtype.type(inputs)).astype(dtype))
                    want = np.tile(row, (rows, 1))
                    layer = cnnfs.Layer.from_arrays(weights, bias, activation)
                    assert_same_bits(cnnfs.dense(x, weights, bias, activation), want)
                    assert_same_bits(layer(x), want)
                    assert_same_bits(cnnfs.Network([layer])(x), want)
                    assert_same_bits(layer(np.ones(inputs, dtype)), row)


def test_an_empty_layer_inside_a_network(dtype, rng):
    first = cnnfs.Layer.from_arrays(np.zeros((0, 3)), dtype=dtype)
    second = cnnfs.Layer.from_arrays(np.zeros((2, 0)), [1.5, -1], "relu", dtype=dtype)
    assert_same_bits(
        cnnfs.Network([first, second])(np.ones((4, 3), dtype)),
        np.tile(np.array([1.5, 0], dtype), (4, 1)),
    )


def test_wrong_number_of_features(forward):
    what = {
        "dense": "the layer takes 4 (weights are 5x4)",
        "layer": "the layer takes 4 (weights are 5x4)",
        "network": "the network takes 4 (its first layer's weights are 5x4)",
    }[forward.kind]
    for shape in [(3,), (2, 3), (4, 3), (0, 3), (2, 4, 3)]:
        with pytest.raises(ValueError, match=f"^{re.escape(f'x has 3 features, but {what}')}$"):
            forward(np.ones(shape, "float32"))
    for features in (0, 5, 400):
        with pytest.raises(ValueError, match=f"x has {features} features"):
            forward(np.ones((2, features), "float32"))


@pytest.mark.parametrize("weights", [1.0, [1.0, 2.0], np.ones((2, 2, 2))])
def test_weights_of_dense_need_two_dimensions(weights):
    with pytest.raises(ValueError, match=r"weights"):
        cnnfs.dense([1.0, 2.0], weights)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (4,), (6,), (1, 5), (5, 1)])
def test_bias_of_dense_needs_one_number_a_neuron(shape):
    words = rf"bias has {shape[0]} .*5" if len(shape) == 1 else "bias must have shape .n_neurons,."
    with pytest.raises(ValueError, match=words):
        cnnfs.dense(np.ones(4), np.ones((5, 4)), np.ones(shape))


# ---- kinds of number ---------------------------------------------------------------------------

F4, F8 = np.dtype("float32"), np.dtype("float64")
CONVERTED = [
    ([1, 2, -3, 4], F8),
    ((1.5, -2.0, 0.1, 4.0), F8),
    ([[True, False, True, True]], F8),
    (range(4), F8),
    (np.array([1, 0, 1, 1], bool), F8),
    (np.array([1, -2, 3, 100], np.int8), F8),
    (np.array([1, 2, 3, 2**63 + 1025], np.uint64), F8),
    (np.array([2**53 + 1, -(2**62) - 1, 16777217, 4], np.int64), F8),
    (np.array([0.1, -2, 6e-8, 65504], np.float16), F4),
    (np.array([0.1, -2, 6e-8, 65504], ">f2"), F4),
    (np.array([0.1, -2, 3, 4], np.longdouble), F8),
    (np.array([0.1, -2, 3, 4], np.float32), F4),
    (np.array([0.1, -2, 3, 4], ">f8"), F8),
]
CONVERTED_IDS = [repr(getattr(x, "dtype", type(x))) for x, _ in CONVERTED]


@pytest.mark.parametrize(("x", "kind"), CONVERTED, ids=CONVERTED_IDS)
def test_functions_compute_in_the_dtype_of_their_arrays(isa, function, x, kind):
    assert_same_bits(function(x), function(np.asarray(x).astype(kind)))


@pytest.mark.parametrize(("x", "kind"), CONVERTED, ids=CONVERTED_IDS)
def test_dense_computes_in_the_dtype_of_its_arrays(isa, x, kind):
    weights = np.arange(12.0).reshape(3, 4).astype("float32")
    want = cnnfs.dense(np.asarray(x).astype(kind), weights.astype(kind))
    assert want.dtype == kind
    assert_same_bits(cnnfs.dense(x, weights), want)
    assert_same_bits(
        cnnfs.dense(weights, np.atleast_2d(x)),
        cnnfs.dense(weights, np.atleast_2d(np.asarray(x).astype(kind))),
    )
    with_bias = cnnfs.dense(np.ones(4, "float32"), np.ones((4, 4), "float32"), np.ravel(x))
    assert with_bias.dtype == kind


@pytest.mark.parametrize("own", [F4, F8])
@pytest.mark.parametrize(("x", "kind"), CONVERTED, ids=CONVERTED_IDS)
def test_models_cast_x_to_their_own_dtype(isa, own, x, kind):
    layer = cnnfs.Layer(4, 5, "sigmoid", dtype=own, rng=0)
    for model in (layer, cnnfs.Network([layer])):
        assert_same_bits(model(x), model(np.asarray(x).astype(own)))
        assert model(x).dtype == own


def test_a_cast_that_overflows_gives_infinity():
    layer = cnnfs.Layer.from_arrays(np.eye(2, dtype="float32"))
    with np.errstate(over="ignore"):
        got = layer(np.array([1e300, 0.0]))
    assert_same_bits(got, np.array([np.inf, np.nan], "float32"))


def masked(data):
    return np.ma.masked_array(data, mask=np.zeros(np.shape(data), bool))


REFUSED = {
    "complex128": (lambda shape: np.ones(shape, complex), "complex128"),
    "complex64": (lambda shape: np.ones(shape, "complex64"), "complex64"),
    "a list of complex": (lambda shape: np.full(shape, 1j).tolist(), "complex128"),
    "object": (lambda shape: np.ones(shape, object), "object"),
    "None": (lambda shape: np.full(shape, None).tolist(), "object"),
    "string": (lambda shape: np.full(shape, "abc"), "<U3|str"),
    "a list of strings": (lambda shape: np.full(shape, "1.5").tolist(), "<U3|str"),
    "bytes": (lambda shape: np.full(shape, b"abc"), "S3|bytes"),
    "structured": (lambda shape: np.zeros(shape, [("a", "f4"), ("b", "f4")]), "void|'a'"),
    "datetime": (lambda shape: np.zeros(shape, "datetime64[s]"), r"datetime64\[s\]"),
    "timedelta": (lambda shape: np.zeros(shape, "timedelta64[D]"), r"timedelta64\[D\]"),
    "masked": (lambda shape: masked(np.ones(shape)), "masked array"),
    "masked float32": (lambda shape: masked(np.ones(shape, "float32")), "masked array"),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_real_number_is_refused_by_its_dtype(function, make, words):
    for shape in [(4,), (2, 4), ()]:
        with pytest.raises(TypeError, match=words):
            function(make(shape))
    with pytest.raises(TypeError, match=words):
        function(make((4,)), out=np.ones(4))


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_models_refuse_it_as_x(forward, make, words):
    for shape in [(4,), (2, 4)]:
        with pytest.raises(TypeError, match=words):
            forward(make(shape))
    with pytest.raises(TypeError, match=words):
        forward(make((4,)), out=np.ones(5, "float32"))


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_as_weights_and_bias(make, words):
    layer = cnnfs.Layer(4, 5)
    before = layer.weights.copy()
    attempts = [
        lambda: cnnfs.dense(np.ones(4), make((5, 4))),
        lambda: cnnfs.dense(np.ones(4), np.ones((5, 4)), make((5,))),
        lambda: cnnfs.Layer.from_arrays(make((5, 4))),
        lambda: cnnfs.Layer.from_arrays(np.ones((5, 4)), make((5,))),
        lambda: setattr(layer, "weights", make((5, 4))),
        lambda: setattr(layer, "bias", make((5,))),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError, match=words):
            attempt()
    assert_same_bits(layer.weights, before)
    assert (bits(layer.bias) == 0).all()


@pytest.mark.parametrize("x", [[[1, 2, 3, 4], [1]], object(), {1: 2}, None, "abcd", iter([1.0])])
def test_what_is_no_array_at_all_is_refused(forward, function, x):
    for call in (forward, function):
        with pytest.raises((TypeError, ValueError)):
            call(x)


def test_an_error_while_x_becomes_an_array_reaches_the_caller(forward, function):
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise LookupError("my own words")

    for call in (forward, function):
        with pytest.raises(LookupError, match="my own words"):
            call(Broken())


# ---- activation --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", ["swish", "", "ReLU", "relu ", "é", "relu\0", 3, None, b"relu", []]
)
def test_an_unknown_activation_is_refused_with_the_known_ones(wrong):
    kinds = ValueError if isinstance(wrong, str) else (ValueError, TypeError)
    attempts = [
        lambda: cnnfs.dense(np.ones(4), np.ones((5, 4)), None, wrong),
        lambda: cnnfs.Layer(4, 5, wrong),
        lambda: cnnfs.Layer.from_arrays(np.ones((5, 4)), None, wrong),
    ]
    for attempt in attempts:
        with pytest.raises(kinds) as caught:
            attempt()
        for name in ACTIVATIONS:
            assert f"'{name}'" in str(caught.value)


@pytest.mark.parametrize("activation", list(cnnfs.Activation))
def test_an_activation_is_a_member_or_its_name(rng, activation):
    x, weights = rng.normal(size=(3, 4)), rng.normal(size=(5, 4))
    want = cnnfs.dense(x, weights, None, activation.value)
    assert type(activation.value) is str
    assert_same_bits(cnnfs.dense(x, weights, None, activation), want)
    for given in (activation, activation.value, np.str_(activation.value)):
        layer = cnnfs.Layer.from_arrays(weights, None, given)
        assert layer.activation is activation
        assert layer.activation == activation.value
        assert_same_bits(layer(x), want)
