"""What stands in a file: a network, and the state of its training if that is wanted."""

from __future__ import annotations

import io
import json
import math
import operator
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnfs._cnnfs_core import __version__
from cnnfs.dropout import Dropout
from cnnfs.files_header import Header, ModelFileError, fields, read_header, short
from cnnfs.files_parts import (
    LayerPlan,
    of_loss,
    of_optimizer,
    of_parts,
    to_loss,
    to_optimizer,
    to_parts,
)
from cnnfs.layer import Layer
from cnnfs.losses import Loss
from cnnfs.optimizer import Optimizer

FORMAT = 1

Array = npt.NDArray[Any]
Pairs = list[tuple[Array, Array]]

_DTYPES = {"float32": ("F32", 4), "float64": ("F64", 8)}
_MOMENTS = ("first", "second")


class Content(NamedTuple):
    """What a file holds."""

    parts: list[Layer | Dropout]
    loss: Loss | None
    optimizer: Optimizer | None
    moments: list[Pairs]


# ---- writing -----------------------------------------------------------------------------------


def to_bytes(
    parts: Iterable[Layer | Dropout],
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
) -> bytes:
    """A whole file."""
    from safetensors.numpy import save

    parts = list(parts)
    layers = [part for part in parts if isinstance(part, Layer)]
    training = of_optimizer(optimizer)
    # One call of C, which keeps the interpreter's lock: no training thread comes in between.
    values: Pairs = list(map(operator.attrgetter("weights", "bias"), layers))
    tensors = {
        f"layers.{i}.{name}": array
        for i, pair in enumerate(values)
        for name, array in zip(("weight", "bias"), pair, strict=True)
    }
    if optimizer is not None and training is not None:
        for i, pairs in enumerate(_moments_of(optimizer, values)):
            for moment, pair in zip(_MOMENTS, pairs, strict=False):
                for name, array in zip(("weight", "bias"), pair, strict=True):
                    tensors[f"optimizer.{i}.{name}.{moment}"] = array
        if optimizer.steps != training["steps"]:
            raise RuntimeError("this optimizer is in use by another call")
    model = {
        "format": FORMAT,
        "version": __version__,
        "dtype": str(layers[0].dtype),
        "layers": of_parts(parts),
        "loss": of_loss(loss),
        "optimizer": training,
    }
    text = json.dumps(model, separators=(",", ":"), allow_nan=False)
    return save(tensors, {"cnnfs": text})


def check(data: bytes) -> None:
    """Raise a ValueError if these bytes could not be read again: there may be too many layers."""
    try:
        _plan(read_header(io.BytesIO(data), len(data)))
    except (ValueError, TypeError) as error:
        raise ValueError(f"this network can't be saved: {error}") from None


def _moments_of(optimizer: Optimizer, values: Pairs) -> list[Pairs]:
    count, trainer = optimizer.n_moments, optimizer._trainer
    given: list[Pairs] = [[] for _ in values] if trainer is None else trainer.state()
    # Those of a momentum that is new since the last step begin as zeros.
    zeros = [(np.zeros_like(weights), np.zeros_like(bias)) for weights, bias in values]
    return [(pairs + [zero] * count)[:count] for pairs, zero in zip(given, zeros, strict=True)]


# ---- reading -----------------------------------------------------------------------------------


class _Plan(NamedTuple):
    """What a header promises."""

    dtype: str
    parts: list[LayerPlan | Dropout]
    loss: Loss | None
    optimizer: Optimizer | None


def read(file: BinaryIO, size: int, path: str, kind: type[Layer] = Layer) -> Content:
    """The content of a file of so many bytes, all of it checked; its layers are of this kind."""
    try:
        return _build(*_read(file, size), kind)
    except (ValueError, TypeError, OverflowError) as error:
        text = str(error)
        raise ModelFileError(path, text if len(text) < 400 else text[:400] + " ...") from None


