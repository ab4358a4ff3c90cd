"""EarlyStopping and Checkpoint, driven by hand: when they act, and what they restore."""

import math

import numpy as np
import pytest

import cnnfs
from cnnfs.callbacks import Checkpoint, EarlyStopping, Epoch
from cnnfs.dropout import Dropout


class Net:
    """What the callbacks need of a network: layers, among them one without weights."""

    def __init__(self):
        self.layers = (cnnfs.Layer(2, 3, rng=0), Dropout(0.5), cnnfs.Layer(3, 1, rng=1))
        self._only_layers = list(self.layers[::2])

    def train(self, value):
        for layer in self.layers[::2]:
            layer.weights = np.full_like(layer.weights, value)
            layer.bias = np.full_like(layer.bias, -value)

    def holds(self, value):
        return all(
            (layer.weights == value).all() and (layer.bias == -value).all()
            for layer in self.layers[::2]
        )


def run(callback, net=None, **series):
    """What fit does with a callback; in epoch e all weights become e. Returns the last epoch."""
    net = net or Net()
    epochs = len(next(iter(series.values())))
    if hasattr(callback, "on_begin"):
        callback.on_begin(net)
    for number in range(1, epochs + 1):
        net.train(number)
        logs = {key: values[number - 1] for key, values in series.items()}
        if callback(Epoch(net, number, epochs, logs, {}, None)) is True:
            break
    if hasattr(callback, "on_end"):
        callback.on_end(net)
    return number


def test_it_stops_after_as_many_epochs_as_it_has_patience():
    for patience in (1, 2, 3):
        early = EarlyStopping(patience=patience)
        assert run(early, loss=[3, 2, 2, 2, 2, 2, 2]) == 2 + patience
        assert (early.best, early.best_epoch, early.stopped_epoch) == (2, 2, 2 + patience)


def test_a_better_epoch_gives_new_patience():
    early = EarlyStopping(patience=2)
    assert run(early, loss=[3, 4, 2, 3, 1, 2, 3, 0]) == 7
    assert (early.best, early.best_epoch, early.stopped_epoch) == (1, 5, 7)


def test_it_does_not_stop_what_goes_on_improving():
    early, net = EarlyStopping(patience=1), Net()
    assert run(early, net, loss=[5, 4, 3, 2, 1]) == 5
    assert (early.best, early.best_epoch, early.stopped_epoch) == (1, 5, None)
    assert net.holds(5)


@pytest.mark.parametrize("key", ["accuracy", "val_accuracy", "r2", "val_r2"])
def test_of_accuracy_and_r2_more_is_better(key):
    early = EarlyStopping(key, patience=2)
    assert run(early, loss=[1] * 5, **{key: [0.1, 0.5, 0.4, 0.5, 0.9]}) == 4
    assert (early.best, early.best_epoch) == (0.5, 2)


@pytest.mark.parametrize("key", ["loss", "val_loss", "mae", "val_mae"])
def test_of_everything_else_less_is_better(key):
    early = EarlyStopping(key, patience=2)
    assert run(early, **{key: [0.5, 0.1, 0.2, 0.1, 0.0]}) == 4
    assert (early.best, early.best_epoch) == (0.1, 2)


def test_it_watches_the_validation_if_there_is_one():
    early = EarlyStopping(patience=1)
    run(early, loss=[3, 2, 1], val_loss=[1, 2, 3])
    assert (early.best, early.stopped_epoch) == (1, 2)
    run(early, loss=[3, 2, 1])
    assert (early.best, early.stopped_epoch) == (1, None)


def test_min_delta():
    losses = [1.0, 0.75, 0.5, 0.25]
    assert run(EarlyStopping(patience=1, min_delta=0.125), loss=losses) == 4
    early = EarlyStopping(patience=1, min_delta=0.25)  # exactly so much is not more
    assert run(early, loss=losses) == 2
    # What is counted is the distance from the best, not from the epoch before.
    assert run(EarlyStopping(patience=2, min_delta=0.25), loss=losses) == 4
    assert run(EarlyStopping("r2", patience=1, min_delta=0.25), r2=[0.25, 0.5, 0.9]) == 2


def test_nan_is_never_better():
    early, net = EarlyStopping(patience=2), Net()
    assert run(early, net, loss=[math.nan, 2, math.nan, math.nan, 1]) == 4
    assert (early.best, early.best_epoch) == (2, 2)
    assert net.holds(2)
    assert run(early, net, loss=[math.nan] * 5) == 2
    assert early.best is early.best_epoch is None
    assert net.holds(2)  # there is nothing better to put back


