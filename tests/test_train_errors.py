"""Every error of the training, in the user's words; and that it leaves everything as it was."""

import numpy as np
import pytest
from train_cases import assert_same_network

import cnnfs

X = np.random.default_rng(0).normal(size=(7, 4))
LABELS = np.array([0, 1, 2, 0, 1, 2, 0])
NAN = float("nan")


def net_of(last="softmax", n_outputs=3, hidden="tanh"):
    return cnnfs.Network([cnnfs.Layer(4, 5, hidden, rng=0), cnnfs.Layer(5, n_outputs, last, rng=1)])


def with_value(value, where=(2, 3)):
    x = X.copy()
    x[where] = value
    return x


def label_at(place, value, dtype=int):
    y = LABELS.astype(dtype)
    y[place] = value
    return y


METHODS = {
    "fit": lambda net, x, y, **options: net.fit(x, y, **options),
    "evaluate": lambda net, x, y, **options: net.evaluate(x, y, **options),
    "train_step": lambda net, x, y, **options: net.train_step(x, y, **options),
    "gradients": lambda net, x, y, **options: net.gradients(x, y, **options),
}


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


def refused(call, kind, *words):
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    for word in words:
        assert word.lower() in text.lower(), f"{text!r} does not say {word!r}"


# ---- X -----------------------------------------------------------------------------------------

WRONG_X = [
    (X[:, :3], ValueError, ["3 features", "4"]),
    (X[:0], ValueError, ["X", "no rows"]),
    (X[None], ValueError, ["X", "(1, 7, 4)"]),
    (3.0, ValueError, ["X"]),
    (with_value(NAN), ValueError, ["X", "nan", "row 2", "column 3"]),
    (with_value(np.inf, (6, 0)), ValueError, ["X", "inf", "row 6", "column 0"]),
    (with_value(-np.inf), ValueError, ["X", "row 2", "column 3"]),
    (with_value(1e300), ValueError, ["1e+300", "row 2", "column 3", "float32"]),
    (X.astype(complex), TypeError, ["X", "complex128"]),
    (X.astype(str), TypeError, ["X", "<U"]),
    (X.astype(object), TypeError, ["X", "object"]),
    (X.astype("M8[s]"), TypeError, ["X", "datetime64"]),
    (np.ma.array(X), TypeError, ["X", "masked"]),
    (None, TypeError, ["X", "None"]),
    ([[1.0, 2.0], [3.0]], ValueError, ["X"]),
]


@pytest.mark.parametrize(("x", "kind", "words"), WRONG_X)
def test_wrong_inputs(method, x, kind, words):
    refused(lambda: method(net_of(), x, LABELS), kind, *words)


# ---- y -----------------------------------------------------------------------------------------

ONE_HOT = np.eye(3)[LABELS]
WRONG_Y = [
    # last, outputs, loss, y, error, words
    ("softmax", 3, None, LABELS[:5], ValueError, ["5 labels", "7 rows"]),
    ("softmax", 3, None, ONE_HOT[:5], ValueError, ["5 rows", "7 rows"]),
    ("softmax", 3, None, LABELS[:0], ValueError, ["0 labels", "7 rows"]),
    ("softmax", 3, None, label_at(4, 3), ValueError, ["3", "row 4", "0 to 2"]),
    ("softmax", 3, None, label_at(6, -1), ValueError, ["-1", "row 6", "0 to 2"]),
    ("softmax", 3, None, label_at(1, 0.5, float), ValueError, ["0.5", "row 1"]),
    ("softmax", 3, None, label_at(1, NAN, float), ValueError, ["nan", "row 1"]),
    ("softmax", 3, None, label_at(1, 1e30, float), ValueError, ["1e+30", "row 1"]),
    ("softmax", 3, None, label_at(3, 2**63, np.uint64), ValueError, ["row 3", "0 to 2"]),
    ("softmax", 3, None, LABELS.astype(str), TypeError, ["unique", "return_inverse=True"]),
    ("softmax", 3, None, list("abcabca"), TypeError, ["unique", "return_inverse=True"]),
    ("softmax", 3, None, np.array(list("abcabca"), object), TypeError, ["unique"]),
    ("softmax", 3, None, LABELS.astype(complex), TypeError, ["complex128"]),
    ("softmax", 3, None, np.eye(4)[LABELS], ValueError, ["4 columns", "3 outputs"]),
    ("softmax", 3, None, -ONE_HOT, ValueError, ["-1", "row 0"]),
    ("softmax", 3, None, ONE_HOT * NAN, ValueError, ["nan", "row 0", "column 0"]),
    ("softmax", 3, None, ONE_HOT[None], ValueError, ["y", "(1, 7, 3)"]),
    ("softmax", 3, None, None, TypeError, ["y", "None"]),
    ("linear", 3, "cross_entropy", label_at(4, 3), ValueError, ["3", "row 4"]),
    ("sigmoid", 1, None, label_at(2, 1.5, float), ValueError, ["1.5", "row 2"]),
    ("sigmoid", 1, None, LABELS, ValueError, ["2", "row 2", "0 to 1"]),
    ("sigmoid", 1, None, label_at(0, -0.1, float) / 2, ValueError, ["row 0"]),
    ("sigmoid", 3, None, LABELS % 2, ValueError, ["3 outputs", "(7, 3)"]),
    ("sigmoid", 1, None, np.zeros(6), ValueError, ["6", "7 rows"]),
    ("linear", 1, None, np.zeros(6), ValueError, ["6 values", "7 rows"]),
    ("linear", 3, None, np.zeros(7), ValueError, ["3 outputs", "(7, 3)"]),
    ("linear", 1, None, np.zeros((7, 2)), ValueError, ["2 columns", "1 output"]),
    ("linear", 3, None, np.full((7, 3), NAN), ValueError, ["y", "nan", "row 0"]),
    ("linear", 1, None, np.append(np.zeros(6), np.inf), ValueError, ["y", "inf", "row 6"]),
    ("linear", 1, None, np.full(7, 1e200), ValueError, ["y", "1e+200", "float32"]),
    ("linear", 1, None, list("abcabca"), TypeError, ["y"]),
]


