"""Gradients at sizes that are no multiple of anything, for each instruction set and dtype.

Sums of small integers are exact in any order, so those gradients must match exactly. For other data
the bound is Higham's: |error| <= gamma_n times the same formula with every number made positive.
"""

import numpy as np
import pytest
import train_reference as ref
from reference import assert_same_bits, gamma, unit_roundoff
from test_train_gradients import differences, make

import cnnfs

SIZES = [
    (1, 1, 1),
    (2, 3, 1),
    (5, 8, 2),
    (7, 15, 4),
    (16, 16, 16, 8),
    (17, 31, 33, 2),
    (33, 63, 65, 4),
    (64, 127, 1),
    (129, 40, 9, 8),
    (100, 130, 257, 2),
]
ROWS = [1, 2, 8, 64, 256]
ODD_ROWS = [1, 3, 13, 33, 131, 259]


def network(rng, sizes, activations, dtype, draw):
    return cnnfs.Network(
        cnnfs.Layer.from_arrays(draw(rng, (n, k)), draw(rng, n), activation, dtype=dtype)
        for k, n, activation in zip(sizes, sizes[1:], activations, strict=False)
    )


def sparse_integers(rng, shape):
    """-1, 0 and 1, about three in a row that are not zero."""
    share = min(0.5, 1.5 / shape[-1]) if isinstance(shape, tuple) else 0.3
    return rng.choice([-1.0, 0.0, 1.0], size=shape, p=[share, 1 - 2 * share, share])


def magnitudes(parts, x, y):
    """The gradients of mse where every number is positive: what bounds all sums on the way."""
    outputs = [np.abs(x)]
    for part in parts:
        outputs.append(outputs[-1] @ np.abs(part.weights).T + np.abs(part.bias))
    dz = (outputs[-1] + np.abs(y)) * 2 / y.size
    layers, largest = [], max(o.max() for o in outputs)
    for part, inputs in zip(reversed(parts), reversed(outputs[:-1]), strict=True):
        layers.insert(0, (dz.T @ inputs, dz.sum(axis=0)))
        dz = dz @ np.abs(part.weights)
        largest = max(largest, dz.max() * y.size)
    return layers, dz, max(largest, *(d.max() * y.size for layer in layers for d in layer))


def every(gradients):
    return [g for layer in gradients[1] for g in layer] + [gradients[2]]


@pytest.mark.parametrize("hidden", ["linear", "relu"])
def test_integers_are_exact(isa, dtype, hidden):
    rng = np.random.default_rng(3)
    for sizes in SIZES:
        activations = [hidden] * (len(sizes) - 2) + ["linear"]
        net = network(rng, sizes, activations, dtype, sparse_integers)
        parts = ref.parts_of(net)
        for rows in ROWS:  # rows times outputs is a power of two: so is the mean's factor
            x = rng.integers(-2, 3, (rows, sizes[0])).astype(dtype)
            y = rng.integers(-3, 4, (rows, sizes[-1])).astype(dtype)
            assert magnitudes(parts, x, y)[2] < 2 / np.finfo(dtype).eps, "the data is too large"
            got, want = net.gradients(x, y, loss="mse"), ref.gradients(parts, x, y, ref.Loss("mse"))
            for one, other in zip(every(got), every(want), strict=True):
                np.testing.assert_array_equal(one, other.astype(dtype), f"{sizes}, {rows} rows")


def test_other_numbers_stay_within_the_bound(isa, dtype):
    rng = np.random.default_rng(4)
    draw = np.random.Generator.normal
    for sizes in SIZES:
        net = network(rng, sizes, ["linear"] * 9, dtype, lambda rng, shape: draw(rng, size=shape))
        parts = ref.parts_of(net)
        for rows in ODD_ROWS:
            x = rng.normal(size=(rows, sizes[0])).astype(dtype)
            y = rng.normal(size=(rows, sizes[-1])).astype(dtype)
            got = net.gradients(x, y, loss="mse")
            want = ref.gradients(parts, x, y, ref.Loss("mse"))
            layers, dx, _ = magnitudes(parts, x, y)
            operations = 2 * sum(sizes) + rows + 4 * len(sizes)  # on the way to any result
            # The reference rounds as much in float64, and then to dtype.
            u = unit_roundoff(dtype) + unit_roundoff(np.float64)
            for one, other, size in zip(
                every(got), every(want), [*(g for pair in layers for g in pair), dx], strict=True
            ):
                error = np.abs(one - other)
                assert (error <= gamma(operations, u) * size).all(), f"{sizes}, {rows} rows"


