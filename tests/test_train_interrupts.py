"""Ctrl-C during a training: it ends soon, and the weights of the last whole step stay."""

import sys

import pytest
from conftest import ISAS
from helpers import checked_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

INTERRUPTS = """
    import random, signal, sys, time
    from pooled import *
    from train_cases import assert_same_network, make, network

    count, threads, sizes, rows = int(sys.argv[1]), int(sys.argv[2]), eval(sys.argv[3]), 2000
    cnnfs.set_num_threads(threads)
    draw, late = random.Random(5), []
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, sizes[0])).astype("f4"), rng.integers(0, sizes[-1], rows)
    net, optimizer = network(sizes, "relu", "softmax"), cnnfs.Adam(1e-4)
    def handler(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, handler)
    pieces = []
    for turn in range(count):
        before, delay = optimizer.steps, draw.uniform(0.001, 0.06)
        try:
            signal.setitimer(signal.ITIMER_REAL, delay)
            due = time.monotonic() + delay
            net.fit(x, y, epochs=10**6, batch_size=64, optimizer=optimizer, shuffle=False)
        except KeyboardInterrupt:
            late.append(time.monotonic() - due)
        pieces.append(optimizer.steps - before)
        assert all(np.isfinite(layer.weights).all() for layer in net)
        net(x[:5])
    assert len(late) == count
    assert sorted(late)[count // 2] < 0.1, late
    # The weights are those of so many whole steps.
    again, other = network(sizes, "relu", "softmax"), cnnfs.Adam(1e-4)
    for steps in pieces:
        for step in range(steps):
            start = step * 64 % (-(-rows // 64) * 64)
            again.train_step(x[start : start + 64], y[start : start + 64], optimizer=other)
    assert other.steps == optimizer.steps
    assert_same_network(net, again)
    assert sum(pieces) > count, "some steps were made"
"""


@pytest.mark.parametrize(
    ("count", "threads", "sizes"), [(8, 1, (64, 128, 10)), (6, 2, (300, 256, 256, 10))]
)
def test_interrupts_at_random_times(count, threads, sizes):
    checked_python(INTERRUPTS, count, threads, sizes)


@pytest.mark.deep
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_fifty_interrupts_at_random_times(isa, threads):
    for sizes in ((8, 9, 3), (64, 128, 10), (300, 256, 256, 10)):
        checked_python(INTERRUPTS, 50, threads, sizes, CNNFS_ISA=isa)


LONG_STEP = """
    import signal, sys, time
    from pooled import *
    from train_cases import assert_same_network, network

    cnnfs.set_num_threads(int(sys.argv[1]))
    net, optimizer = network((1000, 2000, 2000, 10), "relu", "softmax"), cnnfs.Adam()
    same = network((1000, 2000, 2000, 10), "relu", "softmax")
    x, y = np.ones((2048, 1000), "f4"), np.zeros(2048, int)
    def handler(number, frame):
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, handler)
    for call in (
        lambda: net.fit(x, y, epochs=10, batch_size=2048, optimizer=optimizer, shuffle=False),
        lambda: net.train_step(x, y, optimizer=optimizer),
        lambda: [net.gradients(x, y) for _ in range(1000)],
        lambda: [net.evaluate(x, y) for _ in range(1000)],
        lambda: [net.input_gradient(x[:500]) for _ in range(1000)],
    ):
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        due = time.monotonic() + 0.3
        try:
            call()
        except KeyboardInterrupt:
            late = time.monotonic() - due
        else:
            raise AssertionError("never interrupted")
        assert late < 1, late
        assert optimizer.steps == 0
        assert_same_network(net, same)
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupt_inside_one_long_step(threads):
    """The step is not made; with the slowest kernels it would take many seconds."""
    checked_python(LONG_STEP, threads, CNNFS_ISA=ISAS[0])
