"""The argument out=: where results may go, what is refused, and memory shared with the inputs."""

import itertools

import numpy as np
import pytest
from helpers import spread
from reference import assert_same_bits, bits

import cnnfs

ROWS = 6


def wrong_outs(shape, dtype):
    """(name, out, what the error must mention) for a result of this shape and dtype."""
    other = np.dtype("float64" if dtype == np.float32 else "float32")
    needed = [str(n) for n in shape]
    bigger = (shape[0] + 1, *shape[1:])
    yield "more rows", np.ones(bigger, dtype), [str(bigger[0]), *needed]
    yield "fewer rows", np.ones((shape[0] - 1, *shape[1:]), dtype), [str(shape[0] - 1), *needed]
    yield "one more axis", np.ones((1, *shape), dtype), needed
    yield "one axis less", np.ones(int(np.prod(shape)), dtype).reshape(-1), needed
    yield "no axes", np.ones((), dtype), needed
    yield "other dtype", np.ones(shape, other), [other.name, dtype.name]
    yield "integers", np.ones(shape, np.int32), ["int32", dtype.name]
    yield "half", np.ones(shape, np.float16), ["float16", dtype.name]
    yield "objects", np.ones(shape, object), ["object", dtype.name]
    yield "byte-swapped", np.ones(shape, dtype.newbyteorder()), [dtype.name]
    yield "F order", np.ones(shape, dtype, order="F"), ["contiguous"]
    yield "strided", np.ones((*shape[:-1], 2 * shape[-1]), dtype)[..., ::2], ["contiguous"]
    yield "reversed", np.ones(shape, dtype)[::-1], ["contiguous"]
    yield "part of the columns", np.ones((shape[0], shape[1] + 1), dtype)[:, 1:], ["contiguous"]
    raw = np.zeros(int(np.prod(shape)) * dtype.itemsize + 1, "u1")[1:]
    yield "unaligned", raw.view(dtype).reshape(shape), ["aligned"]
    locked = np.ones(shape, dtype)
    locked.flags.writeable = False
    yield "read-only", locked, ["read-only"]


def assert_wrong_outs_are_refused(call, x, shape, dtype):
    for name, out, words in wrong_outs(shape, dtype):
        before = out.tobytes()
        with pytest.raises(ValueError, match="out") as caught:
            call(x, out=out)
        for word in words:
            assert word in str(caught.value), name
        assert out.tobytes() == before, name


def test_models_refuse_a_wrong_out(make_forward, dtype, rng):
    forward = make_forward(dtype)
    x = spread(rng, (ROWS, 4), dtype)
    assert_wrong_outs_are_refused(forward, x, (ROWS, 5), dtype)


def test_elementwise_refuses_a_wrong_out(function, dtype, rng):
    x = spread(rng, (ROWS, 5), dtype)
    assert_wrong_outs_are_refused(function, x, (ROWS, 5), dtype)


@pytest.mark.parametrize(
    "out", [[1.0] * 5, 3.0, "abc", (1,), bytearray(20), np.float32(1), object()]
)
def test_out_must_be_an_array(forward, function, out):
    with pytest.raises(TypeError, match="out"):
        forward(np.ones(4, "float32"), out=out)
    with pytest.raises(TypeError, match="out"):
        function(np.ones(5, "float32"), out=out)


@pytest.mark.parametrize("leading", [(), (1,), (7,), (2, 3), (0,), (2, 0)])
def test_out_is_filled_and_returned(make_forward, dtype, rng, leading):
    forward = make_forward(dtype)
    x, out = spread(rng, (*leading, 4), dtype), np.full((*leading, 5), 7, dtype)
    assert forward(x, out=out) is out
    assert_same_bits(out, forward(x))
    if forward.kind != "dense":
        again = np.full_like(out, 7)
        assert forward(x, again) is again
        assert forward.call.forward(x, out=again) is again
        assert forward.call.forward(x, again) is again
        assert_same_bits(again, out)
    assert_same_bits(forward(x, out=None), out)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3), (0,), (2, 0)])
def test_elementwise_out_is_filled_and_returned(isa, dtype, rng, function, shape):
    x, out = spread(rng, shape, dtype), np.full(shape, 7, dtype)
    assert function(x, out=out) is out
    assert_same_bits(out, np.asarray(function(x)))
    assert_same_bits(np.asarray(function(x, out=None)), out)


def test_out_of_a_converted_x(function, forward):
    half, out = np.array([1, -2, 0.5, 0], "float16"), np.ones(4, "float32")
    assert_same_bits(function(half, out=out), function(half.astype("float32")))
    out = np.ones(5, "float32")
    if forward.kind != "dense":  # a model has a dtype of its own
        assert_same_bits(forward([1, -2, 0.5, 0], out=out), forward(half))
    assert_same_bits(forward(half, out=out), forward(half.astype("float32")))


