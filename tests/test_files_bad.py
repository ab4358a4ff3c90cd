"""Files that are no whole model: one documented error, which names the file and the reason."""

import copy
import json
import pickle

import numpy as np
import pytest
from model_files import (
    ADAM,
    DELETED,
    FIELDS,
    LAYER,
    accepted,
    changed,
    example,
    put_together,
    refused,
    taken_apart,
    with_header,
)

import cnnfs
from cnnfs import ModelFileError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def good():
    return example()


def test_the_example_is_good(good):
    accepted(good)
    accepted(put_together(*taken_apart(good)))


def test_a_file_that_is_not_there():
    for load in (cnnfs.load, cnnfs.load_training):
        with pytest.raises(FileNotFoundError) as caught:
            load("missing")
        assert caught.value.filename == "missing"
        with pytest.raises(IsADirectoryError):
            load(".")


def test_the_error_can_be_copied():
    error = ModelFileError("a.safetensors", "it is blue")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (twin.path, twin.reason, str(twin)) == (error.path, error.reason, str(error))


# ---- not whole, not ours -----------------------------------------------------------------------


def test_every_truncation(good):
    for length in {*range(0, len(good), 13), *range(64), *range(len(good) - 64, len(good))}:
        refused(good[:length], load=cnnfs.load)
    refused(b"", "the file is empty")
    refused(good[:5], "no safetensors file")
    refused(good[:100], "truncated|no safetensors file")
    refused(good[:-1], "truncated: it has .* bytes and should have")
    refused(good + b"\0", "too long")


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"hello, world: this is a text file, not a model",
        b"PK\x03\x04" + bytes(500),
        b"\x89HDF\r\n\x1a\n" + bytes(500),
        bytes(1000),
        b"\xff" * 1000,
        pickle.dumps({"weights": [1.0] * 999}),
        with_header(b" {}"),
        with_header(b"[]"),
        with_header(b"3"),
        with_header(b'"text"'),
    ],
)
def test_other_files(data):
    refused(data, "no safetensors file")


def test_safetensors_of_others():
    from safetensors.numpy import save

    refused(save({"a": np.ones(3)}), "cnnfs did not write this")
    refused(save({"a": np.ones(3)}, {"format": "pt"}), "cnnfs did not write this")
    refused(with_header({"__metadata__": {"cnnfs": 3}}), "cnnfs did not write this")
    refused(with_header({"__metadata__": ["cnnfs"]}), "metadata must be a JSON object")
    refused(save({"a": np.ones(3)}, {"cnnfs": "hello"}), "JSON is damaged")
    refused(save({"a": np.ones(3)}, {"cnnfs": "[]"}), "must be a JSON object")
    refused(save({"a": np.ones(3)}, {"cnnfs": "{}"}), "unknown format None")


def test_damaged_json(good):
    model, tensors, payload = taken_apart(good)
    refused(with_header(b'{"a": '), "JSON is damaged")
    refused(with_header(b'{"a": \xff}'), "utf-8")
    refused(with_header(b"{} {}"), "JSON is damaged")
    for text in ("", "{", '{"format":1', "{'format':1}", '{"format":1,}', "nul", '{"a":"\\', '"'):
        refused(put_together(text, tensors, payload), "JSON is damaged|must be a JSON object")
    text = json.dumps(model).replace("0.25", "1e999")
    refused(put_together(text, tensors, payload), "at least 0 and below 1, but is inf")
    for word in ("NaN", "Infinity", "-Infinity"):
        refused(put_together(f'{{"format":{word}}}', tensors, payload), "no number of JSON")


@pytest.mark.parametrize("version", [2, 3, 10**30])
def test_newer_formats_say_what_to_do(good, version):
    _, tensors, payload = taken_apart(good)
    model = {"format": version, "version": "7.8.9", "something": ["new"]}
    text = rf"format {version}, and was made by cnnfs '7\.8\.9'.*up to 1: update cnnfs"
    refused(put_together(model, {"other": tensors["layers.0.bias"]}, payload), text)


# ---- one field changed -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "values"), FIELDS, ids=lambda given: "/".join(map(str, given))[:40]
)
def test_every_field(good, place, values):
    model, tensors, payload = taken_apart(good)
    for value in [DELETED, *values]:
        refused(put_together(changed(model, place, value), tensors, payload))


@pytest.mark.parametrize("place", [(), LAYER, ("layers", 0), ("loss",), ADAM])
def test_unknown_fields(good, place):
    model, tensors, payload = taken_apart(good)
    data = put_together(changed(model, (*place, "surprise"), 1), tensors, payload)
    refused(data, "unknown field 'surprise'")


def test_what_the_reasons_say(good):
    model, tensors, payload = taken_apart(good)

    def reason(place, value, text):
        refused(put_together(changed(model, place, value), tensors, payload), text)

    reason((*LAYER, "activation"), "selu", "layer 1 has the unknown activation 'selu'")
    reason((*LAYER, "n_inputs"), 3.0, "n_inputs of layer 1 must be an integer, not 3.0")
    reason((*LAYER, "n_neurons"), 5, "layer 2 takes 4 inputs, but layer 1 has 5 neurons")
    reason((*LAYER, "n_inputs"), 4, r'"layers.0.weight" has the shape \(4, 3\), not \(4, 4\)')
    reason((*LAYER, "n_inputs"), DELETED, 'layer 1 has no "n_inputs"')
    reason(("layers", 0, "rate"), 1, "the rate of Dropout must be at least 0 and below 1, but is")
    reason(("dtype",), "float64", '"layers.0.weight" has the dtype F32, not float64')
    reason(("layers",), [{"kind": "Dropout", "rate": 0.5}], "there is no layer at the end")
    reason((*ADAM, "kind"), "RMSprop", 'the optimizer has no "alpha"')


def test_networks_that_can_not_be(good):
    model, _, _ = taken_apart(good)
    model |= {"optimizer": None, "loss": None}
    for layers, text in [
        ([], "no layer at the end"),
        (model["layers"][:1], "no layer at the end"),
    ]:
        refused(put_together(model | {"layers": layers}, {}, b""), text, load=cnnfs.load)