@pytest.mark.parametrize("activation", ref.ACTIVATIONS)
def test_wide_layers_of_every_activation(isa, activation):
    rng = np.random.default_rng(5)
    for sizes, rows in [((20, 67, 130, 3), 77), ((9, 31, 5, 4), 130), ((40, 17, 3), 1)]:
        activations = [activation] * (len(sizes) - 2) + ["softmax"]
        net = make(rng, sizes, activations)
        for layer in net:
            layer.weights = layer.weights / np.sqrt(layer.n_inputs)
        x, y = rng.normal(size=(rows, sizes[0])), rng.integers(0, sizes[-1], rows)
        got = net.gradients(x, y, loss="cross_entropy")
        want = ref.gradients(ref.parts_of(net), x, y, ref.Loss("cross_entropy"))
        assert got.loss == pytest.approx(want[0], rel=1e-13)
        for one, other in zip(every(got), every(want), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13 * np.abs(other).max())


# ---- input_gradient and activations ------------------------------------------------------------


def smooth_network(rng, last="softmax", dropout=False):
    net = make(rng, (5, 7, 6, 3), ("tanh", "gelu", last))
    return cnnfs.Network([net[0], cnnfs.Dropout(0.5), *net[1:]]) if dropout else net


@pytest.mark.parametrize("last", ref.ACTIVATIONS)
def test_input_gradient_against_central_differences(rng, last):
    net, x = smooth_network(rng, last), rng.normal(size=(4, 5))
    got = net.input_gradient(x)
    assert got.shape == (4, 3, 5)
    assert got.dtype == net.dtype
    for row in range(4):
        for output in range(3):
            slope = differences(lambda v, output=output: net(v)[output], x[row])
            np.testing.assert_allclose(got[row, output], slope, rtol=1e-6, atol=1e-7)


def test_the_shapes_of_input_gradient(rng):
    net, x = smooth_network(rng), rng.normal(size=(2, 3, 5))
    whole = net.input_gradient(x)
    assert whole.shape == (2, 3, 3, 5)
    for i, j in np.ndindex(2, 3):
        one = net.input_gradient(x[i, j])
        assert one.shape == (3, 5)
        assert_same_bits(one, whole[i, j])
        assert_same_bits(net.input_gradient(x[i, j][None])[0], one)
    assert net.input_gradient(np.empty((0, 5))).shape == (0, 3, 5)
    assert_same_bits(net.input_gradient(x.astype("f4").tolist()), net.input_gradient(np.float32(x)))


def test_input_gradient_of_a_linear_network_is_a_product(isa, dtype, rng):
    net = network(rng, (33, 20, 17), ["linear"] * 2, dtype, sparse_integers)
    want = (net[1].weights @ net[0].weights).astype(dtype)
    for rows in (1, 40):
        got = net.input_gradient(rng.normal(size=(rows, 33)))
        np.testing.assert_array_equal(got, np.broadcast_to(want, (rows, 17, 33)))


def test_input_gradient_ignores_dropout_and_refuses_wrong_features(rng):
    x = rng.normal(size=(4, 5))
    plain, noisy = (
        smooth_network(np.random.default_rng(1)),
        smooth_network(np.random.default_rng(1), dropout=True),
    )
    assert_same_bits(noisy.input_gradient(x), plain.input_gradient(x))
    with pytest.raises(ValueError, match="4 features"):
        plain.input_gradient(x[:, :4])


@pytest.mark.parametrize("shape", [(5,), (4, 5), (1, 5), (0, 5), (2, 3, 5), (300, 5)])
def test_activations_are_what_the_layers_give(isa, dtype, rng, shape):
    sizes = (5, 70, 33, 3)
    layers = [
        cnnfs.Layer(k, n, activation, dtype=dtype, rng=1)
        for k, n, activation in zip(sizes, sizes[1:], ("gelu", "step", "softmax"), strict=False)
    ]
    net = cnnfs.Network([layers[0], cnnfs.Dropout(0.5), *layers[1:]])
    x = rng.normal(size=shape)
    got, want = net.activations(x), x
    assert type(got) is list
    assert len(got) == 3
    for one, layer in zip(got, layers, strict=True):
        want = layer(want)
        assert_same_bits(one, want)
    assert_same_bits(got[-1], net(x))
