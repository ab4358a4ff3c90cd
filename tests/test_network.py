"""Network: a chain of layers; what it refuses, tells, and shares."""

import copy
import pickle

import numpy as np
import pytest
from helpers import spread
from reference import assert_same_bits

import cnnfs
from cnnfs import Layer, Network

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture
def layers(dtype):
    return [
        Layer(4, 8, "relu", dtype=dtype, rng=0),
        Layer(8, 6, "sigmoid", dtype=dtype, rng=1),
        Layer(6, 3, dtype=dtype, rng=2),
    ]


@pytest.fixture
def net(layers):
    return Network(layers)


def test_attributes(net, layers, dtype):
    assert type(net.layers) is tuple
    assert all(a is b for a, b in zip(net.layers, layers, strict=True))
    assert (net.n_inputs, net.n_outputs) == (4, 3)
    assert net.dtype == dtype
    assert net.n_parameters == sum(layer.n_parameters for layer in layers) == 40 + 54 + 21
    for name in ("layers", "n_inputs", "n_outputs", "dtype", "n_parameters"):
        with pytest.raises(AttributeError):
            setattr(net, name, getattr(net, name))


def test_call_and_forward(net, layers, dtype, rng):
    x = spread(rng, (7, 4), dtype)
    want = layers[2](layers[1](layers[0](x)))
    assert_same_bits(net(x), want)
    assert_same_bits(net.forward(x), want)
    assert_same_bits(net(x[0]), want[0])


@pytest.mark.parametrize("make", [list, tuple, iter, lambda layers: (a for a in layers)])
def test_layers_may_be_any_iterable(layers, make):
    assert Network(make(layers)) == Network(layers)


def test_the_list_of_layers_is_copied(layers):
    net = Network(layers)
    layers.pop()
    assert len(net) == 3


def test_a_layer_may_stand_in_a_network_twice(rng):
    layer = Layer(4, 4, "relu", rng=0)
    net, x = Network([layer, layer]), spread(rng, (5, 4), np.float32)
    assert_same_bits(net(x), layer(layer(x)))
    layer.weights = np.eye(4)
    assert_same_bits(net(x), cnnfs.relu(x))


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [[], (), iter([])])
def test_no_layers_are_refused(empty):
    with pytest.raises(ValueError, match="layer"):
        Network(empty)


@pytest.mark.parametrize("wrong", [None, 3, "relu", np.ones((2, 2)), Layer, cnnfs.relu])
def test_what_is_no_layer_is_refused(wrong):
    with pytest.raises(TypeError, match=r"Layer|layer"):
        Network([Layer(2, 2), wrong])
    with pytest.raises(TypeError):
        Network(wrong)


def test_a_single_layer_instead_of_a_list_is_refused():
    with pytest.raises(TypeError):
        Network(Layer(2, 2))
    with pytest.raises(TypeError):
        Network(Layer(2, 3), Layer(3, 2))
    with pytest.raises(TypeError, match="layers"):
        Network()


def test_a_network_inside_a_network_is_refused(net):
    with pytest.raises(TypeError):
        Network([net])


def test_sizes_that_do_not_chain_are_refused_by_naming_both_layers():
    with pytest.raises(ValueError, match=r"8.*7") as caught:
        Network([Layer(4, 6), Layer(6, 8), Layer(7, 3)])
    text = str(caught.value)
    assert "1" in text
    assert "2" in text


def test_mixed_dtypes_are_refused():
    with pytest.raises(ValueError, match="float32") as caught:
        Network([Layer(4, 6), Layer(6, 8, dtype="float64")])
    assert "float64" in str(caught.value)


def test_layers_still_chain_after_any_assignment(net):
    with pytest.raises(ValueError, match="weights"):
        net[0].weights = np.ones((9, 4))
    assert net(np.ones(4)).shape == (3,)


# ---- a sequence of layers ----------------------------------------------------------------------


def test_length_iteration_and_membership(net, layers):
    assert len(net) == 3
    assert all(a is b for a, b in zip(net, layers, strict=True))
    assert all(a is b for a, b in zip(reversed(net), layers[::-1], strict=True))
    assert layers[1] in net
    assert Layer(1, 1) not in net


def test_indexing(net, layers):
    for i in range(-3, 3):
        assert net[i] is layers[i]
        assert net[np.int64(i)] is layers[i]
    for i in (3, -4, 100):
        with pytest.raises(IndexError):
            net[i]
    for wrong in ("0", 1.0, None, (0, 1)):
        with pytest.raises(TypeError):
            net[wrong]
    with pytest.raises(TypeError):
        net[0] = layers[0]
    with pytest.raises(TypeError):
        del net[0]


