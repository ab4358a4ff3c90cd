"""Gradients against central differences in float64, and against the reference's own formulas.

h = 1e-6: a central difference then errs by about h^2 |f'''| / 6 (truncation) and u |f| / h
(rounding), some 1e-10, far below atol 1e-7. Data lies at least 1e-3 from every kink.
"""

import numpy as np
import pytest
import train_reference as ref

import cnnfs

H, ATOL, RTOL = 1e-6, 1e-7, 1e-6
KINKS = 1e-3
NO_PENALTY = {}
PENALTY = {"weight_l1": 0.03, "weight_l2": 0.02, "bias_l1": 0.05, "bias_l2": 0.04}
PENALTIES = [NO_PENALTY, *({key: value} for key, value in PENALTY.items()), PENALTY]

LOSSES = {
    "mse": (cnnfs.MeanSquaredError(), ref.Loss("mse")),
    "mae": (cnnfs.MeanAbsoluteError(), ref.Loss("mae")),
    "huber": (cnnfs.Huber(0.7), ref.Loss("huber", delta=0.7)),
    "bce": (cnnfs.BinaryCrossEntropy(), ref.Loss("binary_cross_entropy")),
    "ce": (cnnfs.CrossEntropy(), ref.Loss("cross_entropy")),
    "smooth": (cnnfs.CrossEntropy(label_smoothing=0.2), ref.Loss("cross_entropy", smoothing=0.2)),
}
# What each loss may follow.
ENDS = [(loss, last) for loss in ("mse", "mae", "huber") for last in ref.ACTIVATIONS]
ENDS += [("bce", last) for last in ("sigmoid", "linear")]
ENDS += [(loss, last) for loss in ("ce", "smooth") for last in ("softmax", "linear")]


def make(rng, sizes, activations, **penalty):
    layers = []
    for n_inputs, n_neurons, activation in zip(sizes, sizes[1:], activations, strict=False):
        layer = cnnfs.Layer(n_inputs, n_neurons, activation, dtype="float64", **penalty)
        layer.weights = away(rng, (n_neurons, n_inputs))
        layer.bias = away(rng, n_neurons)
        layers.append(layer)
    return cnnfs.Network(layers)


def away(rng, shape):
    """Normal numbers, none near the kink of |p|."""
    p = rng.normal(size=shape)
    return p + np.sign(p) * KINKS


def targets(rng, loss, rows, n_outputs):
    if loss.name == "cross_entropy":
        return rng.integers(0, n_outputs, rows)
    return rng.random((rows, n_outputs))


def near_a_kink(net, x, y, loss):
    parts = ref.parts_of(net)
    sums, outputs = ref.forward(parts, x)
    near = [np.abs(z).min(initial=1) < KINKS for z in sums]
    if loss.name in ("mae", "huber"):
        error = np.abs(outputs[-1] - ref.as_targets(loss, y, len(parts[-1].bias)))
        near += [(error < KINKS).any(), (np.abs(error - loss.delta) < KINKS).any()]
    return any(near)


def case(sizes, rows, activations, loss, **penalty):
    """A network and data for it, away from every kink."""
    for seed in range(100):
        rng = np.random.default_rng(seed)
        net = make(rng, sizes, activations, **penalty)
        x = rng.normal(size=(rows, sizes[0]))
        y = targets(rng, loss, rows, sizes[-1])
        if not near_a_kink(net, x, y, loss):
            return net, x, y, rng
    raise AssertionError("every seed is near a kink")


def differences(function, p):
    """The central differences of a number with respect to each element of p."""
    result = np.empty(p.shape)
    for where in np.ndindex(p.shape):
        high, low = p.copy(), p.copy()
        high[where] += H
        low[where] -= H
        result[where] = (function(high) - function(low)) / (high[where] - low[where])
    return result


