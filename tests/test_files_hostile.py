"""Model files made with skill, or by chance: refused all the same, at once and for little."""

import io
import re
from contextlib import suppress

import numpy as np
import pytest
from helpers import checked_python
from hypothesis import given
from hypothesis import strategies as st
from model_files import (
    FIELDS,
    PATH,
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
from cnnfs.files_content import read


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def good():
    return example()


# ---- tensors -----------------------------------------------------------------------------------


def test_missing_and_unknown_tensors(good):
    model, tensors, payload = taken_apart(good)
    for name in tensors:
        rest = {key: value for key, value in tensors.items() if key != name}
        refused(put_together(model, rest, payload), f'there is no tensor "{re.escape(name)}"')
        renamed = {key + "s" * (key == name): value for key, value in tensors.items()}
        refused(put_together(model, renamed, payload), "there is no tensor")
    more = {**tensors, "layers.2.weight": tensors["layers.0.bias"]}
    refused(put_together(model, more, payload), "unknown tensor 'layers.2.weight'")
    text = "unknown tensor 'optimizer"
    refused(put_together({**model, "optimizer": None}, tensors, payload), text)


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "F64"},
        {"dtype": "F16"},
        {"dtype": "BF16"},
        {"dtype": "I32"},
        {"dtype": "nonsense"},
        {"dtype": 3},
        {"dtype": None},
        {"dtype": ["F32"]},
        {"shape": [3, 4]},
        {"shape": [12]},
        {"shape": [4, 3, 1]},
        {"shape": [4.0, 3]},
        {"shape": [4, True]},
        {"shape": [-4, -3]},
        {"shape": [4, "3"]},
        {"shape": 12},
        {"shape": None},
        {"shape": {}},
        {"shape": [4, 10**300]},
        {"data_offsets": [0, 0]},
        {"data_offsets": [0, 1 << 62]},
        {"data_offsets": [0, 1 << 80]},
        {"data_offsets": [-8, 40]},
        {"data_offsets": [40, 0]},
        {"data_offsets": [1, 49]},
        {"data_offsets": [0]},
        {"data_offsets": None},
        {"data_offsets": "0, 48"},
        {"more": 1},
    ],
    ids=str,
)
def test_wrong_tensors(good, change):
    model, tensors, payload = taken_apart(good)
    wrong = {**tensors, "layers.0.weight": {**tensors["layers.0.weight"], **change}}
    refused(put_together(model, wrong, payload))


@pytest.mark.parametrize("shape", [[4.0, 3], [4, True], [-4, -3], ["4", 3], [[4], 3], None])
def test_shapes_that_are_equal_but_no_integers(good, shape):
    model, tensors, payload = taken_apart(good)
    wrong = {**tensors, "layers.0.weight": {**tensors["layers.0.weight"], "shape": shape}}
    text = f"tensor 'layers.0.weight' has the shape {re.escape(repr(shape))}"
    refused(put_together(model, wrong, payload), text)


def test_a_file_that_changes_while_it_is_read(good):
    """Its header was checked: what follows must belong to it."""
    other = put_together(*taken_apart(good))
    assert other != good

    class Changing(io.BytesIO):
        def seek(self, *arguments):
            self.__init__(self.replacement)
            return super().seek(*arguments)

    file = Changing(good)
    for file.replacement in (good[:-1], other[: len(good)], b"", b"x" * len(good)):
        file.__init__(good)
        with pytest.raises(ModelFileError, match="changed while it was read"):
            read(file, len(good), PATH)


def test_overlapping_tensors(good):
    model, tensors, payload = taken_apart(good)
    same = {**tensors["layers.0.weight"], "data_offsets": [0, 48]}
    wrong = {**tensors, "layers.0.weight": same, "optimizer.0.weight.first": same}
    refused(put_together(model, wrong, payload), "library refuses")
    swapped = dict(tensors)
    first, second = "optimizer.0.weight.first", "optimizer.0.weight.second"
    swapped[first], swapped[second] = swapped[second], swapped[first]
    accepted(put_together(model, swapped, payload))  # in another order: as good


@pytest.mark.parametrize("text", [b'"layers.0.bias"', b'\\"steps\\":', b'"dtype":"F32"'])
def test_names_that_stand_twice(good, text):
    length = int.from_bytes(good[:8], "little")
    header, payload = good[8 : 8 + length], good[8 + length :]
    at = header.index(text)
    if text.endswith(b":"):
        twice = header[:at] + text + b"1," + header[at:]
    elif text.endswith(b'"F32"'):
        twice = header[:at] + text + b"," + header[at:]
    else:
        end = header.index(b"}", at) + 1
        twice = header[:end] + b"," + header[at:end] + header[end:]
    refused(with_header(twice, payload), "stands twice")