@pytest.mark.parametrize(("last", "n_outputs", "loss", "y", "kind", "words"), WRONG_Y)
def test_wrong_targets(method, last, n_outputs, loss, y, kind, words):
    refused(lambda: method(net_of(last, n_outputs), X, y, loss=loss), kind, *words)


# ---- the loss and the activations --------------------------------------------------------------


@pytest.mark.parametrize("last", ["relu", "sigmoid", "tanh", "softplus"])
def test_cross_entropy_needs_softmax_or_logits(method, last):
    refused(
        lambda: method(net_of(last), X, LABELS, loss="cross_entropy"),
        ValueError, "cross_entropy", "softmax", "linear", last,
    )  # fmt: skip


@pytest.mark.parametrize("last", ["relu", "softmax", "tanh", "softplus"])
def test_binary_cross_entropy_needs_sigmoid_or_logits(method, last):
    refused(
        lambda: method(net_of(last), X, ONE_HOT, loss="bce"),
        ValueError, "binary_cross_entropy", "sigmoid", "linear", last,
    )  # fmt: skip


@pytest.mark.parametrize("place", ["hidden", "last"])
@pytest.mark.parametrize("name", ["fit", "train_step", "gradients"])
def test_a_step_cannot_be_trained(name, place):
    net = net_of("step") if place == "last" else net_of("softmax", hidden="step")
    y = ONE_HOT if place == "last" else LABELS
    refused(
        lambda: METHODS[name](net, X, y), ValueError, "step", "sigmoid", "tanh", "relu"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "kind", "words"),
    [
        ("hinge", ValueError, ["hinge", "mse", "mae", "huber", "cross_entropy"]),
        ("MSE", ValueError, ["MSE", "mse"]),
        (3, TypeError, ["loss", "3"]),
        (cnnfs.CrossEntropy, TypeError, ["CrossEntropy()"]),
        (lambda p, t: 0, TypeError, ["loss"]),
    ],
)
def test_an_unknown_loss(method, loss, kind, words):
    refused(lambda: method(net_of(), X, LABELS, loss=loss), kind, *words)


# ---- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weight", "kind", "words"),
    [
        (np.ones(6), ValueError, ["sample_weight", "6", "7"]),
        (np.ones((7, 1)), ValueError, ["sample_weight", "(7, 1)"]),
        (np.append(np.ones(6), -1), ValueError, ["sample_weight", "-1", "row 6"]),
        (np.append(np.ones(6), NAN), ValueError, ["sample_weight", "nan", "row 6"]),
        (np.zeros(7), ValueError, ["0"]),
        (list("abcabca"), TypeError, ["sample_weight"]),
    ],
)
def test_wrong_sample_weights(method, weight, kind, words):
    refused(lambda: method(net_of(), X, LABELS, sample_weight=weight), kind, *words)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ("even", ["balanced", "even"]),
        ([1.0, 2.0], ["class_weight", "3"]),
        ([1.0, 2.0, -1.0], ["class_weight", "-1"]),
        ([1.0, 2.0, NAN], ["class_weight", "nan"]),
        ({3: 1.0}, ["class_weight", "3", "0 to 2"]),
        ({"a": 1.0}, ["class_weight", "a"]),
        ({0: -1.0}, ["class_weight", "-1"]),
        ([0, 0, 0], ["0"]),
    ],
)
def test_wrong_class_weights(weight, words):
    refused(lambda: net_of().fit(X, LABELS, class_weight=weight), ValueError, *words)


def test_class_weights_need_labels():
    for net, y in [(net_of(), ONE_HOT), (net_of("linear"), ONE_HOT), (net_of("sigmoid"), ONE_HOT)]:
        refused(lambda net=net, y=y: net.fit(X, y, class_weight="balanced"), ValueError, "label")


