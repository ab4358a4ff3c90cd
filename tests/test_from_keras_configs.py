"""Networks from Keras, of which only its objects' shape is needed: older configs, odd layers."""

import numpy as np
import pytest

import cnnfs
from cnnfs import ConversionError


def layer(kind, *weights, name="it", **config):
    """A stand-in for a layer of this class."""
    methods = {"get_config": lambda self: config, "get_weights": lambda self: list(weights)}
    made = type(kind, (), methods)()
    made.name = name
    return made


def model(*layers):
    made = layer("Sequential")
    made.layers = list(layers)
    return made


def functional(connections, *layers, ends=(("c", 0, 0),)):
    """A stand-in for a functional model of Keras 2: names with what each takes."""
    parts = [{"name": name, "inbound_nodes": nodes} for name, nodes in connections.items()]
    made = layer("Functional", layers=parts, output_layers=[list(end) for end in ends])
    made.layers = list(layers)
    return made


KERNEL = np.arange(6.0, dtype="float32").reshape(2, 3)


def dense(**config):
    return layer("Dense", KERNEL, np.ones(3, "float32"), **{"activation": "linear", **config})


def test_the_kernel_is_turned():
    net = cnnfs.from_keras(model(layer("InputLayer"), dense()))
    assert (net[0].weights == KERNEL.T).all()
    assert net.dtype == "float32"
    assert (net([1.0, 2.0]) == [1, 2] @ KERNEL + 1).all()


@pytest.mark.parametrize("slope", [0.01, np.float32(0.01), np.array(0.01, "float32")])
def test_a_leaky_relu_of_keras_2(slope):
    net = cnnfs.from_keras(model(dense(), layer("LeakyReLU", alpha=slope)))
    assert str(net[0].activation) == "leaky_relu"


def test_a_functional_model_of_keras_2():
    chain = {"a": [], "b": [[["a", 0, 0, {}]]], "c": [[["b", 0, 0, {}]]]}
    layers = [
        layer("ReLU", name="c"),
        layer("InputLayer", name="a"),
        layer("Dense", KERNEL, name="b", activation="linear", use_bias=False),
    ]
    net = cnnfs.from_keras(functional(chain, *layers))
    assert str(net[0].activation) == "relu"
    assert not net[0].bias.any()
    loop = {"a": [[["c", 0, 0, {}]]], "b": [[["a", 0, 0, {}]]], "c": [[["b", 0, 0, {}]]]}
    with pytest.raises(ConversionError, match="no plain chain of layers: a loop"):
        cnnfs.from_keras(functional(loop, *layers))
    with pytest.raises(ConversionError, match="has 2 outputs"):
        cnnfs.from_keras(functional(chain, *layers, ends=(("c", 0, 0), ("b", 0, 0))))


def parts_of(*layers):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_keras(model(*layers))
    return caught.value.parts


def test_weights_that_are_not_those_of_a_plain_dense_layer():
    low_rank = layer("Dense", KERNEL, np.ones(3), np.ones((2, 1)), np.ones((1, 3)))
    (part,) = parts_of(low_rank)
    assert part == "[0] Dense 'it': it has 4 arrays of weights, not 2"
    (part,) = parts_of(layer("Dense", KERNEL.astype("int8"), np.ones(3, "float32")))
    assert part == "[0] Dense 'it': its weights are no floating point numbers, but int8"
    (part,) = parts_of(dense(), dense())
    assert part == "[1] Dense 'it': it takes 2 features, but what stands before it gives 3"
    (part,) = parts_of(dense(), layer("Rescaling", scale=[1.0, 2.0], offset=0.0))
    assert part == "[1] Rescaling 'it': it takes 2 features, but what stands before it gives 3"


def test_other_axes_are_refused():
    four = [np.ones(3)] * 4
    assert parts_of(
        dense(),
        layer("BatchNormalization", *four, axis=[2], epsilon=1e-3),
        layer("Normalization", axis=(2,), mean=0.0, variance=1.0),
        layer("Softmax", axis=2),
        layer("Dropout", rate=0.5, noise_shape=(None, 1, 4)),
        layer("Flatten", data_format="channels_first"),
    ) == [
        "[1] BatchNormalization 'it': axis must be -1, but is [2]",
        "[2] Normalization 'it': axis must be -1, but is (2,)",
        "[3] Softmax 'it': axis must be -1, but is 2",
        "[4] Dropout 'it': noise_shape must be None",
        "[5] Flatten 'it': data_format must be 'channels_last'",
    ]
    net = cnnfs.from_keras(model(dense(), layer("BatchNormalization", *four, axis=[1], epsilon=0)))
    np.testing.assert_allclose(net([0.0, 0.0]), 1)


@pytest.mark.parametrize("thing", [None, "model.keras", 3, {}])
def test_things_that_are_no_model(thing):
    with pytest.raises(TypeError, match="model must be a Keras model"):
        cnnfs.from_keras(thing)
