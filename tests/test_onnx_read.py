"""What from_onnx reads: operators, versions, types, scaling that is folded, shapes."""

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from onnx import helper, numpy_helper
from onnx_models import model, node, read_and_compare, read_and_run, weights

import cnnfs

NEWEST = onnx.defs.onnx_opset_version()
W = {"w": np.float32([[1, 2], [3, 4], [5, 6]]), "b": np.float32([0.5, -1])}
GEMM = node("Gemm", "x w b", "y")


def activations(net):
    return [str(layer.activation) for layer in net]


def test_a_path_bytes_and_a_message(tmp_path):
    made = model([GEMM], W)
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    want = cnnfs.Network([cnnfs.Layer.from_arrays(W["w"].T, W["b"])])
    data = path.read_bytes()
    for given in (path, str(path), data, bytearray(data), memoryview(data), made):
        net = cnnfs.from_onnx(given)
        assert type(net) is cnnfs.Network
        assert net == want
    assert made.SerializeToString() == data


@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
def test_every_opset(opset, rng):
    pytest.importorskip("onnxruntime")
    axis = {"axis": 1} if opset < 13 else {}
    nodes = [
        *(node("MatMul", "x w", "a"), node("Add", "a b", "b1"), node("Elu", "b1", "c")),
        *(node("BatchNormalization", "c s s s s", "d"), node("Dropout", "d", "e")),
        *(node("Gemm", "e v b", "f"), node("Softmax", "f", "y", **axis)),
    ]
    constants = W | {"v": weights(rng, 2, 2), "s": np.float32([1.5, 0.5])}
    # ONNX Runtime, since onnx's own evaluator takes BatchNormalization 9 to be in training.
    net = read_and_run(model(nodes, constants, opset=opset), rng)
    assert activations(net) == ["elu", "softmax"]


@pytest.mark.parametrize("alpha", [1.0, -2.5])
@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("c", [None, 3.0, [2.0], [1.0, 2.0], [[1.0, 2.0]], [[4.0]]])
def test_gemm(alpha, transposed, c, rng):
    constants = {"w": W["w"].T if transposed else W["w"]}
    if c is not None:
        constants["c"] = np.float32(c)
    given = "x w c" if c is not None else "x w"
    gemm = node("Gemm", given, "y", alpha=alpha, beta=0.5, transB=transposed)
    net = read_and_compare(model([gemm], constants), rng)
    assert len(net) == 1
    assert (net[0].weights == np.float32(alpha) * W["w"].T).all()


# Whether the constant comes first. A division by the input is no scaling.
KINDS = [(kind, first) for kind in ("Add", "Sub", "Mul") for first in (True, False)]


@pytest.mark.parametrize(("kind", "first"), [*KINDS, ("Div", False)])
@pytest.mark.parametrize("place", ["before", "between", "behind", "behind an activation"])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3), (1, 1)])
def test_scaling_is_folded(kind, place, shape, first, rng):
    c = rng.uniform(0.5, 2, shape).astype("float32")
    constants = {"c": c, "w": weights(rng, 3, 3), "v": weights(rng, 3, 3)}
    middle = {"before": "x", "between": "r", "behind": "g", "behind an activation": "r"}[place]
    scale = node(kind, f"c {middle}" if first else f"{middle} c", "s")
    if place == "before":
        nodes = [scale, node("Gemm", "s w", "g"), node("Relu", "g", "y")]
    elif place == "between":
        nodes = [node("Gemm", "x w", "g"), node("Relu", "g", "r"), scale, node("Gemm", "s v", "y")]
    elif place == "behind":
        nodes = [node("Gemm", "x w", "g"), scale, node("Tanh", "s", "y")]
    else:
        nodes = [node("Gemm", "x w", "g"), node("Relu", "g", "r"), scale]
        nodes.append(node("Identity", "s", "y"))
    net = read_and_compare(model(nodes, constants), rng)
    assert len(net) == (1 if place in ("before", "behind") else 2)


def test_batch_normalization(rng):
    names = ("scale", "shift", "mean", "var")
    constants = {name: rng.uniform(0.5, 2, 3).astype("float32") for name in names}
    constants |= {"w": weights(rng, 3, 3)}
    norm = node("BatchNormalization", "g scale shift mean var", "n", epsilon=0.1)
    nodes = [node("Gemm", "x w", "g"), norm, node("Sigmoid", "n", "y")]
    net = read_and_compare(model(nodes, constants), rng)
    assert len(net) == 1


