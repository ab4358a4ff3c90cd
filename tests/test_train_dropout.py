"""Dropout: its share, its scale, its randomness, and where it is off.

A network with zero weights and one step of SGD shows the mask: for mse with target 1 and n rows the
gradient of weight j is -2/n times the sum over the rows of input j after dropout.
"""

import copy
import pickle

import numpy as np
import pytest
from reference import assert_same_bits
from test_train_gradients import differences
from train_cases import assert_same_network, make, network, parameters

import cnnfs

RATES = [0.1, 0.5, 0.9]


def zero_layer(inputs, neurons=1, bias=0.0, dtype="float64"):
    return cnnfs.Layer.from_arrays(np.zeros((neurons, inputs)), np.full(neurons, bias), dtype=dtype)


def sums_after_dropout(dropouts, columns, rows=1, rng=0, dtype="float64"):
    """For each column of ones, the sum over the rows of what dropout lets through."""
    net = cnnfs.Network([*dropouts, zero_layer(columns, dtype=dtype)])
    x, y = np.ones((rows, columns)), np.ones(rows)
    net.train_step(x, y, loss="mse", optimizer=cnnfs.SGD(1.0), rng=rng)
    return net.layers[-1].weights[0] * rows / 2


def hidden_after_dropout(rate, columns, rng=0):
    """The same for a dropout after a layer whose outputs are all 1."""
    first, last = zero_layer(3, columns, bias=1.0), zero_layer(columns)
    net = cnnfs.Network([first, cnnfs.Dropout(rate), last])
    optimizer = cnnfs.SGD(1.0)
    net.train_step([[1.0, 2.0, 3.0]], [1.0], loss="mse", optimizer=optimizer, rng=rng)
    return last.weights[0] / 2


def assert_share(kept, share, count):
    """Six standard deviations of the binomial distribution."""
    assert abs(kept - share * count) <= 6 * np.sqrt(count * share * (1 - share)), (kept, count)


