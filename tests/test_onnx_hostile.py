"""Damaged and hostile ONNX files: an error that names the file, soon, and without much memory."""

import os
import resource
import time

import numpy as np
import pytest

pytest.importorskip("onnx")

from onnx import ModelProto, TensorProto, helper
from onnx_models import model, node, weights

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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB


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


def test_sparse_files_of_many_gigabytes(tmp_path):
    path = tmp_path / "large.onnx"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConversionError, match="too many for ONNX"):
        cnnfs.from_onnx(path)


def with_tensor(dims, **fields):
    made = model([node("MatMul", "x w", "y")])
    tensor = TensorProto(name="w", data_type=fields.pop("data_type", TensorProto.FLOAT), **fields)
    tensor.dims.extend(dims)
    made.graph.initializer.append(tensor)
    return made


def test_sizes_that_are_not_there(refuses):
    huge = (1 << 62) - 1
    for dims in ([huge, huge], [1 << 20, 1 << 20], [3, 3], [-3, -2], [0, huge], [1] * 40, [huge]):
        text = refuses(with_tensor(dims, raw_data=b"\0" * 24))
        assert "node 'y' (MatMul): its input 'w'" in text
    assert "it has 5.75 numbers" in refuses(with_tensor([3, 2], raw_data=b"\0" * 23))
    assert "it has 5 numbers" in refuses(with_tensor([3, 2], float_data=[0.0] * 5))
    assert "more than 16 bits" in refuses(
        with_tensor([1, 1], data_type=TensorProto.FLOAT16, int32_data=[1 << 20])
    )
    assert "its type is type 77" in refuses(with_tensor([1, 1], data_type=77))


def test_wide_inputs_without_weights(refuses):
    assert "number of features is open" in refuses(
        model([node("Relu", "x", "y")], dims=("n", 10**9))
    )
    assert "number of features is open" in refuses(
        model([node("Relu", "x", "r"), node("Flatten", "r", "y")], dims=("n", *[10**5] * 9))
    )
    nodes = [node("Add", "x c", "r"), node("Flatten", "r", "y")]
    made = model(nodes, {"c": np.ones((10**5, 1), "f4")}, dims=("n", 10**5, 10**5))
    assert "are too many" in refuses(made)


def test_constants_that_multiply(refuses):
    """A small file whose constants would fill the memory."""
    column, row = np.ones((1 << 17, 1), "f4"), np.ones((1, 1 << 17), "f4")
    nodes = [node("Mul", "column row", "w"), node("MatMul", "x w", "y")]
    assert "can't be made one" in refuses(model(nodes, {"column": column, "row": row}))
    names = [f"t{i}" for i in range(3000)]
    nodes = [node("Add", f"{a} {a}", b) for a, b in zip(["big", *names], names, strict=False)]
    nodes.append(node("Add", f"x {names[-1]}", "y"))
    assert "grow too large" in refuses(model(nodes, {"big": np.ones(1 << 18, "f4")}))


def test_long_chains(refuses):
    """As deep as a file likes: nothing here calls itself."""
    names = [f"t{i}" for i in range(30_000)]
    nodes = [node("Identity", a, b) for a, b in zip(["x", *names], names, strict=False)]
    made = model([*nodes, node("Relu", names[-1], "y")])
    assert cnnfs.from_onnx(made).n_inputs == 3
    nodes = [node("Identity", a, b) for a, b in zip(["w", *names], names, strict=False)]
    made = model([*nodes, node("MatMul", f"x {names[-1]}", "y")], W)
    assert cnnfs.from_onnx(made).n_outputs == 2


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


def test_wide_layers_of_one_neuron(refuses, rng):
    """An activation before such a layer would need a layer of 10^5 x 10^5 weights."""
    wide = weights(rng, 100_000, 1)
    made = model([node("Relu", "x", "r"), node("MatMul", "r w", "y")], {"w": wide}, dims=None)
    refuses(made)