def assert_gradients_right(net, x, y, loss, **options):
    """Against central differences of the library's own loss, and against the reference."""
    theirs, ours = loss
    got = net.gradients(x, y, loss=theirs, **options)
    weight = options.get("sample_weight")
    want = ref.gradients(ref.parts_of(net), x, y, ours, weight)
    np.testing.assert_allclose(got.loss, want[0], rtol=1e-13, atol=1e-15)

    def with_parameter(layer, name):
        def loss_at(p):
            setattr(layer, name, p)
            return net.gradients(x, y, loss=theirs, **options).loss

        return loss_at

    layers = [layer for layer in net if hasattr(layer, "weights")]
    assert len(layers) == len(got.layers)
    for layer, gradient, known in zip(layers, got.layers, want[1], strict=True):
        for name, d, exact in zip(("weights", "bias"), gradient, known, strict=True):
            before = np.array(getattr(layer, name))
            assert d.shape == before.shape
            assert d.dtype == np.float64
            slope = differences(with_parameter(layer, name), before)
            setattr(layer, name, before)
            np.testing.assert_allclose(d, slope, rtol=RTOL, atol=ATOL)
            np.testing.assert_allclose(d, exact, rtol=1e-11, atol=1e-13)
    slope = differences(lambda p: net.gradients(p, y, loss=theirs, **options).loss, x)
    assert got.dx.shape == x.shape
    np.testing.assert_allclose(got.dx, slope, rtol=RTOL, atol=ATOL)
    np.testing.assert_allclose(got.dx, want[2], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("loss", "last"), ENDS)
@pytest.mark.parametrize("hidden", ref.ACTIVATIONS)
def test_every_activation_with_every_loss(hidden, loss, last):
    net, x, y, _ = case((3, 4, 3), 4, (hidden, last), LOSSES[loss][1], **PENALTY)
    assert_gradients_right(net, x, y, LOSSES[loss])


@pytest.mark.deep
@pytest.mark.parametrize(("loss", "last"), ENDS)
@pytest.mark.parametrize("hidden", ref.ACTIVATIONS)
def test_every_activation_with_every_loss_and_every_penalty(hidden, loss, last):
    for number, penalty in enumerate(PENALTIES):
        sizes, rows = [(3, 4, 3), (5, 2, 6), (2, 17, 3)][number % 3], 2 + number
        net, x, y, rng = case(sizes, rows, (hidden, last), LOSSES[loss][1], **penalty)
        assert_gradients_right(net, x, y, LOSSES[loss])
        assert_gradients_right(net, x, y, LOSSES[loss], sample_weight=rng.random(rows) * 3)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize(("loss", "last"), [("mse", "tanh"), ("ce", "softmax")])
def test_every_penalty(loss, last, penalty):
    net, x, y, _ = case((3, 4, 3), 4, ("gelu", last), LOSSES[loss][1], **penalty)
    assert_gradients_right(net, x, y, LOSSES[loss])


@pytest.mark.parametrize(
    ("loss", "last"), [("ce", "softmax"), ("bce", "sigmoid"), ("huber", "elu")]
)
def test_deep_networks(loss, last):
    hidden = ("relu", "silu", "softmax", "tanh", "gelu_tanh")
    net, x, y, _ = case((3, 5, 4, 3, 4, 3, 2), 4, (*hidden, last), LOSSES[loss][1], **PENALTY)
    assert_gradients_right(net, x, y, LOSSES[loss])


SMALL = [
    # sizes, rows
    ((1, 1), 1),
    ((1, 1, 1), 1),
    ((3, 2), 1),
    ((1, 3, 2), 4),
    ((3, 1, 2), 4),
    ((3, 3, 1), 4),
    ((0, 2), 3),
    ((0, 3, 2), 3),
    ((3, 0, 2), 3),
    ((3, 0, 4, 2), 1),
]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("sizes", "rows"), SMALL)
def test_sizes_of_one_and_of_zero(sizes, rows, loss):
    last = {"bce": "sigmoid", "ce": "softmax", "smooth": "softmax"}.get(loss, "linear")
    activations = ("tanh",) * (len(sizes) - 2) + (last,)
    net, x, y, _ = case(sizes, rows, activations, LOSSES[loss][1], **PENALTY)
    assert_gradients_right(net, x, y, LOSSES[loss])


