"""What goes wrong in a training: divergence, zeros, fork. Finite weights stay."""

import math
import sys

import numpy as np
import pytest
from helpers import checked_python
from reference import assert_same_bits
from train_cases import assert_same_network, make, parameters

import cnnfs

# ---- divergence --------------------------------------------------------------------------------

OPTIMIZERS = [cnnfs.SGD, cnnfs.Adagrad, cnnfs.RMSprop, cnnfs.Adam, cnnfs.AdamW]
WILD = [1e10, 1e30]


def wild_network(dtype="float32", last="linear"):
    first = cnnfs.Layer(8, 16, "relu", dtype=dtype, rng=0)
    return cnnfs.Network([first, cnnfs.Layer(16, 3, last, dtype=dtype, rng=1)])


def wild_data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(100, 8)), rng.normal(size=(100, 3))


def finite(net):
    return all(np.isfinite(p).all() for p in parameters(net))


def test_a_rate_of_1e10_ends_with_a_named_error(dtype):
    net, optimizer = wild_network(dtype), cnnfs.SGD(1e10)
    with pytest.raises(cnnfs.TrainingDiverged) as caught:
        net.fit(*wild_data(), epochs=100, optimizer=optimizer, shuffle=False)
    error = caught.value
    assert isinstance(error, ArithmeticError)
    assert type(error.epoch) is int
    assert type(error.step) is int
    assert 1 <= error.epoch < 100
    text = str(error)
    assert all(word in text for word in ("learning rate", "clip_norm", "scale"))
    assert str(error.epoch) in text
    assert str(error.step) in text
    assert finite(net)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rate", WILD)
@pytest.mark.parametrize("last", ["linear", "softmax", "sigmoid"])
def test_the_last_finite_weights_stay(dtype, optimizer, rate, last):
    """They are those of a loop of train_step, which stops at the same place."""
    x, y = wild_data()
    y = {"linear": y, "softmax": np.argmax(y, axis=1), "sigmoid": (y > 0) * 1.0}[last]
    net, used = wild_network(dtype, last), optimizer(rate)
    steps, other = wild_network(dtype, last), optimizer(rate)
    ended = None
    try:
        net.fit(x, y, epochs=30, batch_size=32, optimizer=used, shuffle=False)
    except cnnfs.TrainingDiverged as error:
        ended = error
    assert finite(net)
    try:
        for _ in range(30):
            for start in range(0, 100, 32):
                rows = slice(start, start + 32)
                steps.train_step(x[rows], y[rows], optimizer=other)
    except cnnfs.TrainingDiverged:
        assert ended is not None
    else:
        assert ended is None
    assert used.steps == other.steps
    assert_same_network(net, steps)


def test_training_can_go_on_after_divergence():
    net, x, y, _ = make("digits", dropout=0)
    with pytest.raises(cnnfs.TrainingDiverged):
        net.fit(x * 1e20, y, epochs=50, optimizer=cnnfs.SGD(1e15), loss="cross_entropy")
    assert finite(net)
    calm, *_ = make("digits", dropout=0)
    for layer, start in zip(net, calm, strict=True):
        layer.weights, layer.bias = start.weights, start.bias
    history = net.fit(x, y, epochs=20, optimizer="adam")
    assert history["loss"][-1] < history["loss"][0]


def test_clip_norm_tames_what_diverges():
    x, y = wild_data()
    data = x * 1e4, y
    with pytest.raises(cnnfs.TrainingDiverged):
        wild_network().fit(*data, epochs=50, optimizer=cnnfs.SGD(0.1))
    net = wild_network()
    history = net.fit(*data, epochs=50, optimizer=cnnfs.SGD(1e-3, clip_norm=1.0))
    assert np.isfinite(history["loss"]).all()


def test_divergence_keeps_the_epochs_before_it():
    """The rate explodes at step 40: three whole epochs of 13 steps, and one of the fourth."""
    net, x, y, _ = make("digits", dropout=0)
    sgd, seen = cnnfs.SGD(lambda step: 1e-3 if step < 40 else 1e38), []
    with pytest.raises(cnnfs.TrainingDiverged) as caught:
        net.fit(x, y, epochs=9, batch_size=26, optimizer=sgd, callbacks=[seen.append])
    assert len(seen) == 3
    assert caught.value.epoch == 4
    assert 2 < caught.value.step <= 6, "counted within the epoch; the second is too large"
    assert finite(net)


# ---- zeros -------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("last", ["linear", "softmax", "sigmoid"])
def test_all_zero_weights_and_data(dtype, optimizer, last):
    x, y = wild_data()
    y = {"linear": y, "softmax": np.argmax(y, axis=1), "sigmoid": (y > 0) * 1.0}[last]
    for data in (x, x * 0):
        net = wild_network(dtype, last)
        for layer in net:
            layer.weights, layer.bias = layer.weights * 0, layer.bias * 0
        history = net.fit(data, y, epochs=5, optimizer=optimizer(), rng=0)
        assert finite(net)
        assert all(math.isfinite(v) for values in history.values() for v in values)
        assert not net[0].weights.any(), "nothing comes through a second layer of zeros ... "
        assert net[1].bias.any(), "... but the last bias learns"


def test_targets_that_are_met_exactly():
    net = cnnfs.Network([cnnfs.Layer.from_arrays(np.zeros((2, 3)), np.ones(2), dtype="float64")])
    for optimizer in OPTIMIZERS:
        for loss in ("mse", "mae", "huber"):
            decay = {"weight_decay": 0.0} if optimizer is cnnfs.AdamW else {}
            made = optimizer(**decay)
            history = net.fit(np.eye(3), np.ones((3, 2)), loss=loss, epochs=5, optimizer=made)
            assert history["loss"] == [0.0] * 5
            assert (net[0].bias == 1).all()
            assert not net[0].weights.any()


# ---- fork --------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_fork_before_and_after_fit():
    checked_python(
        """
        import warnings
        from pooled import *
        from train_cases import digest, make, parameters

        # Python 3.12 and later warn of every fork of a process that has threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        cnnfs.set_num_threads(2)
        net, x, y, options = make("shared")
        optimizer = options["optimizer"]
        wants = []

        def same(want):
            for turn in range(2):
                assert digest("shared", "float32") == want

        def go_on():
            net.fit(x, y, epochs=2, **options)
            assert [p.tobytes() for p in parameters(net)] == wants

        other = os.fork()  # before anything was trained here
        if other == 0:
            os._exit(0 if digest("shared", "float32") else 1)
        wait_for_child(other)
        want = digest("shared", "float32")
        in_child(lambda: same(want))
        net.fit(x, y, epochs=1, **options)
        whole, *_, fresh = make("shared")
        whole.fit(x, y, epochs=3, **fresh)
        wants[:] = [p.tobytes() for p in parameters(whole)]
        for _ in range(5):  # the state of the optimizer is in every child
            in_child(go_on)
        go_on()
        """,
        OPENBLAS_NUM_THREADS="1",
    )


def test_data_with_nan_changes_nothing():
    net, x, y, options = make("digits")
    want = net(x)
    with pytest.raises(ValueError, match="nan"):
        net.fit(np.where(np.arange(64) == 3, np.nan, x), y, **options)
    assert_same_bits(net(x), want)
