"""Small ONNX files that would need much memory: refused by a process that has little."""

import itertools
import json

import numpy as np
import pytest

pytest.importorskip("onnx")

from helpers import checked_python
from onnx import TensorProto
from onnx_models import model, node

W = {"w": np.float32([[1, 2], [3, 4], [5, 6]])}
HUGE = (1 << 62) - 1
ALLOWED = 300  # MiB beyond what Python needs with everything imported
READ = """
import json, resource, sys, time
from pathlib import Path
import onnx
import cnnfs
import cnnfs.interop.onnx_reader

pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + (int(sys.argv[2]) << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
found = {}
for path in Path(sys.argv[1]).iterdir():
    start = time.process_time()
    try:
        net = cnnfs.from_onnx(path)
        text = f"{net.n_inputs} to {net.n_outputs}"
    except cnnfs.ConversionError as error:
        assert error.source == str(path)
        text = str(error)
    found[path.name] = text, time.process_time() - start
print(json.dumps(found))
"""


def with_tensor(dims, **fields):
    made = model([node("MatMul", "x w", "y")])
    tensor = TensorProto(name="w", data_type=fields.pop("data_type", TensorProto.FLOAT), **fields)
    tensor.dims.extend(dims)
    made.graph.initializer.append(tensor)
    return made


def chain(first, last):
    """As deep as a file likes: nothing in the reader calls itself."""
    names = [f"t{i}" for i in range(30_000)]
    nodes = [node("Identity", a, b) for a, b in itertools.pairwise([first, *names])]
    return model([*nodes, node(*last, "y")], W)


def sums():
    names = [f"t{i}" for i in range(3000)]
    nodes = [node("Add", f"{a} {a}", b) for a, b in itertools.pairwise(["big", *names])]
    nodes.append(node("Add", f"x {names[-1]}", "y"))
    return model(nodes, {"big": np.ones(1 << 18, "f4")})


def product():
    constants = {"column": np.ones((1 << 17, 1), "f4"), "row": np.ones((1, 1 << 17), "f4")}
    return model([node("Mul", "column row", "w"), node("MatMul", "x w", "y")], constants)


def spread():
    nodes = [node("Add", "x c", "r"), node("Flatten", "r", "y")]
    return model(nodes, {"c": np.ones((10**5, 1), "f4")}, dims=("n", 10**5, 10**5))


def images():
    nodes = [node("Relu", "x", "r"), node("Flatten", "r", "y")]
    return model(nodes, dims=("n", *[10**5] * 9))


def one_neuron():
    """The activation before it would need a layer of 10^5 x 10^5 weights."""
    nodes = [node("Relu", "x", "r"), node("MatMul", "r w", "y")]
    return model(nodes, {"w": np.ones((100_000, 1), "f4")}, dims=None)


# Name of a file: what makes the model, and words of the error, or what the network is.
FILES = {
    "short raw data": (
        lambda: with_tensor([3, 2], raw_data=b"\0" * 23),
        "it has 5.75 numbers",
    ),
    "short list": (lambda: with_tensor([3, 2], float_data=[0.0] * 5), "it has 5 numbers"),
    "bits": (
        lambda: with_tensor([1, 1], data_type=TensorProto.FLOAT16, int32_data=[1 << 20]),
        "more than 16 bits",
    ),
    "type": (lambda: with_tensor([1, 1], data_type=77), "its type is type 77"),
    "wide input": (lambda: model([node("Relu", "x", "y")], dims=("n", 10**9)), "layer of its own"),
    "images": (images, "it would need a layer of its own"),
    "spread": (spread, "are too many"),
    "product": (product, "can't be made one"),
    "sums": (sums, "grow too large"),
    "steps": (lambda: chain("x", ("Relu", "t29999")), "3 to 3"),
    "constants": (lambda: chain("w", ("MatMul", "x t29999")), "3 to 2"),
    "one neuron": (one_neuron, "it would need a layer of its own, of 100000 x 100000 weights"),
}
SHAPES = [[HUGE, HUGE], [1 << 20, 1 << 20], [3, 3], [-3, -2], [0, HUGE], [1] * 40, [HUGE]]
for number, dims in enumerate(SHAPES):
    FILES[f"shape {number}"] = (
        lambda dims=dims: with_tensor(dims, raw_data=b"\0" * 24),
        "node 'y' (MatMul): its input 'w'",
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What one process makes of all files, and the seconds that each took."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in FILES.items():
        (folder / name).write_bytes(make().SerializeToString())
    with open(folder / "terabyte", "wb") as file:
        file.truncate(1 << 40)
    with open(folder / "largest", "wb") as file:
        file.truncate(1 << 31)
    return json.loads(checked_python(READ, folder, ALLOWED))


@pytest.mark.parametrize("name", FILES)
def test_little_memory_and_time(name, found):
    text, seconds = found[name]
    assert FILES[name][1] in text
    assert seconds < 20


def test_sparse_files_of_many_gigabytes(found):
    for name, size in (("terabyte", 1 << 40), ("largest", 1 << 31)):
        assert f"it has {size} bytes, too many for ONNX" in found[name][0]
