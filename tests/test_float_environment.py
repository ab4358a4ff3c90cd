"""The caller's rounding mode and flushing of subnormals change no bit, and are left as they were.

Other libraries set them for the whole thread: some of those built with -ffast-math as soon as they
are loaded.
"""

import ctypes
import ctypes.util
import platform
import sys

import numpy as np
import pytest
from helpers import spread
from reference import ACTIVATIONS, assert_same_bits

import cnnfs

INTEL = platform.machine().lower() in ("x86_64", "amd64")
pytestmark = pytest.mark.skipif(
    not (INTEL and sys.platform == "linux"), reason="knows the control register of x86-64 on Linux"
)

# Bits of the control register MXCSR, which is the word at byte 28 of the C library's fenv_t.
MODES = {"down": 0x2000, "up": 0x4000, "to zero": 0x6000, "flush to zero": 0x8000}
MODES |= {"subnormals are zero": 0x0040, "all": 0xE040}
MXCSR = 7


class Environment:
    """The float environment of this thread: changed inside the with statement."""

    def __init__(self, mode):
        self.libm = ctypes.CDLL(ctypes.util.find_library("m"))
        self.mode = mode
        self.kept = (ctypes.c_uint32 * 8)()

    def current(self):
        words = (ctypes.c_uint32 * 8)()
        self.libm.fegetenv(words)
        return words

    def __enter__(self):
        self.libm.fegetenv(self.kept)
        changed = self.current()
        changed[MXCSR] |= self.mode
        self.libm.fesetenv(changed)
        return self

    def __exit__(self, *error):
        self.libm.fesetenv(self.kept)

    def control(self):
        """The modes, without the flags that arithmetic raises."""
        return self.current()[MXCSR] & ~0x3F


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
@pytest.mark.parametrize("rows", [1, 5, 3000])
def test_the_bits_are_the_same(isa, dtype, rng, mode, rows):
    x, weights = spread(rng, (rows, 70), dtype), spread(rng, (33, 70), dtype)
    x[:, :5] *= np.finfo(dtype).smallest_normal
    bias = spread(rng, 33, dtype)
    layers = [cnnfs.Layer.from_arrays(weights, bias, name) for name in ACTIVATIONS]
    calls = [*layers, *(cnnfs.Network([layer]) for layer in layers)]
    calls += [getattr(cnnfs, name) for name in ACTIVATIONS]
    calls += [
        lambda x: cnnfs.dense(x, weights, bias),
        lambda x: cnnfs.dense(x[:, :5], weights[:, :5]),
    ]
    wants = [call(x) for call in calls]
    with Environment(mode) as environment:
        before = environment.control()
        got = [call(x) for call in calls]
        after = environment.control()
    assert before & mode == mode
    assert before == after
    for result, want in zip(got, wants, strict=True):
        assert_same_bits(result, want)


def test_the_mode_does_change_the_arithmetic_of_others():
    third = np.array([1.0]), np.array([3.0])
    want = np.divide(*third)
    with Environment(MODES["up"]):
        got = np.divide(*third)
    assert got[0] > want[0]
