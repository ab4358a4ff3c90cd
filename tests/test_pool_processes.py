"""The thread pool when a process forks, starts others, or ends."""

import sys
import textwrap

import pytest
from helpers import checked_python, run_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

START = """
import warnings
from pooled import *

# Python 3.12 and later warn of every fork of a process that has threads.
warnings.simplefilter("ignore", DeprecationWarning)
work = Work()
cnnfs.set_num_threads(4)
work.check()
"""


def child(code, *arguments, **options):
    return checked_python(START + textwrap.dedent(code), *arguments, **options)


def test_fifty_forks_of_a_warm_pool():
    child(
        """
        def same():
            assert cnnfs.get_num_threads() == 4
            assert not sys.platform.startswith("linux") or len(tasks()) == 1
            work.check()
            assert not sys.platform.startswith("linux") or len(tasks()) == 4

        for turn in range(50):
            if turn % 5:
                work.check()
            in_child(same)
        work.check()
        """,
        OPENBLAS_NUM_THREADS="1",
    )


def test_forks_while_another_thread_computes():
    # The pool's lock is held, and workers are at work, at the moment of the fork.
    child(
        """
        with meanwhile(work.check, threads=2):
            for _ in range(30):
                in_child(work.check)
        work.check()
        """
    )


def test_forks_of_forks():
    child(
        """
        def deeper(levels):
            work.check()
            if levels:
                in_child(lambda: deeper(levels - 1))
            work.check()

        deeper(4)
        """
    )


def test_a_child_may_change_the_number_of_threads():
    child(
        """
        def change():
            for count in (1, 8, 2):
                cnnfs.set_num_threads(count)
                work.check()

        for _ in range(5):
            in_child(change)
        assert cnnfs.get_num_threads() == 4
        """
    )


@pytest.mark.parametrize("name", ["rows", "columns"])
def test_a_fork_in_a_signal_handler_during_a_forward(name):
    """In the child, the pass that was interrupted ends: right, or by an exception."""
    child(
        """
        net = cnnfs.Network([cnnfs.Layer(1024, 1024, "relu", rng=0)] * (
            10 if sys.argv[1] == "rows" else 3000
        ))
        x = np.ones((3000 if sys.argv[1] == "rows" else 9, 1024), "f4")
        want = serial(net, x)
        children = []

        def fork(number, frame):
            signal.setitimer(signal.ITIMER_REAL, 0)
            children.append(os.fork())

        signal.signal(signal.SIGALRM, fork)
        cnnfs.set_num_threads(2)
        signal.setitimer(signal.ITIMER_REAL, 0.03)
        error = got = None
        try:
            got = net(x)
        except RuntimeError as raised:
            error = raised
        while not children:
            time.sleep(0.01)
        if children[0] == 0:
            status = 1
            try:
                assert error is not None or got.tobytes() == want.tobytes()
                work.check()
                assert_same_bits(net(x), want)
                status = 0
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(status)
        assert_same_bits(got, want)
        wait_for_child(children[0], seconds=40)
        work.check()
        """,
        name,
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method):
    child(
        """
        import multiprocessing
        wants = [want.tobytes() for want in work.wants.values()]
        context = multiprocessing.get_context(sys.argv[1])
        with context.Pool(2) as processes:
            for got in processes.map_async(work_in_a_process, [1, 2, 3, 8]).get(100):
                assert got == wants
        work.check()
        """,
        method,
    )


ENDING = """
import random, sys
from pooled import *

work = Work()
cnnfs.set_num_threads(3)
began = threading.Semaphore(0)

def forever(name):
    while True:
        work.calls[name]()
        began.release()

for name in ("rows", "columns", "one row", "elementwise"):
    threading.Thread(target=forever, args=(name,), daemon=True).start()
for _ in range(8):
    began.acquire()
time.sleep(random.Random(int(sys.argv[1])).random() * 0.02)
"""


@pytest.mark.parametrize("how", ["", "sys.exit(0)", "raise SystemExit"])
def test_daemon_threads_compute_when_the_interpreter_ends(how):
    for turn in range(16 if not how else 2):
        done = run_python(ENDING + how, turn, timeout=60)
        assert done.returncode == 0, f"{done.returncode}\n{done.stderr}"
        assert not done.stdout + done.stderr


def test_a_pass_in_an_exit_handler():
    done = run_python(
        """
        import atexit
        from pooled import *
        work = Work()
        cnnfs.set_num_threads(3)
        atexit.register(work.check)
        """
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