@pytest.mark.parametrize("loss", LOSSES)
def test_sample_weights(loss):
    last = {"bce": "sigmoid", "ce": "softmax", "smooth": "softmax"}.get(loss, "linear")
    net, x, y, rng = case((3, 4, 3), 5, ("tanh", last), LOSSES[loss][1], **PENALTY)
    assert_gradients_right(net, x, y, LOSSES[loss], sample_weight=rng.random(5) * 10)
    assert_gradients_right(net, x, y, LOSSES[loss], sample_weight=[0, 1, 0, 2, 1])
    assert_gradients_right(net, x, y, LOSSES[loss], sample_weight=np.arange(1, 6))


@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_targets_that_are_probabilities(last):
    for loss in ("ce", "smooth"):
        net, x, _, rng = case((3, 4, 3), 5, ("tanh", last), LOSSES[loss][1])
        assert_gradients_right(net, x, rng.dirichlet([1, 1, 1], 5), LOSSES[loss])
        labels = rng.integers(0, 3, 5)
        assert_gradients_right(net, x, np.eye(3)[labels], LOSSES[loss])
        # One-hot rows are the labels themselves.
        one = net.gradients(x, labels, loss=LOSSES[loss][0])
        other = net.gradients(x, np.eye(3)[labels], loss=LOSSES[loss][0])
        assert one.loss == pytest.approx(other.loss, rel=1e-14)
        np.testing.assert_allclose(
            one.layers[0].dweights, other.layers[0].dweights, rtol=1e-13, atol=1e-16
        )


def test_dropout_is_not_applied():
    net, x, y, _ = case((3, 4, 3), 4, ("tanh", "softmax"), LOSSES["ce"][1], **PENALTY)
    noisy = cnnfs.Network([cnnfs.Dropout(0.5), net[0], cnnfs.Dropout(0.9), net[1]])
    assert_gradients_right(noisy, x, y, LOSSES["ce"])


def test_the_result_is_named():
    net, x, y, _ = case((3, 4, 3), 5, ("tanh", "softmax"), LOSSES["ce"][1])
    before = [np.array(layer.weights) for layer in net]
    loss, layers, _ = got = net.gradients(x, y, loss="cross_entropy")
    assert got._fields == ("loss", "layers", "dx")
    assert type(loss) is float
    assert type(layers) is list
    assert all(layer._fields == ("dweights", "dbias") for layer in layers)
    assert all((a == layer.weights).all() for a, layer in zip(before, net, strict=True))
    kept = layers[0].dweights.copy()
    net.gradients(x * 2, y, loss="cross_entropy")
    assert (layers[0].dweights == kept).all(), "a result is nobody else's scratch"


def test_the_loss_of_gradients_is_the_loss_of_evaluate():
    for loss, last in ENDS:
        net, x, y, _ = case((3, 4, 3), 5, ("tanh", last), LOSSES[loss][1], **PENALTY)
        got = net.evaluate(x, y, loss=LOSSES[loss][0])["loss"]
        assert got == pytest.approx(net.gradients(x, y, loss=LOSSES[loss][0]).loss, rel=1e-14)


@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_as_many_rows_as_outputs(last):
    """Three labels of three rows are not one row of three probabilities."""
    net, x, y, _ = case((3, 4, 3), 3, ("tanh", last), LOSSES["ce"][1])
    assert_gradients_right(net, x, y, LOSSES["ce"])
    net.train_step(x, y, loss="cross_entropy")


@pytest.mark.parametrize("loss", ["mse", "ce", "bce"])
def test_a_single_row_may_have_one_dimension(loss):
    last = {"bce": "sigmoid", "ce": "softmax", "mse": "linear"}[loss]
    net, x, y, _ = case((3, 4, 3), 1, ("tanh", last), LOSSES[loss][1])
    want = net.gradients(x, y, loss=LOSSES[loss][0])
    got = net.gradients(x[0], y[0], loss=LOSSES[loss][0])
    assert got.loss == want.loss
    assert got.dx.shape == (3,)
    assert (got.dx == want.dx[0]).all()
    assert net.train_step(x[0], y[0], loss=LOSSES[loss][0]) == want.loss
