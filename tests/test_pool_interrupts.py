"""Signals during work that several threads share."""

import signal
import subprocess
import sys
import textwrap

import pytest
from conftest import ISAS
from helpers import checked_python, child_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

# A minute or more of work for a few threads, with the slowest kernels.
START = """
from pooled import *

layer = cnnfs.Layer(1024, 1024, "sigmoid", rng=0)
few = np.ones((40, 1024), "f4")
short = cnnfs.Network([layer] * 3)
want = serial(short, few)
work = Work()
cnnfs.set_num_threads(4)
work.check()
signal.signal(signal.SIGINT, signal.default_int_handler)

def endless(name):
    net = cnnfs.Network([layer] * (400 if name == "rows" else 60_000))
    x = np.ones((20_000 if name == "rows" else 20, 1024), "f4")
    return lambda: net(x)

def usable():
    for _ in range(3):
        assert_same_bits(short(few), want)
        work.check()
"""


def interrupted(code, name, delay=0.3):
    """Run the code, with a SIGINT some time after it has said "ready"; return what it said then."""
    command = [sys.executable, "-c", START + textwrap.dedent(code), name]
    environment = child_environment(CNNFS_ISA=ISAS[0])
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        try:
            assert child.stdout.readline() == "ready\n"
            with pytest.raises(subprocess.TimeoutExpired):  # into the long call
                child.wait(delay)
            child.send_signal(signal.SIGINT)
            out, _ = child.communicate(timeout=60)
        finally:
            child.kill()
    assert child.returncode == 0
    return out.split()


@pytest.mark.parametrize("name", ["rows", "columns"])
def test_ctrl_c_ends_work_that_is_shared(name):
    said = interrupted(
        """
        call = endless(sys.argv[1])
        print("ready", flush=True)
        start = time.monotonic()
        try:
            call()
        except KeyboardInterrupt:
            taken = time.monotonic() - start
            assert taken < 20, taken
            print("interrupted")
        known = tasks()
        usable()
        assert tasks() == known, "the workers are the same"
        print("usable")
        """,
        name,
    )
    assert said == ["interrupted", "usable"]


@pytest.mark.parametrize("name", ["rows", "columns"])
def test_ctrl_c_ends_only_the_work_of_the_main_thread(name):
    said = interrupted(
        """
        call, calls = endless(sys.argv[1]), []

        def others():
            assert_same_bits(short(few), want)
            work.check()
            calls.append(1)

        with meanwhile(others, threads=2):
            print("ready", flush=True)
            try:
                call()
            except KeyboardInterrupt:
                print("interrupted")
            seen = len(calls)
            deadline = time.monotonic() + 30
            while len(calls) < seen + 6 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(calls) >= seen + 6
        usable()
        print("usable")
        """,
        name,
    )
    assert said == ["interrupted", "usable"]


@pytest.mark.parametrize("name", ["rows", "columns"])
def test_a_handler_of_ctrl_c_may_compute_before_it_raises(name):
    said = interrupted(
        """
        def handler(number, frame):
            usable()  # the pool is at work on what is being interrupted
            cnnfs.set_num_threads(7)
            usable()
            print("handled")
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handler)
        call = endless(sys.argv[1])
        print("ready", flush=True)
        try:
            call()
        except KeyboardInterrupt:
            print("interrupted")
        usable()
        assert cnnfs.get_num_threads() == 7
        print("usable")
        """,
        name,
    )
    assert said == ["handled", "interrupted", "usable"]


@pytest.mark.parametrize("rows", [3000, 9])
def test_a_pass_goes_on_after_a_handler_that_computes(rows):
    checked_python(
        START
        + textwrap.dedent(
            """
            rows = int(sys.argv[1])
            net = cnnfs.Network([layer] * (30_000 // rows))
            x = np.float32(np.random.default_rng(0).normal(size=(rows, 1024)))
            expected, counts, calls = serial(net, x), [2, 8, 3, 1], []

            def handler(number, frame):
                cnnfs.set_num_threads(counts[len(calls) % 4])
                work.check()
                calls.append(1)

            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.05)
            for _ in range(2):
                assert_same_bits(net(x), expected)
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert calls
            """
        ),
        rows,
    )


def test_an_interrupt_inside_the_pass_of_a_handler():
    """A signal that comes while a handler computes ends the inner pass, then the outer one."""
    checked_python(
        START
        + textwrap.dedent(
            """
            call, depth = endless("rows"), []

            def handler(number, frame):
                depth.append(1)
                if len(depth) == 3:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    raise KeyboardInterrupt
                call()

            signal.signal(signal.SIGALRM, handler)
            signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
            try:
                call()
            except KeyboardInterrupt:
                pass
            else:
                raise AssertionError("never interrupted")
            assert len(depth) == 3
            usable()
            """
        ),
        CNNFS_ISA=ISAS[0],
        timeout=60,
    )
