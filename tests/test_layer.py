"""Layer: how it is made, and what it tells about itself."""

import numpy as np
import pytest
from reference import ACTIVATIONS, assert_same_bits, bits

import cnnfs
from cnnfs import Layer

# ---- making ------------------------------------------------------------------------------------

RECTIFIERS = {"relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus"}


def test_attributes():
    layer = Layer(4, 5)
    assert (layer.n_inputs, layer.n_neurons, layer.n_parameters) == (4, 5, 25)
    assert layer.weights.shape == (5, 4)
    assert (bits(layer.bias) == np.zeros(5, "u4")).all()
    assert layer.activation is cnnfs.Activation.LINEAR
    assert layer.activation == "linear"
    assert type(layer.dtype) is type(np.dtype("f4"))
    assert layer.dtype == np.float32
    assert all(type(n) is int for n in (layer.n_inputs, layer.n_neurons, layer.n_parameters))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_initial_weights_have_the_right_spread(activation, dtype):
    n_inputs, n_neurons = 300, 400
    count = n_inputs * n_neurons
    weights = Layer(n_inputs, n_neurons, activation, dtype=dtype, rng=5).weights.astype("f8")
    if activation in RECTIFIERS:  # He: normal
        std, kurtosis = np.sqrt(2 / n_inputs), 3
        beyond = (np.abs(weights) > 2 * std).mean()  # 4.55 % of a normal distribution
        assert abs(beyond - 0.0455) < 6 * np.sqrt(0.0455 / count)
    else:  # Glorot: uniform
        limit = np.sqrt(6 / (n_inputs + n_neurons))
        std, kurtosis = limit / np.sqrt(3), 1.8
        assert np.abs(weights).max() <= np.float32(limit)
        assert np.abs(weights).max() > limit * (1 - 20 / count)
    # Six standard errors of the mean and of the standard deviation.
    assert abs(weights.mean()) < 6 * std / np.sqrt(count)
    assert abs(weights.std() / std - 1) < 6 * np.sqrt((kurtosis - 1) / (4 * count))


def test_rng_may_be_anything_that_numpy_takes():
    want = Layer(4, 5, rng=9).weights
    for rng in (np.random.default_rng(9), np.random.SeedSequence(9), np.random.PCG64(9), [9]):
        layer = Layer(4, 5, rng=rng)
        assert_same_bits(layer.weights, want)
    assert not (Layer(4, 5, rng=10).weights == want).all()
    assert not (Layer(4, 5).weights == Layer(4, 5).weights).all()
    generator = np.random.default_rng(9)
    first, second = (Layer(4, 5, rng=generator) for _ in range(2))
    assert_same_bits(first.weights, want)
    assert not (second.weights == want).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_both_dtypes_draw_the_same_numbers(activation):
    single, double = (Layer(40, 50, activation, dtype=d, rng=9) for d in ("float32", "float64"))
    assert_same_bits(single.weights, double.weights.astype("float32"))


def test_rng_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].tobytes()
    Layer(4, 5)
    Layer(4, 5, rng=1)
    assert np.random.get_state()[1].tobytes() == before


@pytest.mark.parametrize("rng", ["abc", -1, 1.5, object()])
def test_a_wrong_rng_is_refused(rng):
    with pytest.raises((TypeError, ValueError)):
        Layer(4, 5, rng=rng)


@pytest.mark.parametrize("dtype", ["float32", "f8", np.float32, float, np.dtype("f4"), "=f8"])
def test_dtype_may_be_said_in_any_way(dtype):
    for layer in (Layer(2, 3, dtype=dtype), Layer.from_arrays(np.ones((3, 2)), dtype=dtype)):
        assert layer.dtype == layer.weights.dtype == layer.bias.dtype == np.dtype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "int32", "complex64", "longdouble", object, "?"])
def test_another_dtype_is_refused_by_name(dtype):
    name = np.dtype(dtype).name
    for make in (lambda: Layer(2, 3, dtype=dtype),
                 lambda: Layer.from_arrays(np.ones((3, 2)), dtype=dtype)):  # fmt: skip
        with pytest.raises(ValueError, match=name):
            make()


@pytest.mark.parametrize("dtype", ["nonsense", 3, "float31"])
def test_what_is_no_dtype_is_refused(dtype):
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        Layer(2, 3, dtype=dtype)


