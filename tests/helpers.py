"""Small tools that several test files share."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent


def run_python(code, *arguments, timeout=180, **environment):
    """Run code in a fresh Python that can import the test helpers; return what it did."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=child_environment(**environment),
    )


def child_environment(**changes):
    """This environment with the tests importable, without a forced ISA, and with the changes."""
    environment = {k: v for k, v in os.environ.items() if k != "CNNFS_ISA"}
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    return {**environment, "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1", **changes}


def checked_python(code, *arguments, **options):
    """Like run_python, but a failure of the child is a failure of the test. Returns stdout."""
    done = run_python(code, *arguments, **options)
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def spread(rng, shape, dtype):
    """Normal numbers over about sixteen binades, far from overflow and underflow."""
    return (rng.normal(size=shape) * np.exp2(rng.integers(-8, 9, size=shape))).astype(dtype)


def layouts(a, folder):
    """Yield (name, array): the values of a, native and C-contiguous, in other memory layouts."""
    every_axis = (slice(None, None, -1),) * a.ndim
    swapped = a.dtype.newbyteorder()

    yield "F order", np.asfortranarray(a)
    yield "reversed", a[every_axis].copy()[every_axis]
    yield "last axis reversed", a[..., ::-1].copy()[..., ::-1]
    yield "transposed twice", np.ascontiguousarray(a.T).T

    sparse = np.zeros(tuple(3 * n for n in a.shape), a.dtype)
    sparse = sparse[(slice(None, None, 3),) * a.ndim]
    sparse[...] = a
    yield "every third", sparse

    wider = np.zeros((*a.shape[:-1], a.shape[-1] + 5), a.dtype)
    wider[..., 2:-3] = a
    yield "columns of a wider array", wider[..., 2:-3]

    packed = np.zeros(a.shape, [("pad", "u1"), ("value", a.dtype)])
    packed["value"] = a
    yield "odd byte strides", packed["value"]
    yield "odd byte strides, reversed", packed[every_axis].copy()[every_axis]["value"]

    raw = np.zeros(a.nbytes + 1, "u1")[1:].view(a.dtype).reshape(a.shape)
    raw[...] = a
    yield "unaligned", raw
    yield "byte-swapped", a.astype(swapped)
    yield "byte-swapped, reversed", a.astype(swapped)[every_axis].copy()[every_axis]

    packed = np.zeros(a.shape, [("pad", "u1"), ("value", swapped)])
    packed["value"] = a
    yield "byte-swapped, odd byte strides", packed["value"]

    locked = a.copy()
    locked.flags.writeable = False
    yield "read-only", locked
    yield "over bytes", np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape)

    if a.size:
        file = folder / f"{a.dtype.name}.bin"
        file.write_bytes(b"\0" * 3 + a.tobytes())
        yield "memory map", np.memmap(file, a.dtype, "r", 3, a.shape)


def whole_memory(array):
    """The bytes of an array together with what it is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.tobytes()


def in_threads(*works):
    """Run all works at once; raise the first error of any."""
    failures = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
