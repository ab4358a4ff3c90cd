"""Learning rates that change from step to step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from cnnfs import checks
from cnnfs.schedule import (
    Floats,
    LearningRate,
    Schedule,
    Steps,
    each,
    learning_rate,
    power,
    rates_of,
)

__all__ = [
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRate",
    "LinearWarmup",
    "Schedule",
    "StepDecay",
]


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """``initial / (1 + decay * step)``, the learning rate decay of the course [1]_.

    Parameters
    ----------
    initial : float
        The rate of the first step, above 0.
    decay : float
        At least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or no number.

    References
    ----------
    .. [1] Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 10.

    Examples
    --------
    >>> import cnnfs
    >>> schedule = cnnfs.InverseTimeDecay(0.1, decay=0.5)
    >>> [schedule(step) for step in (0, 2, 18)]
    [0.1, 0.05, 0.01]
    """

    initial: float
    decay: float

    def __post_init__(self) -> None:
        self._set(
            initial=checks.real(self.initial, "initial", above=0),
            decay=checks.real(self.decay, "decay", least=0),
        )

    def _rates(self, steps: Steps) -> Floats:
        return self.initial / (1.0 + self.decay * steps.astype(np.float64))


@dataclass(frozen=True)
class StepDecay(Schedule):
    """``initial * factor ** (step // every)``: a multiplication every so many steps.

    As `torch.optim.lr_scheduler.StepLR`.

    Parameters
    ----------
    initial : float
        The rate of the first step, above 0.
    every : int
        Steps from one multiplication to the next, at least 1. A multiple of the batches in an epoch
        makes it a decay in epochs.
    factor : float, default 0.1
        Above 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or no number.

    Examples
    --------
    >>> import cnnfs
    >>> schedule = cnnfs.StepDecay(0.5, every=100, factor=0.5)
    >>> [schedule(step) for step in (0, 99, 100, 200)]
    [0.5, 0.5, 0.25, 0.125]
    """

    initial: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        self._set(
            initial=checks.real(self.initial, "initial", above=0),
            every=checks.whole(self.every, "every", least=1),
            factor=checks.real(self.factor, "factor", above=0),
        )

    def _rates(self, steps: Steps) -> Floats:
        return self.initial * each(lambda times: power(self.factor, times), steps // self.every)


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """``initial * factor ** step``. As `torch.optim.lr_scheduler.ExponentialLR`.

    Parameters
    ----------
    initial : float
        The rate of the first step, above 0.
    factor : float
        Above 0. A factor above 1 makes the rate grow, which finds the largest usable one.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or no number.

    Examples
    --------
    >>> import cnnfs
    >>> schedule = cnnfs.ExponentialDecay(1.0, factor=0.5)
    >>> [schedule(step) for step in (0, 1, 2)]
    [1.0, 0.5, 0.25]
    """

    initial: float
    factor: float

    def __post_init__(self) -> None:
        self._set(
            initial=checks.real(self.initial, "initial", above=0),
            factor=checks.real(self.factor, "factor", above=0),
        )

    def _rates(self, steps: Steps) -> Floats:
        return self.initial * each(lambda times: power(self.factor, times), steps)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a wave of the cosine from initial to final [1]_, where the rate then stays.

    ``final + (initial - final) * (1 + cos(pi * min(step, steps) / steps)) / 2``. Up to ``steps`` as
    `torch.optim.lr_scheduler.CosineAnnealingLR`, which would rise again.

    Parameters
    ----------
    initial : float
        The rate of the first step, above 0.
    steps : int
        The step at which final is reached, at least 1: for a whole training, epochs times the
        batches in one.
    final : float, default 0.0
        At least 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or no number.

    References
    ----------
    .. [1] Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017,
       equation 5.

    Examples
    --------
    >>> import cnnfs
    >>> schedule = cnnfs.CosineDecay(1.0, steps=100)
    >>> [round(schedule(step), 3) for step in (0, 50, 100, 150)]
    [1.0, 0.5, 0.0, 0.0]
    """

    initial: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        self._set(
            initial=checks.real(self.initial, "initial", above=0),
            steps=checks.whole(self.steps, "steps", least=1),
            final=checks.real(self.final, "final", least=0),
        )

    def _rates(self, steps: Steps) -> Floats:
        wave = each(math.cos, math.pi * np.minimum(steps, self.steps) / self.steps)
        return self.final + (self.initial - self.final) * (1.0 + wave) / 2.0


@dataclass(frozen=True)
class LinearWarmup(Schedule):
    """A rate that rises step by step [1]_, and then another schedule from its beginning.

    ``rate * (step + 1) / steps`` for the first ``steps`` steps, where rate is the number given or
    the first rate of the schedule given; from then on ``after(step - steps)``, or the number.

    Parameters
    ----------
    after : float or callable
        A rate above 0, or a schedule: one of cnnfs or any function of the step.
    steps : int
        How many steps the rate rises, at least 1.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or no number (and after no function either).

    References
    ----------
    .. [1] Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017,
       section 2.2 ("gradual warmup").

    Examples
    --------
    >>> import cnnfs
    >>> schedule = cnnfs.LinearWarmup(cnnfs.ExponentialDecay(1.0, 0.5), steps=4)
    >>> [schedule(step) for step in range(7)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.25]
    """

    after: LearningRate
    steps: int

    def __post_init__(self) -> None:
        self._set(
            after=learning_rate(self.after, "after"),
            steps=checks.whole(self.steps, "steps", least=1),
        )

    def _rates(self, steps: Steps) -> Floats:
        rising = steps < self.steps
        rates = np.empty(steps.shape)
        if rising.any():
            top = rates_of(self.after, np.zeros(1, np.int64))
            rates[rising] = top * (steps[rising] + 1.0) / self.steps
        if not rising.all():
            rates[~rising] = rates_of(self.after, steps[~rising] - self.steps)
        return rates