@pytest.mark.parametrize(
    ("sizes", "kinds", "words"),
    [
        ((-1, 3), ValueError, "n_inputs.*-1"),
        ((3, -1), ValueError, "n_neurons.*-1"),
        ((2.0, 3), TypeError, "float|integer"),
        ((2, "3"), TypeError, "str|integer"),
        ((None, 3), TypeError, "None|integer"),
        ((2,), TypeError, "n_neurons"),
        ((), TypeError, "n_inputs"),
        ((2, 3, "relu", "float32"), TypeError, "positional"),
        ((2**70, 3), (ValueError, OverflowError, MemoryError), None),
        ((2**40, 2**40), (ValueError, OverflowError, MemoryError), None),
    ],
)
def test_wrong_sizes_are_refused(sizes, kinds, words):
    with pytest.raises(kinds, match=words):
        Layer(*sizes)


def test_sizes_may_be_numpy_integers():
    layer = Layer(np.int64(2), np.uint8(3), rng=0)
    assert layer.weights.shape == (3, 2)
    assert repr(layer) == repr(Layer(2, 3, rng=0))


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_layers_without_inputs_or_neurons(sizes, activation, dtype):
    layer = Layer(*sizes, activation, dtype=dtype)
    assert layer(np.ones((2, sizes[0]), dtype)).shape == (2, sizes[1])
    assert layer.n_parameters == sizes[1]


# ---- from_arrays -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "bias", "want"),
    [
        ("float32", None, "float32"),
        ("float16", None, "float32"),
        ("float16", "float32", "float32"),
        ("float32", "float64", "float64"),
        ("float64", "float32", "float64"),
        ("int32", None, "float64"),
        ("float32", "int8", "float64"),
        ("longdouble", None, "float64"),
        (">f4", None, "float32"),
    ],
)
def test_from_arrays_takes_the_dtype_of_its_arrays(weights, bias, want):
    arrays = np.ones((3, 2), weights), None if bias is None else np.ones(3, bias)
    assert Layer.from_arrays(*arrays).dtype == want
    assert Layer.from_arrays(*arrays, dtype="float32").dtype == "float32"
    assert Layer.from_arrays(*arrays, dtype="float64").dtype == "float64"


def test_from_arrays_copies():
    weights, bias = np.ones((3, 2)), np.ones(3)
    layer = Layer.from_arrays(weights, bias)
    weights[...] = bias[...] = 7
    assert (layer.weights == 1).all()
    assert (layer.bias == 1).all()
    assert Layer.from_arrays([[1, 2], [3, 4]], [5, 6]).weights.tolist() == [[1, 2], [3, 4]]


def test_from_arrays_refuses_wrong_shapes():
    for shape in [(), (3,), (3, 2, 1)]:
        with pytest.raises(ValueError, match="weights"):
            Layer.from_arrays(np.ones(shape))
    for shape in [(), (2,), (4,), (1, 3), (3, 1)]:
        with pytest.raises(ValueError, match=r"bias.*(3|n_neurons)"):
            Layer.from_arrays(np.ones((3, 2)), np.ones(shape))
    with pytest.raises(TypeError):
        Layer.from_arrays()
    with pytest.raises(TypeError):
        Layer.from_arrays(np.ones((3, 2)), None, "relu", "float32")


# ---- what it tells -----------------------------------------------------------------------------


def test_repr(dtype):
    text = repr(Layer(40, 50, "relu", dtype=dtype))
    for part in ("Layer", "40", "50", "relu", dtype.name):
        assert part in text
    assert "\n" not in text


def test_equality(dtype):
    weights, bias = np.ones((3, 2), dtype), np.zeros(3, dtype)
    layer = Layer.from_arrays(weights, bias, "relu")
    same = Layer.from_arrays(weights, bias, "relu")
    assert layer == same
    assert (layer != same) is False
    other_dtype = "float32" if dtype == np.float64 else "float64"
    for other in [
        Layer.from_arrays(weights + 1, bias, "relu"),
        Layer.from_arrays(weights, bias + 1, "relu"),
        Layer.from_arrays(weights, bias, "step"),
        Layer.from_arrays(weights, bias, "relu", dtype=other_dtype),
        Layer.from_arrays(np.ones((2, 3), dtype), None, "relu"),
        Layer.from_arrays(np.ones((3, 3), dtype), bias, "relu"),
    ]:
        assert layer != other
        assert (layer == other) is False
    for other in (None, 3, "relu", weights, cnnfs.Network([layer])):
        assert (layer == other) is False or isinstance(other, np.ndarray)
    same.weights = weights + 1
    assert layer != same
    same.weights = weights
    assert layer == same
    with pytest.raises(TypeError, match="unhashable"):
        hash(layer)