@pytest.mark.parametrize("rate", RATES)
def test_the_share_and_the_scale(isa, dtype, rate):
    columns = 20_001
    passed = sums_after_dropout([cnnfs.Dropout(rate)], columns, dtype=dtype)
    assert_share((passed != 0).sum(), 1 - rate, columns)
    kept = passed[passed != 0]
    np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=4 * np.finfo(dtype).eps)
    # Neighbours are independent: how often two, side by side, are both kept.
    both = ((passed[:-1:2] != 0) & (passed[1::2] != 0)).sum()
    assert_share(both, (1 - rate) ** 2, columns // 2)
    far = ((passed[: columns // 2] != 0) & (passed[columns // 2 :][: columns // 2] != 0)).sum()
    assert_share(far, (1 - rate) ** 2, columns // 2)


@pytest.mark.parametrize("rate", RATES)
def test_the_same_after_a_layer(rate):
    columns = 20_001
    passed = hidden_after_dropout(rate, columns)
    assert_share((passed != 0).sum(), 1 - rate, columns)
    np.testing.assert_allclose(passed[passed != 0], 1 / (1 - rate), rtol=1e-15)


@pytest.mark.parametrize("rate", RATES)
def test_rows_are_independent(rate):
    columns, rows = 10_000, 2
    passed = sums_after_dropout([cnnfs.Dropout(rate)], columns, rows) * (1 - rate)
    for kept, share in enumerate([rate**2, 2 * rate * (1 - rate), (1 - rate) ** 2]):
        assert_share(np.isclose(passed, kept).sum(), share, columns)
    # The mean of many rows: what is dropped in expectation is nothing.
    columns, rows = 200, 100
    passed = sums_after_dropout([cnnfs.Dropout(rate)], columns, rows) * (1 - rate)
    assert_share(passed.sum(), 1 - rate, columns * rows)


def test_two_in_a_row_multiply():
    columns = 20_000
    passed = sums_after_dropout([cnnfs.Dropout(0.5), cnnfs.Dropout(0.2)], columns)
    assert_share((passed != 0).sum(), 0.4, columns)
    np.testing.assert_allclose(passed[passed != 0], 2.5, rtol=1e-15)


def test_steps_and_layers_have_their_own_masks():
    columns = 4000
    first, last = zero_layer(columns, columns // 10), zero_layer(columns // 10)
    net = cnnfs.Network([cnnfs.Dropout(0.5), first, cnnfs.Dropout(0.5), last])
    rng, optimizer, masks = np.random.default_rng(0), cnnfs.SGD(1.0), []
    for _ in range(3):
        first.weights = np.zeros((columns // 10, columns))
        first.bias = np.ones(columns // 10)
        last.weights, last.bias = np.ones((1, columns // 10)), np.zeros(1)
        net.train_step(np.ones((1, columns)), [0.0], loss="mse", optimizer=optimizer, rng=rng)
        row = int((first.bias != 1).argmax())
        masks.append((first.weights[row] != 0, last.weights[0] != 1))
    for one, other in ((0, 1), (1, 2), (0, 2)):
        for i in range(2):
            assert_share((masks[one][i] & masks[other][i]).sum(), 0.25, masks[one][i].size)
    inputs, outputs = masks[0]
    assert_share((inputs[: len(outputs)] & outputs).sum(), 0.25, len(outputs))


def test_what_is_dropped_gets_no_gradient():
    columns = 1000
    first = cnnfs.Layer(3, columns, "tanh", dtype="float64", rng=0)
    last = cnnfs.Layer(columns, 2, dtype="float64", rng=1)
    net = cnnfs.Network([first, cnnfs.Dropout(0.5), last])
    weights, bias, ends = first.weights, first.bias, last.weights
    x, y = np.array([[0.3, -0.2, 0.9]]), np.array([[1.0, -1.0]])
    net.train_step(x, y, loss="mse", optimizer=cnnfs.SGD(1e-3), rng=0)
    kept = (last.weights != ends).any(axis=0)
    assert_share(kept.sum(), 0.5, columns)
    assert_same_bits(first.weights[~kept], weights[~kept])
    assert (first.bias != bias).tolist() == kept.tolist()
    # The network of the kept neurons, with doubled outputs, has the same gradients.
    half = cnnfs.Network(
        [
            cnnfs.Layer.from_arrays(weights[kept], bias[kept], "tanh"),
            cnnfs.Layer.from_arrays(2 * ends[:, kept]),
        ]
    )
    want = half.gradients(x, y, loss="mse").layers
    step = (weights - first.weights)[kept] / 1e-3
    np.testing.assert_allclose(step, want[0].dweights, rtol=1e-9, atol=1e-12)
    step = (ends - last.weights)[:, kept] / 1e-3
    np.testing.assert_allclose(step, 2 * want[1].dweights, rtol=1e-9, atol=1e-12)


def test_a_rate_of_zero_is_no_dropout():
    net, x, y, options = make("digits", dropout=0)
    net.fit(x, y, epochs=2, **options)
    zero, *_, options = make("digits", dropout=0)
    zero = cnnfs.Network([cnnfs.Dropout(0.0), *zero[:2], cnnfs.Dropout(0), *zero[2:]])
    zero.fit(x, y, epochs=2, **options)
    assert_same_network(zero, net)


def test_it_repeats_with_its_seed():
    runs = []
    for seed in (5, 5, 6):
        net, x, y, options = make("digits", dropout=0.5)
        net.fit(x, y, epochs=2, shuffle=False, **{**options, "rng": seed})
        runs.append(net)
    assert_same_network(runs[0], runs[1])
    assert runs[0] != runs[2]


def test_it_is_off_outside_training():
    noisy, x, y, _ = make("digits", dropout=0.9)
    noisy = cnnfs.Network([cnnfs.Dropout(0.5), *noisy])
    plain = cnnfs.Network([layer for layer in noisy if isinstance(layer, cnnfs.Layer)])
    assert_same_bits(noisy(x), plain(x))
    assert_same_bits(noisy.forward(x[0]), plain.forward(x[0]))
    assert noisy.evaluate(x, y) == plain.evaluate(x, y)
    assert noisy.gradients(x, y).loss == plain.gradients(x, y).loss
    assert_same_bits(noisy.gradients(x, y).dx, plain.gradients(x, y).dx)
    for one, other in zip(noisy.activations(x), plain.activations(x), strict=True):
        assert_same_bits(one, other)
    # Validation as well: with a rate of next to nothing it is what evaluate says.
    logs = noisy.fit(x, y, validation_data=(x, y), optimizer=cnnfs.SGD(1e-30), rng=0)
    assert logs["val_loss"][0] == plain.evaluate(x, y)["loss"]
    assert logs["loss"][0] != logs["val_loss"][0]


def test_input_gradient_of_a_network_with_dropout():
    net = cnnfs.Network(
        [cnnfs.Dropout(0.5), cnnfs.Layer(3, 4, "tanh", dtype="float64", rng=0),
         cnnfs.Dropout(0.5), cnnfs.Layer(4, 1, dtype="float64", rng=1)]
    )  # fmt: skip
    x = np.array([0.1, -0.7, 0.4])
    np.testing.assert_allclose(
        net.input_gradient(x)[0], differences(lambda v: net(v)[0], x), rtol=1e-6, atol=1e-7
    )


def test_it_is_part_of_the_network():
    net = network((4, 5, 3), "relu", "softmax", dropout=0.25)
    layers = list(net)
    net = cnnfs.Network([cnnfs.Dropout(0.1), *layers])
    assert len(net) == 4
    assert net[0] == cnnfs.Dropout(0.1)
    assert net.layers[2] == cnnfs.Dropout(0.25)
    assert (net.n_inputs, net.n_outputs) == (4, 3)
    assert net.n_parameters == 5 * 5 + 6 * 3
    assert "Dropout(0.1)" in repr(net)
    assert "0.25" in net.summary()
    assert net != cnnfs.Network([cnnfs.Dropout(0.2), *layers])
    assert net != cnnfs.Network(layers)
    for same in (copy.deepcopy(net), copy.copy(net), pickle.loads(pickle.dumps(net))):
        assert same == net
        assert same.layers[2].rate == 0.25
        x = np.ones((3, 4), "f4")
        assert_same_bits(same(x), net(x))
    assert len(parameters(net)) == 4