def _read(file: BinaryIO, size: int) -> tuple[_Plan, dict[str, Array]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = read_header(file, size)
    plan = _plan(header)
    whole = len(header.raw) + sum(
        math.prod(shape) * _DTYPES[plan.dtype][1] for shape in _shapes(plan).values()
    )
    if size != whole:
        kind = "truncated" if size < whole else "too long"
        raise ValueError(f"the file is {kind}: it has {size} bytes and should have {whole}")
    file.seek(0)
    data = file.read(size)
    if len(data) != size or not data.startswith(header.raw):
        raise ValueError("the file was changed while it was read")
    try:
        return plan, load(data)
    except SafetensorError as error:
        raise ValueError(f"the safetensors library refuses it: {error}") from None


def _plan(header: Header) -> _Plan:
    model = header.model
    version = model.get("format")
    if type(version) is not int or version < 1:
        raise ValueError(f"it has the unknown format {short(version)}")
    if version > FORMAT:
        raise ValueError(
            f"it has format {version}, and was made by cnnfs {short(model.get('version'))}; "
            f"this is cnnfs {__version__}, which knows formats up to {FORMAT}: update cnnfs"
        )
    names = ("format", "version", "dtype", "layers", "loss", "optimizer")
    _, _, dtype, parts, loss, optimizer = fields(model, "the model", *names)
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        raise ValueError(f"it has the unknown dtype {short(dtype)}")
    plan = _Plan(dtype, to_parts(parts), to_loss(loss), to_optimizer(optimizer))
    _check_tensors(plan, header)
    return plan


def _layers(plan: _Plan) -> Iterator[tuple[int, LayerPlan]]:
    return enumerate(part for part in plan.parts if isinstance(part, LayerPlan))


def _shapes(plan: _Plan) -> dict[str, tuple[int, ...]]:
    """Of every tensor that there must be."""
    moments = _MOMENTS[: plan.optimizer.n_moments] if plan.optimizer else ()
    shapes = {}
    for i, layer in _layers(plan):
        for name, shape in layer.shapes.items():
            shapes[f"layers.{i}.{name}"] = shape
            shapes.update({f"optimizer.{i}.{name}.{moment}": shape for moment in moments})
    return shapes


def _check_tensors(plan: _Plan, header: Header) -> None:
    wanted, tensors = _shapes(plan), header.tensors
    for name, shape in wanted.items():
        if name not in tensors:
            raise ValueError(f'there is no tensor "{name}"')
        if tensors[name][0] != _DTYPES[plan.dtype][0]:
            raise ValueError(f'tensor "{name}" has the dtype {tensors[name][0]}, not {plan.dtype}')
        if tensors[name][1] != shape:
            raise ValueError(f'tensor "{name}" has the shape {tensors[name][1]}, not {shape}')
    for name in tensors:
        if name not in wanted:
            raise ValueError(f"there is an unknown tensor {short(name)}")


def _build(plan: _Plan, tensors: dict[str, Array], kind: type[Layer]) -> Content:
    def aligned(name: str) -> Array:
        return np.require(tensors[f"optimizer.{name}"], requirements=("C", "A"))

    layers: list[Layer] = []
    moments: list[Pairs] = []
    single = plan.dtype == "float32"
    for i, layer in _layers(plan):
        # Taken out one by one, so that not all of them are there twice.
        weights, bias = (tensors.pop(f"layers.{i}.{name}") for name in ("weight", "bias"))
        made = kind._made_of(weights, bias, layer.activation, single)
        made.weight_l1, made.weight_l2, made.bias_l1, made.bias_l2 = layer.penalties
        layers.append(made)
        if plan.optimizer is not None:
            moments.append(
                [
                    (aligned(f"{i}.weight.{moment}"), aligned(f"{i}.bias.{moment}"))
                    for moment in _MOMENTS[: plan.optimizer.n_moments]
                ]
            )
    following = iter(layers)
    parts = [part if isinstance(part, Dropout) else next(following) for part in plan.parts]
    return Content(parts, plan.loss, plan.optimizer, moments)
