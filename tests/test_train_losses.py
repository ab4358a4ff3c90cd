"""Losses and metrics: extreme logits, names and defaults, targets in all their shapes."""

import math

import numpy as np
import pytest
import train_reference as ref
from reference import assert_same_bits

import cnnfs

LONG_NAMES = [
    ("mse", "mean_squared_error", cnnfs.MeanSquaredError(), "linear"),
    ("mae", "mean_absolute_error", cnnfs.MeanAbsoluteError(), "tanh"),
    ("huber", "huber_loss", cnnfs.Huber(), "linear"),
    ("bce", "binary_cross_entropy", cnnfs.BinaryCrossEntropy(), "sigmoid"),
    ("cross_entropy", "categorical_cross_entropy", cnnfs.CrossEntropy(), "softmax"),
]
HUGE = 1e4


def network(last, n_outputs=3, dtype="float64"):
    layers = [
        cnnfs.Layer(4, 6, "tanh", dtype=dtype, rng=1),
        cnnfs.Layer(6, n_outputs, last, dtype=dtype, rng=2),
    ]
    layers[1].bias = np.linspace(-0.5, 0.6, n_outputs)
    return cnnfs.Network(layers)


def data(loss, rows=7, n_outputs=3):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(rows, 4))
    if "cross_entropy" in loss and "binary" not in loss:
        return x, rng.integers(0, n_outputs, rows)
    return x, rng.random((rows, n_outputs))


# ---- extreme logits ----------------------------------------------------------------------------


@pytest.mark.parametrize("huge", [HUGE, -HUGE])
@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_cross_entropy_of_huge_logits(isa, dtype, last, huge):
    net = cnnfs.Network([cnnfs.Layer.from_arrays(huge * np.eye(3), None, last, dtype=dtype)])
    x, labels = np.eye(3), np.array([0, 2, 2])
    logits = huge * np.eye(3)
    # log(sum(exp)) is the largest logit, but for those that are equal: at most log 2.
    top = logits.max(axis=1)
    equal = (logits == top[:, None]).sum(axis=1)
    want = np.mean(top + np.log(equal) - logits[np.arange(3), labels])
    got = net.gradients(x, labels, loss="cross_entropy")
    assert got.loss == pytest.approx(want, rel=1e-6 if dtype == "f4" else 1e-15)
    assert net.evaluate(x, labels, loss="cross_entropy")["loss"] == got.loss
    p = (logits == top[:, None]) / equal[:, None]
    np.testing.assert_allclose(got.layers[0].dbias, (p - np.eye(3)[labels]).sum(0) / 3, atol=1e-7)
    np.testing.assert_allclose(got.dx, (p - np.eye(3)[labels]) / 3 * huge, rtol=1e-6)
    smooth = net.gradients(x, labels, loss=cnnfs.CrossEntropy(label_smoothing=0.1))
    assert all(np.isfinite(a).all() for a in (smooth.loss, smooth.dx, *smooth.layers[0]))
    assert math.isfinite(net.train_step(x, labels, loss="cross_entropy"))
    assert np.isfinite(net[0].weights).all()


@pytest.mark.parametrize("last", ["sigmoid", "linear"])
def test_binary_cross_entropy_of_huge_logits(isa, dtype, last):
    net = cnnfs.Network([cnnfs.Layer.from_arrays([[HUGE]], None, last, dtype=dtype)])
    x, t = np.array([[1.0], [1.0], [-1.0], [-1.0]]), np.array([0.0, 1.0, 0.0, 1.0])
    got = net.gradients(x, t, loss="binary_cross_entropy")
    assert got.loss == HUGE / 2  # two of four are right, the others cost 1e4 each
    np.testing.assert_array_equal(got.dx[:, 0], np.array([1, 0, 0, -1]) / 4 * HUGE)
    np.testing.assert_array_equal(got.layers[0].dweights, [[(1 + 1) / 4]])
    np.testing.assert_array_equal(got.layers[0].dbias, [(1 - 1) / 4])
    assert net.evaluate(x, t, loss="binary_cross_entropy") == {"loss": HUGE / 2, "accuracy": 0.5}
    history = net.fit(x, t, epochs=3, loss="binary_cross_entropy", optimizer="sgd")
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(net[0].weights).all()


def test_logits_of_moderate_size_lose_no_digits(dtype):
    """-log p of what is nearly certain is tiny, and neither 0 nor rounded as 1 - p is."""
    net = cnnfs.Network([cnnfs.Layer.from_arrays([[1.0]], None, "sigmoid", dtype=dtype)])
    eps = float(np.finfo(dtype).eps)
    for z in (20.0, 40.0, 80.0):
        got = net.gradients([[z]], [1.0])
        assert got.loss == pytest.approx(math.log1p(math.exp(-z)), rel=8 * eps)
        want = z + math.log1p(math.exp(-z))
        assert net.gradients([[-z]], [1.0]).loss == pytest.approx(want, rel=8 * eps)
    net = cnnfs.Network([cnnfs.Layer.from_arrays(np.eye(2), None, "softmax", dtype=dtype)])
    for z in (20.0, 40.0, 80.0):
        want = z + math.log1p(math.exp(-z))
        assert net.gradients([[0.0, z]], [0]).loss == pytest.approx(want, rel=8 * eps)


# ---- names, defaults, and what they mean -------------------------------------------------------


@pytest.mark.parametrize(("short", "long", "made", "last"), LONG_NAMES)
def test_names_and_objects_are_the_same(short, long, made, last):
    x, y = data(long)
    by_name = [network(last).gradients(x, y, loss=loss) for loss in (short, long, made)]
    assert by_name[0].loss == by_name[1].loss == by_name[2].loss
    for other in by_name[1:]:
        assert_same_bits(other.dx, by_name[0].dx)


