"""Model files taken apart and put together again, right or wrong."""

import copy
import functools
import json
import os
import re
import tempfile

import numpy as np
import pytest

import cnnfs

PATH = "model.safetensors"


@functools.cache
def example():
    """The bytes of a small file with everything in it."""
    layers = [
        cnnfs.Dropout(0.25),
        cnnfs.Layer(3, 4, "relu", rng=0, weight_l2=0.5),
        cnnfs.Layer(4, 2, "softmax", rng=1),
    ]
    net, adam = cnnfs.Network(layers), cnnfs.Adam(cnnfs.CosineDecay(0.01, 100), clip_norm=1.0)
    net.fit(np.eye(3), [0, 1, 0], epochs=2, loss=cnnfs.CrossEntropy(0.1), optimizer=adam, rng=0)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, PATH)
        net.save(path, optimizer=adam)
        with open(path, "rb") as file:
            return file.read()


def taken_apart(data):
    """(model, header without metadata, the tensors' bytes)"""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    return json.loads(header.pop("__metadata__")["cnnfs"]), header, data[8 + length :]


def put_together(model, tensors, payload):
    """model is what json.dumps takes, or the text itself."""
    text = model if isinstance(model, str) else json.dumps(model)
    return with_header({"__metadata__": {"cnnfs": text}, **tensors}, payload)


def with_header(header, payload=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + payload


def refused(data, reason="", load=None):
    """The error with which both functions refuse these bytes."""
    with open(PATH, "wb") as file:
        file.write(data)
    for function in (cnnfs.load_training, cnnfs.load) if load is None else (load,):
        with pytest.raises(cnnfs.ModelFileError) as caught:
            function(PATH)
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.path == PATH
    assert str(error) == f"{PATH}: {error.reason}"
    assert re.search(reason, error.reason), error.reason
    assert len(str(error)) < 500
    return error


def accepted(data):
    with open(PATH, "wb") as file:
        file.write(data)
    cnnfs.load(PATH)
    cnnfs.load_training(PATH)


# ---- one field changed -------------------------------------------------------------------------


def changed(model, place, value):
    model = copy.deepcopy(model)
    where = model
    for key in place[:-1]:
        where = where[key]
    if value is DELETED:
        del where[place[-1]]
    else:
        where[place[-1]] = value
    return model


DELETED = object()
NO_NUMBERS = [True, "3", None, [3], {"a": 3}]
NO_INTEGERS = [*NO_NUMBERS, 3.0, 3.5, 1e300]
LAYER, ADAM = ("layers", 1), ("optimizer",)
FIELDS = [
    (("format",), [True, 1.0, "1", None, 0, -1, [1]]),
    (("version",), []),
    (("dtype",), ["float16", "F32", "f4", "int8", 32, None, True, ["float32"], "x" * 9999]),
    (("layers",), [None, {}, "relu", 3, [], [None], [3], [[]], ["Layer"], [{}]]),
    ((*LAYER, "kind"), ["Dense", "layer", "Dropout", None, 3, ["Layer"], {}]),
    ((*LAYER, "n_inputs"), [*NO_INTEGERS, -1, 4, 0, 10**100, 2**63, 2**64 + 3]),
    ((*LAYER, "n_neurons"), [*NO_INTEGERS, -1, 5, 0, 10**100, 2**32]),
    ((*LAYER, "activation"), ["selu", "RELU", "", "relu ", None, 3, ["relu"], {"relu": 1}]),
    ((*LAYER, "weight_l2"), [*NO_NUMBERS, -1e-9, 10**400]),
    ((*LAYER, "bias_l1"), [*NO_NUMBERS, -1]),
    (("layers", 0, "kind"), ["dropout", "Layer", None]),
    (("layers", 0, "rate"), [*NO_NUMBERS, 1, 1.0, -0.1, 2, 10**400]),
    (("loss",), ["mse", 3, [], {}, {"kind": "Loss"}, {"kind": "Huber"}, {"kind": ["Huber"]}]),
    (("loss", "label_smoothing"), [*NO_NUMBERS, 1.5, -1]),
    (("optimizer",), ["adam", 3, [], {}, {"kind": "Optimizer"}, {"kind": "SGD"}]),
    ((*ADAM, "kind"), ["adam", "SGD", "AdamW", None, 3, "os.system"]),
    ((*ADAM, "learning_rate"), ["1", None, True, 0, -1, [0.1], {}, {"kind": "Schedule"}, 10**400]),
    ((*ADAM, "learning_rate", "kind"), ["StepDecay", "eval", "Adam", None]),
    ((*ADAM, "learning_rate", "steps"), [*NO_INTEGERS, 0, -1]),
    ((*ADAM, "learning_rate", "initial"), [*NO_NUMBERS, 0]),
    ((*ADAM, "betas"), [0.9, [0.9], [0.9, 0.99, 0.999], [0.9, 1.0], [True, 0.9], ["a", "b"], {}]),
    ((*ADAM, "eps"), [*NO_NUMBERS, -1]),
    ((*ADAM, "clip_norm"), [True, "3", [3], 0, -1]),
    ((*ADAM, "clip_value"), [True, "3", [3], 0, -1]),
    ((*ADAM, "steps"), [*NO_INTEGERS, -1, 2**53, 2**63, 10**100]),
    ((*ADAM, "epochs"), [*NO_INTEGERS, -1, 2**53]),
]
