"""The same bits for any number of threads: at every boundary, when busy, in any float mode."""

import itertools

import numpy as np
import pytest
import test_float_environment
from helpers import checked_python, spread
from pooled import WORTH_SHARING, meanwhile, network, num_threads, parameters, serial
from reference import assert_same_bits
from test_float_environment import MODES, Environment

import cnnfs
from cnnfs import _cnnfs_core as core

COUNTS = range(2, 9)  # more than most machines have

ROWS = [(256, 512, 40), (70, 333, 50, 9), (1, 3000, 2)]  # rows of 256 floats collide in the cache
COLUMNS = [(1500, 2811, 300), (2048, 2305)]


@pytest.fixture(autouse=True)
def restored():
    with num_threads(1):
        yield


def tile_rows(dtype):
    return core.config()[dtype.name]["tile_rows"]


def multiply_adds(sizes):
    return sum(a * b for a, b in itertools.pairwise(sizes))


def around(edges, most):
    return sorted({n for edge in edges for n in (edge - 1, edge, edge + 1) if 0 < n <= most})


def assert_all_counts(call, x, batches):
    """Each batch is the beginning of x. The bits of a row do not depend on it: see test_bits.py."""
    want = serial(call, x)
    for count in COUNTS:
        cnnfs.set_num_threads(count)
        for rows in batches(count):
            assert_same_bits(call(x[:rows]), want[:rows], f"{count} threads, {rows} rows")


