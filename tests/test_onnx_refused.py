"""Models that from_onnx refuses: what the errors name, and that bad files fail fast."""

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from helpers import checked_python
from onnx import TensorProto, helper, numpy_helper
from onnx_models import model, node

import cnnfs
from cnnfs import ConversionError

W = {"w": np.float32([[1, 2], [3, 4], [5, 6]]), "b": np.float32([0.5, -1])}
GEMM = node("Gemm", "x w b", "g")
END = node("Relu", "g", "y")


def refused(nodes, constants=None, **options):
    """The parts that the error lists."""
    with pytest.raises(ConversionError) as caught:
        cnnfs.from_onnx(model(nodes, W | (constants or {}), **options))
    assert caught.value.source == "the ONNX model"
    return caught.value.parts


def test_all_unknown_operators_are_listed_with_their_nodes():
    nodes = [
        GEMM,
        helper.make_node("Selu", ["g"], ["s"], name="/hidden/Selu"),
        helper.make_node("Selu", ["s"], ["t"]),
        helper.make_node("FusedGemm", ["t", "w"], ["u"], "fused", domain="com.microsoft"),
        node("Relu", "u", "y"),
    ]
    assert refused(nodes) == [
        "node '/hidden/Selu' (Selu): cnnfs has nothing that does this",
        "node 2 (Selu): cnnfs has nothing that does this",
        "node 'fused' (FusedGemm of domain 'com.microsoft'): cnnfs has nothing that does this",
    ]


def test_long_lists_are_cut():
    nodes = [node("Exp", "x" if i == 0 else f"t{i}", f"t{i + 1}") for i in range(100)]
    parts = refused([*nodes, node("Relu", "t100", "y")])
    assert len(parts) == 21
    assert parts[-1] == "and 80 more"


def test_names_can_not_spoil_the_error():
    evil = helper.make_node("Exp", ["x"], ["y"], name="a\x1b[31m\n" + "b" * 10_000)
    (part,) = refused([evil])
    assert len(part) < 200
    assert "\n" not in part
    assert "\x1b" not in part


