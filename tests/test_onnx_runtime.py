"""Random networks, computed by cnnfs and by ONNX Runtime, written by either side."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_models import assert_agree, model, node, runtime, weights

import cnnfs

ACTIVATIONS = [str(a) for a in cnnfs.Activation if a != "step"]  # step magnifies any error
# Of these ONNX Runtime has no kernels in float64.
SINGLE_ONLY = ("elu", "gelu", "softplus")
NODES = {
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "softmax": "Softmax",
    "tanh": "Tanh",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
    "softplus": "Softplus",
}


def random_network(rng):
    dtype = rng.choice(["float32", "float64"])
    known = [a for a in ACTIVATIONS if dtype == "float32" or a not in SINGLE_ONLY]
    sizes = rng.integers(1, 70, rng.integers(2, 7))
    layers = []
    for n_inputs, n_neurons in pairwise(sizes):
        layer = cnnfs.Layer(n_inputs, n_neurons, rng.choice(known), dtype=dtype, rng=rng)
        layer.bias = rng.normal(size=n_neurons)
        layers.append(layer)
    return cnnfs.Network(layers)


def written_by_us(seed):
    rng = np.random.default_rng(seed)
    net = random_network(rng)
    made = net.to_onnx(opset=int(rng.integers(9, 22)))
    x = rng.normal(size=(int(rng.integers(1, 40)), net.n_inputs)).astype(net.dtype)
    assert_agree(net, x, runtime(made)(x)[0], f"seed {seed}")
    assert cnnfs.from_onnx(made.SerializeToString()) == net


def written_by_others(seed):
    """With all that Gemm can do, MatMul and Add, and scaling before, between and after."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 40, rng.integers(2, 6))
    dtype = str(rng.choice(["float32", "float64"]))
    nodes, constants, x = [], {}, "x"

    def constant(value):
        constants[f"c{len(constants)}"] = np.asarray(value).astype(dtype)
        return f"c{len(constants) - 1}"

    def add(kind, inputs, **attributes):
        nonlocal x
        nodes.append(node(kind, inputs, f"t{len(nodes)}", **attributes))
        x = f"t{len(nodes) - 1}"

    def scaling(width):
        for kind in rng.choice(["Add", "Sub", "Mul", "Div", "Identity"], rng.integers(0, 3)):
            if kind == "Identity":
                add("Identity", x)
                continue
            shape = [(width,), (1, width), (1,), ()][rng.integers(4)]
            value = rng.normal(size=shape)
            c = constant(np.sign(value) * (abs(value) + 0.5))
            swapped = kind != "Div" and rng.random() < 0.5
            add(kind, f"{c} {x}" if swapped else f"{x} {c}")

    for n_inputs, n_neurons in pairwise(sizes):
        scaling(n_inputs)
        w = weights(rng, n_inputs, n_neurons) / np.sqrt(n_inputs)
        if rng.random() < 0.5:
            transposed = int(rng.integers(2))
            given = f"{x} {constant(w.T if transposed else w)}"
            if rng.random() < 0.8:
                shape = [(n_neurons,), (1, n_neurons), (1,), (1, 1), ()][rng.integers(5)]
                given += f" {constant(rng.normal(size=shape))}"
            factors = {"alpha": float(rng.normal()), "beta": float(rng.normal())}
            add("Gemm", given, transB=transposed, **factors)
        else:
            add("MatMul", f"{x} {constant(w)}")
            bias = constant(rng.normal(size=n_neurons))
            add("Add", f"{x} {bias}" if rng.random() < 0.5 else f"{bias} {x}")
        name = rng.choice([n for n in NODES if dtype == "float32" or n not in SINGLE_ONLY])
        if rng.random() < 0.7 and not (name == "leaky_relu" and dtype == "float64"):
            add(NODES[name], x, **({"alpha": 0.01} if name == "leaky_relu" else {}))
    scaling(sizes[-1])
    nodes.append(node("Identity", x, "y"))
    made = model(nodes, constants, dims=("batch", sizes[0]), dtype=dtype)
    net = cnnfs.from_onnx(made)
    assert net.dtype == dtype
    x = rng.normal(size=(20, sizes[0])).astype(dtype)
    assert_agree(net, x, runtime(made)(x)[0], f"seed {seed}")


@pytest.mark.parametrize("case", [written_by_us, written_by_others])
def test_random_networks(case):
    for seed in range(20):
        case(seed)


@pytest.mark.deep
@pytest.mark.parametrize("case", [written_by_us, written_by_others])
def test_many_random_networks(case):
    for seed in range(1000):
        case(seed)
