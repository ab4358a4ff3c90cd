"""Networks saved and loaded: everything comes back, and others can read the file too."""

import io
import itertools
import json
import os
import pathlib
import sys
import threading
import time

import numpy as np
import pytest
from helpers import checked_python
from reference import assert_same_bits
from train_cases import assert_same_network

import cnnfs
from cnnfs import Activation, Dropout, Layer, Network
from cnnfs.files_content import read, to_bytes

LOSSES = [
    cnnfs.MeanSquaredError(),
    cnnfs.MeanAbsoluteError(),
    cnnfs.Huber(0.1),
    cnnfs.BinaryCrossEntropy(),
    cnnfs.CrossEntropy(label_smoothing=0.1),
]


def round_trip(net, path="model.safetensors", **options):
    net.save(path, **options)
    return cnnfs.load(path)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_same(net, other):
    assert_same_network(net, other)
    assert repr(net) == repr(other)  # dropouts, activations, dtypes, penalties
    assert net == other
    assert type(other) is Network


@pytest.mark.parametrize("activation", list(Activation))
def test_every_activation_and_dtype(isa, dtype, activation):
    net = Network([Layer(7, 5, activation, dtype=dtype, rng=0), Layer(5, 3, dtype=dtype, rng=1)])
    twin = round_trip(net)
    assert_same(net, twin)
    x = np.random.default_rng(0).normal(size=(6, 7))
    assert_same_bits(twin(x), net(x))
    assert_same_bits(twin(x[0]), net(x[0]))


def test_dropouts_and_penalties_stay_where_they_are():
    third = {"weight_l1": 1e-3, "weight_l2": 1 / 3, "bias_l1": 5e-324, "bias_l2": 1e300}
    parts = [Dropout(0.1), Dropout(1 / 3), Layer(2, 3, "relu", **third), Dropout(0.0), Layer(3, 1)]
    twin = round_trip(Network(parts))
    assert_same(Network(parts), twin)
    assert [type(part) for part in twin] == [Dropout, Dropout, Layer, Dropout, Layer]
    assert twin[2].penalties == tuple(third.values())


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (0, 0), (4, 0, 3), (1, 1)])
def test_no_inputs_and_no_neurons(dtype, sizes):
    layers = [Layer(i, o, "tanh", dtype=dtype) for i, o in itertools.pairwise(sizes)]
    twin = round_trip(Network(layers))
    assert_same(Network(layers), twin)
    assert_same_bits(twin(np.ones((2, sizes[0]))), Network(layers)(np.ones((2, sizes[0]))))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_pattern_of_bits_is_kept(dtype):
    """NaNs with their payloads, infinities, signed zeros, subnormals."""
    kind = f"u{np.dtype(dtype).itemsize}"
    numbers = np.random.default_rng(0).integers(0, 1 << 63, (40, 30), np.uint64).astype(kind)
    weights = numbers.view(dtype)
    bias = np.array([np.nan, -np.nan, -0.0, np.inf, -np.inf, 5e-324, 1e-45, 0] * 5, dtype)
    twin = round_trip(Network([Layer.from_arrays(weights, bias)]))
    assert_same_bits(twin[0].weights, weights)
    assert_same_bits(twin[0].bias, bias)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_the_loss_of_the_last_training(loss):
    last = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss.name, "linear")
    net = Network([Layer(2, 2, last, rng=0)])
    x, y = np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert round_trip(net)._loss is None
    net.fit(x, y, loss=loss)
    twin = round_trip(net)
    assert twin._loss == loss
    assert twin.evaluate(x, y) == net.evaluate(x, y)
    assert twin._optimizer is None


def test_a_loaded_network_can_be_trained_and_changed():
    net = Network([Dropout(0.5), Layer(3, 4, "relu", rng=0), Layer(4, 2, "softmax", rng=1)])
    twin = round_trip(net)
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    assert net.fit(x, y, epochs=3, rng=0) == twin.fit(x, y, epochs=3, rng=0)
    assert_same(net, twin)
    twin[1].weights = np.zeros((4, 3))
    assert net != twin
    assert_same(net, round_trip(net))


def test_a_large_network(folder):
    net = Network([Layer(1200, 900, "relu", rng=0), Layer(900, 1100, rng=1)])
    twin = round_trip(net)
    assert_same(net, twin)
    size = os.path.getsize("model.safetensors")
    assert size < 4 * net.n_parameters + 1000


def test_a_thousand_layers():
    layer = Layer(2, 2, "tanh", rng=0)
    net = Network([layer] * 1000)
    twin = round_trip(net)
    assert_same(net, twin)
    assert twin[0] is not twin[1], "a layer that occurs twice becomes two"


def test_too_many_layers_are_refused_when_they_are_saved():
    net = Network([Layer(1, 1)] * 20_000)
    with pytest.raises(ValueError, match=r"can't be saved: .*header"):
        net.save("model.safetensors")
    assert os.listdir() == []