def test_nan_in_the_weights_is_no_fault(good):
    model, tensors, payload = taken_apart(good)
    accepted(put_together(model, tensors, b"\xff" * len(payload)))
    assert np.isnan(cnnfs.load(PATH)[1].weights).all()


# ---- chance ------------------------------------------------------------------------------------


@given(data=st.data())
def test_any_change_of_bytes_is_refused_or_harmless(good, data):
    """Never another error, whatever was changed."""
    wrong = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(wrong) - 1))
        wrong[at] = data.draw(st.integers(0, 255))
    with open(PATH, "wb") as file:
        file.write(wrong)
    for load in (cnnfs.load, cnnfs.load_training):
        with suppress(ModelFileError):
            load(PATH)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(place=st.sampled_from([place for place, _ in FIELDS]), value=VALUES)
def test_any_value_of_any_field_is_refused_or_harmless(good, place, value):
    model, tensors, payload = taken_apart(good)
    with open(PATH, "wb") as file:
        file.write(put_together(changed(model, place, value), tensors, payload))
    for load in (cnnfs.load, cnnfs.load_training):
        with suppress(ModelFileError):
            load(PATH)


# ---- hostile -----------------------------------------------------------------------------------


def test_hostile_files_fail_fast_and_cost_little(good, folder):
    """Each in less than two seconds and 100 MB, which the process may not exceed."""
    (folder / "good").write_bytes(good)
    said = checked_python(HOSTILE, "good", timeout=120)
    assert said.split() == ["refused"] * 16


HOSTILE = """
    import resource, sys, time
    import safetensors.numpy
    import cnnfs
    from model_files import *

    good = open(sys.argv[1], "rb").read()
    model, tensors, payload = taken_apart(good)
    LIMIT = 4 << 20

    def huge(n_inputs, n_neurons):
        # As consistent as it can be without the bytes.
        layer = {**model["layers"][1], "n_inputs": n_inputs, "n_neurons": n_neurons}
        size = 4 * n_inputs * n_neurons
        shapes = {
            "layers.0.weight": ([n_neurons, n_inputs], [0, size]),
            "layers.0.bias": ([n_neurons], [size, size + 4 * n_neurons]),
        }
        header = {
            name: {"dtype": "F32", "shape": shape, "data_offsets": offsets}
            for name, (shape, offsets) in shapes.items()
        }
        return put_together({**model, "layers": [layer], "optimizer": None}, header, payload)

    def filled(text):
        return (text * (LIMIT // len(text)))[: LIMIT - 50_000]

    hostile = [
        (1 << 60).to_bytes(8, "little") + b"{" * 1000,
        (1 << 63).to_bytes(8, "little") + b"{" * 1000,
        ((1 << 64) - 1).to_bytes(8, "little") + b"{" * 1000,
        (500 << 20, (500 << 20).to_bytes(8, "little") + b'{"__metadata__":{'),
        (500 << 20, (LIMIT + 1).to_bytes(8, "little") + b'{"__metadata__":{'),
        huge(1 << 40, 1 << 40),
        huge(1 << 20, 1 << 20),
        huge(10**30, 10**30),
        put_together("[" * 1_000_000, tensors, payload),
        put_together('{"a":' * 100_000 + "1" + "}" * 100_000, tensors, payload),
        put_together('["]",' * 100_000, tensors, payload),
        with_header(b"{" + b'"a":[' * 500_000),
        with_header(b'{"' + filled(b'\\\\"')),
        with_header(b'{"a":[' + filled(b"[],") + b"[]]}"),
        with_header(b'{"a":[' + filled(b'"xy",') + b"1]}"),
        put_together('{"format":' + "1" * 100_000 + "}", tensors, payload),
    ]
    sys.setrecursionlimit(1 << 30)
    with open("first", "wb") as file:
        file.write(good)
    cnnfs.load("first")
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (100 << 20), resource.RLIM_INFINITY))
    for i, data in enumerate(hostile):
        size, data = data if isinstance(data, tuple) else (len(data), data)
        with open("hostile", "wb") as file:
            file.write(data)
            file.truncate(size)
        begin = time.perf_counter()
        try:
            cnnfs.load("hostile")
        except cnnfs.ModelFileError as error:
            assert len(str(error)) < 500
            assert time.perf_counter() - begin < 2, (i, time.perf_counter() - begin)
            print(i, error, time.perf_counter() - begin, file=sys.stderr)
            print("refused")
"""
