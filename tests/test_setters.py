"""weights and bias of a layer: read-only views, checked setters, snapshots."""

import numpy as np
import pytest
from helpers import spread
from reference import assert_same_bits

import cnnfs


@pytest.fixture
def layer(dtype):
    return cnnfs.Layer(4, 5, "relu", dtype=dtype, rng=3)


def test_elements_can_not_be_assigned(layer):
    before = layer.weights.copy(), layer.bias.copy()
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        layer.bias[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        layer.weights.fill(1)
    with pytest.raises(ValueError, match="read-only"):
        np.add(layer.weights, 1, out=layer.weights)
    assert_same_bits(layer.weights, before[0])
    assert_same_bits(layer.bias, before[1])


def test_weights_and_bias_are_plain_arrays(layer, dtype):
    assert type(layer.weights) is type(layer.bias) is np.ndarray
    assert layer.weights.shape == (5, 4)
    assert layer.bias.shape == (5,)
    assert layer.weights.dtype == layer.bias.dtype == dtype
    assert layer.weights.flags.c_contiguous


def test_assignment_copies_casts_and_takes_effect(layer, dtype, rng):
    x, weights, bias = rng.normal(size=(7, 4)), rng.normal(size=(5, 4)), rng.normal(size=5)
    layer.weights, layer.bias = weights, bias
    assert_same_bits(layer.weights, weights.astype(dtype))
    assert_same_bits(layer.bias, bias.astype(dtype))
    want = cnnfs.dense(x.astype(dtype), weights.astype(dtype), bias.astype(dtype), "relu")
    assert_same_bits(layer(x), want)
    weights[...] = bias[...] = 7  # the caller's arrays are not the layer's
    assert_same_bits(layer(x), want)


def test_lists_integers_and_half_can_be_assigned(layer, dtype):
    for weights in ([[1, 2, 3, 4]] * 5, np.ones((5, 4), bool), np.ones((5, 4), "float16")):
        layer.weights = weights
        assert_same_bits(layer.weights, np.asarray(weights).astype(dtype))
        assert layer.weights.dtype == dtype
    layer.bias = range(5)
    assert_same_bits(layer.bias, np.arange(5).astype(dtype))


def test_arrays_taken_before_an_assignment_keep_their_values(layer):
    weights, bias = layer.weights, layer.bias
    kept = weights.copy(), bias.copy()
    layer.weights, layer.bias = np.zeros((5, 4)), np.ones(5)
    assert_same_bits(weights, kept[0])
    assert_same_bits(bias, kept[1])
    assert (layer.weights == 0).all()
    assert (layer.bias == 1).all()


def test_arrays_outlive_their_layer(dtype):
    layer = cnnfs.Layer(40, 50, dtype=dtype, rng=3)
    weights, bias = layer.weights, layer.bias
    kept = weights.copy()
    del layer
    filler = [np.full((50, 40), 7, dtype) for _ in range(20)]
    assert_same_bits(weights, kept)
    assert (bias == 0).all()
    assert len(filler) == 20


@pytest.mark.parametrize("shape", [(), (20,), (4, 5), (5, 3), (6, 4), (1, 5, 4), (0, 4), (5, 1)])
def test_weights_of_another_shape_are_refused(layer, shape):
    x, before = np.ones(4), layer.weights.copy()
    want = layer(x)
    words = rf"{shape[0]}x{shape[1]}.*5x4" if len(shape) == 2 else r"weights.*n_neurons, n_inputs"
    with pytest.raises(ValueError, match=words):
        layer.weights = np.ones(shape)
    assert_same_bits(layer.weights, before)
    assert_same_bits(layer(x), want)


@pytest.mark.parametrize("shape", [(), (4,), (6,), (1, 5), (5, 1), (0,), (1,)])
def test_bias_of_another_shape_is_refused(layer, shape):
    want = layer(np.ones(4))
    words = rf"bias has {shape[0]} .*5" if len(shape) == 1 else r"bias.*n_neurons,"
    with pytest.raises(ValueError, match=words):
        layer.bias = np.ones(shape)
    assert_same_bits(layer(np.ones(4)), want)


def test_attributes_that_can_not_be_set_or_deleted(layer):
    for name in ("activation", "n_inputs", "n_neurons", "dtype", "n_parameters"):
        with pytest.raises(AttributeError):
            setattr(layer, name, getattr(layer, name))
    for name in ("weights", "bias", "activation", "n_inputs"):
        with pytest.raises((AttributeError, TypeError)):
            delattr(layer, name)
    assert layer(np.ones(4)).shape == (5,)


def test_own_weights_can_be_assigned_back(layer):
    x = np.ones(4)
    want = layer(x)
    layer.weights, layer.bias = layer.weights, layer.bias
    assert_same_bits(layer(x), want)
    layer.weights = layer.weights[::-1]
    assert_same_bits(layer(x), want[::-1])


def test_a_network_sees_the_new_weights_of_its_layers(layer, dtype, rng):
    net = cnnfs.Network([layer, cnnfs.Layer(5, 2, dtype=dtype, rng=1)])
    part, x = net[:1], spread(rng, (3, 4), dtype)
    net.layers[0].weights = rng.normal(size=(5, 4))
    assert_same_bits(net(x), net.layers[1](layer(x)))
    assert_same_bits(part(x), layer(x))


def test_a_failing_conversion_changes_nothing(layer):
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise LookupError("my own words")

    want = layer(np.ones(4))
    for name in ("weights", "bias"):
        with pytest.raises(LookupError, match="my own words"):
            setattr(layer, name, Broken())
    assert_same_bits(layer(np.ones(4)), want)
