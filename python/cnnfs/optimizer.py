"""What all optimizers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cnnfs import checks
from cnnfs.schedule import LearningRate, learning_rate, rates_of
from cnnfs.settings import Setting


def _limit(value: object, name: str) -> float | None:
    return None if value is None else checks.real(value, name, above=0)


def switch(value: object, name: str) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def two_shares(value: object, name: str) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise TypeError(f"{name} must be two numbers such as (0.9, 0.999), not {value!r}")
    first, second = (share(beta, f"{name}[{i}]") for i, beta in enumerate(value))
    return first, second


share = partial(checks.real, least=0, below=1)


class Optimizer(ABC):
    """The base of the optimizers. Not to be made itself; `fit` knows its five subclasses only.

    The attributes are the arguments, and can be changed between two calls of `fit`. An optimizer
    belongs to the network that it first trained, and goes on where it stopped when that is fitted
    again: moments, steps and epochs are kept until `reset`.
    """

    name: ClassVar[str] = ""
    _own: ClassVar[tuple[str, ...]] = ()

    learning_rate = Setting[LearningRate](learning_rate)
    clip_value = Setting[float | None](_limit)
    clip_norm = Setting[float | None](_limit)

    def __init__(
        self, learning_rate: LearningRate, clip_value: float | None, clip_norm: float | None
    ) -> None:
        self.learning_rate = learning_rate
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.reset()

    def reset(self) -> None:
        """Forget all state: moments, steps, epochs, and the network. The arguments stay."""
        self._steps = 0
        self._epochs = 0
        self._trainer: Any = None
        self._network: Any = None

    @property
    def steps(self) -> int:
        """How often it has changed the parameters: once a batch."""
        return self._steps if self._trainer is None else int(self._trainer.steps)

    @property
    def epochs(self) -> int:
        """How many epochs it has trained."""
        return self._epochs

    @property
    @abstractmethod
    def n_moments(self) -> int:
        """How many numbers it remembers for each parameter."""

    @abstractmethod
    def parameters(self) -> tuple[float, ...]:
        """The numbers of the update's formula, but the learning rate."""

    def rates(self, first_step: int, count: int) -> npt.NDArray[np.float64]:
        """The learning rates of so many steps.

        Raises
        ------
        ValueError
            If one of them is negative, infinite or NaN.
        """
        rates = rates_of(self.learning_rate, np.arange(first_step, first_step + count))
        wrong = ~(np.isfinite(rates) & (rates >= 0))
        if wrong.any():
            place = int(wrong.argmax())
            raise ValueError(
                f"the learning rate at step {first_step + place} must be finite and at least 0, "
                f"but is {float(rates[place])!r}"
            )
        return rates

    def __repr__(self) -> str:
        clips = [name for name in ("clip_value", "clip_norm") if getattr(self, name) is not None]
        shown = ["learning_rate", *self._own, *clips]
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in shown)})"

    def __getstate__(self) -> dict[str, Any]:
        if self._trainer is not None or self._network is not None:
            raise TypeError(
                f"this {type(self).__name__} holds the state of a network in training, which can't "
                "be copied or pickled: call reset() first, or save the network"
            )
        return self.__dict__.copy()
