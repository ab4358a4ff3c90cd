"""Activations that files spell out in several nodes."""

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx_models import model, node, read_and_compare, weights

import cnnfs

C = math.sqrt(2 / math.pi)
NUMBERS = {
    "half": 0.5,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "r2": math.sqrt(2),
    "i2": math.sqrt(0.5),
    "c": C,
    "k": 0.044715,
    "q": 1.702,
}

ERF = {
    "divided": [("Div", "z r2", "a"), ("Erf", "a", "e")],
    "multiplied": [("Mul", "i2 z", "a"), ("Erf", "a", "e")],
}
TANH = {
    "Pow": [("Pow", "z three", "p")],
    "Mul": [("Mul", "z z", "zz"), ("Mul", "zz z", "p")],
}
ENDS = {
    "(z h) s": [("Mul", "z half", "h"), ("Mul", "h s", "t")],
    "h (z s)": [("Mul", "z s", "h"), ("Mul", "half h", "t")],
    "z (s h)": [("Mul", "s half", "h"), ("Mul", "h z", "t")],
    "z s / 2": [("Mul", "s z", "h"), ("Div", "h two", "t")],
}


def spelled(rng, lines, dtype="float32", numbers=NUMBERS):
    """A model z = x w + b, the lines, then another layer."""
    constants = {name: np.array(value, dtype) for name, value in numbers.items()}
    constants |= {"w": weights(rng, 3, 4, dtype=dtype), "b": weights(rng, 4, dtype=dtype)}
    constants |= {"v": weights(rng, 4, 2, dtype=dtype)}
    first = [node("MatMul", "x w", "m"), node("Add", "m b", "z")]
    nodes = [*first, *(node(*line) for line in lines), node("MatMul", "t v", "y")]
    return model(nodes, constants, dtype=dtype, opset=17)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("erf", ERF)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu(end, erf, dtype, rng):
    made = spelled(rng, [*ERF[erf], ("Add", "one e", "s"), *ENDS[end]], dtype)
    # The Erf of onnx's own evaluator has 32 bits.
    net = read_and_compare(made, rng, scale=2) if dtype == "float32" else cnnfs.from_onnx(made)
    assert [str(layer.activation) for layer in net] == ["gelu", "linear"]
    assert (net[1].weights == [weights_of(made, "v")]).all(), "0.5 times 2 is no scaling"


def weights_of(made, name):
    from onnx import numpy_helper

    return next(numpy_helper.to_array(t).T for t in made.graph.initializer if t.name == name)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("power", TANH)
def test_gelu_tanh(end, power, rng):
    for inner in (
        [("Mul", "p k", "l"), ("Add", "z l", "i"), ("Mul", "i c", "j")],
        [("Mul", "k p", "l"), ("Add", "l z", "i"), ("Mul", "c i", "j")],
    ):
        lines = [*TANH[power], *inner, ("Tanh", "j", "e"), ("Add", "e one", "s"), *ENDS[end]]
        net = read_and_compare(spelled(rng, lines), rng, scale=2)
        assert [str(layer.activation) for layer in net] == ["gelu_tanh", "linear"]


def test_silu(rng):
    for order in ("z s", "s z"):
        net = read_and_compare(spelled(rng, [("Sigmoid", "z", "s"), ("Mul", order, "t")]), rng)
        assert [str(layer.activation) for layer in net] == ["silu", "linear"]


def test_silu_of_a_multiple_is_scaled(rng):
    lines = [("Mul", "z q", "a"), ("Sigmoid", "a", "s"), ("Mul", "z s", "t")]
    net = read_and_compare(spelled(rng, lines), rng)
    assert [str(layer.activation) for layer in net] == ["silu", "linear"]
    swish = model([node("Swish", "x", "y", alpha=1.702)], opset=24)
    assert len(read_and_compare(swish, rng, 20)) == 2


def test_leaky_relu(rng):
    lines = [("Mul", "z slope", "a"), ("Max", "z a", "t")]
    made = spelled(rng, lines, "float64", {"slope": 0.01})
    net = read_and_compare(made, rng)
    assert [str(layer.activation) for layer in net] == ["leaky_relu", "linear"]
    with pytest.raises(cnnfs.ConversionError, match="two paths meet"):
        cnnfs.from_onnx(spelled(rng, lines, "float64", {"slope": 0.02}))


