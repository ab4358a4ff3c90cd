"""What all learning rate schedules share."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from cnnfs import checks

LearningRate = float | Callable[[int], float]
Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.integer[Any]]


class Schedule(ABC):
    """The base of the schedules: call one with a step, or an array of steps, for its rate.

    The first step is 0. A step is one update of the parameters, that is one batch.
    """

    @overload
    def __call__(self, step: int) -> float: ...
    @overload
    def __call__(self, step: Steps) -> Floats: ...
    def __call__(self, step: int | Steps) -> float | Floats:
        steps = np.asarray(step)
        if steps.dtype.kind not in "iu":
            raise TypeError(f"a step must be an integer, not {step!r}")
        if steps.size and steps.min() < 0:
            raise ValueError(f"a step must be at least 0, but is {steps.min()}")
        with np.errstate(over="ignore"):
            rates = self._rates(steps.astype(np.int64).ravel()).reshape(steps.shape)
        return rates if steps.ndim else float(rates)

    @abstractmethod
    def _rates(self, steps: Steps) -> Floats:
        """The rates at these steps, which are 1-D."""

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)


def learning_rate(value: object, name: str) -> LearningRate:
    """A number above 0 as a float, or a callable as it is."""
    if isinstance(value, type):
        raise TypeError(f"{name} is the class {value.__name__}: write {value.__name__}(...)")
    return value if callable(value) else checks.real(value, name, above=0)


def rates_of(rate: LearningRate, steps: Steps) -> Floats:
    """The rate at each of these steps (1-D). A user's function gets one int at a time."""
    if not callable(rate):
        return np.full(steps.shape, rate)
    if isinstance(rate, Schedule) and type(rate).__call__ is Schedule.__call__:
        return rate(steps)
    return np.array([_number(rate(step), step) for step in steps.tolist()], np.float64)


def _number(rate: object, step: int) -> float:
    try:
        return float(rate)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise TypeError(
            f"the learning rate at step {step} must be a number, not {rate!r}"
        ) from None


# Of the C library, one by one: numpy.power has other bits with AVX-512 than without (NumPy 2.4),
# and so would the weights have that are trained with its rates.
def each(function: Callable[[float], float], values: npt.NDArray[Any]) -> Floats:
    return np.array(list(map(function, values.tolist())), np.float64)


def power(factor: float, times: float) -> float:
    try:
        return math.pow(factor, times)
    except OverflowError:
        return math.inf
