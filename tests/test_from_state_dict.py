"""Networks from weights by name: no PyTorch is needed for them."""

import numpy as np
import pytest
from helpers import checked_python
from reference import assert_same_bits

import cnnfs
from cnnfs import ConversionError


def weights(*sizes, rng, dtype="float32", bias=True):
    """As a state_dict of a Sequential with an activation after each Linear."""
    state = {}
    for i in range(len(sizes) - 1):
        state[f"{2 * i}.weight"] = rng.normal(size=(sizes[i + 1], sizes[i])).astype(dtype)
        if bias:
            state[f"{2 * i}.bias"] = rng.normal(size=sizes[i + 1]).astype(dtype)
    return state


@pytest.mark.parametrize("bias", [True, False])
def test_weights_in_order(dtype, bias, rng):
    state = weights(4, 5, 3, rng=rng, dtype=dtype, bias=bias)
    net = cnnfs.from_torch(state, activations=["tanh", "softmax"])
    assert net.dtype == dtype
    want = cnnfs.Network(
        [
            cnnfs.Layer.from_arrays(state["0.weight"], state.get("0.bias"), "tanh"),
            cnnfs.Layer.from_arrays(state["2.weight"], state.get("2.bias"), "softmax"),
        ]
    )
    assert net == want
    x = rng.normal(size=(6, 4))
    assert_same_bits(net(x), want(x))


def test_biases_may_stand_first_and_names_are_free(rng):
    w, b = rng.normal(size=(2, 3)), rng.normal(size=2)
    for state in ({"a.b.bias": b, "a.b.weight": w}, {"weight": w.tolist(), "bias": b.tolist()}):
        net = cnnfs.from_torch(state, [cnnfs.Activation.RELU])
        assert_same_bits(net[0].weights, w)
        assert_same_bits(net[0].bias, b)


def test_dtypes(rng):
    state = weights(4, 5, rng=rng, dtype="float16")
    assert cnnfs.from_torch(state, ["relu"]).dtype == "float32"
    assert cnnfs.from_torch(state, ["relu"], dtype="float64").dtype == "float64"
    state["0.bias"] = state["0.bias"].astype("float64")
    assert cnnfs.from_torch(state, ["relu"]).dtype == "float64"
    with pytest.raises(ValueError, match="float32 or float64"):
        cnnfs.from_torch(state, ["relu"], dtype="int32")


def parts_of(*arguments):
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_torch(*arguments)
    assert str(caught.value).startswith("the state_dict can't be converted:\n  ")
    return caught.value.parts


def test_every_part_that_is_in_the_way_is_named(rng):
    state = weights(4, 5, 3, rng=rng) | {
        "norm.running_mean": np.zeros(3),
        "norm.num_batches_tracked": np.array(3),
        "lost.bias": np.zeros(3),
        "conv.weight": np.zeros((3, 3, 2)),
        "embedding.weight": np.zeros((3, 3), int),
    }
    assert parts_of(state, ["relu", "swish", "linear"]) == [
        "norm.running_mean: it is no weight of shape (neurons, inputs), nor a bias of one",
        "norm.num_batches_tracked: it is no weight of shape (neurons, inputs), nor a bias of one",
        "conv.weight: it is no weight of shape (neurons, inputs), nor a bias of one",
        "lost.bias: there is no weight of shape (neurons, inputs) to it",
        "activations[1]: there is no activation 'swish'; the names are "
        + ", ".join(cnnfs.Activation),
        "embedding.weight: its weights are no floating point numbers, but int64",
    ]


def test_activations_must_be_given_for_each_layer(rng):
    state = weights(4, 5, 3, rng=rng)
    (part,) = parts_of(state)
    assert part.endswith(
        'does not tell what follows each: give activations=["relu", "linear"], say'
    )
    (part,) = parts_of(state, ["relu"])
    assert part == "activations: it has 2 weights, but there are 1 activations"
    (part,) = parts_of(state, "relu")
    assert part == "activations: it has 2 weights, but there are 1 activations"


def test_weights_that_do_not_chain(rng):
    state = weights(4, 5, 3, rng=rng)
    state["2.bias"] = np.zeros(4)
    state["0.weight"] = np.zeros((6, 4))
    first, second = parts_of(state, ["relu", "linear"])
    assert first == "0.weight: its bias has shape (5,), but there are 6 neurons"
    assert second == "2.weight: its bias has shape (4,), but there are 3 neurons"
    state = weights(4, 5, 3, rng=rng)
    turned = dict(reversed(state.items()))
    (part,) = parts_of(turned, ["relu", "linear"])
    assert part == "0.weight: it takes 4 features, but what stands before it gives 3"
    (part,) = parts_of({}, [])
    assert "no dense layer" in part


def test_the_array_that_is_wrong_is_named():
    state = {"weight": np.ones((2, 3), "float32"), "bias": np.ones(2, int)}
    (part,) = parts_of(state, ["relu"])
    assert part == "weight: its biases are no floating point numbers, but int64"


def test_lists_of_different_lengths(rng):
    state = weights(4, 5, 3, rng=rng) | {"0.bias": [[1.0], [2.0, 3.0]], "0.weight": [[1.0], []]}
    parts = parts_of(state, ["relu", "linear"])
    assert [part.split(": ")[0] for part in parts] == ["0.weight", "0.bias"]
    assert all("its weights can't be read: " in part for part in parts)


def test_nothing_else_is_imported():
    checked_python(
        """
        import sys
        import numpy as np, cnnfs
        cnnfs.from_torch({"weight": np.ones((2, 3))}, ["relu"])
        try:
            cnnfs.from_keras(3)
        except TypeError:
            pass
        try:
            cnnfs.from_sklearn(3)
        except TypeError:
            pass
        for name in ("torch", "sklearn", "keras", "scipy", "onnx", "safetensors"):
            assert name not in sys.modules, name
        """
    )


def test_the_error_can_be_pickled():
    import pickle

    error = pickle.loads(pickle.dumps(ConversionError("the model", ["[1] A: no", "[2] B: no"])))
    assert error.parts == ["[1] A: no", "[2] B: no"]
    assert str(error) == "the model can't be converted:\n  [1] A: no\n  [2] B: no"
    assert isinstance(error, ValueError)
