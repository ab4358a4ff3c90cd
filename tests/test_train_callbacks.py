"""What happens between epochs: callbacks, early stopping, checkpoints, the progress line."""

import pickle

import numpy as np
import pytest
from helpers import checked_python
from reference import assert_same_bits
from train_cases import assert_same_network, make, parameters

import cnnfs


def start(**changes):
    net, x, y, options = make("digits", dropout=0)
    return net, (x, y), {**options, **changes}


# ---- any callable ------------------------------------------------------------------------------


def test_a_callback_sees_each_epoch():
    net, data, options = start(epochs=4)
    seen, losses = [], []

    def note(epoch):
        assert epoch.network is net
        assert epoch.optimizer is options["optimizer"]
        assert epoch.epochs == 4
        assert {key: values[-1] for key, values in epoch.history.items()} == epoch.logs
        assert len(epoch.history["loss"]) == epoch.number
        losses.append(net.evaluate(*data)["loss"])
        seen.append(epoch)

    history = net.fit(*data, validation_data=data, callbacks=[note], **options)
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4]
    assert all(isinstance(epoch, cnnfs.Epoch) for epoch in seen)
    assert [epoch.logs["loss"] for epoch in seen] == history["loss"]
    assert losses == history["val_loss"], "the weights are in place when a callback runs"
    assert seen[-1].history is history


def test_true_ends_the_training_and_nothing_else_does():
    for answer, epochs in [(True, 1), (np.True_, 1), (False, 3), (None, 3)]:
        net, data, options = start(epochs=3)
        history = net.fit(*data, callbacks=[lambda epoch, answer=answer: answer], **options)
        assert len(history["loss"]) == epochs
    net, data, options = start(epochs=5)
    called = []
    callbacks = [
        lambda e: called.append("a"),
        lambda e: e.number == 2,
        lambda e: called.append("b"),
    ]
    net.fit(*data, callbacks=callbacks, **options)
    assert called == ["a", "b"] * 2, "every callback is called for the last epoch, too"
    two, data, options = start(epochs=2)
    two.fit(*data, **options)
    assert_same_network(net, two)


def test_on_begin_and_on_end():
    class Note:
        def __init__(self):
            self.said = []

        def on_begin(self, network):
            self.said.append(("begin", network))

        def __call__(self, epoch):
            self.said.append((epoch.number, epoch.network))

        def on_end(self, network):
            self.said.append(("end", network))

    net, data, options = start(epochs=2)
    note = Note()
    net.fit(*data, callbacks=(note,), **options)
    assert note.said == [("begin", net), (1, net), (2, net), ("end", net)]
    assert all(network is net for _, network in note.said)


def test_an_exception_of_a_callback_is_the_user_s():
    net, data, options = start(epochs=5)

    def fail(epoch):
        if epoch.number == 2:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        net.fit(*data, callbacks=[fail], **options)
    two, data, same = start(epochs=2)
    two.fit(*data, **same)
    assert_same_network(net, two)
    net.fit(*data, **{**options, "epochs": 1})  # goes on
    two.fit(*data, **{**same, "epochs": 1})
    assert_same_network(net, two)


