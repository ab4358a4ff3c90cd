"""The number of threads: it can be chosen, it changes no bit, and small work needs no thread."""

import itertools
import os
import sys

import numpy as np
import pytest
from helpers import checked_python, run_python, spread
from reference import ACTIVATIONS, assert_same_bits

import cnnfs

COUNTS = (2, 3, 4, 16)
ONLY_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into Linux's /proc")


@pytest.fixture(autouse=True)
def restored():
    before = cnnfs.get_num_threads()
    yield
    cnnfs.set_num_threads(before)


def assert_threads_do_not_matter(call):
    cnnfs.set_num_threads(1)
    want = call()
    for count in COUNTS:
        cnnfs.set_num_threads(count)
        for _ in range(2):
            assert_same_bits(call(), want, f"{count} threads")


@pytest.mark.parametrize("rows", [1, 2, 3, 13, 130, 1001, 6007])
@pytest.mark.parametrize("sizes", [(70, 333, 50, 9), (1500, 2011), (3, 4000, 1)])
def test_a_network_gives_the_same_bits(isa, dtype, rng, rows, sizes):
    multiply_adds = sum(a * b for a, b in itertools.pairwise(sizes))
    rows = min(rows, 100_000_000 // multiply_adds)  # work enough to be shared
    layers = [
        cnnfs.Layer(a, b, ACTIVATIONS[-1 - i], dtype=dtype, rng=i)
        for i, (a, b) in enumerate(itertools.pairwise(sizes))
    ]
    x, net = spread(rng, (rows, sizes[0]), dtype), cnnfs.Network(layers)
    assert_threads_do_not_matter(lambda: net(x))


@pytest.mark.parametrize(("rows", "inputs", "neurons"), [(5000, 70, 33), (7, 1500, 2011)])
def test_dense_gives_the_same_bits(isa, dtype, rng, rows, inputs, neurons):
    x, weights = spread(rng, (rows, inputs), dtype), spread(rng, (neurons, inputs), dtype)
    assert_threads_do_not_matter(lambda: cnnfs.dense(x, weights, None, "sigmoid"))


def test_elementwise_functions_give_the_same_bits(isa, dtype, rng, function):
    x = spread(rng, 600_001, dtype)
    assert_threads_do_not_matter(lambda: function(x))
    assert_threads_do_not_matter(lambda: function(x[::2]))
    assert_threads_do_not_matter(lambda: function(x.copy(), out=x.copy()))


def test_the_number_can_be_chosen(capsys):
    for count in (1, 5, np.int64(2), 256):
        cnnfs.set_num_threads(count)
        assert cnnfs.get_num_threads() == count
        assert cnnfs.show_config()["threads"] == count
        assert str(count) in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [0, -1, 257, 10**30, -(10**30)])
def test_an_impossible_number_is_refused(wrong):
    before = cnnfs.get_num_threads()
    with pytest.raises(ValueError, match=r"threads.*1 to 256"):
        cnnfs.set_num_threads(wrong)
    assert cnnfs.get_num_threads() == before


@pytest.mark.parametrize("wrong", [1.0, "2", None, [1]])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(TypeError, match="integer"):
        cnnfs.set_num_threads(wrong)


SHOW = "import cnnfs; print(cnnfs.get_num_threads())"


def test_the_environment_chooses():
    assert checked_python(SHOW, CNNFS_NUM_THREADS="3") == "3\n"
    assert checked_python(SHOW, CNNFS_NUM_THREADS="") == checked_python(SHOW)


@pytest.mark.parametrize("wish", ["0", "-1", "257", "two", "1.5", "3 4", "99999999999999999999"])
def test_an_impossible_wish_is_refused(wish):
    done = run_python("import cnnfs", CNNFS_NUM_THREADS=wish)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError")
    assert wish in last
    assert "256" in last


@ONLY_LINUX
def test_the_default_is_what_the_process_may_use():
    code = """
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import cnnfs
        print(cnnfs.get_num_threads())
    """
    assert checked_python(code) == "1\n"
    assert 1 <= int(checked_python(SHOW)) <= len(os.sched_getaffinity(0))


WORK = """
    import os, resource, sys
    import numpy as np
    import cnnfs
    from reference import assert_same_bits

    def threads():
        return len(os.listdir("/proc/self/task"))

    layer = cnnfs.Layer(500, 500, "relu", rng=0)
    x, few = np.ones((2000, 500), "float32"), np.ones((4, 500), "float32")
    out = np.zeros((2000, 500), "float32")
    cnnfs.set_num_threads(1)
    want = layer(x)
"""


def child(code, **environment):
    # BLAS would bring threads of its own.
    checked_python(WORK.strip("\n") + code, OPENBLAS_NUM_THREADS="1", **environment)


@ONLY_LINUX
def test_threads_are_made_when_they_are_needed_and_no_more_than_asked_for():
    child(
        """
    assert threads() == 1
    cnnfs.set_num_threads(4)
    for _ in range(1000):
        layer(few[0])
        cnnfs.relu(few)
    assert threads() == 1
    for _ in range(3):
        assert_same_bits(layer(x), want)
    assert 2 <= threads() <= 4
    cnnfs.set_num_threads(1)
    assert_same_bits(layer(x), want)
    """
    )


@ONLY_LINUX
def test_without_memory_for_threads_the_caller_does_the_work():
    child(
        """
    cnnfs.set_num_threads(8)
    resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, resource.RLIM_INFINITY))
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + (4 << 20)  # too little for the stack of a thread
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    for _ in range(3):
        layer(x, out=out)
    assert threads() == 1, threads()
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert_same_bits(out, want)
    cnnfs.set_num_threads(3)  # ask again
    assert_same_bits(layer(x), want)
    assert threads() == 3, threads()
    """
    )


@ONLY_LINUX
def test_a_forked_child_makes_threads_of_its_own():
    child(
        """
    cnnfs.set_num_threads(3)
    assert_same_bits(layer(x), want)
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                assert cnnfs.get_num_threads() == 3
                assert threads() == 1
                assert_same_bits(layer(x), want)
                assert threads() == 3
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert_same_bits(layer(x), want)
    """
    )


def test_a_process_ends_while_a_daemon_thread_computes():
    child(
        """
    import threading
    cnnfs.set_num_threads(3)
    def forever():
        while True:
            layer(x)
    for _ in range(3):
        threading.Thread(target=forever, daemon=True).start()
    layer(x)
    """
    )


@pytest.mark.parametrize("first", ["cnnfs", "threadpoolctl"])
def test_threadpoolctl_sees_and_limits_the_threads(first):
    out = checked_python(
        f"""
        import {first}
        import cnnfs, threadpoolctl
        cnnfs.set_num_threads(5)
        (found,) = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "cnnfs"]
        assert found["num_threads"] == 5, found
        assert found["version"] == cnnfs.__version__
        with threadpoolctl.threadpool_limits(2, user_api="cnnfs"):
            print(cnnfs.get_num_threads())
        print(cnnfs.get_num_threads())
        """
    )
    assert out.split() == ["2", "5"]
