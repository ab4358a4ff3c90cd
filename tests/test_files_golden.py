"""Files of every version that was released can be loaded, and mean what they meant."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from model_files import taken_apart

import cnnfs
from cnnfs import _cnnfs_core as core

GOLDEN = Path(__file__).resolve().parent / "golden"
sys.path.append(str(GOLDEN))

import make  # noqa: E402

EXPECTED = {
    f"{path.name.split('-')[0]}-{name}": values
    for path in sorted(GOLDEN.glob("*-expected.json"))
    for name, values in json.loads(path.read_text()).items()
}
TRAININGS = [name for name in EXPECTED if "training" in name]
OTHERS = [name for name in EXPECTED if "training" not in name]


def path_of(name):
    return GOLDEN / f"{name}.safetensors"


def test_nothing_is_missing():
    assert {path.stem for path in GOLDEN.glob("*.safetensors")} == set(EXPECTED)
    for activation in cnnfs.Activation:
        for dtype in ("float32", "float64"):
            assert f"1-{activation}-{dtype}" in EXPECTED
    everything = json.dumps(EXPECTED)
    for kinds in (
        "SGD Adagrad RMSprop Adam AdamW",
        "StepDecay ExponentialDecay LinearWarmup",
        "InverseTimeDecay CosineDecay",
        "MeanSquaredError MeanAbsoluteError Huber",
        "BinaryCrossEntropy CrossEntropy",
        "Dropout weight_l1 weight_l2 bias_l1 bias_l2",
    ):
        for kind in kinds.split():
            assert re.search(rf"\b{kind}\b", everything), kind


@pytest.mark.parametrize("name", OTHERS)
def test_networks(isa, name):
    net, want = cnnfs.load(path_of(name)), EXPECTED[name]
    assert repr(net) == want["network"]
    assert make.parameters(net) == want["parameters"]
    assert make.hexes(net(make.X)) == want["outputs"]
    assert net._loss is None


@pytest.mark.parametrize("name", TRAININGS)
def test_trainings(isa, name):
    want = EXPECTED[name]
    for net in (cnnfs.load(path_of(name)), cnnfs.load_training(path_of(name))[0]):
        assert repr(net) == want["network"]
        assert make.parameters(net) == want["parameters"]
        assert repr(net._loss) == want["loss"]
    net, optimizer = cnnfs.load_training(path_of(name))
    assert repr(optimizer) == want["optimizer"]
    assert (optimizer.steps, optimizer.epochs) == (want["steps"], want["epochs"])
    assert make.state(optimizer) == want["state"]
    make.train(net, optimizer, 2)
    if core.isa() != "generic":
        assert make.parameters(net) == want["parameters after"]


def test_special_values_keep_their_bits():
    for dtype, size in (("float32", "u4"), ("float64", "u8")):
        (layer,) = cnnfs.load(path_of(f"1-special-{dtype}"))
        want = np.array([[np.nan, -0.0, np.inf], [-np.inf, 5e-324, 1e-45]], dtype)
        assert (layer.weights.view(size) == want.view(size)).all()


def test_what_is_saved_now_is_what_was_saved_then(tmp_path):
    """But for the version that wrote it: a change of the format is no accident."""
    for name in [name for name in EXPECTED if name.startswith(f"{make.VERSION}-")]:
        path = tmp_path / "again.safetensors"
        if name in TRAININGS:
            net, optimizer = cnnfs.load_training(path_of(name))
            net.save(path, optimizer=optimizer)
        else:
            cnnfs.load(path_of(name)).save(path)
        (then, *old), (now, *new) = (taken_apart(p.read_bytes()) for p in (path_of(name), path))
        assert now.pop("version") == cnnfs.__version__
        del then["version"]
        assert (now, new) == (then, old), name


def test_golden_files_are_never_written_twice():
    with pytest.raises(FileExistsError, match="must never change"):
        make.main()
