"""Training while other Python threads compute or train."""

import numpy as np
from helpers import checked_python, in_threads
from pooled import meanwhile, num_threads
from train_cases import CASES, assert_same_network, digest, make

import cnnfs


def test_fits_of_several_networks_at_once():
    wants = {name: digest(name, "float32") for name in CASES}

    def check(name):
        for _ in range(2):
            assert digest(name, "float32") == wants[name], name

    for count in (1, 2):
        with num_threads(count):
            in_threads(*(lambda name=name: check(name) for name in CASES))


def test_a_call_during_fit_sees_one_whole_set_of_weights():
    """Its result is what the network gives after some number of steps, and finite."""
    net, x, y, options = make("digits", dropout=0)
    sample, epochs = x[:3], 12
    options |= {"shuffle": False, "optimizer": cnnfs.SGD(0.05)}
    steps, *_ = make("digits", dropout=0)
    known, optimizer = [steps(sample).tobytes()], cnnfs.SGD(0.05)
    size = options["batch_size"]
    for _ in range(epochs):
        for start in range(0, len(x), size):
            steps.train_step(x[start : start + size], y[start : start + size], optimizer=optimizer)
            known.append(steps(sample).tobytes())
    assert len(set(known)) > 100
    order = {result: step for step, result in enumerate(known)}
    seen, last = set(), [0]

    def look():
        got = net(sample).tobytes()
        assert got in order, "a mixture of weights"
        assert order[got] >= last[0], "an older set than was seen before"
        last[0] = order[got]
        seen.add(got)

    with meanwhile(look):
        net.fit(x, y, epochs=epochs, **options)
    look()
    assert_same_network(net, steps)
    assert known[-1] in seen


def test_every_way_to_look_during_fit():
    net, x, y, options = make("shared")
    want, *_, same = make("shared")
    want.fit(x, y, epochs=6, **same)

    def look():
        assert np.isfinite(net(x[:7])).all()
        assert np.isfinite(net[0].weights).all()
        assert np.isfinite(net.evaluate(x[:50], y[:50])["loss"])
        assert np.isfinite(net.gradients(x[:50], y[:50]).dx).all()
        assert np.isfinite(net.input_gradient(x[:2])).all()
        assert all(np.isfinite(a).all() for a in net.activations(x[:3]))
        repr(net), net.summary(), net == want

    with num_threads(2), meanwhile(look):
        net.fit(x, y, epochs=6, **options)
    assert_same_network(net, want)


def test_two_fits_of_one_network_are_one_after_the_other_or_refused():
    net, x, y, _ = make("digits", dropout=0)
    results = []

    def train():
        try:
            net.fit(x, y, epochs=5, optimizer=cnnfs.SGD(0.01))
            results.append("trained")
        except RuntimeError as error:
            results.append(str(error))

    in_threads(train, train, train)
    assert len(results) == 3
    assert "trained" in results
    assert all(result == "trained" or "fit" in result for result in results), results
    assert all(np.isfinite(layer.weights).all() for layer in net)
    net.fit(x, y, epochs=1)


def test_weights_that_are_assigned_during_fit_are_never_a_mixture():
    """The user's arrays or the training's, whichever is later; nothing breaks."""
    net, x, y, options = make("shared, odd")
    layer = net[0]
    ones = np.ones_like(layer.weights) * 1e-3

    def assign():
        layer.weights = ones
        assert np.isfinite(layer.weights).all()

    with meanwhile(assign):
        net.fit(x, y, epochs=4, **{**options, "optimizer": cnnfs.SGD(1e-4)})
    assert np.isfinite(net(x)).all()


def test_daemon_threads_train_when_the_interpreter_ends():
    checked_python(
        """
        import threading, time
        from train_cases import make

        began = threading.Semaphore(0)

        def forever(name):
            net, x, y, options = make(name)
            while True:
                net.fit(x, y, epochs=3, **options)
                began.release()

        for name in ("digits", "shared"):
            threading.Thread(target=forever, args=(name,), daemon=True).start()
        for _ in range(4):
            began.acquire()
        time.sleep(0.01)
        """,
        timeout=60,
    )


def test_other_threads_of_python_run_during_fit():
    """fit lets go of the interpreter's lock: a thread that counts makes progress meanwhile."""
    checked_python(
        """
        import sys, threading, time
        from train_cases import make
        import numpy as np

        sys.setswitchinterval(10)  # nobody is asked to let go of the lock
        net, x, y, options = make("shared")
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(6000, 300)).astype("f4"), rng.integers(0, 10, 6000)
        ticks, stop = [], threading.Event()

        def count():
            while not stop.is_set():
                ticks.append(1)
                time.sleep(0.001)

        thread = threading.Thread(target=count)
        thread.start()
        started = time.monotonic()
        net.fit(x, y, epochs=8, **options)
        taken, seen = time.monotonic() - started, len(ticks)
        stop.set()
        thread.join()
        assert seen > 0.02 * taken / 0.001, (seen, taken)
        """
    )