def test_softplus_as_pytorch_has_it(rng):
    lines = [("Softplus", "z", "a"), ("Greater", "z limit", "g"), ("Where", "g z a", "t")]
    net = read_and_compare(spelled(rng, lines, numbers={"limit": 20.0}), rng)
    assert [str(layer.activation) for layer in net] == ["softplus", "linear"]
    for wrong in ("g a z", "g z z"):
        made = spelled(rng, [*lines[:2], ("Where", wrong, "t")], numbers={"limit": 20.0})
        with pytest.raises(cnnfs.ConversionError, match="two paths meet"):
            cnnfs.from_onnx(made)
    twice = [*lines[:2], ("Add", "a a", "d"), ("Where", "g z d", "t")]
    for spelt, limit in ((lines, 5.0), (twice, 20.0)):
        with pytest.raises(cnnfs.ConversionError, match="two paths meet"):
            cnnfs.from_onnx(spelled(rng, spelt, numbers={"limit": limit}))


def test_float16_constants_are_rough(rng):
    made = spelled(rng, [*ERF["divided"], ("Add", "one e", "s"), *ENDS["h (z s)"]], "float16")
    assert str(cnnfs.from_onnx(made)[0].activation) == "gelu"


NEARLY = {
    "another root": ([*ERF["divided"], ("Add", "one e", "s"), *ENDS["(z h) s"]], {"r2": 1.41}),
    "another factor": (
        [
            *(*TANH["Pow"], ("Mul", "p k", "l"), ("Add", "z l", "i"), ("Mul", "i c", "j")),
            *(("Tanh", "j", "e"), ("Add", "e one", "s"), *ENDS["(z h) s"]),
        ],
        {"k": 0.045},
    ),
    "not plus one": ([*ERF["divided"], ("Add", "one e", "s"), *ENDS["(z h) s"]], {"one": 2.0}),
    "a square": ([("Mul", "z z", "t")], {}),
    "a residue": ([("Relu", "z", "r"), ("Add", "z r", "t")], {}),
    "a sum": ([("Sigmoid", "z", "s"), ("Add", "z s", "t")], {}),
    "minus": ([("Sigmoid", "z", "s"), ("Sub", "z s", "t")], {}),
    "two gates": ([("Sigmoid", "z", "s"), ("Mul", "s s", "r"), ("Mul", "r z", "t")], {}),
    "twice": ([("Sigmoid", "z", "s"), ("Mul", "s z", "r"), ("Mul", "r z", "t")], {}),
    "division": ([("Sigmoid", "z", "s"), ("Div", "z s", "t")], {}),
    "shifted": ([("Add", "z one", "a"), ("Sigmoid", "a", "s"), ("Mul", "z s", "t")], {}),
    "nothing": ([("Mul", "z o", "a"), ("Sigmoid", "a", "s"), ("Mul", "z s", "t")], {"o": 0.0}),
}


@pytest.mark.parametrize("name", NEARLY)
def test_what_is_nearly_an_activation_is_refused(name, rng):
    lines, changes = NEARLY[name]
    made = spelled(rng, lines, numbers=NUMBERS | changes)
    if name == "another root":  # gelu of a multiple: it is scaled, and right
        assert str(read_and_compare(made, rng)[0].activation) == "gelu"
        return
    with pytest.raises(cnnfs.ConversionError, match="two paths meet here"):
        cnnfs.from_onnx(made)


def test_a_vector_is_no_factor_of_a_formula(rng):
    made = spelled(rng, [("Mul", "z b", "a"), ("Sigmoid", "a", "s"), ("Mul", "z s", "t")])
    with pytest.raises(cnnfs.ConversionError, match="two paths meet here"):
        cnnfs.from_onnx(made)


def test_formulas_that_grow_are_given_up(rng):
    """Squares of sums of squares: a formula of millions of products."""
    lines = [("Sigmoid", "z", "s"), ("Add", "z s", "t0")]
    for i in range(30):
        lines.append(("Mul", f"t{i} t{i}", f"t{i + 1}"))
    made = spelled(rng, [*lines, ("Add", "t30 z", "t")])
    with pytest.raises(cnnfs.ConversionError, match="two paths meet here"):
        cnnfs.from_onnx(made)


def test_every_written_form_is_read(rng):
    for name, opset, dtype in itertools.product(
        cnnfs.Activation, (9, 13, 19, 20, 24), ("float32", "float64")
    ):
        net = cnnfs.Network([cnnfs.Layer(3, 4, name, dtype=dtype), cnnfs.Layer(4, 4, dtype=dtype)])
        assert cnnfs.from_onnx(net.to_onnx(opset=opset)) == net
