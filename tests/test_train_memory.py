"""Memory of a training: data, parameters times (moments + 2), a few MiB; and it does not grow."""

import pytest
from helpers import checked_python

RESIDENT = """
    import gc, sys
    import numpy as np
    import cnnfs

    def status(key):
        for line in open("/proc/self/status"):
            if line.startswith(key):
                return int(line.split()[1]) * 1024

    def peak_of(call):
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")  # the peak starts anew from what is resident now
        gc.collect()
        before = status("VmRSS")
        call()
        return status("VmHWM") - before
"""

PEAK = (
    RESIDENT
    + """
    optimizer, moments, given, dtype = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    sizes = (1000, 600, 600, 10)
    net = cnnfs.Network(
        cnnfs.Layer(n, m, "relu" if m > 10 else "softmax", rng=0, dtype=dtype)
        for n, m in zip(sizes, sizes[1:])
    )
    small = cnnfs.Network([cnnfs.Layer(10, 4, "softmax", rng=0, dtype=dtype)])
    small.fit(np.ones((50, 10)), np.zeros(50, int), optimizer=optimizer)  # warm
    rng = np.random.default_rng(0)
    x, y = rng.random((8000, 1000), "f4").astype(given), rng.integers(0, 10, 8000)
    parameters = net.n_parameters * net.dtype.itemsize
    copied = 0 if x.dtype == net.dtype else x.size * net.dtype.itemsize
    options = {"epochs": 1, "batch_size": 256, "optimizer": optimizer, "rng": 0}
    grown = peak_of(lambda: net.fit(x, y, **options))
    print(grown, parameters, copied)
"""
)


@pytest.mark.parametrize(
    ("optimizer", "moments"), [("sgd", 0), ("adagrad", 1), ("rmsprop", 1), ("adam", 2)]
)
def test_the_peak_of_fit(optimizer, moments):
    grown, parameters, copied = map(
        int, checked_python(PEAK, optimizer, moments, "f4", "f4").split()
    )
    assert copied == 0
    assert moments * parameters / 2 <= grown, "nothing was measured"
    assert grown <= (moments + 2) * parameters + (6 << 20)


@pytest.mark.parametrize(("given", "dtype"), [("f8", "f4"), ("f4", "f8"), ("f8", "f8")])
def test_data_is_cast_once(given, dtype):
    grown, parameters, copied = map(int, checked_python(PEAK, "adam", 2, given, dtype).split())
    assert grown <= copied + 4 * parameters + (8 << 20)


def test_evaluate_and_gradients_need_little():
    checked_python(
        RESIDENT
        + """
    net = cnnfs.Network([cnnfs.Layer(500, 400, "relu", rng=0), cnnfs.Layer(400, 3, rng=1)])
    x, y = np.ones((40_000, 500), "f4"), np.ones((40_000, 3), "f4")
    net.evaluate(x[:2000], y[:2000])
    grown = peak_of(lambda: net.evaluate(x, y))
    assert grown < 8 << 20, grown
    """
    )


STEADY = (
    RESIDENT
    + """
    from train_cases import CASES, make
    net, x, y, options = make(sys.argv[1])
    sizes = []
    net.fit(x, y, epochs=int(sys.argv[2]), validation_data=(x[:60], y[:60]),
            callbacks=[lambda epoch: sizes.append(status("VmRSS"))], **options)
    quarter = len(sizes) // 4
    print(min(sizes[i + quarter] - sizes[i] for i in (quarter, 2 * quarter, 3 * quarter - 1)))
"""
)


@pytest.mark.parametrize(("name", "epochs"), [("digits", 200), ("shared", 40), ("large batch", 40)])
def test_the_steady_state_does_not_grow(name, epochs):
    # The digits: 50 epochs of 11 steps, so that 64 bytes a step would be 35 kB.
    assert int(checked_python(STEADY, name, epochs)) < 30_000


LEAK = (
    RESIDENT
    + """
    import cnnfs
    from train_cases import make
    net, x, y, options = make("digits")
    x, y, bad = x[:40], y[:40], y[:40].copy()
    bad[7] = 99
    adam = cnnfs.Adam()

    def refused(kind, call, *args, **more):
        try:
            call(*args, **more)
        except kind:
            return
        raise AssertionError

    def fresh():
        net, *_ = make("one")
        net.fit([[1.0]], [1.0])

    calls = {
        "fit": lambda: net.fit(x, y, optimizer=adam),
        "fit, every option": lambda: net.fit(x.astype("f8"), y, validation_split=0.3, rng=0,
            class_weight="balanced", callbacks=[cnnfs.EarlyStopping()], optimizer="adamw"),
        "a new network": fresh,
        "train_step": lambda: net.train_step(x, y, optimizer=adam),
        "evaluate": lambda: net.evaluate(x, y),
        "gradients": lambda: net.gradients(x, y),
        "input_gradient": lambda: net.input_gradient(x[:3]),
        "activations": lambda: net.activations(x),
        "wrong labels": lambda: refused(ValueError, net.fit, x, bad, optimizer=adam),
        "wrong features": lambda: refused(ValueError, net.gradients, x[:, :5], y),
        "wrong loss": lambda: refused(ValueError, net.fit, x, y, loss="bce"),
        "diverged": lambda: refused(cnnfs.TrainingDiverged, make("one")[0].fit,
                                    [[1e30], [2e30]], [1e30, 1.0], loss="mse", epochs=5,
                                    optimizer=cnnfs.SGD(1e30)),
    }
    call, rounds = calls[sys.argv[1]], int(sys.argv[2])
    for _ in range(rounds // 5):
        call()
    grown = []
    for _ in range(3):  # the least of three: a leak grows every time, a caching allocator once
        gc.collect()
        before = status("VmRSS")
        for _ in range(rounds):
            call()
        gc.collect()
        grown.append(status("VmRSS") - before)
    print(min(grown))
"""
)
CALLS = ["fit", "fit, every option", "a new network", "train_step", "evaluate", "gradients"]
CALLS += ["input_gradient", "activations", "wrong labels", "wrong features", "wrong loss"]
CALLS += ["diverged"]


@pytest.mark.parametrize("what", CALLS)
def test_calls_leak_nothing(what):
    # A small object of 64 bytes in each call would be 32 kB.
    assert int(checked_python(LEAK, what, 500)) < 25_000
