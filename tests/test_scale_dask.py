"""Networks on dask arrays: lazy, of the right shape and type, and of the same bits."""

import copy

import numpy as np
import pytest
from helpers import checked_python
from reference import assert_same_bits

import cnnfs

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
cloudpickle = pytest.importorskip("cloudpickle")


@pytest.fixture(params=["float32", "float64"])
def net(request):
    first = cnnfs.Layer(6, 20, "gelu", dtype=request.param, rng=0)
    return cnnfs.Network([first, cnnfs.Layer(20, 3, "softmax", dtype=request.param, rng=1)])


CHUNKS = [(100, 6), (7, 6), (1, 6), ((40, 1, 0, 59), 6), (100, 2), (33, (1, 4, 1))]


@pytest.mark.parametrize("chunks", CHUNKS)
def test_rows_in_blocks(net, chunks, rng):
    x = rng.normal(size=(100, 6))
    y = net(da.from_array(x, chunks=chunks))
    assert isinstance(y, da.Array)
    assert (y.shape, y.dtype, y.numblocks[1]) == ((100, 3), net.dtype, 1)
    assert isinstance(y._meta, np.ndarray)
    assert_same_bits(y.compute(scheduler="threads"), net(x))


def test_nothing_is_computed_before_it_is_wanted(net):
    def fail(block):
        raise AssertionError("too soon")

    x = da.map_blocks(fail, da.ones((100, 6), chunks=(10, 6)), dtype="f8", meta=np.empty((0, 0)))
    y = net(x)
    assert y.shape == (100, 3)
    with pytest.raises(AssertionError, match="too soon"):
        y.compute(scheduler="single-threaded")


@pytest.mark.parametrize("shape", [(6,), (0, 6), (5, 6), (3, 4, 6), (2, 3, 4, 6)])
def test_any_leading_axes(net, shape, rng):
    x = rng.normal(size=shape)
    y = net(da.from_array(x, chunks=2))
    assert y.shape == (*shape[:-1], 3)
    assert_same_bits(y.compute(), net(x))


def test_layers_and_forward(net, rng):
    x = rng.normal(size=(50, 6))
    lazy = da.from_array(x, chunks=(20, 6))
    for forward in (net[0], net[0].forward, net.forward):
        assert_same_bits(forward(lazy).compute(), forward(x))


@pytest.mark.parametrize("dtype", ["bool", "int16", "uint64", "float16", "longdouble"])
def test_other_dtypes(net, dtype, rng):
    x = (3 * rng.normal(size=(50, 6))).astype(dtype)
    y = net(da.from_array(x, chunks=(20, 6)))
    assert y.dtype == net.dtype
    assert_same_bits(y.compute(), net(x))


def test_numbers_of_rows_that_are_not_known(net, rng):
    x = rng.normal(size=(100, 6))
    lazy = da.from_array(x, chunks=(30, 6))
    y = net(lazy[lazy[:, 0] > 0])
    assert np.isnan(y.shape[0])
    assert_same_bits(y.compute(), net(x[x[:, 0] > 0]))


def test_it_goes_on_lazily(net, rng):
    x = rng.normal(size=(100, 6))
    labels = net(da.from_array(x, chunks=(30, 6))).argmax(axis=1)
    assert (labels.compute() == net(x).argmax(axis=1)).all()


def test_the_network_is_in_the_graph_once():
    """Each task is sent on its own: only one may carry the weights."""
    net = cnnfs.Network([cnnfs.Layer(100, 1000, rng=0)])
    y = net(da.ones((1000, 100), chunks=(10, 100)))
    (optimized,) = dask.optimize(y)
    sizes = sorted(
        len(cloudpickle.dumps(task)) for task in dict(optimized.__dask_graph__()).values()
    )
    assert sizes[-2] < 10_000 < sizes[-1] < 2 * net.n_parameters * 4


def test_the_weights_at_the_call_count(net, rng):
    """A copy, as for arrays: what is computed later can't mix old and new weights."""
    x = rng.normal(size=(10, 6))
    lazy = da.from_array(x, chunks=5)
    before, was, want = net(lazy), copy.deepcopy(net), net(x)
    net[0].bias = np.ones(20)
    for got in dask.compute(before, was(lazy)):
        assert_same_bits(got, want)
    assert_same_bits(net(lazy).compute(), net(x))


class Derived(da.Array):
    __slots__ = ()


def test_arrays_of_a_class_derived_from_dask_s(net, rng):
    x = rng.normal(size=(10, 6))
    lazy = da.from_array(x, chunks=(5, 6))
    derived = Derived(lazy.dask, lazy.name, lazy.chunks, lazy.dtype)
    y = net(derived)
    assert isinstance(y, da.Array)
    assert_same_bits(y.compute(), net(x))


def test_errors(net):
    words = r"x has 5 features, but the network takes 6 \(its first layer's weights are 20x6\)"
    with pytest.raises(ValueError, match=words):
        net(da.ones((10, 5)))
    some = da.ones((10, 6), chunks=5)
    with pytest.raises(ValueError, match=r"features is not known: call x.compute_chunk_sizes\(\)"):
        net(some[:, some[0] > 0])
    with pytest.raises(TypeError, match="x is a masked array"):
        net(da.ma.masked_greater(some, 0))
    with pytest.raises(TypeError, match="x"):
        net(da.sin)
    with pytest.raises(ValueError, match="x is a single number"):
        net(da.ones(()))
    for dtype in ("complex64", "U3", "M8[s]", "O"):
        with pytest.raises(TypeError, match=r"x has dtype .*; cnnfs takes real numbers"):
            net(da.zeros((10, 6), dtype=dtype, chunks=5))
    with pytest.raises(TypeError, match="out is not possible with a dask array"):
        net(da.ones((10, 6)), out=np.empty((10, 3), net.dtype))
    with pytest.raises(TypeError, match="out is not possible with a dask array"):
        net(da.ones((10, 6)), np.empty((10, 3), net.dtype))


def test_map_blocks_by_hand(net, rng):
    x = rng.normal(size=(100, 6))
    lazy = da.from_array(x, chunks=(30, 6))
    y = lazy.map_blocks(net, chunks=(lazy.chunks[0], (3,)), dtype=net.dtype)
    assert_same_bits(y.compute(), net(x))


def test_dask_is_not_imported_for_other_arguments():
    code = """
        import sys, numpy as np, cnnfs
        net = cnnfs.Network([cnnfs.Layer(2, 3)])
        class Like:
            def __array__(self, dtype=None, copy=None):
                return np.ones((4, 2))
        class Odd(type):
            __module__ = property(lambda self: 1 / 0)
        for x in ([1, 2], (1.0, 2.0), np.ones((3, 2), "i1"), np.matrix([[1, 2]]), Like()):
            net(x)
        class Strange(metaclass=Odd):
            pass
        for x in ("text", Strange()):
            try:
                net(x)
            except TypeError:
                print("dask" in sys.modules)
    """
    assert checked_python(code).split() == ["False", "False"]


def test_array_expressions():
    code = """
        import dask.array as da, numpy as np, cnnfs
        net = cnnfs.Network([cnnfs.Layer(4, 3, rng=0)])
        y = net(da.ones((10, 4), chunks=(5, 2)))
        assert y.shape == (10, 3)
        assert (y.compute() == net(np.ones((10, 4)))).all()
    """
    checked_python(code, DASK_ARRAY__QUERY_PLANNING="True")
