"""What to_onnx writes: valid in every version, read back as it was, there as a whole."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from onnx.reference import ReferenceEvaluator
from onnx_models import assert_agree, runtime

import cnnfs

NEWEST = onnx.defs.onnx_opset_version()
SINGLE_ONLY = ("elu", "gelu", "softplus")  # in ONNX Runtime


def net_of(name, dtype="float32"):
    first = cnnfs.Layer(5, 6, name, dtype=dtype, rng=1)
    first.bias = np.linspace(-1, 1, 6)
    return cnnfs.Network([first, cnnfs.Layer(6, 4, dtype=dtype, rng=2)])


@pytest.mark.parametrize("opset", range(7, NEWEST + 1))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_activation_in_every_version(opset, dtype, rng):
    for name in cnnfs.Activation:
        if name == "gelu" and opset < 9:
            continue
        net = net_of(name, dtype)
        made = net.to_onnx(opset=opset)
        onnx.checker.check_model(made, full_check=True)
        assert cnnfs.from_onnx(made) == net
        assert [o.version for o in made.opset_import] == [opset]


@pytest.mark.parametrize("opset", [7, 9, 12, 13, 17, 20])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_runtime_agrees(opset, dtype, rng):
    pytest.importorskip("onnxruntime")
    for name in cnnfs.Activation:
        lacks = dtype == "float64" and (name in SINGLE_ONLY or opset == 7)
        if lacks or (name == "gelu" and opset < 9):
            continue
        net = net_of(name, dtype)
        if name == "step":  # sums that both compute exactly
            net[0].weights, net[0].bias = np.round(4 * net[0].weights), np.zeros(6)
        run = runtime(net.to_onnx(opset=opset))
        for rows in (1, 50, 0):
            x = np.round(3 * rng.normal(size=(rows, 5))).astype(dtype)
            got = run(x)[0]
            assert got.shape == (rows, 4)
            assert got.dtype == dtype
            if rows:
                assert_agree(net, x, got, str(name))


def test_the_evaluator_agrees_in_float64(rng):
    x = rng.normal(size=(20, 5))
    for name in ("elu", "softplus", "leaky_relu", "gelu_tanh", "silu"):
        for opset in (9, 20, NEWEST):
            net = net_of(name, "float64")
            made = net.to_onnx(opset=opset)
            assert_agree(net, x, ReferenceEvaluator(made).run(None, {"x": x})[0], name)


def test_what_the_model_says():
    made = net_of("relu").to_onnx()
    assert (made.producer_name, made.producer_version) == ("cnnfs", cnnfs.__version__)
    (x,), (y,) = made.graph.input, made.graph.output
    for value, name, size in ((x, "x", 5), (y, "y", 4)):
        batch, features = value.type.tensor_type.shape.dim
        assert (value.name, batch.dim_param, features.dim_value) == (name, "batch", size)
    names = {t.name: tuple(t.dims) for t in made.graph.initializer}
    assert names == {
        "layers.0.weight": (6, 5),
        "layers.0.bias": (6,),
        "layers.1.weight": (4, 6),
        "layers.1.bias": (4,),
    }
    assert net_of("relu").to_onnx().SerializeToString() == made.SerializeToString()


def test_dropout_is_left_out():
    net = net_of("tanh")
    noisy = cnnfs.Network([cnnfs.Dropout(0.5), net[0], cnnfs.Dropout(0.1), net[1]])
    assert noisy.to_onnx() == net.to_onnx()


def test_every_bit_of_the_weights(rng):
    odd = np.array([[np.nan, np.inf, -np.inf, -0.0, 1e-45, np.finfo("f4").max]], np.float32)
    for bias in (-0.0, np.nan, np.inf, 1e-45):
        net = cnnfs.Network([cnnfs.Layer.from_arrays(odd, np.float32([bias]))])
        read = cnnfs.from_onnx(net.to_onnx())
        assert read[0].weights.tobytes() == net[0].weights.tobytes()
        assert read[0].bias.tobytes() == net[0].bias.tobytes()


def test_no_rows_columns_or_neurons():
    for sizes in ((0, 3), (3, 0, 2), (1, 1)):
        layers = [cnnfs.Layer(*pair) for pair in pairwise(sizes)]
        net = cnnfs.Network(layers)
        made = net.to_onnx()
        onnx.checker.check_model(made, full_check=True)
        assert cnnfs.from_onnx(made) == net


def test_the_file(tmp_path):
    net = net_of("gelu")
    path = tmp_path / "model.onnx"
    path.write_bytes(b"something else")
    made = net.to_onnx(path)
    assert path.read_bytes() == made.SerializeToString()
    assert onnx.load(path) == made
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.onnx"]
    net.to_onnx(str(path), opset=13)
    assert cnnfs.from_onnx(path) == net
    with pytest.raises(OSError, match="none"):
        net.to_onnx(tmp_path / "none" / "model.onnx")


def test_errors():
    net = net_of("gelu")
    with pytest.raises(cnnfs.ConversionError, match="gelu needs opset 9, or better 20, not 8"):
        net.to_onnx(opset=8)
    with pytest.raises(ValueError, match="opset must be at least 7, but is 6"):
        net.to_onnx(opset=6)
    with pytest.raises(ValueError, match=f"opset must be at most {NEWEST}, the newest that"):
        net.to_onnx(opset=NEWEST + 1)
    with pytest.raises(TypeError, match="opset must be an integer, not 13"):
        net.to_onnx(opset=13.0)