# ---- everything else ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"epochs": -1}, ValueError, ["epochs", "-1"]),
        ({"epochs": 1.5}, TypeError, ["epochs", "1.5"]),
        ({"epochs": "3"}, TypeError, ["epochs"]),
        ({"batch_size": 0}, ValueError, ["batch_size", "0"]),
        ({"batch_size": -3}, ValueError, ["batch_size", "-3"]),
        ({"batch_size": 2.5}, TypeError, ["batch_size"]),
        ({"optimizer": "lion"}, ValueError, ["lion", "adam", "sgd"]),
        ({"optimizer": cnnfs.Adam}, TypeError, ["Adam()"]),
        ({"optimizer": 1e-3}, TypeError, ["optimizer"]),
        ({"optimizer": cnnfs.SGD(lambda step: NAN)}, ValueError, ["rate", "step 0", "nan"]),
        ({"optimizer": cnnfs.SGD(lambda step: -1.0)}, ValueError, ["rate", "step 0", "-1"]),
        ({"optimizer": cnnfs.SGD(lambda step: "a")}, TypeError, ["rate"]),
        ({"validation_split": 0.0}, ValueError, ["validation_split", "0"]),
        ({"validation_split": 1.0}, ValueError, ["validation_split", "1"]),
        ({"validation_split": NAN}, ValueError, ["validation_split"]),
        ({"validation_split": 0.01}, ValueError, ["validation_split", "7 rows"]),
        ({"validation_split": 0.99}, ValueError, ["validation_split", "7 rows"]),
        ({"validation_split": "a"}, TypeError, ["validation_split"]),
        ({"validation_data": (X, LABELS), "validation_split": 0.5}, ValueError, ["validation_"]),
        ({"validation_data": (X[:, :3], LABELS)}, ValueError, ["validation", "3 features"]),
        ({"validation_data": (X, LABELS[:5])}, ValueError, ["validation", "5", "7 rows"]),
        ({"validation_data": (X[:0], LABELS[:0])}, ValueError, ["validation", "no rows"]),
        ({"validation_data": (with_value(NAN), LABELS)}, ValueError, ["validation", "row 2"]),
        ({"validation_data": (X, label_at(1, 9))}, ValueError, ["validation", "9", "row 1"]),
        ({"validation_data": (X,)}, (TypeError, ValueError), ["validation_data"]),
        ({"validation_data": X}, (TypeError, ValueError), ["validation_data"]),
        ({"validation_data": 3}, TypeError, ["validation_data"]),
        ({"callbacks": [3]}, TypeError, ["callback", "3"]),
        ({"callbacks": [cnnfs.EarlyStopping]}, TypeError, ["EarlyStopping"]),
        ({"rng": "abc"}, (TypeError, ValueError), []),
        ({"rng": -1}, ValueError, []),
        ({"lr": 0.1}, TypeError, ["lr"]),
    ],
    ids=str,
)
def test_wrong_options(options, kind, words):
    refused(lambda: net_of().fit(X, LABELS, **options), kind, *words)


def test_options_are_by_keyword():
    refused(lambda: net_of().fit(X, LABELS, 10), TypeError, "positional")
    refused(lambda: net_of().evaluate(X, LABELS, "mse"), TypeError, "positional")


def test_an_optimizer_belongs_to_one_network():
    adam, one, other = cnnfs.Adam(), net_of(), net_of()
    one.fit(X, LABELS, optimizer=adam)
    before = adam.steps
    for name in ("fit", "train_step"):
        with pytest.raises(ValueError, match=r"another network.*reset"):
            METHODS[name](other, X, LABELS, optimizer=adam)
    assert adam.steps == before
    assert_same_network(other, net_of())
    one.fit(X, LABELS, optimizer=adam)
    adam.reset()
    other.fit(X, LABELS, optimizer=adam)


def test_dropout_cannot_be_the_last():
    layer = cnnfs.Layer(4, 3)
    for layers in ([layer, cnnfs.Dropout(0.5)], [cnnfs.Dropout(0.5)]):
        with pytest.raises(ValueError, match="Dropout"):
            cnnfs.Network(layers)


def test_wrong_penalties():
    for name in ("weight_l1", "weight_l2", "bias_l1", "bias_l2"):
        for value, kind in [(-1e-9, ValueError), (NAN, ValueError), (np.inf, ValueError),
                            ("a", TypeError), (None, TypeError)]:  # fmt: skip
            with pytest.raises(kind, match=name):
                cnnfs.Layer(4, 3, **{name: value})


@pytest.mark.parametrize("options", [{}, {"validation_data": (X, LABELS[:3])}, {"epochs": -1}])
def test_an_error_changes_nothing(options):
    net, adam = net_of(), cnnfs.Adam()
    y = LABELS if options else label_at(6, 3)
    with pytest.raises(ValueError, match=r"y has|validation|epochs"):
        net.fit(X, y, optimizer=adam, **options)
    assert_same_network(net, net_of())
    assert adam.steps == 0
    net_of().fit(X, LABELS, optimizer=adam)  # it belongs to nobody yet
