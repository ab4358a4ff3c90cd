"""`cnnfs.from_onnx`: the file or message, then graph, steps and layers."""

from __future__ import annotations

import os
import stat

import numpy.typing as npt
from google.protobuf.message import DecodeError
from onnx import ModelProto

from cnnfs.conversion import ConversionError
from cnnfs.interop.numbers import checked_dtype
from cnnfs.interop.onnx_graph import Graph
from cnnfs.interop.onnx_steps import KNOWN, Forward
from cnnfs.interop.onnx_values import LARGEST_MESSAGE
from cnnfs.interop.onnx_walk import walk
from cnnfs.network import Network


def read(
    model: str | os.PathLike[str] | bytes | ModelProto,
    *,
    output: str | None = None,
    dtype: npt.DTypeLike | None = None,
) -> Network:
    """What `cnnfs.from_onnx` does."""
    kind = checked_dtype(dtype)
    if output is not None and not isinstance(output, str):
        raise TypeError(f"output must be the name of a tensor, not {output!r}")
    if isinstance(model, ModelProto):
        source = "the ONNX model"
    elif isinstance(model, bytes | bytearray | memoryview):
        source = "the ONNX model"
        model = _parsed(bytes(model), source)
    elif isinstance(model, str | os.PathLike):
        source = os.fsdecode(model)
        model = _parsed(_content(source), source)
    else:
        raise TypeError(
            f"from_onnx takes a path, bytes or an onnx.ModelProto, not {type(model).__name__}"
        )
    try:
        graph = Graph(model, source)
        steps = walk(graph, graph.choose(output, KNOWN))
        return Forward(graph, steps).chain().network(kind)
    except UnicodeDecodeError as error:
        raise ConversionError(source, [f"a name is no text: {error}"]) from None


def _content(path: str) -> bytes:
    state = os.stat(path)
    # A pipe may never begin, and a device never end. Of a folder open() tells.
    if not stat.S_ISREG(state.st_mode) and not stat.S_ISDIR(state.st_mode):
        raise ConversionError(path, ["it is no ordinary file"])
    if state.st_size > LARGEST_MESSAGE:
        raise ConversionError(path, [f"it has {state.st_size} bytes, too many for ONNX"])
    with open(path, "rb") as file:
        return file.read(state.st_size)  # a larger number would be allocated at once


def _parsed(data: bytes, source: str) -> ModelProto:
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ConversionError(source, [f"it is no ONNX file: {error}"]) from None
    return model
