"""Networks and layers around a training: shared layers, copies, pickles, slices, penalties."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
import train_reference as ref
from reference import assert_same_bits
from train_cases import assert_same_network, make, parameters

import cnnfs

PENALTY = {"weight_l1": 1e-3, "weight_l2": 2e-3, "bias_l1": 3e-3, "bias_l2": 4e-3}


def trained(**changes):
    net, x, y, options = make("digits")
    net.fit(x, y, epochs=2, **{**options, **changes})
    return net, x, y, options


def test_fit_trains_the_layers_that_the_user_holds():
    first, last = cnnfs.Layer(4, 5, "relu", rng=0), cnnfs.Layer(5, 2, rng=1)
    net = cnnfs.Network([first, last])
    kept = first.weights
    before = kept.copy()
    x, y = np.ones((9, 4), "f4"), np.ones((9, 2))
    net.fit(x, y, epochs=3, optimizer=cnnfs.SGD(0.1))
    assert net[0] is first
    assert (first.weights != before).any()
    assert_same_bits(kept, before, "a snapshot keeps the old values")
    assert not first.weights.flags.writeable
    assert_same_bits(net(x), last(first(x)))
    assert_same_bits(net[:1](x), first(x))


def test_a_trained_network_is_like_any_other():
    net, x, *_ = trained()
    made = cnnfs.Network(
        cnnfs.Layer.from_arrays(layer.weights, layer.bias, layer.activation)
        for layer in net
        if isinstance(layer, cnnfs.Layer)
    )
    for rows in (1, 3, 100):
        assert_same_bits(net(x[:rows]), made(x[:rows]))
    assert_same_bits(net(x[0]), made(x[0]))


@pytest.mark.parametrize("same", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_of_a_trained_network_are_independent(same):
    net, x, y, options = trained()
    other = same(net)
    assert_same_network(other, net)
    before = [p.copy() for p in parameters(net)]
    other.fit(x, y, epochs=1, rng=0)
    for got, want in zip(parameters(net), before, strict=True):
        assert_same_bits(got, want)
    net.fit(x, y, epochs=1, **options)
    assert net != other
    # With new optimizers and the same data they go the same way.
    one, two = trained()[0], same(trained()[0])
    for part in (one, two):
        part.fit(x, y, epochs=1, optimizer="adam", rng=0)
    assert_same_network(one, two)


def test_a_shallow_copy_shares_its_layers():
    net, x, y, _ = trained()
    other = copy.copy(net)
    other.fit(x, y, epochs=1, rng=0)
    assert_same_network(net, other)
    assert_same_bits(net(x), other(x))


def test_a_part_of_a_network_can_be_trained():
    """The head of a trained network, on its own; the body stays as it is."""
    net, x, y, _ = trained()
    body, head = net[:3], net[-1:]
    before = [p.copy() for p in parameters(body)]
    features = net.activations(x)[-2]
    head.fit(features, y, epochs=30, optimizer=cnnfs.Adam(0.01), rng=0)
    for got, want in zip(parameters(body), before, strict=True):
        assert_same_bits(got, want)
    assert_same_bits(net(x), head(features))


def test_the_same_layer_twice():
    """Its gradient is the sum over both places, or it is refused in so many words."""
    layer = cnnfs.Layer(3, 3, "tanh", dtype="float64", rng=0)
    net = cnnfs.Network([layer, layer])
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    with pytest.raises(ValueError, match="layer"):
        net.fit(x, y)


def test_layers_of_two_networks_may_be_trained_by_either():
    shared = cnnfs.Layer(4, 6, "tanh", rng=0)
    one = cnnfs.Network([shared, cnnfs.Layer(6, 2, rng=1)])
    other = cnnfs.Network([shared, cnnfs.Layer(6, 3, rng=2)])
    x = np.random.default_rng(0).normal(size=(20, 4)).astype("f4")
    for _ in range(3):
        for net in (one, other):
            before = shared.weights
            net.fit(x, x[:, : net.n_outputs], optimizer=cnnfs.SGD(0.1))
            assert (shared.weights != before).any()
            assert_same_bits(net(x), net[1](shared(x)))


def test_penalties_are_part_of_a_layer():
    layer = cnnfs.Layer(4, 5, "relu", rng=0, **PENALTY)
    plain = cnnfs.Layer(4, 5, "relu", rng=0)
    for name, value in PENALTY.items():
        assert getattr(layer, name) == value
        assert getattr(plain, name) == 0
        assert name in repr(layer)
        assert name not in repr(plain)
    for same in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert {name: getattr(same, name) for name in PENALTY} == PENALTY
    x = np.ones((3, 4), "f4")
    assert_same_bits(layer(x), plain(x))


def test_penalties_are_part_of_every_reported_loss():
    net = cnnfs.Network([cnnfs.Layer(4, 2, "linear", dtype="float64", rng=0, **PENALTY)])
    plain = cnnfs.Network([cnnfs.Layer(4, 2, "linear", dtype="float64", rng=0)])
    for part in (net, plain):
        part[0].bias = [0.5, -0.25]
    x, y = np.eye(4), np.ones((4, 2))
    more = ref.penalty(ref.parts_of(net))
    want = plain.evaluate(x, y)["loss"] + more
    assert more > 0
    assert net.evaluate(x, y)["loss"] == pytest.approx(want, rel=1e-14)
    assert net.gradients(x, y).loss == pytest.approx(want, rel=1e-14)
    history = net.fit(x, y, optimizer=cnnfs.SGD(1e-30), validation_data=(x, y), batch_size=3)
    assert history["loss"] == pytest.approx([want], rel=1e-14)
    assert history["val_loss"] == pytest.approx([want], rel=1e-14)
    assert net.train_step(x, y, optimizer=cnnfs.SGD(1e-30)) == pytest.approx(want, rel=1e-14)


def test_l1_draws_weights_to_zero_and_l2_makes_them_small():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 10))
    y = x[:, 0] * 2 + 0.01 * rng.normal(size=200)

    def weights(**penalty):
        layer = cnnfs.Layer(10, 1, dtype="float64", rng=0, **penalty)
        rate = cnnfs.ExponentialDecay(0.1, 0.997)
        cnnfs.Network([layer]).fit(x, y, epochs=400, optimizer=cnnfs.Adam(rate), rng=0)
        return layer.weights[0]

    plain, l1, l2 = weights(), weights(weight_l1=0.05), weights(weight_l2=0.5)
    assert np.abs(plain[0] - 2) < 0.01
    assert np.abs(l1[1:]).max() < 1e-3 < np.abs(plain[1:]).max()
    assert np.abs(l1[0] - (2 - 0.05 / 2)) < 0.02  # the minimum of (w - 2)^2 + 0.05 |w|
    assert np.abs(l2[0] - 2 / 1.5) < 0.2  # the minimum of (w - 2)^2 + 0.5 w^2
    assert (weights(bias_l1=1.0)[0] > 1.9).all()


def test_networks_and_optimizers_are_freed():
    net, _, _, options = trained()
    optimizer = options.pop("optimizer")
    gone = [weakref.ref(net), weakref.ref(optimizer)]
    del net, optimizer
    gc.collect()
    assert [ref() for ref in gone] == [None, None]


def test_an_optimizer_outlives_its_network():
    net, x, y, options = trained()
    optimizer = options["optimizer"]
    del net
    gc.collect()
    other, *_ = make("digits")
    with pytest.raises(ValueError, match="reset"):
        other.fit(x, y, optimizer=optimizer)
    optimizer.reset()
    other.fit(x, y, optimizer=optimizer)


def test_a_subclass_can_be_trained():
    class Mine(cnnfs.Network):
        pass

    class Special(cnnfs.Layer):
        pass

    net = Mine([Special(4, 3, "softmax", rng=0)])
    x, y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3
    history = net.fit(x, y, epochs=2)
    assert type(net) is Mine
    assert type(net[0]) is Special
    assert len(history["loss"]) == 2
