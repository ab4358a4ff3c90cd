"""The dtype that a user asks for: checked first, and alike by all that make networks of models."""

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

import cnnfs

READERS = {
    "from_sklearn": MLPRegressor(),
    "from_torch": {"weight": [[1.0], []]},
    "from_keras": "no model",
    "from_onnx": "/no/such/file.onnx",
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("wrong", ["foo", "int32", "float16", object(), 3.0, ">f4"])
def test_another_dtype_is_refused_before_anything_is_read(name, wrong):
    if name == "from_onnx":
        pytest.importorskip("onnx")
    with pytest.raises(ValueError, match=r"^dtype must be float32 or float64, not ") as caught:
        getattr(cnnfs, name)(READERS[name], dtype=wrong)
    assert caught.type is ValueError


@pytest.mark.parametrize("right", ["float32", "f8", np.float32, np.dtype("float64"), float])
def test_each_way_to_write_them(right):
    net = cnnfs.from_torch({"weight": [[1.0]]}, ["relu"], dtype=right)
    assert net.dtype == np.dtype(right)
