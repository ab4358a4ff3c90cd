"""A model of another library on its way to a `Network`: its steps in order, then the layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnfs.conversion import ConversionError
from cnnfs.dropout import Dropout
from cnnfs.layer import Layer
from cnnfs.network import Network

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

_WIDEST = 4096  # features of a layer that is added


class RefusedError(Exception):
    """Why a step of a model can't be expressed."""


class _Dense(NamedTuple):
    where: str
    weights: Doubles  # (neurons, inputs)
    bias: Doubles


class _Affine(NamedTuple):
    where: str
    scale: Doubles  # () or (width,)
    shift: Doubles


class _Activation(NamedTuple):
    where: str
    name: str


class _Dropout(NamedTuple):
    where: str
    rate: float


class _Made:
    """A layer in the making: float64, and without activation as long as more can be folded in."""

    def __init__(self, weights: Doubles, bias: Doubles) -> None:
        self.weights, self.bias = weights, bias
        self.activation = "linear"


class Chain:
    """What a model does, step by step; `network` makes the layers.

    Every method takes first where the step stands in the model and what it is there ("[2] Linear"):
    the words of the error. What is wrong is collected, so that the error names all of it.

    Affine steps that follow one another become one, or none if that does nothing. It is folded, in
    float64, into the dense layer before it if there is nothing between, else into the next one.
    Where there is neither, and for an activation that follows no dense layer, a layer with a
    diagonal of weights takes its place. A dropout at the end is left out: outside training it does
    nothing.

    Attributes
    ----------
    axes : int or None
        How many axes there are at this step, the rows' included. None: that is not known.
    """

    def __init__(
        self, source: str, axes: int | None = None, problems: list[str] | None = None
    ) -> None:
        self.source, self.axes = source, axes
        self.problems = [] if problems is None else problems
        self._steps: list[_Dense | _Affine | _Activation | _Dropout] = []
        self._single = True  # as long as no dense layer has more than float32

    def refuse(self, where: str, why: str) -> None:
        """Note that this step can't be expressed."""
        self.problems.append(f"{where}: {why}")

    def dense(self, where: str, weights: npt.ArrayLike, bias: npt.ArrayLike | None = None) -> None:
        """``x @ weights.T + bias``, with weights of shape (neurons, inputs)."""
        w, b = np.asarray(weights), None if bias is None else np.asarray(bias)
        if w.ndim != 2:
            self.refuse(where, f"its weights must have 2 dimensions, but have shape {w.shape}")
        elif b is not None and b.shape != (len(w),):
            self.refuse(where, f"its bias has shape {b.shape}, but there are {len(w)} neurons")
        elif not _is_float(w):
            self.refuse(where, f"its weights are no floating point numbers, but {w.dtype}")
        elif b is not None and not _is_float(b):
            self.refuse(where, f"its biases are no floating point numbers, but {b.dtype}")
        else:
            self._single &= all(a is None or a.dtype.itemsize <= 4 for a in (w, b))
            zeros = np.zeros(len(w))
            self._steps.append(_Dense(where, _double(w), zeros if b is None else _double(b)))

    def affine(self, where: str, scale: npt.ArrayLike, shift: npt.ArrayLike) -> None:
        """``x * scale + shift``, each one number or one for each feature."""
        step = _Affine(where, _double(np.asarray(scale)), _double(np.asarray(shift)))
        for name, a in (("scale", step.scale), ("shift", step.shift)):
            if a.ndim > 1:
                self.refuse(where, f"its {name} has shape {a.shape}: not a number for each feature")
                return
            if not np.isfinite(a).all():
                self.refuse(where, f"its {name} is not finite")
                return
        if self._steps and isinstance(before := self._steps[-1], _Affine):
            sizes = {a.size for a in (*before[1:], *step[1:]) if a.ndim}
            if len(sizes) < 2:  # else the error comes with the layers
                self._steps.pop()
                step = _both(before, step)
                if not all(np.isfinite(a).all() for a in step[1:]):
                    self.refuse(where, "it and the steps before it scale beyond what is finite")
                    return
        if (step.scale != 1).any() or step.shift.any():
            self._steps.append(step)

    def unchanged(self, where: str, width: int | None, dtype: npt.DTypeLike) -> None:
        """How many features of which dtype there are: asked if there is no dense layer."""
        if any(isinstance(step, _Dense) for step in self._steps):
            return
        if width is None:
            self.refuse(where, "it has no weights, and so the number of features is open")
            return
        self._single &= np.dtype(dtype).itemsize <= 4
        made = self._diagonal(where, width, None)
        if len(made.bias) == width:  # else it is refused
            self._steps.insert(0, _Dense(where, made.weights, made.bias))

    def activation(self, where: str, name: str) -> None:
        """An activation by the name it has in cnnfs."""
        if name != "linear":
            self._steps.append(_Activation(where, name))

    def dropout(self, where: str, rate: float) -> None:
        if not 0 <= rate < 1:
            self.refuse(where, f"the share that is dropped must be below 1, but is {rate:g}")
        elif rate > 0:
            self._steps.append(_Dropout(where, float(rate)))

    def flatten(self, where: str) -> None:
        """All axes but the rows' become one: a network takes them so from the beginning."""
        softmax = any(isinstance(s, _Activation) and s.name == "softmax" for s in self._steps)
        if softmax and self.axes != 2:
            self.refuse(where, "a softmax stands before it, which it would spread over all axes")
        self.axes = 2

    def network(self, dtype: np.dtype[Any] | None = None) -> Network:
        """The network. dtype, from `checked_dtype`: None for float32 if no weight has more.

        Raises
        ------
        ConversionError
            If anything was refused, or the steps do not follow one another.
        """
        with np.errstate(all="ignore"):
            parts = self._parts()
        if dtype is None:
            dtype = np.dtype("float32" if self._single else "float64")
        for i, part in enumerate(parts):
            if isinstance(part, _Made) and dtype == np.float32:
                most = max(np.abs(a).max(initial=0.0) for a in (part.weights, part.bias))
                if np.finfo(dtype).max < most < np.inf:
                    self.refuse(f"layer {i}", 'too large for float32: give dtype="float64"')
        if self.problems:
            raise ConversionError(self.source, self.problems)
        return Network(
            part
            if isinstance(part, Dropout)
            else Layer.from_arrays(part.weights, part.bias, part.activation, dtype=dtype)
            for part in parts
        )

    def _parts(self) -> list[_Made | Dropout]:
        if not any(isinstance(step, _Dense) for step in self._steps):
            if not self.problems:
                self.refuse("the model", "it has no dense layer")
            return []
        parts: list[_Made | Dropout] = []
        width = self._first_width()
        waiting: _Affine | None = None  # for the next dense layer
        for step in self._steps:
            if isinstance(step, _Dropout):
                parts.append(Dropout(step.rate))
            elif isinstance(step, _Activation):
                target = _open_end(parts, step.name) if waiting is None else None
                if target is None:
                    target = self._diagonal(step.where, width, waiting)
                    parts.append(target)
                    waiting = None
                target.activation = step.name
            elif isinstance(step, _Affine):
                if not all(a.shape in ((), (width,)) for a in step[1:]):
                    length = max(a.size for a in step[1:])
                    self.refuse(step.where, _mismatch(length, width))
                elif waiting is None and (target := _open_end(parts)) is not None:
                    target.weights = target.weights * _column(step.scale)
                    target.bias = target.bias * step.scale + step.shift
                else:
                    waiting = step if waiting is None else _both(waiting, step)
            else:
                if step.weights.shape[1] != width:
                    self.refuse(step.where, _mismatch(step.weights.shape[1], width))
                    waiting = None
                parts.append(_folded(waiting, step.weights, step.bias))
                width, waiting = len(step.weights), None
        if waiting is not None:
            parts.append(self._diagonal(waiting.where, width, waiting))
        while isinstance(parts[-1] if parts else None, Dropout):
            parts.pop()
        return parts

    def _diagonal(self, where: str, width: int, before: _Affine | None) -> _Made:
        """A layer that changes nothing itself."""
        if width > _WIDEST:  # in a damaged file it may be any number
            self.refuse(where, f"it would need a layer of its own, of {width} x {width} weights")
            before, width = None, 0
        return _folded(before, np.eye(width), np.zeros(width))

    def _first_width(self) -> int:
        """How many features the model takes."""
        for step in self._steps:
            if isinstance(step, _Dense):
                return int(step.weights.shape[1])
            if isinstance(step, _Affine) and step.scale.ndim + step.shift.ndim:
                return max(step.scale.size, step.shift.size)
        raise AssertionError("there is a dense layer")


