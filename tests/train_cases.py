"""Trainings that several test files, and their children, look at. Nothing here needs pytest."""

import hashlib
import itertools

import numpy as np
from reference import assert_same_bits

import cnnfs

OPTIMIZERS = {
    "sgd": lambda: cnnfs.SGD(0.01, momentum=0.9, nesterov=True),
    "adagrad": lambda: cnnfs.Adagrad(clip_value=0.1),
    "rmsprop": lambda: cnnfs.RMSprop(0.001, clip_norm=0.5),
    "adam": lambda: cnnfs.Adam(cnnfs.LinearWarmup(cnnfs.CosineDecay(0.01, 60), 5)),
    "adamw": lambda: cnnfs.AdamW(0.003),
}
# name: sizes, hidden activation, last, rows, batch size, optimizer
CASES = {
    "digits": ((64, 128, 64, 10), "relu", "softmax", 333, 32, "adam"),
    "shared": ((300, 256, 256, 10), "relu", "softmax", 600, 256, "adam"),
    "shared, odd": ((301, 257, 131, 7), "gelu", "softmax", 517, 259, "sgd"),
    "wide": ((40, 1030, 3), "tanh", "linear", 150, 64, "adamw"),
    "large batch": ((20, 50, 1), "elu", "sigmoid", 5000, 4099, "rmsprop"),
    "one at a time": ((7, 9, 2), "silu", "linear", 61, 1, "adagrad"),
    "one": ((1, 1, 1), "softplus", "linear", 5, 2, "adam"),
}


def network(sizes, hidden, last, dtype="float32", dropout=0.0, seed=0):
    layers = []
    for i, (n_inputs, n_neurons) in enumerate(itertools.pairwise(sizes)):
        activation = last if i == len(sizes) - 2 else hidden
        if dropout and i:
            layers.append(cnnfs.Dropout(dropout))
        penalty = {"weight_l2": 1e-4, "bias_l1": 1e-4} if i == 0 else {}
        layers.append(
            cnnfs.Layer(n_inputs, n_neurons, activation, dtype=dtype, rng=seed + i, **penalty)
        )
    return cnnfs.Network(layers)


def make(name, dtype="float32", dropout=0.2):
    sizes, hidden, last, rows, batch_size, optimizer = CASES[name]
    rng = np.random.default_rng(9)
    x = rng.normal(size=(rows, sizes[0])).astype(dtype)
    y = rng.integers(0, sizes[-1], rows) if last == "softmax" else rng.random((rows, sizes[-1]))
    options = {"batch_size": batch_size, "optimizer": OPTIMIZERS[optimizer](), "rng": 5}
    return network(sizes, hidden, last, dtype, dropout), x, y, options


def parameters(net):
    return [p for layer in net if hasattr(layer, "weights") for p in (layer.weights, layer.bias)]


def assert_same_network(net, other, note=""):
    for got, want in zip(parameters(net), parameters(other), strict=True):
        assert_same_bits(got, want, note)


def trained(name, dtype="float32", epochs=3, dropout=0.2):
    net, x, y, options = make(name, dtype, dropout)
    return net, net.fit(x, y, epochs=epochs, validation_split=0.2, **options)


def digest(name, dtype):
    """A hash of all that a training gives."""
    net, history = trained(name, dtype)
    x, y = make(name, dtype)[1:3]
    weight = np.linspace(1, 2, len(x))
    more = net.gradients(x[:97], y[:97], sample_weight=weight[:97])
    found = [*parameters(net), more.dx, *(g for layer in more.layers for g in layer)]
    found += [np.array([more.loss, *history["loss"], *history["val_loss"]])]
    found += [np.array(sorted(net.evaluate(x, y, sample_weight=weight).items())[0][1])]
    found += [net.input_gradient(x[:5])]
    return hashlib.sha256(b"".join(a.tobytes() for a in found)).hexdigest()
