"""Training in pieces is training at once: fit again, fit and train_step, the optimizer's state."""

import numpy as np
import pytest
from train_cases import CASES, OPTIMIZERS, assert_same_network, make, network

import cnnfs


@pytest.mark.parametrize("name", CASES)
def test_ten_epochs_are_four_and_six(dtype, name):
    whole, x, y, options = make(name, dtype)
    history = whole.fit(x, y, epochs=10, **options)
    parts, x, y, options = make(name, dtype)
    first = parts.fit(x, y, epochs=4, **options)
    second = parts.fit(x, y, epochs=6, **options)
    assert_same_network(parts, whole)
    assert {key: first[key] + second[key] for key in first} == history


def test_with_validation_split():
    whole, x, y, options = make("digits")
    history = whole.fit(x, y, epochs=5, validation_split=0.25, **options)
    parts, x, y, options = make("digits")
    series = [parts.fit(x, y, epochs=n, validation_split=0.25, **options) for n in (1, 3, 1)]
    assert_same_network(parts, whole)
    assert {key: [v for part in series for v in part[key]] for key in history} == history


def test_with_a_generator():
    def run(*pieces):
        net, x, y, options = make("digits")
        options["rng"] = np.random.default_rng(5)
        for epochs in pieces:
            net.fit(x, y, epochs=epochs, **options)
        return net

    assert_same_network(run(4, 6), run(10))
    assert_same_network(run(1, 2, 7), run(10))


@pytest.mark.parametrize("optimizer", [None, "adam", "sgd"])
def test_with_the_network_s_own_optimizer(optimizer):
    """Without an optimizer the network keeps its own Adam; a name means a new one each time."""

    def run(*pieces):
        net, x, y, options = make("digits")
        for epochs in pieces:
            net.fit(x, y, epochs=epochs, **{**options, "optimizer": optimizer})
        return net

    if optimizer is None:
        assert_same_network(run(4, 6), run(10))
    else:
        assert run(4, 6) != run(10)


def test_own_adam_is_the_default_adam():
    runs = []
    for optimizer in (None, cnnfs.Adam()):
        net, x, y, options = make("digits", dropout=0)
        net.fit(x, y, epochs=2, **{**options, "optimizer": optimizer})
        net.train_step(x[:40], y[:40], optimizer=optimizer)
        net.fit(x, y, epochs=2, **{**options, "optimizer": optimizer})
        runs.append(net)
    assert_same_network(*runs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ["digits", "shared, odd", "one at a time"])
def test_an_epoch_in_order_is_a_loop_of_train_step(dtype, name, optimizer):
    net, x, y, options = make(name, dtype, dropout=0)
    size, weight = options["batch_size"], np.linspace(0.5, 2, len(x))
    shared = {"optimizer": OPTIMIZERS[optimizer](), "loss": "mse"}
    targets = np.eye(net.n_outputs)[y] if y.ndim == 1 else y
    history = net.fit(
        x, targets, batch_size=size, shuffle=False, sample_weight=weight, rng=0, **shared
    )
    steps, *_ = make(name, dtype, dropout=0)
    shared["optimizer"] = OPTIMIZERS[optimizer]()
    total = 0.0
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        loss = steps.train_step(x[rows], targets[rows], sample_weight=weight[rows], **shared)
        assert type(loss) is float
        total += loss * weight[rows].sum()
    assert_same_network(steps, net)
    assert history["loss"][0] == pytest.approx(total / weight.sum(), rel=1e-6)
    assert shared["optimizer"].steps == -(-len(x) // size)


def test_train_step_with_dropout_repeats_with_its_seed():
    def run(seed):
        net, x, y, options = make("digits", dropout=0.5)
        optimizer, rng = options["optimizer"], np.random.default_rng(seed)
        losses = [net.train_step(x[:32], y[:32], optimizer=optimizer, rng=rng) for _ in range(6)]
        return net, losses

    (one, first), (other, second), (third, _) = run(1), run(1), run(2)
    assert_same_network(one, other)
    assert first == second
    assert third != one


def test_train_step_changes_its_batch_size():
    """Scratch grows and shrinks with the batch; the results are those of a fresh network."""
    net, x, y, _ = make("digits", dropout=0)
    fresh, *_ = make("digits", dropout=0)
    kept, other = cnnfs.SGD(0.01), cnnfs.SGD(0.01)
    for rows in (32, 1, 200, 7, 333, 32):
        net.train_step(x[:rows], y[:rows], optimizer=kept)
        other.reset()  # plain SGD keeps nothing that matters
        fresh.train_step(x[:rows].copy(), y[:rows], optimizer=other)
        assert_same_network(fresh, net)


def test_gradients_and_evaluate_in_between_change_nothing():
    net, x, y, options = make("digits")
    quiet, *_, same = make("digits")
    for _ in range(3):
        net.fit(x, y, **options)
        quiet.fit(x, y, **same)
        net.gradients(x, y)
        net.evaluate(x, y)
        net.input_gradient(x[:3])
        net.activations(x)
        net(x[:100])
    assert_same_network(net, quiet)


def test_a_changed_setting_holds_from_the_next_fit_on():
    """The optimizer's attributes may be changed between two calls; its moments stay."""
    x = np.array([[1.0]])
    net = cnnfs.Network([cnnfs.Layer.from_arrays([[0.0]], dtype="float64")])
    sgd = cnnfs.SGD(0.1)
    net.train_step(x, [1.0], optimizer=sgd)  # gradient -2 of weight and bias
    assert net[0].weights[0, 0] == pytest.approx(0.2)
    sgd.learning_rate = 0.5
    net.train_step(x, [1.0], optimizer=sgd)  # prediction 0.4, gradient -1.2
    assert net[0].weights[0, 0] == pytest.approx(0.8)
    assert sgd.steps == 2


def test_weights_that_are_assigned_between_two_fits_are_trained_on():
    net, x, y, options = make("digits")
    net.fit(x, y, **options)
    start = network((64, 128, 64, 10), "relu", "softmax", seed=50)
    fresh, *_, same = make("digits")
    fresh.fit(x, y, **same)
    for layer, other in zip(net.layers, fresh.layers, strict=True):
        if hasattr(layer, "weights"):
            layer.weights, layer.bias = other.weights, other.bias
    assert_same_network(net, fresh)
    for source, one, other in zip(
        start, *([k for k in n if hasattr(k, "weights")] for n in (net, fresh)), strict=True
    ):
        one.weights = other.weights = source.weights
        one.bias = other.bias = source.bias
    net.fit(x, y, **options)
    fresh.fit(x, y, **same)
    assert_same_network(net, fresh)