def test_slices_share_their_layers(net, layers, dtype, rng):
    x = spread(rng, (5, 4), dtype)
    for part in (slice(1), slice(1, 3), slice(None), slice(-1, None), slice(0, 3, 1)):
        sub = net[part]
        assert type(sub) is Network
        assert all(a is b for a, b in zip(sub, layers[part], strict=True))
    assert_same_bits(net[1:](net[:1](x)), net(x))
    for empty in (slice(0, 0), slice(3, None), slice(2, 1)):
        with pytest.raises(ValueError, match="layer"):
            net[empty]
    with pytest.raises(ValueError, match="8"):
        net[::-1]  # 3 <- 6 <- 8 <- 4 does not chain


# ---- what it tells -----------------------------------------------------------------------------


def test_repr(net, dtype):
    text = repr(net)
    assert text.startswith("Network")
    for part in ("4", "8", "6", "3", "relu", "sigmoid", "linear"):
        assert part in text


def test_summary_is_a_table(net, layers, capsys):
    text = net.summary()
    assert capsys.readouterr().out == ""
    lines = text.splitlines()
    for title in ("layer", "shape", "activation", "parameters"):
        assert any(title in line.lower() for line in lines[:3]), title
    for layer in layers:
        sizes = str(layer.n_inputs), str(layer.n_neurons), str(layer.n_parameters)
        assert any(layer.activation in line and all(s in line for s in sizes) for line in lines), (
            layer
        )
    assert any("total" in line.lower() and str(net.n_parameters) in line for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_summary_of_one_layer_and_of_large_numbers():
    text = Network([Layer(1000, 2000)]).summary()
    assert "2002000" in text.replace(",", "").replace(" ", "").replace("_", "")


def test_equality(net, layers, dtype):
    twin = Network([copy.copy(layer) for layer in layers])
    assert net == twin
    assert (net != twin) is False
    twin[1].bias = np.ones(6)
    assert net != twin
    assert net != net[:2]
    assert net != Network([*layers[:2], Layer(6, 3, "relu", dtype=dtype, rng=2)])
    for other in (None, 3, layers[0], layers, tuple(layers)):
        assert (net == other) is False
    with pytest.raises(TypeError, match="unhashable"):
        hash(net)


# ---- copies and extensions ---------------------------------------------------------------------


class Named(Network):
    """A subclass with an attribute of its own and another constructor."""

    def __init__(self, name, layers):
        super().__init__(layers)
        self.name = name


def test_copy_shares_the_layers(net, layers):
    twin = copy.copy(net)
    assert twin is not net
    assert twin == net
    assert all(a is b for a, b in zip(twin, layers, strict=True))


def test_deepcopy_and_pickle_are_independent(net, dtype, rng):
    x = spread(rng, (5, 4), dtype)
    want = net(x)
    pickled = [pickle.loads(pickle.dumps(net, protocol)) for protocol in PROTOCOLS]
    for twin in (copy.deepcopy(net), *pickled):
        assert twin == net
        assert_same_bits(twin(x), want)
        twin[0].weights = np.zeros((8, 4))
        assert_same_bits(net(x), want)
        assert not (twin(x) == want).all()


def test_copies_keep_subclass_attributes_and_sharing(layers):
    net = Named("first", layers)
    net.notes = ["a"]
    pickled = [pickle.loads(pickle.dumps(net, protocol)) for protocol in PROTOCOLS]
    for twin in (copy.copy(net), copy.deepcopy(net), *pickled):
        assert type(twin) is Named
        assert (twin.name, twin.notes) == ("first", ["a"])
        assert twin == net
    square = Layer(4, 4)
    for twin in (
        copy.deepcopy(Network([square, square])),
        pickle.loads(pickle.dumps(Network([square, square]))),
    ):
        assert twin[0] is twin[1]


def test_a_subclass_of_layer_stays_what_it_is(rng):
    class Mine(Layer):
        pass

    layer = Mine(4, 4, rng=0)
    layer.note = "kept"
    net, x = Network([layer]), spread(rng, (5, 4), np.float32)
    assert net[0] is layer
    assert net[:1][0].note == "kept"
    assert_same_bits(net(x), layer(x))


def test_call_may_be_patched_and_restored(net):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "__call__", lambda self, x: "patched")
        assert net(np.ones(4)) == "patched"
    assert net(np.ones(4)).shape == (3,)


def test_a_deep_network_of_many_layers(rng):
    net = Network([Layer(3, 3, "relu", rng=i) for i in range(500)])
    x = spread(rng, (40, 3), np.float32)
    want = x
    for layer in net:
        want = layer(want)
    assert_same_bits(net(x), want)
    assert len(net.summary().splitlines()) > 500


def test_layers_live_as_long_as_the_network(rng):
    net = Network([Layer(4, 400, rng=0), Layer(400, 3, rng=1)])
    twin = Network([Layer(4, 400, rng=0), Layer(400, 3, rng=1)])
    x = spread(rng, (5, 4), np.float32)
    assert_same_bits(net(x), twin(x))
    part = net[1:]
    del net
    assert part(np.ones(400)).shape == (3,)
