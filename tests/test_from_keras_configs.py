"""Networks from Keras, of which only its objects' shape is needed: older configs, odd layers."""

import numpy as np
import pytest

import cnnfs
from cnnfs import ConversionError


def layer(kind, *weights, name="it", module="keras.layers", **config):
    """A stand-in for a layer of this class."""
    methods = {"get_config": lambda self: config, "get_weights": lambda self: list(weights)}
    made = type(kind, (), {"__module__": module, **methods})()
    made.name = name
    return made


def model(*layers, axes=None):
    """A stand-in for a Sequential; axes: of its input."""
    made = layer("Sequential")
    made.layers = list(layers)
    if axes:
        made.input_shape = (None,) * axes
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


def parts_of(*layers, axes=None):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_keras(model(*layers, axes=axes))
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


@pytest.mark.parametrize("last", [1, [1], (2,), 3])
def test_the_last_axis_counted_from_the_front(last):
    """The features, if the model has so many axes; of an open number nobody knows."""
    axes = np.ravel(last)[0] + 1
    norm = layer("BatchNormalization", *[np.ones(3)] * 4, axis=last, epsilon=0)
    spread = layer("Normalization", mean=0.0, variance=1.0, axis=last)
    softmax = layer("Softmax", axis=last)
    inside = dense(activation={"class_name": "Softmax", "config": {"axis": last}})
    net = cnnfs.from_keras(model(dense(), norm, spread, axes=axes))
    np.testing.assert_allclose(net([0.0, 0.0]), 1)
    for one in (softmax, inside):
        before = [] if one is inside else [dense()]
        assert str(cnnfs.from_keras(model(*before, one, axes=axes))[-1].activation) == "softmax"
    for other in (None, axes - 1, axes + 1):
        parts = parts_of(dense(), norm, spread, softmax, axes=other)
        assert [part.endswith(f"axis must be -1, but is {last}") for part in parts] == [True] * 3
        (part,) = parts_of(inside, axes=other)
        assert "axis must be -1" in part


def test_a_flatten_behind_a_softmax():
    given = [dense(), layer("Softmax", axis=-1), layer("Flatten")]
    for axes in (None, 3):
        (part,) = parts_of(*given, axes=axes)
        assert part.startswith("[2] Flatten 'it': a softmax stands before it")
    assert str(cnnfs.from_keras(model(*given, axes=2))[0].activation) == "softmax"
    # Behind a Flatten there are two axes, however many there were.
    given = [layer("Flatten"), dense(), layer("Softmax", axis=1), layer("Flatten")]
    assert str(cnnfs.from_keras(model(*given, axes=4))[0].activation) == "softmax"


def test_classes_of_others_with_the_names_of_keras():
    for module in ("keras.src.layers", "tf_keras.layers", "tensorflow.python.keras.layers"):
        assert len(cnnfs.from_keras(model(dense(), layer("ReLU", module=module)))) == 1
    for module in ("__main__", "keras_mine.layers"):
        (part,) = parts_of(dense(), layer("ReLU", module=module))
        assert part == "[1] ReLU 'it': cnnfs has no such layer"
    mine = layer("Sequential", module="__main__")
    mine.layers = [dense()]
    with pytest.raises(ConversionError, match="Sequential: only a Sequential or a functional"):
        cnnfs.from_keras(mine)


def test_a_functional_model_whose_config_lacks_something():
    made = layer("Functional", layers=[])
    made.layers = []
    with pytest.raises(ConversionError, match="is not known: its config has no 'output_layers'"):
        cnnfs.from_keras(made)


def test_numbers_that_are_not_finite():
    norm = layer("BatchNormalization", np.ones(3), np.ones(3), np.zeros(3), -np.ones(3), epsilon=0)
    given = layer("Normalization", mean=0.0, variance=-1.0)
    rescaling = layer("Rescaling", scale=1.0, offset=np.inf)
    assert parts_of(dense(), norm, given, rescaling) == [
        "[1] BatchNormalization 'it': its scale is not finite",
        "[2] Normalization 'it': its scale is not finite",
        "[3] Rescaling 'it': its shift is not finite",
    ]
    (part,) = parts_of(dense(), layer("Rescaling", scale=1.0, offset=np.ones((2, 3))))
    assert "its shift has shape (2, 3): not a number for each feature" in part


@pytest.mark.parametrize("thing", [None, "model.keras", 3, {}])
def test_things_that_are_no_model(thing):
    with pytest.raises(TypeError, match="model must be a Keras model"):
        cnnfs.from_keras(thing)


def test_scalings_that_follow_one_another_are_one():
    half, double = (layer("Rescaling", scale=s, offset=0.0) for s in (1 / 3, 3.0))
    tiny = dense()
    tiny.get_weights = lambda: [KERNEL * np.float32(1e-45), np.full(3, -0.0, "float32")]
    net = cnnfs.from_keras(model(half, double, tiny, half, double))
    want = cnnfs.from_keras(model(tiny))
    assert net[0].weights.tobytes() == want[0].weights.tobytes()
    assert net[0].bias.tobytes() == want[0].bias.tobytes()
    large = layer("Rescaling", scale=1e200, offset=0.0)
    (part,) = parts_of(dense(), large, large)
    assert part.endswith("it and the steps before it scale beyond what is finite")
    two, three = (layer("Rescaling", scale=[1.0, *more], offset=0.5) for more in ([2.0], [2.0, 3]))
    (part,) = parts_of(dense(), two, three)
    assert part == "[1] Rescaling 'it': it takes 2 features, but what stands before it gives 3"
