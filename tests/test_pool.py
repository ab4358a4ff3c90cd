"""The worker threads: how many, when, what they do when idle, and when the system gives none."""

import os
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import program
from helpers import checked_python, spread
from pooled import meanwhile, num_threads, serial
from reference import assert_same_bits

import cnnfs

ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")

# Without the threads of NumPy's BLAS.
START = "import os, time, numpy as np\nbefore = len(os.listdir('/proc/self/task'))\n"


def child(code, *arguments, **environment):
    code = START + "from pooled import *\n" + textwrap.dedent(code)
    return checked_python(code, *arguments, OPENBLAS_NUM_THREADS="1", **environment)


@ONLY_LINUX
def test_the_import_makes_no_thread_and_uses_no_processor_time():
    checked_python(
        START
        + textwrap.dedent(
            """
            import cnnfs
            assert len(os.listdir("/proc/self/task")) == before
            start = time.process_time()
            time.sleep(0.5)
            assert time.process_time() - start < 0.2
            """
        )
    )


@ONLY_LINUX
@pytest.mark.parametrize(
    ("name", "count"), [("rows", 1), ("rows", 2), ("rows", 8), ("columns", 8), ("one row", 3)]
)
def test_as_many_workers_as_asked_for(name, count):
    child(
        """
        name, count = sys.argv[1], int(sys.argv[2])
        work = Work()
        for _ in range(100):
            work.small()
        assert len(tasks()) == before, "after small work"
        cnnfs.set_num_threads(count)
        work.small()
        assert len(tasks()) == before, "after small work"
        for _ in range(10):
            work.check(name)
        assert len(tasks()) == before + count - 1
        cnnfs.set_num_threads(count + 2)
        work.check(name)
        assert len(tasks()) == before + count + 1, "more"
        cnnfs.set_num_threads(1)
        work.check(name)
        assert len(tasks()) == before + count + 1, "fewer"
        """,
        name,
        count,
    )


@ONLY_LINUX
def test_workers_take_no_signals_and_the_caller_keeps_its_own():
    child(
        """
        mine = {signal.SIGUSR1, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_SETMASK, mine)
        known = tasks()
        cnnfs.set_num_threads(5)
        Work().check()
        workers = tasks() - known
        assert len(workers) == 4
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mine
        for worker in workers:
            free = signal.valid_signals() - blocked_signals(worker)
            assert free <= {signal.SIGKILL, signal.SIGSTOP}, free
        """
    )


@ONLY_LINUX
def test_idle_workers_use_no_processor_time():
    child(
        """
        cnnfs.set_num_threads(8)
        work = Work()
        for _ in range(5):
            work.check()
        time.sleep(0.1)
        start = time.process_time()
        time.sleep(0.5)
        used = time.process_time() - start
        assert used < 0.1, used  # seven that spin would use 0.5 on each processor
        """
    )


def test_the_number_changes_while_others_compute():
    # In a child: a mistake here overruns memory.
    child(
        """
        sys.setswitchinterval(1e-5)
        net = network((512, 512, 512))
        inputs = [spread(np.random.default_rng(0), (rows, 512), "f4") for rows in (15, 90, 400)]
        wants = [serial(net, x) for x in inputs]

        def change():
            for count in (2, 8, 1, 16):
                cnnfs.set_num_threads(count)

        with meanwhile(change):
            end = time.monotonic() + 2
            while time.monotonic() < end:
                for x, want in zip(inputs, wants):
                    assert_same_bits(net(x), want)
        """,
        PYTHONFAULTHANDLER="0",
    )


@ONLY_LINUX
def test_threads_without_work_need_no_memory():
    child(
        """
        import resource
        weights, x = np.ones((40, 500_000), "f4"), np.ones(500_000, "f4")
        want = serial(cnnfs.dense, x, weights)
        cnnfs.set_num_threads(256)
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + (2 << 30)  # ten times the weights, and stacks
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        assert_same_bits(cnnfs.dense(x, weights), want)
        """
    )


def test_the_number_can_be_changed_during_a_long_forward(rng):
    net = cnnfs.Network([cnnfs.Layer(1024, 1024, "relu", rng=0)] * 3)
    x = spread(rng, (4000, 1024), "float32")
    want = serial(net, x)
    with num_threads(3), meanwhile(lambda: assert_same_bits(net(x), want)):
        for count in [*range(1, 9), 256] * 100:
            cnnfs.set_num_threads(count)
            assert cnnfs.get_num_threads() == count
            time.sleep(0.001)


@pytest.mark.parametrize("calls", [300, pytest.param(10_000, marks=pytest.mark.deep)])
def test_sixteen_threads_call_one_network(calls):
    child(
        """
        net = network((70, 333, 50))
        batches = (1, 2, 7, 13, 60, 104, 105, 150, 260)
        x = spread(np.random.default_rng(3), (max(batches), 70), "f4")
        want = serial(net, x)
        cnnfs.set_num_threads(4)
        start = threading.Barrier(16)
        done, failures = [], []

        def call(seed):
            start.wait()
            for rows in np.random.default_rng(seed).choice(batches, int(sys.argv[1])):
                if net(x[:rows]).tobytes() != want[:rows].tobytes():
                    failures.append(rows)
            done.append(seed)

        callers = [threading.Thread(target=call, args=(i,)) for i in range(16)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
        assert len(done) == 16
        assert not failures, failures
        """,
        calls,
        timeout=3000,
    )


# A pthread_create that refuses when it has been told to, and counts.
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

int shim_allowed = 1 << 30, shim_refused = 0;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
    typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (shim_allowed <= 0) {
        ++shim_refused;
        return EAGAIN;
    }
    --shim_allowed;
    return ((create *)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, start, argument);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library for LD_PRELOAD, after which a child can say how many threads it may have."""
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    compiler = program(os.environ.get("CC", "cc"))
    command = [compiler, "-shared", "-fPIC", "-o", "shim.so", "shim.c", "-ldl"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return folder / "shim.so"


@ONLY_LINUX
@pytest.mark.parametrize("allowed", [0, 1, 2, 6])
@pytest.mark.parametrize("wanted", [2, 8])
def test_threads_that_cannot_be_made_are_done_without(shim, allowed, wanted):
    child(
        """
        import ctypes
        shim = ctypes.CDLL(None)
        shim_allowed = ctypes.c_int.in_dll(shim, "shim_allowed")
        shim_refused = ctypes.c_int.in_dll(shim, "shim_refused")
        allowed, wanted = map(int, sys.argv[1:])
        work = Work()
        cnnfs.set_num_threads(wanted)
        shim_allowed.value = allowed
        for _ in range(5):
            work.check()
        assert cnnfs.get_num_threads() == wanted
        made = min(allowed, wanted - 1)
        assert len(tasks()) == before + made
        # One refusal is enough: what failed is not tried again and again.
        assert shim_refused.value == (allowed < wanted - 1)

        shim_allowed.value = 100
        work.check()
        assert len(tasks()) == before + made, "not before it is asked for"
        cnnfs.set_num_threads(wanted)
        work.check()
        assert len(tasks()) == before + wanted - 1, "asked for once more"
        """,
        allowed,
        wanted,
        LD_PRELOAD=str(shim),
    )
