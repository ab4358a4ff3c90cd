"""Work that several threads share, and a look at the threads. For tests and their children."""

import contextlib
import functools
import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
from helpers import spread
from reference import ACTIVATIONS, assert_same_bits

import cnnfs

# Multiply-adds of a call that is shared (nn/schedule.hpp); at few rows its columns are shared.
WORTH_SHARING = 1 << 22


@contextlib.contextmanager
def num_threads(count):
    before = cnnfs.get_num_threads()
    cnnfs.set_num_threads(count)
    try:
        yield
    finally:
        cnnfs.set_num_threads(before)


def serial(call, *arguments):
    """What the call gives on one thread."""
    with num_threads(1):
        return call(*arguments)


@functools.lru_cache(maxsize=4)
def parameters(inputs, neurons, dtype):
    rng = np.random.default_rng([inputs, neurons])
    return spread(rng, (neurons, inputs), dtype), spread(rng, neurons, dtype)


def network(sizes, dtype="float32"):
    """A network of layers of these sizes, with one activation after another."""
    return cnnfs.Network(
        cnnfs.Layer.from_arrays(
            *parameters(*pair, np.dtype(dtype)), ACTIVATIONS[(5 * i - 1) % len(ACTIVATIONS)]
        )
        for i, pair in enumerate(itertools.pairwise(sizes))
    )


class Work:
    """Calls that are shared, each with its bits on one thread: many rows, few rows, one row."""

    def __init__(self, rows=500):
        rng = np.random.default_rng(1)
        many, wide = network((200, 300, 100)), network((1024, 4200, 30))
        big = np.float32(rng.normal(size=(rows, 200)))
        flat = np.float32(rng.normal(size=600_000))
        weights = parameters(200, 300, np.dtype("f4"))
        self.small = lambda: many(big[:3])
        self.calls = {
            "rows": lambda: many(big),
            "columns": lambda: wide(big.reshape(-1)[: 7 * 1024].reshape(7, 1024)),
            "one row": lambda: wide(big.reshape(-1)[:1024]),
            "dense": lambda: cnnfs.dense(big, *weights, "sigmoid"),
            "elementwise": lambda: cnnfs.sigmoid(flat),
        }
        self.wants = {name: serial(call) for name, call in self.calls.items()}

    def check(self, *names):
        for name in names or self.calls:
            assert_same_bits(self.calls[name](), self.wants[name], name)


def tasks():
    """The threads of this process, as the system counts them (Linux)."""
    return {int(name) for name in os.listdir("/proc/self/task")}


def blocked_signals(task):
    """The signals that a thread of this process does not take."""
    status = Path(f"/proc/self/task/{task}/status").read_text()
    mask = int(
        next(line for line in status.splitlines() if line.startswith("SigBlk")).split()[1], 16
    )
    return {number for number in signal.valid_signals() if mask >> (number - 1) & 1}


def in_child(work, seconds=60):
    """Fork; run work() in the child. An exception, a crash or a hang there is an error here."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stderr.flush()
            os._exit(status)
    wait_for_child(child, seconds)


def wait_for_child(child, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            assert code == 0, f"the child ended with {code}"
            return
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"the child was not done after {seconds} s")


@contextlib.contextmanager
def meanwhile(work, threads=1):
    """Other Python threads call work() again and again. Their exceptions are raised at the end."""
    stop, failures = threading.Event(), []

    def loop():
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            failures.append(error)

    started = [threading.Thread(target=loop) for _ in range(threads)]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in started:
            thread.join()
    if failures:
        raise failures[0]


def work_in_a_process(threads):
    """For multiprocessing, which finds it by name."""
    cnnfs.set_num_threads(threads)
    work = Work()
    work.check()
    return [want.tobytes() for want in work.wants.values()]