STEPS = {
    "alpha of LeakyRelu": (node("LeakyRelu", "g", "y", alpha=0.2), "its alpha is 0.2, but"),
    "alpha of Elu": (node("Elu", "g", "y", alpha=0.5), "its alpha is 0.5, but that of cnnfs is 1"),
    "alpha of Swish": (node("Swish", "g", "y", alpha=0.0), "its alpha is 0"),
    "approximation": (node("Gelu", "g", "y", approximate="fast"), "'fast' is unknown"),
    "axis": (node("Softmax", "g", "y", axis=0), "its axis 0 is not that of the features"),
    "no axis": (node("Softmax", "g", "y", axis=5), "there is no axis 5"),
    "transA": (node("Gemm", "g v", "y", transA=1), "transA exchanges rows and features"),
    "weights first": (node("Gemm", "v g", "y"), "must come first"),
    "weights first in MatMul": (node("MatMul", "v g", "y"), "must come first"),
    "vector": (node("MatMul", "g b", "y"), "its weights have shape (2,)"),
    "sizes": (node("Gemm", "g big", "y"), "it takes 3 features, but there are 2"),
    "integers": (node("MatMul", "g ints", "y"), "its weights are int64"),
    "1/x": (node("Div", "b g", "y"), "divides by what depends on the input"),
    "1/0": (node("Div", "g zeros", "y"), "it divides by 0"),
    "infinite": (node("Mul", "g inf", "y"), "its scale is not finite"),
    "rows": (node("Add", "g rows", "y"), "shape (2, 1) is not the same for every row"),
    "width": (node("Add", "g three", "y"), "a constant of shape (3,) does not fit 2 features"),
    "axes": (node("Add", "g axes", "y"), "a constant of shape (1, 1, 2) adds axes"),
    "type": (node("Cast", "g", "y", to=TensorProto.INT32), "it makes int32 of floating point"),
    "no type": (node("Cast", "g", "y", to=999), "it makes type 999"),
    "flatten": (node("Flatten", "g", "y", axis=0), "makes features of rows"),
    "reshape": (node("Reshape", "g one", "y"), "the shape (-1, 1) does not keep rows"),
    "reshape by x": (node("Reshape", "g g", "y"), "two paths meet"),
    "training": (node("Dropout", "g half true", "y"), "it is in training"),
    "norm in training": (
        node("BatchNormalization", "g b b b b", "y", training_mode=1),
        "it is in training",
    ),
    "shapes of norm": (
        node("BatchNormalization", "g b b b three", "y"),
        "its constants have shapes",
    ),
    "negative variance": (node("BatchNormalization", "g b b b b", "y"), "its scale is not"),
    "comparison": (node("Greater", "g b", "y"), "its result is no number"),
    "alone": (node("Erf", "g", "y"), "nothing that does this alone"),
    "residue": (node("Add", "g x", "y"), "two paths meet here"),
    "wrong kind": (node("Gemm", "g v", "y", transB="yes"), "its attribute 'transB' is no integer"),
    "wrong kind of alpha": (node("Elu", "g", "y", alpha=[1.0]), "'alpha' is no number"),
}
CONSTANTS = {
    "v": np.eye(2, dtype="f4"),
    "big": np.ones((3, 2), "f4"),
    "ints": np.ones((2, 2), "i8"),
    "zeros": np.float32([1, 0]),
    "inf": np.float32([1, np.inf]),
    "rows": np.ones((2, 1), "f4"),
    "three": np.ones(3, "f4"),
    "axes": np.ones((1, 1, 2), "f4"),
    "one": np.int64([-1, 1]),
    "half": np.float32(0.5),
    "true": np.bool_(True),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_can_not_be_expressed(name):
    step, words = STEPS[name]
    parts = refused([GEMM, step], CONSTANTS, opset=24)
    assert len(parts) == 1
    assert parts[0].startswith(f"node 'y' ({step.op_type}): ")
    assert words in parts[0]


def test_constants_that_overflow_on_the_way():
    constants = {"w": np.eye(3), "b": np.zeros(3), "tiny": np.float64(1e-310)}
    for step, name in (
        (node("Div", "x tiny", "y"), "scale"),
        (node("Gemm", "x w b", "y", beta=np.inf), "shift"),
    ):
        (part,) = refused([step], constants, dtype="float64")
        assert part == f"node 'y' ({step.op_type}): its {name} is not finite"


def test_every_step_that_can_not_be_expressed_is_listed():
    nodes = [GEMM, node("Elu", "g", "e", alpha=2.0), node("Gemm", "e v", "f", transA=1)]
    parts = refused([*nodes, node("LeakyRelu", "f", "y", alpha=0.3)], CONSTANTS)
    assert [part.split(":")[0] for part in parts] == [
        "node 'e' (Elu)",
        "node 'f' (Gemm)",
        "node 'y' (LeakyRelu)",
    ]


def test_inputs_and_outputs():
    made = model([node("Add", "x z", "g"), END], W)
    made.graph.input.append(helper.make_tensor_value_info("z", 1, ["batch", 3]))
    with pytest.raises(ConversionError, match="one input, but this takes 2: 'x', 'z'"):
        cnnfs.from_onnx(made)
    for kind, word in ((TensorProto.INT64, "int64"), (TensorProto.BFLOAT16, "bfloat16")):
        made = model([GEMM, END], W)
        made.graph.input[0].type.tensor_type.elem_type = kind
        with pytest.raises(ConversionError, match=f"input 'x': it is {word}, not float, double"):
            cnnfs.from_onnx(made)
    made = model([node("Identity", "w", "y")], W)
    with pytest.raises(ConversionError, match="no tensor 'y' that depends on its input"):
        cnnfs.from_onnx(made)
    made = model([node("Dropout", "x", "y mask")], W, ends="x mask")
    with pytest.raises(ConversionError, match="only its first output"):
        cnnfs.from_onnx(made)


def test_weights_of_other_types():
    for kind, a in (("int8", np.int8([[1]])), ("uint64", np.uint64([[1]]))):
        made = model([node("MatMul", "x w", "y")], {"w": a}, dims=("n", 1))
        with pytest.raises(ConversionError, match=f"its input 'w': its type is {kind}, not float"):
            cnnfs.from_onnx(made)
    tensor = helper.make_tensor("w", TensorProto.BFLOAT16, [1, 1], [1.0])
    made = model([node("MatMul", "x w", "y")], dims=("n", 1))
    made.graph.initializer.append(tensor)
    with pytest.raises(ConversionError, match="its type is bfloat16"):
        cnnfs.from_onnx(made)
    made = model([node("MatMul", "x c", "y")])
    made.graph.node.insert(0, helper.make_node("Constant", [], ["c"], "c", value=tensor))
    with pytest.raises(ConversionError, match=r"node 'c' \(Constant\): its type is bfloat16"):
        cnnfs.from_onnx(made)


def test_versions():
    for opset, words in ((6, "opset 6 is older than 7"), (10**6, "newer than .* pip install")):
        with pytest.raises(ConversionError, match=words):
            cnnfs.from_onnx(model([GEMM, END], W, opset=opset))
    for opsets in ([], [("", 13), ("ai.onnx", 14)], [("com.microsoft", 1)]):
        made = model([GEMM, END], W)
        del made.opset_import[:]
        made.opset_import.extend(helper.make_opsetid(*entry) for entry in opsets)
        with pytest.raises(ConversionError, match="no ONNX model"):
            cnnfs.from_onnx(made)


def test_data_in_other_files_are_not_opened(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0" * 24)
    path = tmp_path / "model.onnx"
    made = model([GEMM, END], W)
    onnx.save(made, path, save_as_external_data=True, location="data", size_threshold=0)
    with pytest.raises(ConversionError, match=r"initializer 'w': its data are in another file"):
        cnnfs.from_onnx(path)
    made = model([node("MatMul", "x c", "y")])
    tensor = numpy_helper.from_array(W["w"])
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    made.graph.node.insert(0, helper.make_node("Constant", [], ["c"], "c", value=tensor))
    path.write_bytes(made.SerializeToString())
    with pytest.raises(ConversionError, match=r"\(Constant\): its data are in another file"):
        cnnfs.from_onnx(path)


def test_numbers_too_large_for_float32():
    made = model([GEMM, END], {"w": np.full((3, 2), 1e200), "b": np.zeros(2)}, dtype="float64")
    assert cnnfs.from_onnx(made).dtype == np.float64
    with pytest.raises(ConversionError, match='too large for float32: give dtype="float64"'):
        cnnfs.from_onnx(made, dtype="float32")


def test_arguments():
    with pytest.raises(TypeError, match=r"takes a path, bytes or an onnx\.ModelProto, not int"):
        cnnfs.from_onnx(3)
    with pytest.raises(TypeError, match="output must be the name of a tensor, not 1"):
        cnnfs.from_onnx(model([GEMM, END], W), output=1)
    with pytest.raises(ValueError, match="dtype must be float32 or float64, not float16"):
        cnnfs.from_onnx(model([GEMM, END], W), dtype="float16")
    with pytest.raises(FileNotFoundError):
        cnnfs.from_onnx("there is none.onnx")


def test_without_the_package():
    out = checked_python(
        """
        import sys
        sys.modules["onnx"] = None
        import cnnfs
        net = cnnfs.Network([cnnfs.Layer(2, 3)])
        for call in (lambda: cnnfs.from_onnx(b""), net.to_onnx):
            try:
                call()
            except ImportError as error:
                print(error)
        """
    )
    words = "needs the package onnx: python -m pip install 'cnnfs[onnx]'"
    assert out.splitlines() == [f"cnnfs.from_onnx {words}", f"Network.to_onnx {words}"]


def test_cnnfs_alone_does_not_import_it():
    assert checked_python("import sys, cnnfs; print('onnx' in sys.modules)").strip() == "False"
