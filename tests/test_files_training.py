"""Training that goes on from a file, in another process, bit for bit."""

import os
import threading

import numpy as np
import pytest
from helpers import checked_python
from train_cases import CASES, OPTIMIZERS, assert_same_network, make

import cnnfs
from cnnfs import Layer, Network

SCHEDULES = [
    cnnfs.InverseTimeDecay(0.1, 0.01),
    cnnfs.StepDecay(0.1, 7, 0.5),
    cnnfs.ExponentialDecay(0.1, 0.99),
    cnnfs.CosineDecay(0.1, 40, 1e-3),
    cnnfs.LinearWarmup(0.1, 5),
    cnnfs.LinearWarmup(cnnfs.LinearWarmup(cnnfs.StepDecay(0.1, 3), 4), 5),
]

# Of a process that knows nothing but the file.
GO_ON = """
    import sys, cnnfs
    from train_cases import make
    path, name, dtype, epochs = sys.argv[1:]
    _, x, y, options = make(name, dtype)
    net, optimizer = cnnfs.load_training(path)
    history = net.fit(x, y, epochs=int(epochs), **{**options, "optimizer": optimizer})
    net.save(path, optimizer=optimizer)
    print(history["loss"])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reloaded(net, optimizer):
    net.save("training.safetensors", optimizer=optimizer)
    return cnnfs.load_training("training.safetensors")


def assert_same_state(one, other):
    assert repr(one) == repr(other)
    assert (one.steps, one.epochs) == (other.steps, other.epochs)
    for mine, theirs in zip(one._trainer.state(), other._trainer.state(), strict=True):
        for pair, twin in zip(mine, theirs, strict=True):
            assert [p.tobytes() for p in pair] == [p.tobytes() for p in twin]


@pytest.mark.parametrize("name", ["digits", "shared, odd", "wide", "large batch", "one at a time"])
def test_four_and_six_epochs_are_ten_in_another_process(dtype, name):
    whole, x, y, options = make(name, dtype)
    history = whole.fit(x, y, epochs=10, **options)
    first, x, y, more = make(name, dtype)
    first.fit(x, y, epochs=4, **more)
    first.save("training.safetensors", optimizer=more["optimizer"])
    said = checked_python(GO_ON, "training.safetensors", name, dtype, 6)
    last, optimizer = cnnfs.load_training("training.safetensors")
    assert_same_network(last, whole)
    assert_same_state(optimizer, options["optimizer"])
    assert said.strip() == repr(history["loss"][4:])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", CASES)
def test_every_optimizer(isa, dtype, optimizer, name):
    def run(*pieces):
        net, x, y, options = make(name, dtype)
        options["optimizer"] = OPTIMIZERS[optimizer]()
        for epochs in pieces:
            net.fit(x[:130], y[:130], epochs=epochs, **options)
            net, options["optimizer"] = reloaded(net, options["optimizer"])
        return net, options["optimizer"]

    (net, used), (whole, wanted) = run(1, 2), run(3)
    assert_same_network(net, whole)
    assert_same_state(used, wanted)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_every_schedule(schedule):
    net, x, y, options = make("digits")
    options["optimizer"] = cnnfs.SGD(schedule, clip_norm=1.5, clip_value=0.25)
    net.fit(x, y, epochs=2, **options)
    twin, optimizer = reloaded(net, options["optimizer"])
    assert optimizer.learning_rate == schedule
    assert type(optimizer.learning_rate) is type(schedule)
    assert (optimizer.clip_norm, optimizer.clip_value) == (1.5, 0.25)
    again = twin.fit(x, y, epochs=2, **{**options, "optimizer": optimizer})
    assert net.fit(x, y, epochs=2, **options) == again
    assert_same_network(net, twin)


def test_fit_and_train_step_take_the_loaded_optimizer_by_themselves():
    net, x, y, options = make("digits", dropout=0)
    options["loss"] = cnnfs.CrossEntropy(0.05)
    net.fit(x, y, **options)
    twin, optimizer = reloaded(net, options.pop("optimizer"))
    for one in (net, twin):
        one.train_step(x[:9], y[:9])
        one.fit(x, y, epochs=2, rng=1)
    assert_same_network(net, twin)
    assert twin._optimizer is optimizer
    assert optimizer.epochs == 3


def test_a_callback_may_save_after_each_epoch():
    def save(network, epoch):
        network.save(f"{epoch.optimizer.epochs}.safetensors", optimizer=epoch.optimizer)

    whole, x, y, options = make("digits")
    whole.fit(x, y, epochs=5, callbacks=[cnnfs.Checkpoint(save, best_only=False)], **options)
    for done in range(1, 6):
        net, optimizer = cnnfs.load_training(f"{done}.safetensors")
        net.fit(x, y, epochs=5 - done, **{**options, "optimizer": optimizer})
        assert_same_network(net, whole)


def test_load_takes_the_network_only():
    net, x, y, options = make("digits")
    net.fit(x, y, **options)
    net.save("training.safetensors", optimizer=options["optimizer"])
    alone = cnnfs.load("training.safetensors")
    assert_same_network(alone, net)
    assert alone._optimizer is None
    net.save("model.safetensors")
    with pytest.raises(cnnfs.ModelFileError, match=r"model\.safetensors: no optimizer was saved"):
        cnnfs.load_training("model.safetensors")


def test_an_optimizer_that_has_not_trained_yet():
    for net in (make("digits")[0], Network([Layer(0, 2), Layer(2, 0)]), Network([Layer(0, 0)])):
        for kind in (cnnfs.SGD, cnnfs.Adam):
            twin, optimizer = reloaded(net, kind(0.25))
            assert_same_network(twin, net)
            assert repr(optimizer) == repr(kind(0.25))
            assert (optimizer.steps, optimizer.epochs) == (0, 0)
    one, x, y, options = make("digits")
    other, options["optimizer"] = reloaded(one, cnnfs.AdamW(0.01))
    other.fit(x, y, epochs=2, **options)
    one.fit(x, y, epochs=2, **{**options, "optimizer": cnnfs.AdamW(0.01)})
    assert_same_network(one, other)


def test_a_momentum_that_comes_and_goes():
    """The attributes may change between two fits: the file has what the next fit would take."""
    for before, after in ((0.9, 0.0), (0.0, 0.9), (0.9, 0.5)):
        net, x, y, options = make("digits")
        options["optimizer"] = sgd = cnnfs.SGD(0.01, momentum=before)
        net.fit(x, y, **options)
        sgd.momentum = after
        twin, optimizer = reloaded(net, sgd)
        net.fit(x, y, **options)
        twin.fit(x, y, **{**options, "optimizer": optimizer})
        assert_same_network(net, twin)


def test_saving_changes_nothing():
    quiet, x, y, options = make("digits")
    quiet.fit(x, y, epochs=4, **options)
    net, x, y, options = make("digits")
    for _ in range(4):
        net.fit(x, y, **options)
        net.save("training.safetensors", optimizer=options["optimizer"])
    assert_same_network(net, quiet)


def test_a_training_that_was_interrupted_in_an_epoch():
    net, x, y, options = make("digits")
    options["optimizer"] = adam = cnnfs.Adam(0.01)
    net.fit(x, y, **options)
    for start in (0, 32, 64):
        net.train_step(x[start : start + 32], y[start : start + 32], optimizer=adam)
    twin, optimizer = reloaded(net, adam)
    assert (optimizer.steps, optimizer.epochs) == (adam.steps, adam.epochs)
    for one, used in ((net, adam), (twin, optimizer)):
        one.fit(x, y, **{**options, "optimizer": used})
    assert_same_network(net, twin)


# ---- errors ------------------------------------------------------------------------------------


class Mine(cnnfs.Adam):
    """An optimizer of a user."""


class MyDecay(cnnfs.ExponentialDecay):
    """A schedule of a user."""


@pytest.mark.parametrize(
    ("optimizer", "error", "text"),
    [
        ("adam", TypeError, r"must be an optimizer such as cnnfs.Adam\(\), not 'adam'"),
        (cnnfs.Adam, TypeError, r"must be an optimizer such as"),
        (True, TypeError, r"must be an optimizer such as"),
        (Mine(), ValueError, r"Mine is an optimizer of your own, .* use one of cnnfs\.SGD, "),
        (cnnfs.Adam(lambda step: 0.1), ValueError, r"function of your own, .* cnnfs\.StepDecay"),
        (cnnfs.SGD(MyDecay(0.1, 0.9)), ValueError, r"own"),
        (cnnfs.SGD(cnnfs.LinearWarmup(lambda step: 1.0, 3)), ValueError, r"function of your own"),
    ],
    ids=str,
)
def test_what_can_not_be_saved(optimizer, error, text):
    with pytest.raises(error, match=text):
        Network([Layer(2, 3)]).save("training.safetensors", optimizer=optimizer)
    assert os.listdir() == []


def test_schedules_that_are_nested_too_deeply_are_refused_when_they_are_saved():
    rate = 0.1
    for _ in range(30):
        rate = cnnfs.LinearWarmup(rate, 2)
    with pytest.raises(ValueError, match=r"can't be saved: .*nested"):
        Network([Layer(2, 3)]).save("training.safetensors", optimizer=cnnfs.SGD(rate))
    assert os.listdir() == []


def test_an_optimizer_of_another_network():
    net, x, y, options = make("digits")
    net.fit(x, y, **options)
    with pytest.raises(ValueError, match="holds the state of another network"):
        make("digits")[0].save("training.safetensors", optimizer=options["optimizer"])
    loaded, optimizer = reloaded(net, options["optimizer"])
    with pytest.raises(ValueError, match="holds the state of another network"):
        net.fit(x, y, optimizer=optimizer)
    loaded.fit(x, y, optimizer=optimizer)
    optimizer.reset()
    net.fit(x, y, optimizer=optimizer)


def test_settings_that_do_not_go_together():
    sgd = cnnfs.SGD(0.1, momentum=0.5, nesterov=True)
    sgd.momentum = 0.0
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        Network([Layer(2, 3)]).save("training.safetensors", optimizer=sgd)


def test_an_optimizer_that_is_at_work_in_another_thread():
    """The state of a moment between two calls, or an error; the training is not disturbed."""
    x, y = np.random.default_rng(0).normal(size=(3000, 100)), np.arange(3000) % 7
    net, adam = (
        Network([Layer(100, 200, "tanh", rng=0), Layer(200, 7, "softmax", rng=1)]),
        cnnfs.Adam(),
    )
    thread = threading.Thread(target=net.fit, args=(x, y), kwargs={"epochs": 4, "optimizer": adam})
    thread.start()
    refused = 0
    while thread.is_alive():
        try:
            net.save("training.safetensors", optimizer=adam)
        except RuntimeError as error:
            refused += "in use by another call" in str(error)
    thread.join()
    assert refused > 0
    assert_same_state(reloaded(net, adam)[1], adam)


def test_a_step_of_another_thread_between_weights_and_moments():
    net, x, y, options = make("digits", dropout=0)
    adam = options["optimizer"]
    net.fit(x, y, **options)

    class Between:
        """The trainer, with a step done by somebody else when it is asked for its state."""

        def __init__(self, trainer):
            self.trainer = trainer

        def __getattr__(self, name):
            return getattr(self.trainer, name)

        def state(self):
            net.train_step(x[:9], y[:9], optimizer=adam)
            return self.trainer.state()

    adam._trainer = Between(adam._trainer)
    with pytest.raises(RuntimeError, match="in use by another call"):
        net.save("training.safetensors", optimizer=adam)
    assert os.listdir() == []