def test_what_a_subclass_adds_is_not_kept():
    class MyLayer(Layer):
        pass

    class MyNetwork(Network):
        pass

    net = MyNetwork([MyLayer(2, 3, rng=0)])
    net.note = net[0].note = "here"
    twin = round_trip(net)
    assert (type(twin), type(twin[0])) == (Network, Layer)
    assert not hasattr(twin, "note")
    assert not hasattr(twin[0], "note")
    assert_same_network(net, twin)


def test_a_part_of_a_network():
    net = Network([Layer(2, 3, rng=0), Dropout(0.1), Layer(3, 4, rng=1), Layer(4, 5, rng=2)])
    assert_same(net[1:3], round_trip(net[1:3]))


# ---- the file ----------------------------------------------------------------------------------


def test_names_and_shapes_are_those_of_pytorch():
    from safetensors import safe_open
    from safetensors.numpy import load_file

    net = Network([Dropout(0.1), Layer(2, 3, rng=0), Dropout(0.1), Layer(3, 4, rng=1)])
    net.save("model.safetensors")
    tensors = load_file("model.safetensors")
    assert sorted(tensors) == [
        "layers.0.bias",
        "layers.0.weight",
        "layers.1.bias",
        "layers.1.weight",
    ]
    for i, layer in enumerate([net[1], net[3]]):
        assert_same_bits(tensors[f"layers.{i}.weight"], layer.weights)
        assert_same_bits(tensors[f"layers.{i}.bias"], layer.bias)
    with safe_open("model.safetensors", framework="np") as file:
        model = json.loads(file.metadata()["cnnfs"])
    assert (model["format"], model["version"]) == (1, cnnfs.__version__)
    assert model["layers"][0] == {"kind": "Dropout", "rate": 0.1}


def test_the_same_network_gives_the_same_bytes():
    net = Network([Layer(20, 30, "relu", rng=0), Layer(30, 4, "softmax", rng=1)])
    found = set()
    for i in range(3):
        net.save(f"{i}.safetensors")
        net = cnnfs.load(f"{i}.safetensors")
        found.add(pathlib.Path(f"{i}.safetensors").read_bytes())
    assert len(found) == 1


def test_other_metadata_do_no_harm():
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    net = Network([Layer(2, 3, rng=0)])
    net.save("model.safetensors")
    with safe_open("model.safetensors", framework="np") as file:
        metadata = {**file.metadata(), "format": "pt", "author": "[[[[" * 99}
    save_file(load_file("model.safetensors"), "model.safetensors", metadata)
    assert_same(net, cnnfs.load("model.safetensors"))


class Place:
    """An os.PathLike."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


@pytest.mark.parametrize("kind", [str, pathlib.Path, Place])
@pytest.mark.parametrize("name", ["m.safetensors", "no ending", "ünï 漢字", ".hidden", "\udcff"])
def test_paths(kind, name, folder):
    net = Network([Layer(2, 3, rng=0)])
    assert_same(net, round_trip(net, kind(name)))
    assert_same(net, round_trip(net, kind(str(folder / name))))
    assert os.listdir() == [name]


@pytest.mark.parametrize("path", [None, 3, b"bytes", Place(b"bytes"), ["m"], 1.5, True])
def test_what_is_no_path(path):
    net = Network([Layer(2, 3)])
    for use in (net.save, cnnfs.load, cnnfs.load_training):
        with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike, not"):
            use(path)


def test_importing_cnnfs_imports_no_safetensors():
    checked_python(
        """
        import sys, tempfile
        import cnnfs
        assert "safetensors" not in sys.modules
        net = cnnfs.Network([cnnfs.Layer(2, 3)])
        with tempfile.TemporaryDirectory() as folder:
            net.save(folder + "/m")
            assert "safetensors" in sys.modules
            assert cnnfs.load(folder + "/m") == net
        """
    )


def test_a_file_that_is_saved_while_a_thread_trains_is_of_one_moment():
    """What is written are the weights that some step left, in all layers."""
    rng = np.random.default_rng(0)
    net = Network([Layer(5, 5, "tanh", rng=i) for i in range(300)])
    x, y = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    seen, stop = {hash(flat(net))}, threading.Event()

    def train():
        while not stop.is_set():
            net.train_step(x, y)
            seen.add(hash(flat(net)))

    thread = threading.Thread(target=train)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        saved, end = [], time.monotonic() + 0.5
        while time.monotonic() < end or len(seen) < 3:
            saved.append(to_bytes(net.layers))
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)
    twins = [Network(read(io.BytesIO(data), len(data), "").parts) for data in saved[-100:]]
    assert all(hash(flat(twin)) in seen for twin in twins)


def flat(net):
    return b"".join(p.tobytes() for layer in net for p in (layer.weights, layer.bias))
