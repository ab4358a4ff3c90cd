"""Networks that others trained and published, and what PyTorch exports."""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from interop_bounds import Dense, assert_close, layers_of, outputs
from reference import sigmoid

import cnnfs


def package(name):
    """The wheel of a package, fetched once. Without a registry the test is skipped."""
    folder = Path(tempfile.gettempdir()) / "cnnfs-test-wheels"
    if not list(folder.glob(f"{name}-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
        command += ["--quiet", "--retries=0", "--timeout=20", "--disable-pip-version-check"]
        done = subprocess.run([*command, "-d", folder, name], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"{name} can't be fetched: {done.stderr[-300:]}")
    return zipfile.ZipFile(next(folder.glob(f"{name}-*.whl")))


def test_qlknn():
    """Turbulence in a tokamak: 10-133-133-133-133-133-8 by PyTorch, with scaling at both ends."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx_models import assert_agree, runtime

    wheel = package("fusion_surrogates")
    folder = "fusion_surrogates/qlknn/models/qlknn_7_11"
    data = wheel.read(f"{folder}.onnx")
    with pytest.raises(cnnfs.ConversionError, match="the graph has 8 outputs"):
        cnnfs.from_onnx(data)
    # Behind the network the eight fluxes are taken apart, cut off at 0 and multiplied.
    network = "/Add_output_0"
    net = cnnfs.from_onnx(data, output=network)
    assert [layer.weights.shape for layer in net] == [(133, 10), *[(133, 133)] * 4, (8, 133)]
    assert [str(layer.activation) for layer in net] == ["tanh"] * 5 + ["linear"]
    x = np.load(io.BytesIO(wheel.read(f"{folder}_test_data.npz")))["inputs"].astype("float32")
    made = onnx.load_from_string(data)
    del made.graph.output[:]
    made.graph.output.append(onnx.helper.make_tensor_value_info(network, 1, ["batch_size", 8]))
    assert_agree(net, x, runtime(made)(x)[0])


SIZES = ["xxsmall", "xsmall", "small", "medium", "large", "xlarge", "xxlarge", "xxxlarge"]


def test_neuralfoil(rng):
    """The flow around an airfoil: eight networks, 25-48-48-198 to 25-512-...-198, swish."""
    wheel = package("neuralfoil")
    for size in SIZES:
        arrays = np.load(io.BytesIO(wheel.read(f"neuralfoil/nn_weights_and_biases/nn-{size}.npz")))
        numbers = sorted({int(name.split(".")[1]) for name in arrays})
        pairs = [(arrays[f"net.{i}.weight"], arrays[f"net.{i}.bias"]) for i in numbers]
        state = {}
        for i, (weights, bias) in zip(numbers, pairs, strict=True):
            state |= {f"net.{i}.weight": weights, f"net.{i}.bias": bias}
        activations = ["silu"] * (len(numbers) - 1) + ["linear"]
        net = cnnfs.from_torch(state, activations=activations)
        x = rng.normal(size=(50, 25)).astype("float32")
        y = x
        for weights, bias in pairs:
            y = y @ weights.T + bias
            if weights is not pairs[-1][0]:
                y = y * sigmoid(y)
        layers = [
            Dense(*pair, activation) for pair, activation in zip(pairs, activations, strict=True)
        ]
        _, bound = outputs(layers, x, np.float32, np.float32)
        assert_close(net(x), y, bound, size)


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_what_pytorch_exports(dynamo, tmp_path, rng):
    pytest.importorskip("onnx")
    torch = pytest.importorskip("torch")
    if dynamo:
        pytest.importorskip("onnxscript")
    nn = torch.nn
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(8)
    norm.running_mean, norm.running_var = torch.randn(8), torch.rand(8) + 0.5
    ends = [nn.Linear(8, 8), nn.Softmax(-1)]
    kinds = [nn.ReLU(), nn.Tanh(), nn.Sigmoid(), nn.LeakyReLU(), nn.ELU(), nn.SiLU(), nn.Softplus()]
    kinds += [nn.GELU(), nn.GELU(approximate="tanh"), norm, nn.Dropout(), nn.Identity()]
    for number, kind in enumerate(kinds):
        model = nn.Sequential(nn.Flatten(), nn.Linear(6, 8, bias=number != 1), kind, *ends).eval()
        path = tmp_path / f"{number}.onnx"
        x = torch.randn(10, 2, 3)
        options = {} if dynamo else {"dynamic_axes": {"x": {0: "n"}}, "opset_version": 17}
        if dynamo:
            options = {"dynamic_shapes": ({0: torch.export.Dim("n")},), "external_data": False}
        names = {"input_names": ["x"], "verbose": False}
        torch.onnx.export(model, (x,), path, dynamo=dynamo, **names, **options)
        net = cnnfs.from_onnx(path)
        direct = cnnfs.from_torch(model)
        flat = x.numpy().reshape(10, 6)
        _, bound = outputs(layers_of(direct), flat, np.float32, np.float32)
        spare = 1e-7 if isinstance(kind, nn.Softplus) else 0.0  # PyTorch's is linear above 20
        assert_close(net(flat), direct(flat), bound, str(kind))
        assert_close(net(flat), model(x).detach().numpy(), bound + spare, str(kind))