@pytest.mark.parametrize("last", ref.ACTIVATIONS)
def test_the_default_follows_the_last_activation(last):
    name = {"softmax": "cross_entropy", "sigmoid": "binary_cross_entropy"}.get(last, "mse")
    x, y = data(name)
    by_default, named = network(last), network(last)
    assert by_default.gradients(x, y).loss == named.gradients(x, y, loss=name).loss
    assert by_default.evaluate(x, y) == named.evaluate(x, y, loss=name)
    assert by_default.fit(x, y, rng=0) == named.fit(x, y, loss=name, rng=0)
    assert by_default == named


def test_the_default_is_what_was_used_last():
    x, y = data("mae")
    net = network("sigmoid")
    net.fit(x, y, loss="mae")
    assert net.evaluate(x, y) == net.evaluate(x, y, loss="mae")
    assert net.gradients(x, y).loss == net.gradients(x, y, loss="mae").loss
    net.fit(x, y, loss="huber")
    assert net.evaluate(x, y)["loss"] == net.evaluate(x, y, loss="huber")["loss"]
    smooth = cnnfs.CrossEntropy(label_smoothing=0.3)
    net, (x, y) = network("softmax"), data("cross_entropy")
    net.train_step(x, y, loss=smooth)
    assert net.evaluate(x, y)["loss"] == net.evaluate(x, y, loss=smooth)["loss"]


def test_small_examples_by_hand():
    net = cnnfs.Network([cnnfs.Layer.from_arrays([[1.0]], [0.0], dtype="float64")])
    x, y = [[1.0], [5.0]], [2.0, 1.0]  # errors -1 and 4
    for loss, want, dx in [
        ("mse", (1 + 16) / 2, [-1, 4]),
        ("mae", (1 + 4) / 2, [-0.5, 0.5]),  # the sign of prediction - target, over 2 elements
        ("huber", (0.5 + 3.5) / 2, [-0.5, 0.5]),
        (cnnfs.Huber(2.0), (0.5 + 2 * 3) / 2, [-0.5, 1]),
    ]:
        got = net.gradients(x, y, loss=loss)
        assert got.loss == want
        np.testing.assert_array_equal(got.dx[:, 0], dx)
    assert net.evaluate(x, y, loss="mse") == {"loss": 8.5, "r2": 1 - 17 / 0.5, "mae": 2.5}
    exact = net.gradients([[1.0]], [1.0], loss="mae")
    assert exact.loss == exact.dx[0, 0] == 0


def test_a_step_of_mae_goes_towards_the_target():
    net = cnnfs.Network([cnnfs.Layer.from_arrays([[0.0]], [0.0], dtype="float64")])
    assert net.train_step([[1.0]], [3.0], loss="mae", optimizer=cnnfs.SGD(0.1)) == 3
    assert net.evaluate([[1.0]], [3.0])["loss"] == pytest.approx(2.8)  # each moved by 0.1


# ---- targets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [*"bBhHiIlLqQ", "f2", "f4", "f8", ">i4", ">f4", list, tuple, "column", "strided", "read-only"],
)
def test_labels_of_any_kind(given):
    x, y = data("cross_entropy")
    want = network("softmax").gradients(x, y)
    if given == "strided":
        other = np.repeat(y, 2)[::2]
    elif given == "column":
        other = y.reshape(-1, 1)
    elif given == "read-only":
        other = y.copy()
        other.flags.writeable = False
    else:
        other = given(y.tolist()) if isinstance(given, type) else y.astype(given)
    got = network("softmax").gradients(x, other)
    assert got.loss == want.loss
    assert_same_bits(got.dx, want.dx)


@pytest.mark.parametrize("given", ["?", "i1", "u8", "f4", "f8", list])
def test_binary_targets_of_any_kind(given):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(7, 4)), rng.integers(0, 2, 7)
    want = network("sigmoid", 1).gradients(x, y.astype("f8").reshape(-1, 1))
    other = y.tolist() if given is list else y.astype(given)
    for shaped in (other, np.reshape(other, (-1, 1))):
        got = network("sigmoid", 1).gradients(x, shaped)
        assert got.loss == want.loss
        assert_same_bits(got.dx, want.dx)


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_one_output_takes_a_vector_or_a_column(loss):
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(7, 4)), rng.normal(size=7)
    one = network("linear", 1).fit(x, y, loss=loss, rng=0)
    other = network("linear", 1).fit(x, y[:, None], loss=loss, rng=0)
    assert one == other


def test_one_class():
    """A softmax of one output is always 1: nothing to learn, and no error."""
    x = np.random.default_rng(0).normal(size=(5, 4))
    net = network("softmax", 1)
    before = net[0].weights
    history = net.fit(x, np.zeros(5, int), epochs=2, optimizer="sgd")
    assert history == {"loss": [0.0, 0.0], "accuracy": [1.0, 1.0]}
    assert_same_bits(net[0].weights, before)
    net = network("softmax")  # three outputs, one of which is ever asked for
    history = net.fit(x, np.ones(5, int), epochs=300, optimizer=cnnfs.Adam(0.01))
    assert history["accuracy"][-1] == 1
    assert history["loss"][-1] < 0.1 * history["loss"][0]


@pytest.mark.parametrize("loss", ["mse", "bce", "cross_entropy"])
def test_one_row(loss):
    last = {"mse": "linear", "bce": "sigmoid", "cross_entropy": "softmax"}[loss]
    x, y = data(loss, rows=1)
    net = network(last)
    history = net.fit(x, y, epochs=50, loss=loss, optimizer=cnnfs.Adam(0.01))
    assert history["loss"][-1] < history["loss"][0]
    assert all(np.isfinite(v).all() or k == "r2" for k, v in history.items())
