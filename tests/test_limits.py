"""When memory runs out, and when the user presses Ctrl-C: an exception, and nothing is broken."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest
from conftest import ISAS
from helpers import checked_python, child_environment

LIMITED = """
    import resource, sys
    import numpy as np
    import cnnfs
    from reference import assert_same_bits

    MB = 1 << 20
    layer = cnnfs.Layer(64, 64, "relu", rng=0)
    net = cnnfs.Network([layer, cnnfs.Layer(64, 100, "sigmoid", rng=1)])
    few = np.ones((3, 64), "float32")
    wants = layer(few), net(few)

    def limit(extra):
        pages = int(open("/proc/self/statm").read().split()[0])
        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        soft = pages * resource.getpagesize() + extra if extra is not None else most
        resource.setrlimit(resource.RLIMIT_AS, (soft, most))

    def still_usable():
        assert_same_bits(layer(few), wants[0])
        assert_same_bits(net(few), wants[1])
"""


def test_memory_that_is_not_there_is_a_memory_error():
    checked_python(
        textwrap.dedent(LIMITED)
        + textwrap.dedent(
            """
            many = np.broadcast_to(np.float32(1), (1 << 26, 64))  # 16 GB, if it were copied
            wide = np.broadcast_to(np.float32(1), (1 << 26, 4))
            cases = {
                "layer": lambda: layer(many),
                "network": lambda: net(many),
                "dense": lambda: cnnfs.dense(many, layer.weights),
                "dense, its weights": lambda: cnnfs.dense(np.ones(4, "float32"), wide),
                "relu": lambda: cnnfs.relu(many),
                "sigmoid": lambda: cnnfs.sigmoid(many),
                "making a layer": lambda: cnnfs.Layer(1 << 14, 1 << 15),
                "from_arrays": lambda: cnnfs.Layer.from_arrays(wide),
            }
            limit(200 * MB)
            for name, case in cases.items():
                try:
                    case()
                except MemoryError:
                    pass
                else:
                    raise AssertionError(name)
                still_usable()
            """
        )
    )


def test_whichever_allocation_fails_the_answer_is_right_or_a_memory_error():
    out = checked_python(
        textwrap.dedent(LIMITED)
        + textwrap.dedent(
            """
            x = np.random.default_rng(0).normal(size=(20000, 64)).astype(">f4")  # 5 MB to convert
            weights = np.ones((2000, 500), "float32")
            def build():
                return cnnfs.Layer.from_arrays(weights)(np.ones(500, "float32"))
            def fused():
                return cnnfs.dense(np.ones(500, "float32"), weights)
            cases = [lambda: layer(x), lambda: net(x), lambda: cnnfs.relu(x), build, fused]
            expected = [case() for case in cases]
            refused = served = 0
            for case, want in zip(cases, expected):
                for extra in range(0, 40 * MB, MB // 2):
                    got = None
                    try:
                        limit(extra)
                        got = case()
                    except MemoryError:
                        refused += 1
                    finally:
                        limit(None)
                    if got is not None:
                        served += 1
                        assert_same_bits(got, want)
                    still_usable()
            print(refused, served)
            """
        )
    )
    refused, served = map(int, out.split())
    assert refused > 0
    assert served > 0


INTERRUPTED = """
    import ctypes, mmap, os, signal, sys, time
    import numpy as np
    import cnnfs
    from reference import assert_same_bits

    def endless(dtype, gigabytes=16):
        '''A huge array whose address space repeats the same few pages of memory.'''
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
        part, size = 64 << 20, gigabytes << 30
        file = os.memfd_create("pages")
        os.ftruncate(file, part)
        both = mmap.PROT_READ | mmap.PROT_WRITE
        start = libc.mmap(None, size, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000, -1, 0)
        for offset in range(0, size, part):  # 0x10 is MAP_FIXED, 0x4000 is MAP_NORESERVE
            at = libc.mmap(start + offset, part, both, mmap.MAP_SHARED | 0x10, file, 0)
            assert at == start + offset, os.strerror(ctypes.get_errno())
        return np.frombuffer((ctypes.c_char * size).from_address(start), dtype)

    layer = cnnfs.Layer(1024, 1024, "sigmoid", rng=0)
    few = np.ones((3, 1024), "float32")
    want = layer(few), cnnfs.relu(few)
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def network():
        net, x = cnnfs.Network([layer] * 100), np.ones((20_000, 1024), "float32")
        return lambda: net(x)

    def one_layer():
        big, x = cnnfs.Layer(2048, 2048, dtype="float64", rng=0), np.ones((20_000, 2048))
        return lambda: big(x)

    def dense():
        x, weights = np.ones((20_000, 2048)), np.ones((2048, 2048))
        return lambda: cnnfs.dense(x, weights)

    def elementwise():
        x, out = endless("float64"), endless("float64")
        return lambda: cnnfs.sigmoid(x, out=out)

    work = globals()[sys.argv[1]]()
    try:
        print("ready", flush=True)
        work()
    except KeyboardInterrupt:
        print(time.process_time(), flush=True)
    else:
        print("never interrupted", flush=True)
    assert_same_bits(layer(few), want[0])
    assert_same_bits(cnnfs.relu(few), want[1])
    print("usable", flush=True)
"""


def processor_time(pid):
    """The seconds that a process has run: a busy machine delays all else, but not these."""
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid() gives


@pytest.mark.parametrize("work", ["network", "one_layer", "dense", "elementwise"])
def test_ctrl_c_ends_long_work(work):
    # The slowest instruction set, so that the work is long on any machine.
    code = textwrap.dedent(INTERRUPTED)
    child = subprocess.Popen(
        [sys.executable, "-c", code, work],
        stdout=subprocess.PIPE,
        text=True,
        env=child_environment(CNNFS_ISA=ISAS[0]),
    )
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.3)  # into the long call
        sent = processor_time(child.pid)
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=120)
    finally:
        child.kill()
        child.wait()
    caught, usable = out.splitlines()
    assert caught != "never interrupted"
    seconds = float(caught) - sent
    print(f"KeyboardInterrupt after {seconds:.3f} s of processor time")
    assert seconds < 1  # the promise is 0.1 s, on a machine that does nothing else
    assert usable == "usable"
