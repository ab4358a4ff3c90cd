"""Any memory layout gives the bits of the contiguous copy and leaves its inputs untouched."""

import numpy as np
import pytest
from helpers import layouts, spread, whole_memory
from reference import ACTIVATIONS, assert_same_bits

import cnnfs

SHAPES = [(1, 1), (3, 4), (19, 33), (40, 130), (0, 3), (3, 0)]


def assert_layouts_do_not_matter(call, a, folder):
    """call(array) gives the same bits for every layout of a, and changes none of them."""
    want = call(a)
    for name, other in layouts(a, folder):
        before, strides, writeable = whole_memory(other), other.strides, other.flags.writeable
        got = call(other)
        assert_same_bits(got, want, name)
        assert type(got) is np.ndarray, name
        assert got.flags.c_contiguous, name
        assert got.flags.aligned, name
        assert got.dtype.isnative, name
        assert whole_memory(other) == before, name
        assert (other.strides, other.flags.writeable) == (strides, writeable), name


@pytest.mark.parametrize("shape", [(1,), (5,), (130,), (7, 9), (3, 4, 5), (2, 0, 3), *SHAPES])
def test_elementwise(isa, dtype, rng, function, shape, tmp_path):
    assert_layouts_do_not_matter(function, spread(rng, shape, dtype), tmp_path)


@pytest.mark.parametrize(("neurons", "inputs"), SHAPES)
def test_each_argument_of_dense(isa, dtype, rng, neurons, inputs, tmp_path):
    x, weights = spread(rng, (21, inputs), dtype), spread(rng, (neurons, inputs), dtype)
    bias = spread(rng, neurons, dtype)
    assert_layouts_do_not_matter(lambda x: cnnfs.dense(x, weights, bias, "relu"), x, tmp_path)
    assert_layouts_do_not_matter(lambda w: cnnfs.dense(x, w, bias, "sigmoid"), weights, tmp_path)
    assert_layouts_do_not_matter(lambda b: cnnfs.dense(x, weights, b), bias, tmp_path)


@pytest.mark.parametrize(("neurons", "inputs"), SHAPES)
def test_x_of_a_layer_and_a_network(isa, dtype, rng, neurons, inputs, tmp_path):
    layer = cnnfs.Layer.from_arrays(
        spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype), "relu"
    )
    net = cnnfs.Network([layer, cnnfs.Layer(neurons, 6, "sigmoid", dtype=dtype, rng=1)])
    for call in (layer, net):
        assert_layouts_do_not_matter(call, spread(rng, (21, inputs), dtype), tmp_path)
        assert_layouts_do_not_matter(call, spread(rng, (2, 3, inputs), dtype), tmp_path)
        assert_layouts_do_not_matter(call, spread(rng, inputs, dtype), tmp_path)


@pytest.mark.parametrize(("neurons", "inputs"), SHAPES)
def test_arrays_that_a_layer_is_made_from(isa, dtype, rng, neurons, inputs, tmp_path):
    x = spread(rng, (5, inputs), dtype)
    weights, bias = spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)
    make = cnnfs.Layer.from_arrays
    assert_layouts_do_not_matter(lambda w: make(w, bias).weights, weights, tmp_path)
    assert_layouts_do_not_matter(lambda w: make(w, bias)(x), weights, tmp_path)
    assert_layouts_do_not_matter(lambda b: make(weights, b).bias, bias, tmp_path)
    assert_layouts_do_not_matter(lambda b: make(weights, b)(x), bias, tmp_path)


def test_arrays_that_are_assigned_to_a_layer(dtype, rng, tmp_path):
    x, layer = spread(rng, (5, 33), dtype), cnnfs.Layer(33, 19, "relu", dtype=dtype)

    def with_weights(weights):
        layer.weights = weights
        return layer(x)

    def with_bias(bias):
        layer.bias = bias
        return layer(x)

    assert_layouts_do_not_matter(with_weights, spread(rng, (19, 33), dtype), tmp_path)
    assert_layouts_do_not_matter(with_bias, spread(rng, 19, dtype), tmp_path)


def broadcasts(rng, shape, dtype):
    """Arrays whose strides are zero in some or all axes."""
    yield np.broadcast_to(spread(rng, (1, shape[1]), dtype), shape)
    yield np.broadcast_to(spread(rng, (shape[0], 1), dtype), shape)
    yield np.broadcast_to(spread(rng, (), dtype), shape)
    yield np.lib.stride_tricks.sliding_window_view(spread(rng, sum(shape) - 1, dtype), shape[1])


def test_zero_strides_and_overlapping_windows(isa, dtype, rng):
    weights, bias = spread(rng, (19, 33), dtype), spread(rng, 19, dtype)
    layer = cnnfs.Layer.from_arrays(weights, bias, "relu")
    calls = {
        "x of dense": lambda x: cnnfs.dense(x, weights, bias),
        "weights": lambda w: cnnfs.dense(weights[:7], w),
        "x of a layer": layer,
        "x of a network": cnnfs.Network([layer]),
        **{name: getattr(cnnfs, name) for name in ACTIVATIONS},
    }
    for array in broadcasts(rng, (23, 33), dtype):
        for name, call in calls.items():
            assert_same_bits(call(array), call(array.copy()), f"{name}, strides {array.strides}")
    bias = np.broadcast_to(bias[:1], 19)
    want = cnnfs.dense(weights, weights, bias.copy())
    assert_same_bits(cnnfs.dense(weights, weights, bias), want, "bias")


def test_axes_in_any_order(isa, dtype, rng, function):
    x = spread(rng, (3, 4, 5), dtype)
    for axes in [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]:
        assert_same_bits(function(x.transpose(axes)), function(x).transpose(axes), f"{axes}")


def test_an_array_subclass_is_taken_for_its_values(forward, rng):
    class Named(np.ndarray):
        pass

    x = spread(rng, (6, 4), forward.dtype)
    got = forward(x.view(Named))
    assert type(got) is np.ndarray
    assert_same_bits(got, forward(x))
