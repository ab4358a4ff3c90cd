"""Models of Keras with classes of someone's own, more axes, or odd numbers."""

import os

import numpy as np
import pytest

import cnnfs
from cnnfs import ConversionError

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
L = keras.layers

# Of the backend PyTorch with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Dense(L.Dense):
    def call(self, x):
        return 2 * super().call(x)


class Sequential(keras.Sequential):
    def call(self, x):
        return 2 * super().call(x)


class Untold(L.Layer):
    """Without a get_config, which its argument makes necessary."""

    def __init__(self, thing, **options):
        super().__init__(**options)

    def call(self, x):
        return x


def parts_of(model):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_keras(model)
    return caught.value.parts


def test_subclasses_with_the_names_of_keras():
    (part,) = parts_of(keras.Sequential([keras.Input((3,)), L.Dense(2), Dense(2, name="mine")]))
    assert part == "[1] Dense 'mine': cnnfs has no such layer"
    (part,) = parts_of(Sequential([keras.Input((3,)), L.Dense(2)]))
    assert part.startswith("Sequential: only a Sequential or a functional model, of Keras's own")
    inner = Sequential([keras.Input((2,)), L.Dense(2)])
    (part,) = parts_of(keras.Sequential([keras.Input((3,)), L.Dense(2), inner]))
    assert part.startswith("[1] Sequential: only a Sequential")


def test_activations_with_the_names_of_keras():
    """A config tells of such a function only the name."""

    def relu(x):
        return 2 * x

    class Softmax(L.Softmax):
        def call(self, x):
            return 2 * x

    for mine in (relu, Softmax(), L.Activation(relu), np.tanh):
        dense = L.Dense(2, activation=mine, name="dense")
        model = keras.Sequential([dense, L.Activation(mine, name="layer")])
        why = "its activation is a function of your own"
        assert parts_of(model) == [f"[0] Dense 'dense': {why}", f"[1] Activation 'layer': {why}"]


def test_a_layer_that_does_not_tell_its_config():
    layers = [L.Dense(2), Untold(object(), name="untold")]
    (part,) = parts_of(keras.Sequential([keras.Input((3,)), *layers]))
    assert part == "[1] Untold 'untold': cnnfs has no such layer"
    given = keras.Input((3,))
    why, part = parts_of(keras.Model(given, layers[1](L.Dense(2)(given))))
    assert why.startswith("Functional: the order of its layers is not known: Object Untold was")
    assert part == "Functional, Untold 'untold': cnnfs has no such layer"


def test_axis_1_of_more_than_two_axes(rng):
    """Rows of features have their features there; nothing else has."""
    for make in (
        lambda axis: L.Softmax(axis=axis),
        lambda axis: L.BatchNormalization(axis=axis),
        lambda axis: L.Dense(3, activation=L.Softmax(axis=axis)),
    ):
        rows = keras.Sequential([keras.Input((4,)), L.Dense(3), make(1)])
        x = rng.normal(size=(5, 4)).astype("float32")
        want = keras.ops.convert_to_numpy(rows(x))
        np.testing.assert_allclose(cnnfs.from_keras(rows)(x), want, atol=1e-6)
        (part,) = parts_of(keras.Sequential([keras.Input((3, 4)), L.Dense(3), make(1)]))
        assert part.endswith("axis must be -1, but is 1")
        deep = keras.Sequential([keras.Input((3, 4)), L.Dense(3), make(2)])
        x = rng.normal(size=(5, 3, 4)).astype("float32")
        want = keras.ops.convert_to_numpy(deep(x))
        np.testing.assert_allclose(cnnfs.from_keras(deep)(x), want, atol=1e-6)


def test_axes_of_a_functional_model():
    rows, deep = keras.Input((4,)), keras.Input((3, 4))
    for given in (rows, [rows]):
        model = keras.Model(given, L.Softmax(axis=1)(L.Dense(3)(rows)))
        assert str(cnnfs.from_keras(model)[0].activation) == "softmax"
    for given in (deep, [deep]):
        model = keras.Model(given, L.Softmax(axis=1)(L.Dense(3)(deep)))
        assert "axis must be -1, but is 1" in parts_of(model)[0]


def test_a_flatten_behind_a_softmax():
    model = keras.Sequential([keras.Input((2, 3)), L.Dense(4, "softmax"), L.Flatten(name="flat")])
    (part,) = parts_of(model)
    assert part.startswith("[1] Flatten 'flat': a softmax stands before it")


def test_a_negative_variance():
    norm = L.BatchNormalization(name="norm")
    model = keras.Sequential([keras.Input((3,)), L.Dense(2), norm])
    norm.set_weights([*norm.get_weights()[:3], np.full(2, -1.0)])
    (part,) = parts_of(model)
    assert part == "[1] BatchNormalization 'norm': its scale is not finite"
