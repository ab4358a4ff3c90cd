"""The same bits, whatever the batch size, the row's place in it or the instruction set."""

import itertools

import numpy as np
import pytest
from conftest import ISAS
from helpers import spread
from reference import ACTIVATIONS, assert_same_bits, bits, specified_sum

import cnnfs
from cnnfs import _cnnfs_core as core

BATCHES = range(1, 131)
# (neurons, inputs): below, at and above every vector, panel and block size
WIDTHS = [(1, 1), (3, 4), (8, 16), (17, 31), (33, 129), (64, 128), (7, 257), (100, 300), (131, 65)]
FUSED = tuple(name for name in ISAS if name != "generic")


def make_layer(rng, neurons, inputs, dtype, activation):
    return cnnfs.Layer.from_arrays(
        spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype), activation
    )


def assert_rows_do_not_depend_on_the_batch(forward, x):
    alone = np.stack([forward(row) for row in x])
    assert_same_bits(np.concatenate([forward(row[None]) for row in x]), alone, "batches of one")
    for rows in BATCHES:
        assert_same_bits(forward(x[:rows]), alone[:rows], f"first {rows} rows")
        assert_same_bits(forward(x[-rows:]), alone[-rows:], f"last {rows} rows")


@pytest.mark.parametrize(("neurons", "inputs"), WIDTHS)
def test_dense_row_of_a_batch_equals_the_row_alone(isa, dtype, rng, neurons, inputs):
    weights, bias = spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)
    x = spread(rng, (max(BATCHES), inputs), dtype)
    assert_rows_do_not_depend_on_the_batch(lambda x: cnnfs.dense(x, weights, bias), x)


@pytest.mark.parametrize(("neurons", "inputs"), WIDTHS)
def test_layer_row_of_a_batch_equals_the_row_alone(isa, dtype, rng, neurons, inputs):
    x = spread(rng, (max(BATCHES), inputs), dtype)
    layer = make_layer(rng, neurons, inputs, dtype, "sigmoid")
    assert_rows_do_not_depend_on_the_batch(layer, x)


@pytest.mark.parametrize("sizes", [(4, 64, 64, 2), (300, 17, 1, 33, 129), (1, 1), (31, 257, 10)])
def test_network_row_of_a_batch_equals_the_row_alone(isa, dtype, rng, sizes):
    layers = [
        make_layer(rng, n_out, n_in, dtype, ACTIVATIONS[-1 - 5 * i % 12])
        for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes))
    ]
    x = spread(rng, (max(BATCHES), sizes[0]), dtype)
    assert_rows_do_not_depend_on_the_batch(cnnfs.Network(layers), x)


@pytest.mark.parametrize(("neurons", "inputs"), WIDTHS)
def test_function_layer_and_network_agree(isa, dtype, rng, neurons, inputs):
    weights, bias = spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)
    x = spread(rng, (37, inputs), dtype)
    plain = cnnfs.dense(x, weights, bias)
    for activation in ACTIVATIONS:
        want = getattr(cnnfs, activation)(plain)
        layer = cnnfs.Layer.from_arrays(weights, bias, activation)
        assert_same_bits(cnnfs.dense(x, weights, bias, activation), want, f"dense {activation}")
        assert_same_bits(layer(x), want, f"layer {activation}")
        assert_same_bits(cnnfs.Network([layer])(x), want, f"network {activation}")


@pytest.mark.parametrize(("neurons", "inputs"), WIDTHS)
def test_fused_instruction_sets_give_the_same_bits(each_isa, dtype, rng, neurons, inputs):
    weights, bias = spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)
    x = spread(rng, (61, inputs), dtype)
    for activation in ACTIVATIONS:
        results = {name: cnnfs.dense(x, weights, bias, activation) for name in each_isa()}
        for a in FUSED:
            for b in FUSED:
                assert_same_bits(results[a], results[b], f"{activation}: {a} and {b}")


def test_activations_give_the_same_bits_in_every_instruction_set(each_isa, dtype, rng, function):
    integer = f"u{dtype.itemsize}"
    anything = rng.integers(0, np.iinfo(integer).max, 200_000, integer, endpoint=True).view(dtype)
    usual = rng.normal(scale=20, size=200_000).astype(dtype)
    x = np.concatenate([anything, usual])
    results = {name: function(x) for name in each_isa()}
    for name, got in results.items():
        assert_same_bits(got, results[ISAS[0]], f"{name} and {ISAS[0]}")


@pytest.mark.parametrize("inputs", [1, 2, 127, 128, 129, 256, 257, 300])
def test_the_order_of_summation_is_the_documented_one(each_isa, dtype, rng, inputs):
    x, weights = spread(rng, (3, inputs), dtype), spread(rng, (4, inputs), dtype)
    bias = spread(rng, 4, dtype)
    neurons = list(zip(weights, bias, strict=True))
    want = np.array([[specified_sum(row, w, b) for w, b in neurons] for row in x])
    for name in each_isa():
        if name in FUSED:
            assert_same_bits(cnnfs.dense(x, weights, bias), want, name)


def fused_example(dtype):
    """a, w with a chain whose result is 0 when products are rounded, and not 0 when fused."""
    a = dtype.type(1 + (2.0**-13 if dtype == np.float32 else 2.0**-30))
    return np.array([a, a]), np.array([[-a, a]])


def test_multiply_add_is_fused_exactly_where_it_is_promised(isa, dtype):
    x, weights = fused_example(dtype)
    got = cnnfs.dense(x, weights)[0]
    if isa == "generic":
        assert got == 0
    else:
        assert got == (2.0**-26 if dtype == np.float32 else 2.0**-60)


def test_no_bias_has_the_bits_of_a_bias_of_zero(isa, dtype, rng):
    x, weights = spread(rng, (9, 5), dtype), spread(rng, (18, 5), dtype)
    x[0] = 0
    zero = cnnfs.dense(x, weights, np.zeros(18, dtype))
    assert_same_bits(cnnfs.dense(x, weights), zero)
    assert_same_bits(cnnfs.Layer.from_arrays(weights)(x), zero)


def test_a_sum_of_zeros_is_positive(isa, dtype):
    x, weights = np.full((3, 5), -0.0, dtype), np.ones((4, 5), dtype)
    assert (bits(cnnfs.dense(x, weights)) == 0).all()
    assert (bits(cnnfs.dense(x, weights, np.full(4, -0.0, dtype))) == 0).all()


def test_layers_keep_the_instruction_set_they_were_made_with(dtype):
    x, weights = fused_example(dtype)
    before = core.isa()
    try:
        layers = {}
        for name in ISAS:
            core.use_isa(name)
            layers[name] = cnnfs.Layer.from_arrays(weights)
        for name, layer in layers.items():
            assert (layer(x)[0] == 0) == (name == "generic"), name
            assert (cnnfs.Network([layer])(x)[0] == 0) == (name == "generic"), name
    finally:
        core.use_isa(before)
