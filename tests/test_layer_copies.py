"""Layer: how it is copied, pickled and extended."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest
from helpers import spread
from reference import ACTIVATIONS, assert_same_bits

import cnnfs
from cnnfs import Layer

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def assert_same_layer(a, b):
    assert type(a) is type(b)
    assert_same_bits(a.weights, b.weights)
    assert_same_bits(a.bias, b.bias)
    assert a.activation is b.activation
    assert a.dtype == b.dtype
    assert a == b


class Named(Layer):
    """A subclass with an attribute and a method of its own."""

    def __init__(self, *args, name="?", **options):
        super().__init__(*args, **options)
        self.name = name

    def shout(self):
        return self.name.upper()


@pytest.mark.parametrize("kind", [Layer, Named])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_copies_are_equal_and_independent(kind, activation, dtype, rng):
    layer = kind(4, 5, activation, dtype=dtype, rng=1)
    layer.bias = rng.normal(size=5)
    x = spread(rng, (6, 4), dtype)
    want = layer(x)
    copies = [pickle.loads(pickle.dumps(layer, protocol)) for protocol in PROTOCOLS]
    for twin in (copy.copy(layer), copy.deepcopy(layer), *copies):
        assert twin is not layer
        assert_same_layer(twin, layer)
        assert_same_bits(twin(x), want)
        twin.weights = np.zeros((5, 4))
        assert_same_bits(layer(x), want)


def test_copies_keep_the_attributes_of_a_subclass():
    layer = Named(4, 5, name="first")
    layer.notes = ["a"]
    copies = [pickle.loads(pickle.dumps(layer, protocol)) for protocol in PROTOCOLS]
    for twin in (copy.copy(layer), copy.deepcopy(layer), *copies):
        assert type(twin) is Named
        assert twin.shout() == "FIRST"
        assert twin.notes == ["a"]
    assert copy.copy(layer).notes is layer.notes
    assert copy.deepcopy(layer).notes is not layer.notes


def test_pickle_keeps_nan_and_signed_zeros():
    weights = np.array([[np.nan, -0.0], [np.inf, 5e-324]])
    twin = pickle.loads(pickle.dumps(Layer.from_arrays(weights)))
    assert_same_bits(twin.weights, weights)


def test_a_pickle_is_not_much_larger_than_its_arrays():
    layer = Layer(300, 400)
    assert len(pickle.dumps(layer)) < layer.weights.nbytes + layer.bias.nbytes + 2000


# ---- extending ---------------------------------------------------------------------------------


def test_a_subclass_is_called_like_a_layer(rng):
    x = spread(rng, (6, 4), np.float32)
    layer = Named(4, 5, "relu", rng=1)
    assert_same_bits(layer(x), Layer(4, 5, "relu", rng=1)(x))
    assert type(Named.from_arrays(np.ones((3, 2)))) is Named
    assert "Named" in repr(layer)


def test_a_subclass_may_define_call(rng):
    class Doubled(Layer):
        def __call__(self, x, out=None):
            return 2 * super().__call__(x, out)

    x = spread(rng, (6, 4), np.float32)
    assert_same_bits(Doubled(4, 5, rng=1)(x), 2 * Layer(4, 5, rng=1)(x))
    assert_same_bits(Doubled(4, 5, rng=1).forward(x), Layer(4, 5, rng=1)(x))


def test_call_may_be_patched_and_restored(rng):
    x, layer = spread(rng, (6, 4), np.float32), Layer(4, 5, rng=1)
    want = layer(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Layer, "__call__", lambda self, x: "patched")
        assert layer(x) == "patched"
        assert Named(4, 5)(x) == "patched"
    assert_same_bits(layer(x), want)


@pytest.mark.parametrize("make", [lambda: Layer(4, 5), lambda: cnnfs.Network([Layer(4, 5)])])
def test_weak_references_and_cycles(make):
    thing = make()
    ref = weakref.ref(thing)
    assert ref() is thing
    del thing
    assert ref() is None
    thing = make()
    thing.itself, ref = [thing], weakref.ref(thing)
    del thing
    gc.collect()
    assert ref() is None