def _open_end(parts: list[_Made | Dropout], activation: str = "") -> _Made | None:
    """The last layer, if it has no activation yet. Dropout and a rectifier may change places."""
    for part in reversed(parts):
        if isinstance(part, _Made):
            return part if part.activation == "linear" else None
        if activation not in ("relu", "leaky_relu"):
            break
    return None


def _folded(before: _Affine | None, weights: Doubles, bias: Doubles) -> _Made:
    """``weights @ (x * scale + shift) + bias`` as one layer."""
    if before is None:
        return _Made(weights, bias)
    shift = np.broadcast_to(before.shift, weights.shape[1:])
    return _Made(weights * before.scale, weights @ shift + bias)


def _both(first: _Affine, second: _Affine) -> _Affine:
    with np.errstate(all="ignore"):
        scale, shift = first.scale * second.scale, first.shift * second.scale + second.shift
    return _Affine(second.where, np.asarray(scale), np.asarray(shift))


def _column(scale: Doubles) -> Doubles:
    return scale[:, None] if scale.ndim else scale


def _double(a: Array) -> Doubles:
    return a.astype(np.float64)


def _is_float(a: Array) -> bool:
    return a.dtype.kind == "f" or a.dtype.name == "bfloat16"


def _mismatch(takes: int, gives: int) -> str:
    return f"it takes {takes} features, but what stands before it gives {gives}"
