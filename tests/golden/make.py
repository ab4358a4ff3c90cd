"""Makes the golden files of a version; see README.md. Those that are there are left alone."""

import json
from pathlib import Path

import numpy as np

import cnnfs
from cnnfs import Dropout, Layer, Network

HERE = Path(__file__).resolve().parent
VERSION = 1  # of the format

# One for each optimizer, loss and schedule, so that all names of the format occur.
TRAININGS = {
    "sgd": (cnnfs.SGD(0.05, 0.9, True, clip_value=0.5), "linear", cnnfs.Huber(0.75)),
    "plain": (cnnfs.SGD(cnnfs.InverseTimeDecay(0.1, 0.01)), "tanh", cnnfs.MeanAbsoluteError()),
    "adagrad": (cnnfs.Adagrad(cnnfs.StepDecay(0.1, 4, 0.5)), "gelu", cnnfs.MeanSquaredError()),
    "rmsprop": (
        cnnfs.RMSprop(cnnfs.ExponentialDecay(0.01, 0.99), 0.9, clip_norm=1.0),
        "sigmoid",
        cnnfs.BinaryCrossEntropy(),
    ),
    "adam": (
        cnnfs.Adam(cnnfs.LinearWarmup(cnnfs.CosineDecay(0.02, 30, 1e-4), 3), (0.8, 0.95)),
        "softmax",
        cnnfs.CrossEntropy(0.1),
    ),
    "adamw": (cnnfs.AdamW(cnnfs.LinearWarmup(0.01, 5)), "softplus", cnnfs.MeanSquaredError()),
}


def simple(rng, *shape):
    """Numbers whose products and sums are exact: the same bits with every instruction set."""
    return rng.integers(-16, 17, shape) / 8


def networks():
    """(name, network) of those that are not trained."""
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64"):
        for activation in cnnfs.Activation:
            layer = Layer.from_arrays(simple(rng, 5, 3), simple(rng, 5), activation, dtype=dtype)
            yield f"{activation}-{dtype}", Network([layer])
        layers = [Layer(3, 4, "relu", dtype=dtype), Layer(4, 2, dtype=dtype)]
        for layer in layers:
            layer.weights, layer.bias = (
                simple(rng, *layer.weights.shape),
                simple(rng, layer.n_neurons),
            )
        layers[0].weight_l1, layers[0].weight_l2 = 1e-3, 1 / 3
        layers[1].bias_l1, layers[1].bias_l2 = 5e-324, 1e300
        yield (
            f"parts-{dtype}",
            Network([Dropout(0.25), layers[0], Dropout(0.1), Dropout(0.5), layers[1]]),
        )
        special = np.array([[np.nan, -0.0, np.inf], [-np.inf, 5e-324, 1e-45]], dtype)
        yield f"special-{dtype}", Network([Layer.from_arrays(special, special[:, 1])])
        yield f"empty-{dtype}", Network([Layer(3, 0, dtype=dtype), Layer(0, 2, dtype=dtype)])


def trainings():
    """(name, network, optimizer) after a training of three epochs."""
    for name, (optimizer, last, loss) in TRAININGS.items():
        dtype = "float64" if name == "adamw" else "float32"
        layers = [Layer(3, 4, "relu", dtype=dtype, rng=1), Layer(4, 2, last, dtype=dtype, rng=2)]
        net = Network([layers[0], Dropout(0.25), layers[1]])
        train(net, optimizer, 3, loss)
        yield f"training-{name}", net, optimizer


def train(net, optimizer, epochs, loss=None):
    x = np.linspace(-1, 1, 24).reshape(8, 3)
    y = np.linspace(0, 1, 16).reshape(8, 2)
    labels = np.arange(8) % 2
    softmax = str(net[-1].activation) == "softmax"
    options = {"loss": loss, "optimizer": optimizer, "batch_size": 3, "shuffle": False, "rng": 0}
    return net.fit(x, labels if softmax else y, epochs=epochs, **options)


X = simple(np.random.default_rng(1), 4, 3)


def hexes(array):
    """Exact, and legible enough; a NaN's payload has no place in it."""
    return [float(value).hex() for value in np.ravel(array)]


def parameters(net):
    layers = [part for part in net if isinstance(part, Layer)]
    return [hexes(array) for layer in layers for array in (layer.weights, layer.bias)]


def state(optimizer):
    layers = optimizer._trainer.state()
    return [hexes(array) for pairs in layers for pair in pairs for array in pair]


def main():
    expected = {}
    for name, net in networks():
        net.save(fresh(name))
        expected[name] = {
            "network": repr(net),
            "parameters": parameters(net),
            "outputs": hexes(net(X)),
        }
    for name, net, optimizer in trainings():
        net.save(fresh(name), optimizer=optimizer)
        expected[name] = {
            "network": repr(net),
            "parameters": parameters(net),
            "loss": repr(net._loss),
            "optimizer": repr(optimizer),
            "steps": optimizer.steps,
            "epochs": optimizer.epochs,
            "state": state(optimizer),
        }
        train(net, optimizer, 2)
        expected[name]["parameters after"] = parameters(net)
    text = json.dumps(expected, indent=1)
    fresh("expected", "json").write_text(text + "\n")


def fresh(name, ending="safetensors"):
    path = HERE / f"{VERSION}-{name}.{ending}"
    if path.exists():
        raise FileExistsError(f"{path} must never change")
    return path


if __name__ == "__main__":
    main()
