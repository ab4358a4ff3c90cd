"""The header of a .safetensors file, read with suspicion and before anything else."""

from __future__ import annotations

import json
import re
import reprlib
from typing import Any, BinaryIO, NamedTuple, NoReturn

# A layer takes about 800 bytes of the header, with Adam's state: this is enough for 5,000 layers.
# JSON can fill forty times its length of memory, so the library's 100 MB are too much to be taken
# from anybody, and values are counted. A tensor has 8 of them in 85 bytes.
LARGEST_HEADER = 4 << 20
MOST_VALUES = 400_000
DEEPEST = 16

_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


class ModelFileError(ValueError):
    """A file that is not a whole model of cnnfs, or of a newer version of it.

    Attributes
    ----------
    path : str
        The file.
    reason : str
        What is wrong with it.

    Examples
    --------
    >>> import cnnfs, pathlib
    >>> path = pathlib.Path("model.safetensors")
    >>> _ = path.write_bytes(b"no model")
    >>> try:
    ...     cnnfs.load(path)
    ... except cnnfs.ModelFileError as error:
    ...     print(error)
    model.safetensors: this is no safetensors file
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Header(NamedTuple):
    """What stands before the tensors' bytes."""

    raw: bytes
    model: dict[str, Any]
    tensors: dict[str, tuple[str, tuple[int, ...]]]


def read_header(file: BinaryIO, size: int) -> Header:
    """The header of a file of so many bytes; a ValueError tells why there is none."""
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length < 2:
        raise ValueError("this is no safetensors file" if start else "the file is empty")
    if length > LARGEST_HEADER:
        if length > size - 8:
            raise ValueError("this is no safetensors file")
        raise ValueError(f"the header has {length} bytes; {LARGEST_HEADER} are the most")
    raw = file.read(length)
    if not raw.startswith(b"{"):
        raise ValueError("this is no safetensors file")
    if len(raw) < length:
        raise ValueError(f"the file is truncated: {len(raw)} of its header's {length} bytes")
    header = as_object(read_json(raw.decode()), "the header")
    metadata = as_object(header.pop("__metadata__", {}), "the metadata")
    text = metadata.get("cnnfs")
    if not isinstance(text, str):
        raise ValueError('cnnfs did not write this: its metadata have no "cnnfs"')
    model = as_object(read_json(text), "the model")
    return Header(start + raw, model, {name: _tensor(name, t) for name, t in header.items()})


def _tensor(name: str, given: object) -> tuple[str, tuple[int, ...]]:
    dtype, shape, _ = fields(given, f"tensor {short(name)}", "dtype", "shape", "data_offsets")
    if not isinstance(dtype, str):
        raise ValueError(f"tensor {short(name)} has the dtype {short(dtype)}")
    # A type of its own, because True and 2.0 are equal to integers.
    if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError(f"tensor {short(name)} has the shape {short(shape)}")
    return dtype, tuple(shape)


def read_json(text: str) -> object:
    """The value of a JSON text that is small, and in which nothing stands twice."""
    # Before json.loads, which on Python 3.11 takes the C stack for what is nested.
    depth = values = 0
    for token in _TOKENS.finditer(text):
        if token[0] in ("[", "{", ","):
            depth += token[0] != ","
            values += 1
            if depth > DEEPEST:
                raise ValueError(f"its JSON is nested more than {DEEPEST} deep")
            if values > MOST_VALUES:
                raise ValueError(f"its JSON has more than {MOST_VALUES} values")
        elif token[0] in ("]", "}"):
            depth -= 1
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"its JSON is damaged: {error}") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{short(twice)} stands twice in its JSON")
    return made


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def as_object(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object, not {short(value)}")
    return value


def fields(value: object, what: str, *names: str) -> list[Any]:
    """The values of an object that has exactly these fields."""
    given = as_object(value, what)
    for name in names:
        if name not in given:
            raise ValueError(f'{what} has no "{name}"')
    for name in given:
        if name not in names:
            raise ValueError(f"{what} has an unknown field {short(name)}")
    return [given[name] for name in names]


def short(value: object) -> str:
    return reprlib.repr(value)