def test_a_callback_may_change_the_weights_and_the_rate():
    net, data, options = start(epochs=2)

    def erase(epoch):
        for layer in net:
            layer.weights, layer.bias = layer.weights * 0, layer.bias * 0

    net.fit(*data, callbacks=[erase], **options)
    assert not any(p.any() for p in parameters(net))

    net, data, options = start(epochs=3, optimizer=cnnfs.SGD(0.01))
    kept = []

    def freeze(epoch):
        epoch.optimizer.learning_rate = 1e-30
        kept.append(parameters(net))

    net.fit(*data, callbacks=[freeze], **options)
    for one, other in zip(kept[0], kept[2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_callback_may_train_another_network():
    net, data, options = start(epochs=3)
    other, _, inner = start(epochs=1)
    net.fit(*data, callbacks=[lambda epoch: other.fit(*data, **inner) and None], **options)
    want, _, options = start(epochs=3)
    want.fit(*data, **options)
    assert_same_network(net, want)
    assert_same_network(other, want)


# ---- early stopping ----------------------------------------------------------------------------


def noisy(**changes):
    """Training that is at its best in the middle: the rate grows until it does harm."""
    net, data, options = start(epochs=40, optimizer=cnnfs.SGD(lambda step: 1e-2 * 1.05**step))
    return net, data, {**options, **changes}


@pytest.mark.parametrize("monitor", [None, "loss", "val_loss", "accuracy", "val_accuracy"])
def test_early_stopping_restores_the_best_weights(monitor):
    net, data, options = noisy()
    early, kept, values = cnnfs.EarlyStopping(monitor=monitor, patience=4), [], []
    key = monitor or "val_loss"
    sign = 1 if "accuracy" in key else -1

    def keep(epoch):
        kept.append(parameters(net))
        values.append(sign * epoch.logs[key])

    try:
        net.fit(*data, validation_data=data, callbacks=[keep, early], **options)
    except cnnfs.TrainingDiverged:
        pytest.fail("the data of this test is too wild")
    best = int(np.argmax(values))
    assert best > 0
    assert len(values) == best + 1 + 4 < 40
    assert early.best == sign * values[best]
    assert (early.best_epoch, early.stopped_epoch) == (best + 1, best + 5)
    for got, want in zip(parameters(net), kept[best], strict=True):
        assert_same_bits(got, want)


def test_early_stopping_monitors_the_loss_without_validation():
    net, data, options = noisy()
    early = cnnfs.EarlyStopping(patience=2)
    history = net.fit(*data, callbacks=[early], **options)
    assert early.best == min(history["loss"])


def test_early_stopping_restores_also_when_the_epochs_run_out():
    net, data, options = noisy(epochs=12)
    early, kept = cnnfs.EarlyStopping(patience=100), []
    keep = [lambda epoch: kept.append(parameters(net)), early]
    history = net.fit(*data, callbacks=keep, **{**options, "epochs": 12})
    assert early.stopped_epoch is None
    best = int(np.argmin(history["loss"]))
    for got, want in zip(parameters(net), kept[best], strict=True):
        assert_same_bits(got, want)


def test_early_stopping_can_leave_the_last_weights():
    net, data, options = noisy()
    early, kept = cnnfs.EarlyStopping(patience=2, restore_best=False), []
    net.fit(*data, callbacks=[early, lambda epoch: kept.append(parameters(net))], **options)
    for got, want in zip(parameters(net), kept[-1], strict=True):
        assert_same_bits(got, want)


def test_early_stopping_serves_twice_and_min_delta():
    early = cnnfs.EarlyStopping(patience=1, min_delta=10.0)
    for _ in range(2):
        net, data, options = start(epochs=9)
        history = net.fit(*data, callbacks=[early], **options)
        assert len(history["loss"]) == 2, "nothing is better by 10"


def test_a_monitor_that_is_not_there():
    for monitor in ("val_loss", "r2", "nonsense"):
        net, data, options = start()
        with pytest.raises(ValueError, match=monitor) as caught:
            net.fit(*data, callbacks=[cnnfs.EarlyStopping(monitor=monitor)], **options)
        assert '"loss"' in str(caught.value)


def test_checkpoints():
    net, data, options = noisy(epochs=8)
    saved, all_saved = [], []
    best = cnnfs.Checkpoint(lambda network, epoch: saved.append((network, epoch.number)))
    every = cnnfs.Checkpoint(lambda n, e: all_saved.append(e.number), best_only=False)
    history = net.fit(*data, callbacks=[best, every], **{**options, "epochs": 8})
    falls = [i + 1 for i, v in enumerate(history["loss"]) if v == min(history["loss"][: i + 1])]
    assert [number for _, number in saved] == falls
    assert all(network is net for network, _ in saved)
    assert all_saved == list(range(1, 9))


def test_a_network_pickled_between_epochs_is_that_of_the_epoch():
    net, data, options = start(epochs=3)
    saved = []
    keep = cnnfs.Checkpoint(lambda n, e: saved.append(pickle.dumps(n)), best_only=False)
    net.fit(*data, callbacks=[keep], **options)
    for epochs, file in enumerate(saved, start=1):
        want, data, options = start(epochs=epochs)
        want.fit(*data, **options)
        assert_same_network(pickle.loads(file), want)


# ---- history and progress ----------------------------------------------------------------------


def test_the_curves_are_drawn():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    net, data, options = start(epochs=3)
    history = net.fit(*data, validation_data=data, **options)
    _, ax = pyplot.subplots()
    assert history.plot(ax=ax) is ax
    drawn = [list(line.get_ydata()) for line in ax.get_lines()]
    assert all(series in drawn for series in history.values())
    pyplot.close("all")


def test_progress_is_quiet_in_scripts_and_can_be_asked_for(capfd):
    net, data, options = start(epochs=3)
    net.fit(*data, **options)
    net.fit(*data, progress=False, **options)
    assert capfd.readouterr() == ("", "")
    net.fit(*data, progress=True, **options)
    out, err = capfd.readouterr()
    assert out == ""
    assert "3/3" in err
    assert "loss" in err


def test_progress_without_tqdm():
    checked_python(
        """
        import contextlib, io, sys
        sys.modules["tqdm"] = sys.modules["tqdm.auto"] = None
        from train_cases import make
        net, x, y, options = make("digits")
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            net.fit(x, y, epochs=3, progress=True, **options)
        assert "3/3" in said.getvalue() and "loss" in said.getvalue(), said.getvalue()
        said.seek(0), said.truncate()
        import types
        sys.modules["IPython"] = types.ModuleType("IPython")  # as a library of a script may do
        with contextlib.redirect_stderr(said):
            net.fit(x, y, epochs=3, **options)
        assert said.getvalue() == "", said.getvalue()
        sys.ps1 = ">>> "  # an interactive session shows it by itself
        with contextlib.redirect_stderr(said):
            net.fit(x, y, epochs=3, **options)
            shown = said.getvalue()
            net.fit(x, y, epochs=3, progress=False, **options)
        assert "3/3" in shown and said.getvalue() == shown
        """
    )
