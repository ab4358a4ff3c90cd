"""Damaged and hostile ONNX files: an error that names the file, and soon."""

import os
import time

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx import ModelProto, helper, numpy_helper
from onnx_models import model, node

import cnnfs
from cnnfs import ConversionError

W = {"w": np.float32([[1, 2], [3, 4], [5, 6]]), "b": np.float32([0.5, -1])}
NODES = [node("Gemm", "x w b", "g"), node("Relu", "g", "y")]


@pytest.fixture
def refuses(tmp_path):
    """The error's text for a file of these bytes, or of this message."""

    def of(content):
        path = tmp_path / "bad.onnx"
        data = content.SerializeToString() if isinstance(content, ModelProto) else content
        path.write_bytes(data)
        with pytest.raises(ConversionError) as caught:
            cnnfs.from_onnx(path)
        assert caught.value.source == str(path)
        return str(caught.value)

    return of


@pytest.fixture(autouse=True)
def soon():
    start = time.process_time()
    yield
    assert time.process_time() - start < 20


def test_what_is_no_onnx_file(refuses):
    for data in (b"", b"\0", b"no onnx", b"\x89PNG\r\n\x1a\n" * 100, b"\xff" * 1000):
        assert "no ONNX" in refuses(data)


def test_every_cut(refuses):
    data = model(NODES, W).SerializeToString()
    whole = cnnfs.from_onnx(data)
    for length in range(len(data)):
        try:
            net = cnnfs.from_onnx(data[:length])
        except ConversionError:
            continue
        assert net == whole, "only what is of no meaning may be missing"


@pytest.mark.parametrize("seed", range(4))
def test_random_damage(seed):
    """No other error than ConversionError, whatever bytes are changed."""
    rng = np.random.default_rng(seed)
    net = cnnfs.Network([cnnfs.Layer(3, 4, "gelu", rng=0), cnnfs.Layer(4, 2, "silu", rng=1)])
    models = [net.to_onnx(opset=13), net.to_onnx(opset=20), model(NODES, W)]
    read = 0
    for number in range(1500):
        data = bytearray(models[number % 3].SerializeToString())
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            cnnfs.from_onnx(bytes(data))
            read += 1
        except ConversionError:
            pass
    assert read, "changed weights are none of our business"


def test_devices_and_pipes(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in ("/dev/zero", pipe):
        with pytest.raises(ConversionError, match="it is no ordinary file"):
            cnnfs.from_onnx(path)
    with pytest.raises(IsADirectoryError):
        cnnfs.from_onnx(tmp_path)


def test_loops_and_names_given_twice(refuses):
    assert "nothing before it gives 'b'" in refuses(
        model([node("Add", "x b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")])
    )
    assert "nothing before it gives 'y'" in refuses(model([node("Add", "x y", "y")]))
    for name in ("x", "w", "g"):
        text = refuses(model([*NODES, node("Relu", "y", name)], W))
        assert f"'{name}' is given a second time" in text
    made = model(NODES, W)
    made.graph.initializer.append(made.graph.initializer[0])
    assert "there are two of this name" in refuses(made)


def test_inner_graphs_functions_and_sparse_tensors(refuses):
    inner = helper.make_graph([node("Relu", "g", "h")], "inner", [], [])
    made = model([NODES[0], node("If", "g", "y", then_branch=inner, else_branch=inner)], W)
    assert "node 'y' (If): cnnfs has nothing that does this" in refuses(made)
    made = model([node("Twice", "x", "y")])
    made.graph.node[0].domain = "local"
    opsets = [helper.make_opsetid("", 17)]
    body = [node("Add", "p p", "q")]
    made.functions.append(helper.make_function("local", "Twice", ["p"], ["q"], body, opsets))
    assert "Twice of domain 'local'" in refuses(made)
    made = model(NODES, W)
    made.graph.sparse_initializer.add().values.name = "s"
    assert "initializer 's': it is sparse" in refuses(made)


def test_inputs_that_are_no_tensors(refuses):
    made = model(NODES, W)
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, None))
    made.graph.input[0].type.CopyFrom(kind)
    assert "input 'x': it is no tensor" in refuses(made)
    for dims in ((), (-5, 3), (1,) * 40):
        assert "input 'x': it" in refuses(model(NODES, W, dims=dims))


def test_names_that_are_no_text(refuses):
    data = model(NODES, W).SerializeToString()
    assert "bad.onnx can't be converted" in refuses(data.replace(b"Gemm", b"G\xff\xfem"))


ODD_SIZES = [
    np.float32([np.inf, 2]),
    np.float64([np.nan, 2]),
    np.float32([-1, 2]),
    np.float32(np.inf),
    np.bool_([True, True]),
]


@pytest.mark.parametrize("sizes", ODD_SIZES, ids=str)
@pytest.mark.parametrize("kind", ["Reshape", "Squeeze", "Unsqueeze"])
def test_sizes_and_axes_that_are_no_integers(kind, sizes, refuses):
    """Of a step, of constants, and where a step may lead to the input's features."""
    constants = W | {"sizes": sizes}
    behind = model([NODES[0], node(kind, "g sizes", "y")], constants)
    first = model([node(kind, "x sizes", "f"), node("Gemm", "f w b", "y")], constants)
    folded = model([node(kind, "w sizes", "v"), node("MatMul", "x v", "y")], constants)
    for made, where in ((behind, "y"), (first, "f"), (folded, "v")):
        text = refuses(made)
        assert f"node '{where}' ({kind}): " in text
        if kind == "Reshape" and made is not folded:
            assert f"its sizes or axes are {sizes.dtype}, not integers" in text


@pytest.mark.parametrize("axes", [[np.inf], [np.nan, 0.0], [1 << 40], [-(1 << 63)], np.inf, "one"])
def test_axes_among_the_attributes(axes, refuses):
    for kind, name in (("Squeeze", "axes"), ("Unsqueeze", "axes"), ("Reshape", "shape")):
        made = [node(kind, "w", "v", **{name: axes}), node("MatMul", "x v", "y")]
        assert f"node 'v' ({kind}): " in refuses(model(made, W, opset=11))
    made = [node("Constant", "", "sizes", value=numpy_helper.from_array(np.float32([np.inf])))]
    del made[0].input[:]
    made += [node("Unsqueeze", "w sizes", "v"), node("MatMul", "x v", "y")]
    assert "node 'v' (Unsqueeze): " in refuses(model(made, W))
