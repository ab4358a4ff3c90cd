"""Layers and networks that threads and signal handlers share."""

import signal
import sys
import threading
import time

import numpy as np
import pytest
from helpers import in_threads, spread
from reference import assert_same_bits

import cnnfs


@pytest.fixture(autouse=True)
def frequent_switches():
    """Let threads take turns as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def race(call, change, answers, rounds=200):
    """Call again and again while another thread changes the weights; judge every result."""
    stop = threading.Event()

    def flip():
        turn = 0
        while not stop.is_set():
            change(turn % 2)
            turn += 1

    def judge():
        try:
            for _ in range(rounds):
                assert call().tobytes() in answers, "a mix of old and new"
        finally:
            stop.set()

    in_threads(flip, judge)


@pytest.mark.parametrize("rows", [1, 4000])
def test_a_forward_sees_old_or_new_weights_never_a_mix(dtype, rng, rows):
    x = spread(rng, (rows, 64), dtype)
    old, new = (spread(rng, (70, 64), dtype) for _ in range(2))
    layer = cnnfs.Layer.from_arrays(old)
    answers = {cnnfs.dense(x, w).tobytes() for w in (old, new)}
    for call in (lambda: layer(x), lambda: cnnfs.Network([layer])(x)):
        race(call, lambda turn: setattr(layer, "weights", (old, new)[turn]), answers)


def test_a_forward_sees_old_or_new_bias_never_a_mix(dtype, rng):
    x, weights = spread(rng, (4000, 64), dtype), spread(rng, (70, 64), dtype)
    old, new = (spread(rng, 70, dtype) for _ in range(2))
    layer = cnnfs.Layer.from_arrays(weights, old)
    answers = {cnnfs.dense(x, weights, b).tobytes() for b in (old, new)}
    race(lambda: layer(x), lambda turn: setattr(layer, "bias", (old, new)[turn]), answers)


def test_weights_read_in_a_thread_are_old_or_new(dtype, rng):
    old, new = (spread(rng, (70, 64), dtype) for _ in range(2))
    layer = cnnfs.Layer.from_arrays(old)
    race(
        lambda: layer.weights,
        lambda turn: setattr(layer, "weights", (old, new)[turn]),
        {old.tobytes(), new.tobytes()},
        rounds=2000,
    )


def test_setters_in_two_threads_lose_nothing(dtype, rng):
    layer = cnnfs.Layer(40, 50, dtype=dtype)
    weights, biases = spread(rng, (100, 50, 40), dtype), spread(rng, (100, 50), dtype)

    def set_all(name, values):
        for value in values:
            setattr(layer, name, value)

    in_threads(lambda: set_all("weights", weights), lambda: set_all("bias", biases))
    assert_same_bits(layer.weights, weights[-1])
    assert_same_bits(layer.bias, biases[-1])


def test_threads_share_a_network(dtype, rng):
    net = cnnfs.Network([cnnfs.Layer(64, 70, "relu", dtype=dtype), cnnfs.Layer(70, 3, dtype=dtype)])
    inputs = [spread(rng, (rows, 64), dtype) for rows in (1, 50, 3000)]
    wants = [net(x) for x in inputs]

    def work():
        for _ in range(30):
            for x, want in zip(inputs, wants, strict=True):
                assert_same_bits(net(x), want)

    in_threads(*[work] * 6)


@pytest.fixture
def long_work():
    """A network and an x that keep it busy for some tenths of a second."""
    layers = [cnnfs.Layer(512, 512, "relu", rng=0), cnnfs.Layer(512, 512, "step", rng=1)]
    return cnnfs.Network(layers), np.random.default_rng(2).normal(size=(30_000, 512)).astype("f4")


def test_other_threads_run_during_long_work(long_work):
    net, x = long_work
    turns, stop = [], threading.Event()

    def count():
        while not stop.wait(0.001):
            turns.append(time.monotonic())

    thread = threading.Thread(target=count)
    thread.start()
    try:
        start = time.monotonic()
        net(x)
        end = time.monotonic()
    finally:
        stop.set()
        thread.join()
    assert sum(start < turn < end for turn in turns) >= 3


@pytest.fixture
def alarm():
    """Call a function every few milliseconds, in a signal handler."""
    before = signal.getsignal(signal.SIGALRM)

    def every(seconds, function):
        signal.signal(signal.SIGALRM, lambda number, frame: function())
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    yield every
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_signal_handler_may_use_the_network_that_is_running(long_work, alarm):
    net, x = long_work
    want, few, calls = net(x), net(x[:9]), []

    def handler():
        assert_same_bits(net(x[:9]), few)
        calls.append(1)

    alarm(0.02, handler)
    got = net(x)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert calls
    assert_same_bits(got, want)


def test_a_signal_handler_may_change_the_weights_of_what_is_running(long_work, alarm):
    net, x = long_work
    want, weights = net(x), net[1].weights

    def handler():
        net[1].weights = np.zeros((512, 512))

    alarm(0.02, handler)
    got = net(x)
    signal.setitimer(signal.ITIMER_REAL, 0)
    # All rows by the weights that the pass began with. (The first signal may come before it.)
    assert got.tobytes() == want.tobytes() or not got.any()
    net[1].weights = weights
    assert_same_bits(net(x), want)


def test_an_exception_of_a_signal_handler_ends_the_work(long_work, alarm):
    net, x = long_work
    want = net(x[:9])

    def handler():
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise LookupError("my own words")

    for call, big in ((net, x), (cnnfs.sigmoid, np.ones(60_000_000, "float32"))):
        with pytest.raises(LookupError, match="my own words"):  # noqa: PT012
            alarm(0.005, handler)
            call(big)
        assert_same_bits(net(x[:9]), want)
