"""dense() against a NumPy oracle of higher precision, with the bound that theory gives."""

import itertools

import numpy as np
import pytest
from helpers import spread
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import ACTIVATIONS, assert_dense_right, assert_same_bits, preactivation

import cnnfs

EDGES = (0, 1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257, 300)
sizes = st.integers(0, 300)
seeds = st.integers(0, 2**32 - 1)


def check(dtype, rows, inputs, neurons, *, seed, with_bias=True):
    rng = np.random.default_rng(seed)
    x = spread(rng, (rows, inputs), dtype)
    weights = spread(rng, (neurons, inputs), dtype)
    bias = spread(rng, neurons, dtype) if with_bias else np.zeros(neurons, dtype)
    z, bound = preactivation(x, weights, bias)
    for activation in ACTIVATIONS:
        got = cnnfs.dense(x, weights, bias if with_bias else None, activation)
        assert got.dtype == dtype
        note = f"{rows} rows, {inputs} inputs, {neurons} neurons, {activation}"
        assert_dense_right(got, z, bound, activation, note)


def check_integers(dtype, rows, inputs, neurons, *, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-8, 9, (rows, inputs))
    weights = rng.integers(-8, 9, (neurons, inputs))
    bias = rng.integers(-8, 9, neurons)
    exact = x @ weights.T + bias  # below 2**24, so every float sum on the way is exact
    floats = [a.astype(dtype) for a in (x, weights, bias)]
    want = {
        "linear": exact.astype(dtype),
        "step": (exact > 0).astype(dtype),
        "relu": np.maximum(exact, 0).astype(dtype),
    }
    for activation in ACTIVATIONS:
        right = want.get(activation, getattr(cnnfs, activation)(exact.astype(dtype)))
        assert_same_bits(cnnfs.dense(*floats, activation), right, activation)


@settings(max_examples=100)
@given(rows=sizes, inputs=sizes, neurons=sizes, seed=seeds, with_bias=st.booleans())
def test_any_shape_is_within_the_bound(isa, dtype, rows, inputs, neurons, seed, with_bias):
    check(dtype, rows, inputs, neurons, seed=seed, with_bias=with_bias)


@settings(max_examples=100)
@given(rows=sizes, inputs=sizes, neurons=sizes, seed=seeds)
def test_any_shape_of_integers_is_exact(isa, dtype, rows, inputs, neurons, seed):
    check_integers(dtype, rows, inputs, neurons, seed=seed)


def latin_square():
    """Every pair of edge sizes in every two of the three places, in 225 shapes."""
    for i, inputs in enumerate(EDGES):
        for j, neurons in enumerate(EDGES):
            yield EDGES[(i + j) % len(EDGES)], inputs, neurons


def test_edge_shapes_are_within_the_bound(isa, dtype):
    for seed, shape in enumerate(latin_square()):
        check(dtype, *shape, seed=seed)


def test_edge_shapes_of_integers_are_exact(isa, dtype):
    for seed, shape in enumerate(latin_square()):
        check_integers(dtype, *shape, seed=seed)


@pytest.mark.deep
def test_every_combination_of_edge_sizes(isa, dtype):
    for rows in EDGES:
        for inputs in EDGES:
            for neurons in EDGES:
                check(dtype, rows, inputs, neurons, seed=rows)
                check_integers(dtype, rows, inputs, neurons, seed=rows)


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(0, 80), min_size=2, max_size=5),
    rows=st.integers(0, 80),
    seed=seeds,
    data=st.data(),
)
def test_a_network_is_its_layers_one_after_another(isa, dtype, sizes, rows, seed, data):
    rng = np.random.default_rng(seed)
    layers = [
        cnnfs.Layer.from_arrays(
            spread(rng, (n_out, n_in), dtype),
            spread(rng, n_out, dtype),
            data.draw(st.sampled_from(ACTIVATIONS)),
        )
        for n_in, n_out in itertools.pairwise(sizes)
    ]
    x = spread(rng, (rows, sizes[0]), dtype)
    want = x
    for layer in layers:
        want = cnnfs.dense(want, layer.weights, layer.bias, layer.activation)
    assert_same_bits(cnnfs.Network(layers)(x), want)


def test_the_layer_of_three_neurons_from_the_course():
    weights = [[0.2, 0.8, -0.5, 1.0], [0.5, -0.91, 0.26, -0.5], [-0.26, -0.27, 0.17, 0.87]]
    x = np.array([1.0, 2.0, 3.0, 2.5])
    got = cnnfs.dense(x, weights, [2.0, 3.0, 0.5])
    _, bound = preactivation(x, np.array(weights), np.array([2.0, 3.0, 0.5]))
    # The decimal constants are rounded as well: two more roundings, where the bound counts five.
    assert (np.abs(got - [4.8, 1.21, 2.385]) <= 2 * bound).all()