def test_nothing_is_written_around_out(isa, dtype, rng, function):
    for n in range(131):
        space, x = np.full(n + 80, 7, dtype), spread(rng, n, dtype)
        function(x, out=space[40 : 40 + n])
        assert (space[:40] == 7).all()
        assert (space[40 + n :] == 7).all()
        space[...] = 7
        cnnfs.dense(x[:1], np.ones((n, min(n, 1)), dtype), out=space[40 : 40 + n])
        assert (space[:40] == 7).all()
        assert (space[40 + n :] == 7).all()


# ---- out that shares memory with an input ------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 1, 3, 16, 17, 64, 99, 100, 1000, 4999, 5000])
def test_elementwise_out_overlaps_x(isa, dtype, rng, function, offset):
    n = 5000
    values = spread(rng, n + 5000, dtype)
    want_up, want_down = function(values[:n]), function(values[offset : offset + n])
    space = values.copy()
    function(space[:n], out=space[offset : offset + n])
    assert_same_bits(space[offset : offset + n], want_up, "upwards")
    assert_same_bits(space[:offset], values[:offset])
    space = values.copy()
    function(space[offset : offset + n], out=space[:n])
    assert_same_bits(space[:n], want_down, "downwards")
    assert_same_bits(space[n:], values[n:])


def test_elementwise_out_overlaps_a_strided_x(isa, dtype, rng, function):
    values = spread(rng, 3000, dtype)
    views = {
        "reversed": lambda a: (a[::-1], a),
        "second of two": lambda a: (a[::2], a[:1500]),
        "second half": lambda a: (a[::2], a[1500:]),
        "transposed": lambda a: (a.reshape(50, 60).T, a.reshape(60, 50)),
        "one for all": lambda a: (np.broadcast_to(a[1000:1001], 3000), a),
        "bytes of another order": lambda a: (a.view(a.dtype.newbyteorder()), a),
        "windows": lambda a: (np.lib.stride_tricks.sliding_window_view(a[:79], 50),
                              a[:1500].reshape(30, 50)),
    }  # fmt: skip
    for name, view in views.items():
        space = values.copy()
        x, out = view(space)
        want = function(x.copy())
        function(x, out=out)
        assert_same_bits(out, want, name)


def test_elementwise_out_overlaps_a_narrower_x(function):
    """float32 results over float16 inputs: each result covers two inputs."""
    space = np.linspace(-9, 9, 2000).astype("float16")
    for x in (space[:1000], space[500:1500], space[1000:], space[::2]):
        want = function(x.copy())
        out = space.view("float32")
        kept = space.copy()
        function(x, out=out)
        assert_same_bits(out, want)
        space[...] = kept


SIZES = [(1, 1, 1), (1, 300, 300), (5, 4, 4), (64, 33, 17), (64, 17, 33), (300, 40, 40)]


@pytest.mark.parametrize(("rows", "inputs", "neurons"), SIZES)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_model_out_overlaps_x(isa, dtype, rng, rows, inputs, neurons, depth):
    widths = [inputs, *[20] * (depth - 1), neurons]
    layers = [
        cnnfs.Layer(a, b, "sigmoid", dtype=dtype, rng=1)
        for a, b in itertools.pairwise(widths)
    ]  # fmt: skip
    calls = [cnnfs.Network(layers)]
    if depth == 1:
        weights, bias = layers[0].weights, layers[0].bias
        calls += [layers[0], lambda x, out: cnnfs.dense(x, weights, bias, "sigmoid", out=out)]
    read, written = rows * inputs, rows * neurons
    values = spread(rng, 2 * (read + written), dtype)
    for call in calls:
        for offset in {0, 1, neurons, inputs, read // 2, read - 1, written - 1, written}:
            for first, second in [(0, offset), (offset, 0)]:
                space = values.copy()
                x = space[first : first + read].reshape(rows, inputs)
                out = space[second : second + written].reshape(rows, neurons)
                want = call(x.copy(), np.empty_like(out))
                call(x, out)
                assert_same_bits(out, want, f"x at {first}, out at {second}")


@pytest.mark.parametrize(("rows", "inputs", "neurons"), [(40, 20, 50), (9, 128, 3000)])
def test_dense_out_overlaps_weights_and_bias(isa, dtype, rng, rows, inputs, neurons):
    count = neurons * inputs
    values = spread(rng, count + neurons + rows * neurons, dtype)
    x = spread(rng, (rows, inputs), dtype)
    for offset in (0, 1, 100, count // 2, count, count + neurons // 2, count + neurons):
        space = values.copy()
        weights, bias = space[:count].reshape(neurons, inputs), space[count : count + neurons]
        out = space[offset : offset + rows * neurons].reshape(rows, neurons)
        want = cnnfs.dense(x, weights.copy(), bias.copy(), "relu")
        cnnfs.dense(x, weights, bias, "relu", out=out)
        assert_same_bits(out, want, f"out at {offset}")


def test_out_over_the_bytes_of_another_dtype():
    layer = cnnfs.Layer.from_arrays(np.eye(8), dtype="float32")
    space = np.arange(64.0)
    x = space.reshape(8, 8)
    want = x.astype("float32")
    out = space.view("float32")[:64].reshape(8, 8)
    assert_same_bits(layer(x, out), want)
    assert (bits(space[32:]) == bits(np.arange(32.0, 64.0))).all()
