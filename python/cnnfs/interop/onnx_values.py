"""Numbers out of ONNX messages: tensors, attributes, and constants made of constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, NodeProto, TensorProto

Array = npt.NDArray[Any]

# The types that have a place here: the rest is named in the error. Field: where their numbers are
# when they are not in raw_data, and the type they have there.
_TYPES: dict[int, tuple[str, str, str]] = {
    TensorProto.FLOAT: ("float32", "float_data", "float32"),
    TensorProto.DOUBLE: ("float64", "double_data", "float64"),
    TensorProto.FLOAT16: ("float16", "int32_data", "bits"),
    TensorProto.INT32: ("int32", "int32_data", "int32"),
    TensorProto.INT64: ("int64", "int64_data", "int64"),
    TensorProto.BOOL: ("bool", "int32_data", "bool"),
}
LARGEST_MESSAGE = (1 << 31) - 1  # bytes, of the format
FLOATS = {
    TensorProto.FLOAT: "float32",
    TensorProto.DOUBLE: "float64",
    TensorProto.FLOAT16: "float16",
}
_FIELDS: dict[int, tuple[str, Callable[[Any], Any]]] = {
    AttributeProto.FLOAT: ("f", float),
    AttributeProto.INT: ("i", int),
    AttributeProto.FLOATS: ("floats", list),
    AttributeProto.INTS: ("ints", list),
}


class UnreadableError(ValueError):
    """Why a tensor or a node can't be read, in the words of the error."""


def short(name: str) -> str:
    """A name as errors quote it: on one line, and not longer than a line."""
    return repr(name if len(name) <= 80 else name[:77] + "...")


def type_name(kind: int) -> str:
    """The name of a TensorProto.DataType."""
    try:
        return str(TensorProto.DataType.Name(kind)).lower()
    except ValueError:
        return f"type {kind}"