def test_scaling_before_a_leading_flatten(rng):
    """As images come: a mean and a deviation for each channel, then rows of pixels."""
    constants = {
        "mean": rng.normal(size=(2, 1, 1)).astype("float32"),
        "std": rng.uniform(1, 2, (1, 2, 1, 1)).astype("float32"),
        "each": rng.normal(size=(3, 4)).astype("float32"),
        "w": weights(rng, 24, 5),
        "shape": np.int64([-1, 24]),
        "zero": np.int64([0, -1]),
        **{name: rng.uniform(0.5, 2, 2).astype("float32") for name in ("s", "t", "u", "v")},
    }
    ends = [node("Gemm", "f w", "g"), node("Relu", "g", "y")]
    before = [node("Sub", "x mean", "a"), node("Div", "a std", "b"), node("Mul", "b each", "c")]
    before += [node("BatchNormalization", "c s t u v", "d")]
    for flat in (
        node("Flatten", "d", "f"),
        node("Flatten", "d", "f", axis=-3),
        node("Reshape", "d shape", "f"),
        node("Reshape", "d zero", "f"),
    ):
        made = model([*before, flat, *ends], constants, dims=("batch", 2, 3, 4))
        net = read_and_compare(made, rng, shape=(7, 2, 3, 4))
        assert (net.n_inputs, len(net)) == (24, 1)


def test_leading_axes(rng):
    """MatMul takes any number of them, and so does a network."""
    softmax = node("Softmax", "c", "y", axis=-1)
    nodes = [node("MatMul", "x w", "a"), node("Add", "a b", "c"), softmax]
    net = cnnfs.from_onnx(model(nodes, W, dims=("batch", "time", 3)))
    assert net(np.ones((5, 7, 3))).shape == (5, 7, 2)
    read_and_compare(model(nodes, W, dims=("batch", "time", 3)), rng, shape=(5, 7, 3))
    nodes[2] = node("Reshape", "c rows", "y")
    rows = {"rows": np.int64([-1, 2])}
    read_and_compare(model(nodes, W | rows, dims=(None, 7, 3)), rng, shape=(5, 7, 3))
    nodes[2] = node("Flatten", "c", "y", axis=2)
    read_and_compare(model(nodes, W, dims=(None, 7, 3)), rng, shape=(5, 7, 3))


def test_an_input_without_a_shape(rng):
    for dims in (None, (None, None), ("n", "m")):
        made = model([node("Flatten", "x", "f"), node("Gemm", "f w b", "y")], W, dims=dims)
        assert cnnfs.from_onnx(made).n_inputs == 3


def test_steps_that_do_nothing(rng):
    nodes = [
        *(node("Identity", "x", "a"), node("Dropout", "a", "d"), node("Cast", "d", "c", to=1)),
        *(node("Flatten", "c", "f"), node("Reshape", "f shape", "e"), node("Gemm", "e w b", "h")),
        *(node("Dropout", "h ratio false", "g"), node("Reshape", "g same", "y")),
    ]
    constants = {"shape": np.int64([0, -1]), "same": np.int64([-1, 2])}
    constants |= {"ratio": np.float32(0.5), "false": np.bool_(False)}
    net = read_and_compare(model(nodes, W | constants), rng)
    assert net == cnnfs.from_onnx(model([GEMM], W))


def test_constants_that_nodes_make(rng):
    nodes = [
        node("Constant", "", "w0", value=numpy_helper.from_array(W["w"].T.astype("float64"))),
        node("Cast", "w0", "w1", to=1),
        node("Transpose", "w1", "w2", perm=[1, 0]),
        node("Identity", "w2", "w3"),
        node("MatMul", "x w3", "g"),
        node("Constant", "", "b0", value_floats=[0.5, -1.0]),
        node("Unsqueeze", "b0 axis", "b1"),
        node("Constant", "", "two", value_float=4.0),
        node("Sqrt", "two", "root"),
        node("Mul", "b1 root", "b2"),
        node("Add", "b2 g", "y"),
    ]
    for n in nodes:
        if n.op_type == "Constant":
            del n.input[:]
    net = read_and_compare(model(nodes, {"axis": np.int64([0])}), rng)
    assert net == cnnfs.Network([cnnfs.Layer.from_arrays(W["w"].T, [1, -2], dtype="float32")])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("raw", [True, False])
