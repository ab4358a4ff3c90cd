"""The parts of a network and of an optimizer as JSON, and back."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from cnnfs import checks
from cnnfs.activations import Activation
from cnnfs.dropout import Dropout
from cnnfs.files_header import as_object, fields, short
from cnnfs.layer import PENALTIES, Layer
from cnnfs.losses import KINDS as LOSS_KINDS
from cnnfs.losses import Loss
from cnnfs.optimizers import KINDS as OPTIMIZER_KINDS
from cnnfs.optimizers import Optimizer
from cnnfs.schedule import LearningRate
from cnnfs.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LinearWarmup,
    Schedule,
    StepDecay,
)

Json = dict[str, Any]
_T = TypeVar("_T")


def _by_name(*kinds: type[_T]) -> dict[str, type[_T]]:
    return {kind.__name__: kind for kind in kinds}


LOSSES: Mapping[str, type[Loss]] = _by_name(*LOSS_KINDS)
SCHEDULES: Mapping[str, type[Schedule]] = _by_name(
    InverseTimeDecay, StepDecay, ExponentialDecay, CosineDecay, LinearWarmup
)
OPTIMIZERS: Mapping[str, type[Optimizer]] = _by_name(*OPTIMIZER_KINDS)


class LayerPlan(NamedTuple):
    """A layer without its numbers."""

    n_inputs: int
    n_neurons: int
    activation: str
    penalties: tuple[float, float, float, float]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.n_neurons, self.n_inputs), "bias": (self.n_neurons,)}


# ---- layers ------------------------------------------------------------------------------------


def of_parts(parts: Iterable[Layer | Dropout]) -> list[Json]:
    return [_of_part(part) for part in parts]


def _of_part(part: Layer | Dropout) -> Json:
    if isinstance(part, Dropout):
        return {"kind": "Dropout", "rate": part.rate}
    return {
        "kind": "Layer",
        "n_inputs": part.n_inputs,
        "n_neurons": part.n_neurons,
        "activation": str(part.activation),
        **dict(zip(PENALTIES, part.penalties, strict=True)),
    }


def to_parts(given: object) -> list[LayerPlan | Dropout]:
    if not isinstance(given, list):
        raise ValueError(f"the layers must be a list, not {short(given)}")
    parts = [_to_part(i, part) for i, part in enumerate(given)]
    layers = [(i, part) for i, part in enumerate(parts) if isinstance(part, LayerPlan)]
    for (before, last), (i, layer) in itertools.pairwise(layers):
        if layer.n_inputs != last.n_neurons:
            raise ValueError(
                f"layer {i} takes {layer.n_inputs} inputs, but layer {before} has "
                f"{last.n_neurons} neurons"
            )
    if not parts or isinstance(parts[-1], Dropout):
        raise ValueError("there is no layer at the end")
    return parts


def _to_part(i: int, given: object) -> LayerPlan | Dropout:
    what = f"layer {i}"
    kind = as_object(given, what).get("kind")
    if kind == "Dropout":
        return Dropout(fields(given, what, "kind", "rate")[1])
    if kind != "Layer":
        raise ValueError(f"{what} is of the unknown kind {short(kind)}")
    names = ("kind", "n_inputs", "n_neurons", "activation", *PENALTIES)
    _, n_inputs, n_neurons, activation, *penalties = fields(given, what, *names)
    if not isinstance(activation, str) or activation not in list(Activation):
        raise ValueError(f"{what} has the unknown activation {short(activation)}")
    a, b, c, d = (
        checks.real(value, f"{name} of {what}", least=0)
        for name, value in zip(PENALTIES, penalties, strict=True)
    )
    return LayerPlan(
        checks.whole(n_inputs, f"n_inputs of {what}", least=0),
        checks.whole(n_neurons, f"n_neurons of {what}", least=0),
        activation,
        (a, b, c, d),
    )


# ---- losses, schedules, optimizers -------------------------------------------------------------


def of_loss(loss: Loss | None) -> Json | None:
    if loss is None:
        return None
    # What is derived from a loss trains as that loss does.
    kind = next(kind for kind in LOSSES.values() if isinstance(loss, kind))
    return {"kind": kind.__name__, **{name: getattr(loss, name) for name in _arguments(kind)}}


def to_loss(given: object) -> Loss | None:
    if given is None:
        return None
    kind = _kind(given, "the loss", LOSSES)
    return kind(**_values(given, "the loss", _arguments(kind)))


def of_rate(rate: LearningRate) -> float | Json:
    if not callable(rate):
        return rate
    kind: Any = type(rate)
    if kind not in SCHEDULES.values():
        raise ValueError(
            f"the learning rate is a function of your own, {rate!r}, which can't be saved: use a "
            f"number or one of {', '.join(f'cnnfs.{name}' for name in SCHEDULES)}"
        )
    values = {name: getattr(rate, name) for name in _arguments(kind)}
    if isinstance(rate, LinearWarmup):
        values["after"] = of_rate(rate.after)
    return {"kind": kind.__name__, **values}


def to_rate(given: Any) -> LearningRate:
    if not isinstance(given, dict):
        return checks.real(given, "the learning rate", above=0)
    kind: Any = _kind(given, "the learning rate", SCHEDULES)
    values = _values(given, "the learning rate", _arguments(kind))
    if kind is LinearWarmup:
        values["after"] = to_rate(values["after"])
    schedule: Schedule = kind(**values)
    return schedule


def of_optimizer(optimizer: Optimizer | None) -> Json | None:
    if optimizer is None:
        return None
    kind = type(optimizer)
    if kind not in OPTIMIZERS.values():
        raise ValueError(
            f"{kind.__name__} is an optimizer of your own, which can't be saved: "
            f"use one of {', '.join(f'cnnfs.{name}' for name in OPTIMIZERS)}"
        )
    values = {name: getattr(optimizer, name) for name in _settings(kind)}
    values["learning_rate"] = of_rate(optimizer.learning_rate)
    counts = {"steps": optimizer.steps, "epochs": optimizer.epochs}
    return {"kind": kind.__name__, **values, **counts}


def to_optimizer(given: object) -> Optimizer | None:
    """The optimizer with its counts, but without its moments."""
    if given is None:
        return None
    what = "the optimizer"
    kind: Any = _kind(given, what, OPTIMIZERS)
    values = _values(given, what, (*_settings(kind), "steps", "epochs"))
    counts = [checks.whole(values.pop(name), name, least=0) for name in ("steps", "epochs")]
    if max(counts) >= 1 << 53:
        raise ValueError("the optimizer's steps and epochs must be below 2**53")
    values["learning_rate"] = to_rate(values["learning_rate"])
    optimizer: Optimizer = kind(**values)
    optimizer._steps, optimizer._epochs = counts
    return optimizer


def _settings(kind: type[Optimizer]) -> tuple[str, ...]:
    return "learning_rate", *kind._own, "clip_value", "clip_norm"


def _arguments(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _kind(given: object, what: str, kinds: Mapping[str, type[_T]]) -> type[_T]:
    name = as_object(given, what).get("kind")
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"{what} is of the unknown kind {short(name)}")
    return kinds[name]


def _values(given: object, what: str, names: tuple[str, ...]) -> Json:
    return dict(zip(names, fields(given, what, "kind", *names)[1:], strict=True))
