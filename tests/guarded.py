"""Buffers that touch a page nobody may read or write; a stray access ends the process.

Hence this is a program: test_guard_pages.py runs ``python guarded.py <sweep> <isa> <dtype>``.
"""

import ctypes
import itertools
import mmap
import sys

import numpy as np
from reference import ACTIVATIONS, assert_same_bits

import cnnfs
from cnnfs import _cnnfs_core as core

SIZES = range(1, 131)
ELEMENTWISE = (cnnfs.step, cnnfs.linear, cnnfs.sigmoid, cnnfs.relu)


class Guarded:
    """Memory between two forbidden pages, in which one array at a time may live."""

    def __init__(self, capacity):
        page = mmap.PAGESIZE
        self.size = -(-capacity // page) * page
        self.map = mmap.mmap(-1, self.size + 2 * page)
        self.bytes = np.frombuffer(self.map, np.uint8)
        for edge in (0, page + self.size):
            protect(self.bytes.ctypes.data + edge, page)
        self.inside = self.bytes[page : page + self.size]

    def array(self, shape, dtype, at_end):
        """An uninitialised array that ends at the upper page or begins at the lower one."""
        count = int(np.prod(shape)) * np.dtype(dtype).itemsize
        start = self.size - count if at_end else 0
        return self.inside[start : start + count].view(dtype).reshape(shape)

    def copy(self, values, at_end):
        array = self.array(values.shape, values.dtype, at_end)
        array[...] = values
        return array


def protect(address, count):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(count), 0):  # 0 is PROT_NONE
        raise OSError(ctypes.get_errno(), "mprotect")


def places(count):
    return [Guarded(4 * 8 * 130 * 130) for _ in range(count)]


def sweep_elementwise(dtype):
    inputs, outputs = places(2)
    for n, at_end, function in itertools.product(SIZES, (True, False), ELEMENTWISE):
        values = np.linspace(-9, 9, n).astype(dtype)
        x, out = inputs.copy(values, at_end), outputs.array(n, dtype, at_end)
        want = function(values)
        out[...] = 7
        assert function(x, out=out) is out
        assert_same_bits(out, want)
        assert_same_bits(function(x), want)
        function(x, out=x)
        assert_same_bits(x, want)


def shapes():
    """(rows, inputs, neurons): each runs over all sizes while the others run over edges."""
    edges = itertools.cycle([1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 129, 130])
    for n in SIZES:
        for place in range(3):
            shape = [next(edges), next(edges), next(edges)]
            shape[place] = n
            yield tuple(shape)


def guarded_problems(dtype):
    """Yield x, weights, bias, out in guarded memory, and copies of the first three elsewhere."""
    rng = np.random.default_rng(5)
    guards = places(4)
    for (rows, inputs, neurons), at_end in itertools.product(shapes(), (True, False)):
        plain = [rng.normal(size=s).astype(dtype) for s in [(rows, inputs), (neurons, inputs)]]
        plain.append(rng.normal(size=neurons).astype(dtype))
        fenced = [g.copy(a, at_end) for g, a in zip(guards, plain, strict=False)]
        out = guards[3].array((rows, neurons), dtype, at_end)
        out[...] = 7
        yield fenced, plain, out


def sweep_dense(dtype):
    activations = itertools.cycle(ACTIVATIONS)
    for fenced, plain, out in guarded_problems(dtype):
        activation = next(activations)
        want = cnnfs.dense(*plain, activation)
        cnnfs.dense(*fenced, activation, out=out)
        assert_same_bits(out, want)
        assert_same_bits(cnnfs.dense(*fenced, activation), want)
        assert_same_bits(cnnfs.dense(fenced[0][-1], *fenced[1:], activation), want[-1])


def sweep_models(dtype):
    activations = itertools.cycle(ACTIVATIONS)
    for fenced, plain, out in guarded_problems(dtype):
        activation = next(activations)
        want = cnnfs.dense(*plain, activation)
        layer = cnnfs.Layer.from_arrays(*fenced[1:], activation)
        first = cnnfs.Layer.from_arrays(np.eye(layer.n_inputs, dtype=dtype))  # x as it is
        for model in (layer, cnnfs.Network([layer]), cnnfs.Network([first, layer])):
            out[...] = 7
            model(fenced[0], out)
            assert_same_bits(out, want)
            assert_same_bits(model(fenced[0][-1]), want[-1])
        layer.weights, layer.bias = fenced[1], fenced[2]
        assert_same_bits(layer(fenced[0]), want)


def sweep_converted(dtype):
    """Guarded arrays that are converted or gathered first: byte-swapped, reversed, strided."""
    guard, weights = places(1)[0], np.eye(130, dtype=dtype)
    swapped = dtype.newbyteorder()
    for n, at_end in itertools.product(SIZES, (True, False)):
        values = np.linspace(-9, 9, n).astype(dtype)
        w = weights[:n, :n]
        for x in (values.astype(swapped), values.astype(np.float16), values.astype(np.int8)):
            fenced = guard.copy(x, at_end)
            assert_same_bits(cnnfs.relu(fenced), cnnfs.relu(x))
            assert_same_bits(cnnfs.dense(fenced, w), cnnfs.dense(x, w))
        fenced = guard.copy(np.repeat(values, 2), at_end)
        for part in (fenced[::2], fenced[1::2], fenced[::-2]):
            assert_same_bits(cnnfs.relu(part), cnnfs.relu(part.copy()))
            assert_same_bits(cnnfs.dense(part, w), cnnfs.dense(part.copy(), w))


def sweep_trespass(dtype):
    """Read one element too far: this must end the process, or the guards prove nothing."""
    guard = Guarded(100)
    x = guard.array(5, dtype, at_end=True)
    beyond = np.lib.stride_tricks.as_strided(x, (6,))
    print("before", flush=True)
    cnnfs.relu(beyond)
    print("survived", flush=True)


def sweep_trespass_below(dtype):
    guard = Guarded(100)
    x = guard.array(5, dtype, at_end=False)
    print("before", flush=True)
    cnnfs.relu(np.lib.stride_tricks.as_strided(x[:1], (2,), (-x.itemsize,)))
    print("survived", flush=True)


if __name__ == "__main__":
    sweep, isa, name = sys.argv[1:]
    core.use_isa(isa)
    globals()[f"sweep_{sweep}"](np.dtype(name))
    print("done")