def read_tensor(tensor: TensorProto) -> Array:
    """A tensor's numbers, once it is sure that they are all there."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise UnreadableError("its data are in another file, which is not opened")
    if tensor.data_type not in _TYPES:
        raise UnreadableError(
            f"its type is {type_name(tensor.data_type)}, not float, double or float16"
        )
    dtype, field, stored = _TYPES[tensor.data_type]
    shape = tuple(tensor.dims)
    count = math.prod(shape)
    if any(d < 0 for d in shape) or len(shape) > 32 or (count == 0 and max(shape) >= 1 << 31):
        raise UnreadableError(f"its shape {shape[:8]} is none")
    if tensor.HasField("raw_data"):
        given = len(tensor.raw_data) / np.dtype(dtype).itemsize
    else:
        given = len(getattr(tensor, field))
    if given != count:
        raise UnreadableError(f"it has {given:g} numbers, but its shape {shape[:8]} needs {count}")
    if tensor.HasField("raw_data"):
        little = np.dtype(dtype).newbyteorder("<")
        return np.frombuffer(tensor.raw_data, little).astype(dtype, copy=False).reshape(shape)
    if stored == "bits":
        bits = np.array(tensor.int32_data, np.int64)
        if ((bits < 0) | (bits > 0xFFFF)).any():
            raise UnreadableError("its float16 numbers have more than 16 bits")
        return bits.astype(np.uint16).view(np.float16).reshape(shape)
    return np.array(getattr(tensor, field), dtype).reshape(shape)


def whole_numbers(numbers: Array | list[Any]) -> list[int]:
    """The sizes or axes that a constant or an attribute is."""
    a = np.asarray(numbers)
    if a.size and a.dtype.kind != "i":
        raise UnreadableError(f"its sizes or axes are {a.dtype}, not integers")
    return [int(i) for i in a.ravel()]


class Attributes:
    """A node's attributes: numbers, strings, tensors, and lists of numbers."""

    def __init__(self, node: NodeProto) -> None:
        self._messages = {attribute.name: attribute for attribute in node.attribute}

    def names(self) -> list[str]:
        return list(self._messages)

    def whole(self, name: str, default: int) -> int:
        value = self.get(name, default)
        if not isinstance(value, int):
            raise UnreadableError(f"its attribute {short(name)} is no integer")
        return value

    def real(self, name: str, default: float) -> float:
        value = self.get(name, default)
        if not isinstance(value, float):
            raise UnreadableError(f"its attribute {short(name)} is no number")
        return value

    def text(self, name: str, default: str) -> str:
        value = self.get(name, default)
        if not isinstance(value, str):
            raise UnreadableError(f"its attribute {short(name)} is no text")
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Its value, an int, float, str, ndarray or list."""
        attribute = self._messages.get(name)
        if attribute is None:
            return default
        if attribute.ref_attr_name:
            raise UnreadableError(f"its attribute {short(name)} is that of a function")
        if attribute.type == AttributeProto.TENSOR:
            return read_tensor(attribute.t)
        if attribute.type == AttributeProto.STRING:
            return attribute.s.decode("utf-8", "replace")
        if attribute.type not in _FIELDS:
            raise UnreadableError(f"its attribute {short(name)} is of a kind without use here")
        field, kind = _FIELDS[attribute.type]
        value = getattr(attribute, field)
        return kind(value)


def constant_of(node: NodeProto) -> Array:
    """The value of a Constant node."""
    given = Attributes(node)
    if len(given.names()) == 1:
        (name,) = given.names()
        value = given.get(name)
        if name == "value" and isinstance(value, np.ndarray):
            return value
        if name in ("value_float", "value_floats"):
            return np.array(value, np.float32)
        if name in ("value_int", "value_ints"):
            return np.array(value, np.int64)
    raise UnreadableError("it has no numbers")


# ---- constants made of constants -----------------------------------------------------------------

_BINARY = {
    "Add": np.add,
    "Sum": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
}
_UNARY = {"Neg": np.negative, "Sqrt": np.sqrt, "Reciprocal": np.reciprocal}
_SHAPES = ("Squeeze", "Unsqueeze", "Reshape")
FOLDABLE = frozenset({*_BINARY, *_UNARY, *_SHAPES, "Identity", "Cast", "CastLike", "Transpose"})


def fold(node: NodeProto, inputs: list[Array]) -> Array | None:
    """What a node of `FOLDABLE` makes of constants. None: more than is done here.

    No result is larger than its largest input, in elements.
    """
    kind, given = node.op_type, Attributes(node)
    first = inputs[0]
    if kind in ("Identity", "CastLike"):
        return first if kind == "Identity" or first.dtype.kind == "f" else None
    if kind == "Cast":
        to = FLOATS.get(given.get("to", 0))
        return None if to is None else first.astype(to)
    if kind == "Transpose":
        return np.transpose(first, given.get("perm"))
    if kind in _UNARY:
        return np.asarray(_UNARY[kind](first)) if first.dtype.kind == "f" else None
    if kind in _SHAPES:
        return _reshaped(kind, first, given, inputs[1:])
    if kind == "Sum" and len(inputs) == 1:
        return first
    if len(inputs) != 2 or any(a.dtype.kind != "f" for a in inputs):
        return None
    if np.broadcast(*inputs).size > max(a.size for a in inputs):
        return None
    return np.asarray(_BINARY[kind](*inputs))


def _reshaped(kind: str, a: Array, given: Attributes, others: list[Array]) -> Array | None:
    """With its target an attribute, or from some version on an input."""
    name = "shape" if kind == "Reshape" else "axes"
    target = others[0] if others else given.get(name)
    if target is None and kind != "Squeeze":
        return None
    numbers = None if target is None else tuple(whole_numbers(target))
    if kind == "Squeeze":
        return np.squeeze(a, numbers)
    if numbers is None or len(numbers) + a.ndim > 32:
        return None
    if kind == "Unsqueeze":
        return np.expand_dims(a, numbers)
    if min(numbers, default=0) < -1:
        return None
    if 0 in numbers and not given.whole("allowzero", 0):
        if any(d == 0 and i >= a.ndim for i, d in enumerate(numbers)):
            return None
        numbers = tuple(d or a.shape[i] for i, d in enumerate(numbers))
    return a.reshape(numbers)
