"""fit and evaluate: metrics, history, batches, weights, validation."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score
from sklearn.utils.class_weight import compute_sample_weight
from train_cases import assert_same_network, make

import cnnfs

STILL = 1e-30  # a learning rate that moves nothing: what fit reports is then what evaluate says


def plain(sizes, last):
    """A float64 network without penalties and dropout."""
    pairs = list(itertools.pairwise(sizes))
    return cnnfs.Network(
        cnnfs.Layer(*pair, last if pair is pairs[-1] else "tanh", dtype="float64", rng=i)
        for i, pair in enumerate(pairs)
    )


def classes(rows=203, seed=0):
    """A network of four classes, data, labels, weights."""
    rng = np.random.default_rng(seed)
    net = plain((6, 9, 4), "softmax")
    return net, rng.normal(size=(rows, 6)), rng.integers(0, 4, rows), rng.random(rows)


# ---- metrics -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 203, 5000])
@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_accuracy_of_classes(last, rows):
    rng = np.random.default_rng(0)
    net, x, y = plain((6, 9, 4), last), rng.normal(size=(rows, 6)), rng.integers(0, 4, rows)
    weight = rng.random(rows)
    guess = net(x).argmax(axis=1)
    got = net.evaluate(x, y, loss="cross_entropy")
    assert list(got) == ["loss", "accuracy"]
    assert all(type(value) is float for value in got.values())
    assert got["accuracy"] == pytest.approx(accuracy_score(y, guess), abs=1e-15)
    one_hot = net.evaluate(x, np.eye(4)[y], loss="cross_entropy")
    assert one_hot == pytest.approx(got, rel=1e-14)
    got = net.evaluate(x, y, loss="cross_entropy", sample_weight=weight)["accuracy"]
    assert got == pytest.approx(accuracy_score(y, guess, sample_weight=weight), rel=1e-13)
    assert net.evaluate(x, guess, loss="cross_entropy")["accuracy"] == 1


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("last", ["sigmoid", "linear"])
def test_accuracy_of_binary_outputs(last, n_outputs):
    rng = np.random.default_rng(1)
    net, x = plain((6, 9, n_outputs), last), rng.normal(size=(203, 6))
    t, weight = rng.random((203, n_outputs)), rng.random(203)
    right = (net(x) > (0.5 if last == "sigmoid" else 0)) == (t > 0.5)
    got = net.evaluate(x, t, loss="binary_cross_entropy")
    assert got["accuracy"] == pytest.approx(right.mean(), abs=1e-15)
    got = net.evaluate(x, t, loss="binary_cross_entropy", sample_weight=weight)["accuracy"]
    assert got == pytest.approx(np.average(right.mean(axis=1), weights=weight), rel=1e-13)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("rows", [2, 203, 5000])
def test_metrics_of_regression(loss, n_outputs, rows):
    rng = np.random.default_rng(2)
    net, x = plain((6, 9, n_outputs), "linear"), rng.normal(size=(rows, 6))
    t, weight = 1000 + rng.normal(size=(rows, n_outputs)), rng.random(rows)
    for options in ({}, {"sample_weight": weight}):
        got = net.evaluate(x, t, loss=loss, **options)
        assert list(got) == ["loss", "r2", "mae"]
        assert got["r2"] == pytest.approx(r2_score(t, net(x), **options), rel=1e-9)
        assert got["mae"] == pytest.approx(mean_absolute_error(t, net(x), **options), rel=1e-12)
    near = net(x) + 0.01 * rng.normal(size=t.shape)
    assert net.evaluate(x, near)["r2"] == pytest.approx(r2_score(near, net(x)), rel=1e-9)


@pytest.mark.parametrize("batch_size", [1, 7, 64, 100_000])
def test_the_batch_size_of_evaluate_changes_nothing_but_rounding(batch_size):
    net, x, y, weight = classes()
    want = net.evaluate(x, y, sample_weight=weight)
    got = net.evaluate(x, y, sample_weight=weight, batch_size=batch_size)
    assert got == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("last", "keys"),
    [("softmax", ["accuracy"]), ("sigmoid", ["accuracy"]), ("linear", ["r2", "mae"])],
)
def test_running_metrics_are_those_of_the_epoch(last, keys, weighted):
    rng = np.random.default_rng(3)
    net, x = plain((6, 9, 4), last), rng.normal(size=(203, 6))
    y = rng.integers(0, 4, 203) if last == "softmax" else rng.random((203, 4))
    options = {"sample_weight": rng.random(203)} if weighted else {}
    want = net.evaluate(x, y, **options)
    history = net.fit(x, y, epochs=2, batch_size=20, optimizer=cnnfs.SGD(STILL), **options)
    assert isinstance(history, cnnfs.History)
    assert list(history) == ["loss", *keys]
    for key in want:
        assert history[key] == pytest.approx([want[key]] * 2, rel=1e-9)
        assert all(type(value) is float for value in history[key])


def test_accuracy_stays_within_0_and_1():
    rng = np.random.default_rng(4)
    for last, n_outputs in [("softmax", 3), ("sigmoid", 5), ("sigmoid", 1)]:
        net, x = plain((6, 20, n_outputs), last), rng.normal(size=(50, 6))
        y = rng.integers(0, 3, 50) if last == "softmax" else rng.integers(0, 2, (50, n_outputs))
        history = net.fit(x, y, epochs=300, batch_size=7, optimizer=cnnfs.Adam(0.02), rng=0)
        assert all(0 <= value <= 1 for value in history["accuracy"])
        assert history["accuracy"][-1] > history["accuracy"][0]


def test_r2_of_a_constant_target_is_no_surprise():
    """As scikit-learn: 1 if all is right, else 0; one row has no spread, so R2 is not a number."""
    net = cnnfs.Network([cnnfs.Layer.from_arrays([[0.0]], [3.0], dtype="float64")])
    assert net.evaluate([[1.0], [2.0]], [3.0, 3.0])["r2"] == 1
    assert net.evaluate([[1.0], [2.0]], [5.0, 5.0])["r2"] == 0


# ---- batches -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "size", "steps"),
    [(203, 32, 7), (203, 203, 1), (203, 500, 1), (203, 1, 203), (64, 32, 2), (1, 32, 1)],
)
def test_the_last_short_batch_is_kept(rows, size, steps):
    net, x, y, _ = classes(rows=rows)
    optimizer = cnnfs.SGD()
    net.fit(x, y, batch_size=size, optimizer=optimizer, epochs=3)
    assert optimizer.steps == 3 * steps
    assert optimizer.epochs == 3


def test_batch_size_is_32_and_epochs_is_1():
    net, x, y, _ = classes()
    other, *_ = classes()
    one = net.fit(x, y, rng=0)
    assert one == other.fit(x, y, rng=0, batch_size=32, epochs=1)
    assert_same_network(net, other)
    assert len(one["loss"]) == 1


def test_every_row_is_seen_once_in_an_epoch():
    """With one-hot rows, a linear layer without bias moves weight i only by what row i says."""
    rows = 1000
    layer = cnnfs.Layer.from_arrays(np.zeros((1, rows)), dtype="float64")
    net, x, y = cnnfs.Network([layer]), np.eye(rows), np.ones(rows)
    orders = []

    def note(epoch):
        orders.append(layer.weights[0].copy())

    net.fit(x, y, epochs=3, batch_size=1, optimizer=cnnfs.SGD(1e-5), rng=0, callbacks=[note])
    # The bias grows step by step, so the change of a weight tells when its row came: by 2e-5 a
    # step at most, while the weights differ by 2e-5 times the bias, which stays below 0.1.
    changes = np.diff([np.zeros(rows), *orders], axis=0)
    assert (changes != 0).all()
    ranks = np.argsort(np.argsort(-changes[0]))
    assert sorted(ranks) == list(range(rows))
    # Shuffled: the rank has nothing to do with the place (six standard deviations of rho).
    assert abs(np.corrcoef(ranks, np.arange(rows))[0, 1]) < 6 / math.sqrt(rows)
    second = np.argsort(np.argsort(-changes[1]))
    assert abs(np.corrcoef(ranks, second)[0, 1]) < 6 / math.sqrt(rows)


# ---- weights -----------------------------------------------------------------------------------


def test_a_weight_of_zero_is_a_row_that_is_not_there(dtype):
    net, x, y, _ = classes()
    other, *_ = classes()
    weight = np.ones(len(x))
    weight[::3] = 0
    options = {"epochs": 5, "batch_size": 500, "shuffle": False}
    left = weight > 0
    one = net.fit(x, y, sample_weight=weight, optimizer="sgd", **options)
    two = other.fit(x[left], y[left], optimizer="sgd", **options)
    assert one["loss"] == pytest.approx(two["loss"], rel=1e-13)
    assert one["accuracy"] == pytest.approx(two["accuracy"], rel=1e-13)
    for got, want in zip(net, other, strict=True):
        np.testing.assert_allclose(got.weights, want.weights, rtol=1e-12, atol=1e-14)


def test_a_batch_without_weight_changes_nothing_but_ends_nothing():
    net, x, y, _ = classes(rows=96)
    weight = np.ones(96)
    weight[32:64] = 0
    history = net.fit(x, y, sample_weight=weight, shuffle=False, epochs=3, optimizer="adam")
    assert np.isfinite(history["loss"]).all()
    assert all(np.isfinite(layer.weights).all() for layer in net)


@pytest.mark.parametrize("last", ["softmax", "sigmoid"])
def test_balanced_class_weights(last):
    rng = np.random.default_rng(5)
    n_outputs = 4 if last == "softmax" else 1
    y = rng.choice([0, 1], 203, p=[0.8, 0.2])
    if last == "softmax":
        y += rng.choice([0, 2], 203, p=[0.7, 0.3])
    x = rng.normal(size=(203, 6))
    balanced = compute_sample_weight("balanced", y)
    share = {label: float(balanced[y == label][0]) for label in np.unique(y)}
    nets = []
    for options in (
        {"class_weight": "balanced"},
        {"class_weight": share},
        {"class_weight": [share[label] for label in sorted(share)]},
        {"sample_weight": balanced},
    ):
        net = plain((6, 9, n_outputs), last)
        net.fit(x, y, epochs=3, rng=0, **options)
        nets.append(net)
    for net in nets[1:]:
        for got, want in zip(net, nets[0], strict=True):
            np.testing.assert_allclose(got.weights, want.weights, rtol=1e-12, atol=1e-14)


def test_class_weights_and_sample_weights_multiply():
    net, x, y, weight = classes()
    other, *_ = classes()
    share = np.array([1.0, 2.0, 0.5, 3.0])
    net.fit(x, y, class_weight=share, sample_weight=weight, rng=0)
    other.fit(x, y, sample_weight=share[y] * weight, rng=0)
    assert_same_network(net, other)


# ---- validation --------------------------------------------------------------------------------


def test_validation_data_is_what_evaluate_says():
    net, x, y, weight = classes()
    _, xv, yv, _ = classes(rows=77, seed=1)
    for data in ((xv, yv), (xv, yv, weight[:77]), [xv, yv]):
        history = net.fit(x, y, epochs=2, validation_data=data, rng=0)
        assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
        options = {"sample_weight": data[2]} if len(data) == 3 else {}
        want = net.evaluate(xv, yv, **options)
        assert history["val_loss"][-1] == want["loss"]
        assert history["val_accuracy"][-1] == want["accuracy"]


def test_validation_does_not_touch_the_training():
    net, x, y, options = make("digits")
    quiet, *_, same = make("digits")
    one = net.fit(x, y, epochs=3, validation_data=(x[:50], y[:50]), **options)
    two = quiet.fit(x, y, epochs=3, **same)
    assert_same_network(net, quiet)
    assert one["loss"] == two["loss"]


def test_validation_split_holds_rows_back():
    """Rows are one-hot: a weight whose row was held back has not moved."""
    rows = 100
    layer = cnnfs.Layer.from_arrays(np.zeros((1, rows)), dtype="float64")
    net = cnnfs.Network([layer])
    optimizer = cnnfs.SGD(0.1)
    options = {"epochs": 4, "validation_split": 0.3, "batch_size": 8, "optimizer": optimizer}
    history = net.fit(np.eye(rows), np.ones(rows), rng=0, **options)
    held = layer.weights[0] == 0
    assert held.sum() == 30
    assert 0 < np.flatnonzero(held)[0] < 30, "drawn, not the last ones"
    assert optimizer.steps == 4 * math.ceil(70 / 8)
    want = net.evaluate(np.eye(rows)[held], np.ones(held.sum()))
    assert history["val_loss"][-1] == pytest.approx(want["loss"], rel=1e-14)
    again = cnnfs.Layer.from_arrays(np.zeros((1, rows)), dtype="float64")
    options["optimizer"] = cnnfs.SGD(0.1)
    cnnfs.Network([again]).fit(np.eye(rows), np.ones(rows), rng=1, **options)
    assert ((again.weights[0] == 0) != held).any()


def test_validation_split_takes_the_sample_weights_along():
    rng = np.random.default_rng(0)
    net, x, y = plain((6, 1), "linear"), rng.normal(size=(200, 6)), rng.normal(size=200)
    weight = np.ones(200)
    weight[:20] = 0
    x[:20] = 1e6  # would be seen in any loss
    history = net.fit(x, y, epochs=2, validation_split=0.5, sample_weight=weight, rng=0)
    assert max(history["loss"] + history["val_loss"]) < 100
