"""Networks from Keras: the same numbers, and errors that name every part."""

import os

import numpy as np
import pytest
from interop_bounds import Dense, assert_close, folded, layers_of, outputs
from reference import assert_same_bits

import cnnfs
from cnnfs import ConversionError

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("JAX_ENABLE_X64", "1")
keras = pytest.importorskip("keras")
L = keras.layers

# Of the backend PyTorch with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# What stands after a Dense without activation, or in it: what it is in cnnfs.
ACTIVATIONS = [
    ("linear", "linear"),
    ("relu", "relu"),
    ("sigmoid", "sigmoid"),
    ("tanh", "tanh"),
    ("softmax", "softmax"),
    ("elu", "elu"),
    ("gelu", "gelu"),
    ("silu", "silu"),
    ("swish", "silu"),
    ("softplus", "softplus"),
    (keras.activations.relu, "relu"),
]
LAYERS = [
    (lambda: L.ReLU(), "relu"),
    (lambda: L.ReLU(negative_slope=0.01), "leaky_relu"),
    (lambda: L.LeakyReLU(negative_slope=0.01), "leaky_relu"),
    (lambda: L.ELU(), "elu"),
    (lambda: L.Softmax(), "softmax"),
    (lambda: L.Softmax(axis=1), "softmax"),
    (lambda: L.Activation("gelu"), "gelu"),
    (lambda: L.Activation(keras.activations.tanh), "tanh"),
]


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def randomized(model, rng):
    """Weights that are not those of a new model; variances stay above 0."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            randomized(layer, rng)
        elif isinstance(layer, L.BatchNormalization):
            new = [rng.normal(size=w.shape) for w in layer.get_weights()]
            layer.set_weights([*new[:-1], np.exp(new[-1])])
        elif isinstance(layer, L.Dense):
            layer.set_weights([0.7 * rng.normal(size=w.shape) for w in layer.get_weights()])
    return model


def gives(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


def assert_agree(model, net, x, layers=None, spare=0.0):
    """Keras may compute in float32 whatever the dtype of its weights."""
    _, bound = outputs(layers or layers_of(net), x, net.dtype, np.dtype("float32"))
    assert_close(net(x), gives(model, x), bound + spare)


@pytest.mark.parametrize(("given", "name"), ACTIVATIONS)
def test_the_same_numbers(given, name, dtype, rng):
    """Softplus is linear above 20 with the backend PyTorch."""
    x = (2 * rng.normal(size=(40, 6))).astype(dtype)
    dense = [L.Dense(n, activation=given, use_bias=n != 9, dtype=dtype.name) for n in (5, 9, 4)]
    model = randomized(keras.Sequential([keras.Input((6,)), *dense]), rng)
    net = cnnfs.from_keras(model)
    assert net.dtype == dtype
    assert [str(layer.activation) for layer in net] == [name] * 3
    assert_agree(model, net, x, spare=1e-7 if name == "softplus" else 0.0)
    assert_same_bits(net[2].weights, np.ascontiguousarray(model.layers[2].get_weights()[0].T))


@pytest.mark.parametrize(("make", "name"), LAYERS)
def test_activations_as_layers(make, name, rng):
    inside = [] if name == "softmax" else [L.Dense(4, activation=make())]
    model = keras.Sequential([keras.Input((3,)), *inside, L.Dense(5), make(), L.Dense(2)])
    net = cnnfs.from_keras(randomized(model, rng))
    assert [str(layer.activation) for layer in net] == [name] * (len(inside) + 1) + ["linear"]
    assert_agree(model, net, rng.normal(size=(20, 3)).astype("float32"))


def test_dropout_flatten_and_nested_models(rng):
    inner = keras.Sequential([L.Dense(5), L.Dropout(0.5), L.Activation("relu")])
    model = keras.Sequential(
        [keras.Input((3, 4)), L.Flatten(), L.Dropout(0.2), inner, L.Dense(2), L.Dropout(0.3)]
    )
    net = cnnfs.from_keras(randomized(model, rng))
    assert [type(part).__name__ for part in net] == ["Dropout", "Layer", "Dropout", "Layer"]
    x = rng.normal(size=(9, 3, 4)).astype("float32")
    _, bound = outputs(layers_of(net), x.reshape(9, 12), net.dtype, net.dtype)
    assert_close(net(x.reshape(9, 12)), gives(model, x), bound)


def test_half_precision_becomes_float32(rng):
    for policy in ("float16", "bfloat16"):
        model = keras.Sequential([keras.Input((3,)), L.Dense(2, dtype=policy)])
        net = cnnfs.from_keras(model)
        assert net.dtype == "float32"
        assert cnnfs.from_keras(model, dtype="float64").dtype == "float64"


# ---- what scales -------------------------------------------------------------------------------


def of_batch_norm(layer):
    weights = [w.astype(np.longdouble) for w in layer.get_weights()]
    gamma = weights.pop(0) if layer.scale else 1.0
    beta = weights.pop(0) if layer.center else 0.0
    mean, variance = weights
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}, {"epsilon": 1e-5}])
def test_batch_normalization_is_folded(options, rng):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            L.BatchNormalization(**options),
            L.Dense(6),
            L.BatchNormalization(**options),
            L.Activation("tanh"),
            L.BatchNormalization(**options),
            L.Dense(3),
        ]
    )
    net = cnnfs.from_keras(randomized(model, rng))
    assert [str(layer.activation) for layer in net] == ["tanh", "linear"]
    before, one, middle, _, after, two = model.layers
    first = Dense(one.get_weights()[0].T, one.get_weights()[1], "tanh")
    first = folded(folded(first, *of_batch_norm(before), False), *of_batch_norm(middle), True)
    second = Dense(two.get_weights()[0].T, two.get_weights()[1])
    layers = [first, folded(second, *of_batch_norm(after), False)]
    assert_agree(model, net, rng.normal(size=(30, 4)).astype("float32"), layers)


def test_normalization_and_rescaling_are_folded(rng):
    x = (5 + 3 * rng.normal(size=(50, 4))).astype("float32")
    adapted = L.Normalization()
    adapted.adapt(x)
    given = L.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 2.0, 0.5, 3.0])
    inverse = L.Normalization(mean=2.0, variance=3.0, axis=None, invert=True)
    m, v = adapted.get_weights()[:2]
    gm, gv = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 0.5, 3.0])
    four = np.ones(4)
    cases = [
        (adapted, 1 / np.sqrt(v), -m / np.sqrt(v)),
        (given, 1 / np.sqrt(gv), -gm / np.sqrt(gv)),
        (inverse, np.sqrt(3) * four, 2 * four),
        (L.Rescaling(0.25, -3.0), 0.25 * four, -3 * four),
    ]
    for layer, scale, shift in cases:
        dense = L.Dense(3)
        model = randomized(keras.Sequential([keras.Input((4,)), layer, dense]), rng)
        kernel, bias = dense.get_weights()
        net = cnnfs.from_keras(model)
        assert len(net) == 1
        assert_agree(model, net, x, [folded(Dense(kernel.T, bias), scale, shift, False)])


# ---- functional models -------------------------------------------------------------------------


def test_a_functional_model_that_is_a_chain(rng):
    given = keras.Input((4,))
    inner_given = keras.Input((6,))
    inner = keras.Model(inner_given, L.Dense(5, "gelu")(L.Dropout(0.1)(inner_given)))
    made = L.Dense(2, "softmax")(inner(L.Dense(6, "relu")(given)))
    model = randomized(keras.Model(given, made), rng)
    net = cnnfs.from_keras(model)
    kinds = [type(part).__name__ for part in net]
    assert kinds == ["Layer", "Dropout", "Layer", "Layer"]
    assert_agree(model, net, rng.normal(size=(20, 4)).astype("float32"))
    assert_agree(model, cnnfs.from_keras(keras.Model([given], [made])), np.ones((2, 4), "float32"))


def parts_of(model):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_keras(model)
    return caught.value.parts


def test_functional_models_that_are_no_chain():
    given, other = keras.Input((4,), name="one"), keras.Input((4,), name="two")
    wide, narrow = L.Dense(4, name="wide"), L.Dense(2, name="narrow")
    (part,) = parts_of(keras.Model(given, L.Add(name="sum")([given, wide(given)])))
    assert (
        part == "Functional: it is no plain chain of layers: 'sum' with more than one input or use"
    )
    (part,) = parts_of(keras.Model(given, wide(wide(given))))
    assert (
        part == "Functional: it is no plain chain of layers: 'wide' with more than one input or use"
    )
    (part,) = parts_of(keras.Model(given, [wide(given), narrow(given)]))
    assert part == "Functional: it has 2 outputs"
    (part,) = parts_of(keras.Model([given, other], L.Concatenate(name="both")([given, other])))
    assert (
        part == "Functional: it is no plain chain of layers: 'both' with more than one input or use"
    )


def test_a_model_of_ones_own():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = L.Dense(3)

        def call(self, x):
            return self.dense(x)

    (part,) = parts_of(Own())
    assert part.startswith("Own: only a Sequential or a functional model, of Keras's own class,")


# ---- what can't be converted -------------------------------------------------------------------


def test_every_part_that_is_in_the_way_is_named():
    model = keras.Sequential(
        [
            keras.Input((6, 4)),
            L.Conv1D(3, 1, name="conv"),
            L.Flatten(data_format="channels_first", name="flat"),
            L.Dense(4, "selu", name="selu"),
            L.Dense(4, "leaky_relu", name="leaky"),
            L.LeakyReLU(name="slope"),
            L.ReLU(max_value=6, name="relu6"),
            L.ELU(alpha=2.0, name="elu"),
            L.Activation(lambda x: 2 * x, name="own"),
            L.Dense(4, activation=lambda x: 2 * x, name="double"),
            L.GaussianNoise(0.1, name="noise"),
        ]
    )
    assert parts_of(model) == [
        "[0] Conv1D 'conv': cnnfs has no such layer",
        "[1] Flatten 'flat': data_format must be 'channels_last'",
        "[2] Dense 'selu': cnnfs has no activation 'selu'",
        "[3] Dense 'leaky': the slope of the activation 'leaky_relu' is not 0.01: "
        "use LeakyReLU(0.01)",
        "[4] LeakyReLU 'slope': negative_slope must be 0.01, but is 0.3",
        "[5] ReLU 'relu6': max_value must be None, and threshold 0",
        "[6] ELU 'elu': alpha must be 1, but is 2.0",
        "[7] Activation 'own': its activation is a function of your own",
        "[8] Dense 'double': its activation is a function of your own",
        "[9] GaussianNoise 'noise': cnnfs has no such layer",
    ]


def test_a_model_without_weights_yet():
    first, second = parts_of(
        keras.Sequential([L.Dense(3, name="a"), L.BatchNormalization(name="b")])
    )
    assert first == "[0] Dense 'a': it has no weights yet: call the model once, or give it an Input"
    assert second.startswith("[1] BatchNormalization 'b': it has no weights yet")
    (part,) = parts_of(keras.Sequential([keras.Input((3,)), L.ReLU()]))
    assert "no dense layer" in part


def test_a_trained_and_saved_model(tmp_path, rng):
    x = rng.normal(size=(64, 4)).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype("float32")
    model = keras.Sequential(
        [keras.Input((4,)), L.Dense(8), L.BatchNormalization(), L.ReLU(), L.Dense(1, "sigmoid")]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    net = cnnfs.from_keras(model)
    first, norm, _, last = model.layers
    layers = [
        folded(
            Dense(first.get_weights()[0].T, first.get_weights()[1], "relu"),
            *of_batch_norm(norm),
            True,
        ),
        Dense(last.get_weights()[0].T, last.get_weights()[1], "sigmoid"),
    ]
    assert_agree(model, net, x, layers)