def test_types_and_how_they_are_stored(dtype, raw):
    made = model([GEMM], dtype=dtype)
    for name, a in W.items():
        a = a.astype(dtype)
        if raw:
            tensor = numpy_helper.from_array(a, name)
        else:
            kind = helper.np_dtype_to_tensor_dtype(a.dtype)
            tensor = helper.make_tensor(name, kind, a.shape, a.ravel().tolist())
            assert not tensor.HasField("raw_data")
        made.graph.initializer.append(tensor)
    net = cnnfs.from_onnx(made)
    assert net.dtype == ("float64" if dtype == "float64" else "float32")
    assert (net[0].weights == W["w"].T).all()
    assert (net[0].bias == W["b"]).all()
    assert cnnfs.from_onnx(made, dtype="float64").dtype == np.float64
    assert cnnfs.from_onnx(made, dtype=np.float32).dtype == np.float32


def test_constants_listed_among_the_inputs():
    """As files of version 3 of the format do."""
    made = model([GEMM], W, opset=8)
    made.ir_version = 3
    for tensor in made.graph.initializer:
        made.graph.input.append(helper.make_tensor_value_info(tensor.name, 1, tensor.dims))
    assert cnnfs.from_onnx(made) == cnnfs.from_onnx(model([GEMM], W))


def test_activations_without_weights_get_a_layer_that_changes_nothing(rng):
    for kind, dims in [("Relu", ("n", 5)), ("Sigmoid", (5,)), ("Tanh", (2, "n", 5))]:
        net = cnnfs.from_onnx(model([node(kind, "x", "y")], dims=dims))
        assert (net[0].weights == np.eye(5)).all()
        assert activations(net) == [kind.lower()]
    net = read_and_compare(model([node("Gemm", "x w b", "a"), node("Relu", "a", "r"),
                                  node("Tanh", "r", "y")], W), rng)  # fmt: skip
    assert activations(net) == ["relu", "tanh"]


def test_one_of_several_outputs(rng):
    nodes = [node("Gemm", "x w b", "a"), node("Relu", "a", "y"), node("Exp", "y", "z")]
    made = model(nodes, W, ends="x y z")
    with pytest.raises(cnnfs.ConversionError, match=r"2 outputs \('y', 'z'\): give output="):
        cnnfs.from_onnx(made)
    with pytest.raises(cnnfs.ConversionError, match=r"node 'z' \(Exp\)"):
        cnnfs.from_onnx(made, output="z")
    assert activations(read_and_compare(made, rng, output="y")) == ["relu"]
    assert activations(cnnfs.from_onnx(made, output="a")) == ["linear"]
    with pytest.raises(cnnfs.ConversionError, match="no tensor 'q'"):
        cnnfs.from_onnx(made, output="q")


def test_what_the_output_does_not_need_may_be_anything():
    nodes = [GEMM, node("NonZero", "x", "z"), node("Gather", "y z", "q")]
    assert cnnfs.from_onnx(model(nodes, W)) == cnnfs.from_onnx(model([GEMM], W))


def test_folding_is_done_in_float64(rng):
    """A mean that is far larger than the deviation: the constants lose nothing."""
    mean, std = 1e6 + rng.normal(size=3), rng.uniform(1, 2, 3)
    constants = {"m": mean.astype("f4"), "s": std.astype("f4"), "w": weights(rng, 3, 2)}
    nodes = [node("Sub", "x m", "a"), node("Div", "a s", "b"), node("MatMul", "b w", "y")]
    net = cnnfs.from_onnx(model(nodes, constants), dtype="float64")
    scaled = constants["w"].T.astype("f8") / constants["s"].astype("f8")
    np.testing.assert_allclose(net[0].weights, scaled, rtol=4e-16)
    np.testing.assert_allclose(net[0].bias, -scaled @ constants["m"].astype("f8"), rtol=1e-15)