@pytest.mark.parametrize("sizes", ROWS)
def test_rows_are_shared_at_every_boundary(isa, dtype, rng, sizes):
    tile, most = tile_rows(dtype), 1000
    first = -(-WORTH_SHARING // multiply_adds(sizes))

    def batches(count):
        return around({first, count * tile, 10 * tile, 8 * count * tile, 20 * count * tile}, most)

    assert_all_counts(network(sizes, dtype), spread(rng, (most, sizes[0]), dtype), batches)


@pytest.mark.parametrize("sizes", COLUMNS)
def test_columns_are_shared_at_every_boundary(isa, dtype, rng, sizes):
    tile = tile_rows(dtype)
    first = -(-WORTH_SHARING // multiply_adds(sizes))

    def batches(count):
        last = count * tile - 1  # from the next on, rows are shared
        return sorted({1, first, *(n for n in (2, tile + 1, last) if count in (2, 3, 8))})

    x = spread(rng, (8 * tile, sizes[0]), dtype)
    net = network(sizes, dtype)
    assert_all_counts(net, x, batches)
    alone = serial(net, x[0])
    for count in COUNTS:
        cnnfs.set_num_threads(count)
        assert_same_bits(net(x[0]), alone, f"{count} threads, x of one dimension")


@pytest.mark.parametrize("neurons", [*around(range(2048, 2561, 128), 3000), 5000])
def test_one_row_whose_columns_are_shared(dtype, rng, neurons):
    x, net = spread(rng, 2048, dtype), network((2048, neurons), dtype)
    want = serial(net, x)
    for count in COUNTS:
        cnnfs.set_num_threads(count)
        assert_same_bits(net(x), want, f"{count} threads")


@pytest.mark.parametrize(("rows", "sizes"), [(90, (12_000, 40)), (1, (1, 1_050_000, 3))])
def test_few_rows_of_very_many_inputs(dtype, rng, rows, sizes):
    x, net = spread(rng, (rows, sizes[0]), dtype), network(sizes, dtype)
    want = serial(net, x)
    for count in COUNTS:
        cnnfs.set_num_threads(count)
        assert_same_bits(net(x), want, f"{count} threads")


@pytest.mark.parametrize("sizes", [(2100, 2100, 0), (2100, 2100, 0, 5), (0, 2100, 2100)])
@pytest.mark.parametrize("rows", [0, 1, 120])
def test_layers_without_neurons_or_inputs(dtype, rng, sizes, rows):
    net, x = network(sizes, dtype), spread(rng, (rows, sizes[0]), dtype)
    want = serial(net, x)
    for count in COUNTS:
        cnnfs.set_num_threads(count)
        assert_same_bits(net(x), want, f"{count} threads")


def test_elementwise_functions_at_every_boundary(isa, dtype, rng, function):
    edges = {1 << 18, 5 << 16, 8 << 16}
    x = spread(rng, 600_000, dtype)
    want = serial(function, x)
    for count in (2, 5, 8):
        cnnfs.set_num_threads(count)
        for n in around(edges, x.size):
            assert_same_bits(function(x[:n]), want[:n], f"{count} threads, {n} numbers")
        again = x.copy()
        assert_same_bits(function(again, out=again), want, f"{count} threads, in place")
        again = np.append(x, x[:3])
        function(again[:-3], out=again[3:])
        assert_same_bits(again[3:], want, f"{count} threads, shifted by three")


@pytest.mark.parametrize(("inputs", "neurons"), [(256, 300), (700, 900), (3, 40)])
def test_dense_at_every_boundary(isa, dtype, rng, inputs, neurons):
    tile, weights = tile_rows(dtype), parameters(inputs, neurons, dtype)
    first = -(-WORTH_SHARING // (inputs * neurons))
    most = max(100, min(first + 10, 40_000))

    def batches(count):
        return sorted({1, 2, *around({first, count * tile, 10 * tile}, most)})

    x = spread(rng, (most, inputs), dtype)
    assert_all_counts(lambda x: cnnfs.dense(x, *weights, "relu"), x, batches)


def test_a_busy_pool_gives_the_same_bits(isa, dtype, rng):
    cases = [
        (network(sizes, dtype), rows) for sizes, rows in zip(ROWS, (40, 300, 900), strict=True)
    ]
    cases += [(network((1500, 2811, 300), dtype), rows) for rows in (1, 9)]
    cases += [(cnnfs.sigmoid, 1000)]
    inputs = [spread(rng, (rows, getattr(call, "n_inputs", 500)), dtype) for call, rows in cases]
    wants = [serial(call, x) for (call, _), x in zip(cases, inputs, strict=True)]
    other, many = network((300, 500, 200), dtype), spread(rng, (2000, 300), dtype)
    other_want = serial(other, many)
    for count in (2, 8):
        cnnfs.set_num_threads(count)
        with meanwhile(lambda: assert_same_bits(other(many), other_want)):
            for _ in range(4):
                for (call, _), x, want in zip(cases, inputs, wants, strict=True):
                    assert_same_bits(call(x), want, f"{count} threads, {x.shape[0]} rows")


FLOAT_MODES = pytest.mark.parametrize("mode", MODES)


@test_float_environment.pytestmark
@FLOAT_MODES
def test_the_callers_float_mode_changes_no_bit_of_shared_work(isa, dtype, rng, mode):
    tiny = np.finfo(dtype).smallest_normal
    rows, columns = network((70, 333, 50), dtype), network((1500, 2900), dtype)
    weights = parameters(256, 300, dtype)
    cases = [
        (rows, (400, 70)),
        (columns, (3, 1500)),
        (columns, (1500,)),
        (cnnfs.linear, (500_000,)),
    ]
    cases += [(cnnfs.sigmoid, (500_000,)), (lambda x: cnnfs.dense(x, *weights), (200, 256))]
    inputs = [spread(rng, shape, dtype) for _, shape in cases]
    for x in inputs:
        x.reshape(-1)[::3] *= tiny
    wants = [serial(call, x) for (call, _), x in zip(cases, inputs, strict=True)]
    for count in (2, 5):
        cnnfs.set_num_threads(count)
        with Environment(MODES[mode]) as environment:
            before = environment.control()
            got = [call(x) for (call, _), x in zip(cases, inputs, strict=True)]
            after = environment.control()
        assert before == after
        for result, want in zip(got, wants, strict=True):
            assert_same_bits(result, want, f"{count} threads")


@test_float_environment.pytestmark
@FLOAT_MODES
def test_workers_made_in_another_float_mode_compute_as_always(mode):
    # A new thread inherits the mode of the one that makes it.
    checked_python(
        """
        import sys
        from pooled import *
        from test_float_environment import MODES, Environment
        tiny = np.finfo("f4").smallest_normal
        net = network((70, 333, 50))
        x = np.float32(np.random.default_rng(0).normal(size=(3000, 70)))
        x[:, ::2] *= tiny
        want = serial(net, x)
        cnnfs.set_num_threads(4)
        with Environment(MODES[sys.argv[1]]):
            got = [net(x) for _ in range(5)]
        for result in [*got, net(x)]:
            assert_same_bits(result, want)
        """,
        mode,
    )


@pytest.mark.deep
@pytest.mark.parametrize("sizes", [(256, 512, 40), (1500, 700, 4000, 9)])
def test_every_batch_with_every_number_of_threads(isa, dtype, rng, sizes):
    x = spread(rng, (400, sizes[0]), dtype)
    assert_all_counts(network(sizes, dtype), x, lambda count: range(1, 401))