def test_an_infinite_loss_is_better_than_none():
    early = EarlyStopping(patience=3)
    run(early, loss=[math.inf, math.inf, 5.0])
    assert (early.best, early.best_epoch) == (5.0, 3)


def test_the_best_weights_are_put_back():
    early, net = EarlyStopping(patience=2), Net()
    assert run(early, net, loss=[3, 1, 2, 2, 0]) == 4
    assert net.holds(2)


def test_the_best_weights_are_put_back_when_all_epochs_are_run():
    early, net = EarlyStopping(patience=9), Net()
    assert run(early, net, loss=[3, 1, 2]) == 3
    assert early.stopped_epoch is None
    assert net.holds(2)


def test_the_last_weights_can_be_kept():
    early, net = EarlyStopping(patience=2, restore_best=False), Net()
    run(early, net, loss=[3, 1, 2, 2])
    assert net.holds(4)


def test_it_keeps_copies_and_lets_them_go():
    early, net = EarlyStopping(), Net()
    early.on_begin(net)
    early(Epoch(net, 1, 2, {"loss": 1.0}, {}, None))
    assert len(early._kept) == 2
    assert all(w.flags.owndata and b.flags.owndata for _, w, b in early._kept)
    early.on_end(net)
    assert early._kept == []


def test_it_can_be_used_again():
    early, first, second = EarlyStopping(patience=1), Net(), Net()
    run(early, first, loss=[1, 2])
    assert run(early, second, loss=[9, 8, 7, 8]) == 4
    assert (early.best, early.best_epoch, early.stopped_epoch) == (7, 3, 4)
    assert first.holds(1)
    assert second.holds(3)


@pytest.mark.parametrize("make", [EarlyStopping, lambda key: Checkpoint(print, key)])
def test_a_missing_series_lists_what_there_is(make):
    with pytest.raises(ValueError, match='no "val_acc" to monitor, only "loss", "accuracy"; give'):
        run(make("val_acc"), loss=[1], accuracy=[1])
    with pytest.raises(ValueError, match=r'no "acc" to monitor, only "loss"$'):
        run(make("acc"), loss=[1])


def test_refused_arguments():
    for patience in (0, -1):
        with pytest.raises(ValueError, match="patience must be at least 1"):
            EarlyStopping(patience=patience)
    for patience in (1.5, True, "3"):
        with pytest.raises(TypeError, match="patience must be an integer"):
            EarlyStopping(patience=patience)
    for min_delta in (-0.1, math.nan):
        with pytest.raises(ValueError, match="min_delta must be at least 0"):
            EarlyStopping(min_delta=min_delta)
    with pytest.raises(TypeError, match="monitor must be a name"):
        EarlyStopping(3)
    for save in ("best.npz", None):
        with pytest.raises(TypeError, match="save must be a function"):
            Checkpoint(save)


def test_a_checkpoint_saves_the_best_so_far():
    saved, net = [], Net()

    def save(network, epoch):
        assert network is epoch.network is net
        saved.append((epoch.number, float(network.layers[0].weights[0, 0])))
        return True  # which must not end the training

    checkpoint = Checkpoint(save)
    assert run(checkpoint, net, loss=[3, 4, 2, math.nan, 2, 1]) == 6
    assert saved == [(1, 1), (3, 3), (6, 6)]
    assert (checkpoint.best, checkpoint.best_epoch) == (1, 6)


def test_a_checkpoint_can_save_every_epoch():
    saved = []
    checkpoint = Checkpoint(lambda network, epoch: saved.append(epoch.number), best_only=False)
    run(checkpoint, loss=[3, 4, 2, 5])
    assert saved == [1, 2, 3, 4]
    assert checkpoint.best_epoch == 3


def test_a_checkpoint_begins_anew_with_each_training():
    saved = []
    checkpoint = Checkpoint(lambda network, epoch: saved.append(epoch.number), "accuracy")
    run(checkpoint, accuracy=[0.5, 0.9])
    run(checkpoint, accuracy=[0.1, 0.2])
    assert saved == [1, 2, 1, 2]


def test_repr():
    early = EarlyStopping("val_r2", 3, 0.5, False)
    words = "EarlyStopping(monitor='val_r2', patience=3, min_delta=0.5, restore_best=False)"
    assert repr(early) == words
    assert repr(eval(words)) == words
    assert repr(Checkpoint(print)).endswith("print>, monitor=None, best_only=True)")


def test_an_epoch_is_a_named_tuple():
    names = ("network", "number", "epochs", "logs", "history", "optimizer")
    assert Epoch._fields == names
