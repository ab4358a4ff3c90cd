"""Training over whole epochs: what `Network.fit` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cnnfs import checks
from cnnfs.callbacks import Epoch
from cnnfs.course import Course, Data, Plan
from cnnfs.history import History
from cnnfs.losses import Loss
from cnnfs.optimizer import Optimizer
from cnnfs.progress import progress_line
from cnnfs.seeds import Seeds
from cnnfs.targets import split

if TYPE_CHECKING:
    from cnnfs.network import Network

Callback = Callable[[Epoch], object]


def fit(
    network: Network,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    loss: str | Loss | None,
    optimizer: str | Optimizer | None,
    shuffle: bool,
    validation_data: tuple[Any, ...] | None,
    validation_split: float | None,
    sample_weight: npt.ArrayLike | None,
    class_weight: object,
    callbacks: Iterable[Callback],
    rng: object,
    progress: bool | None,
    comm: Any,
) -> History:
    team: Any = None
    if comm is not None:
        from cnnfs.ranks import Team

        team = Team(comm)
    with nullcontext() if team is None else team:
        if team is not None:
            team.refuse(class_weight)
        epochs = checks.whole(epochs, "epochs", least=0)
        batch = checks.whole(batch_size, "batch_size", least=1)
        plan = Plan(network, loss)
        data = plan.data(x, y, sample_weight, class_weight)
        seeds = Seeds(rng)
        validation: Data | None = None
        if validation_data is not None:
            if validation_split is not None:
                raise ValueError("give validation_data or validation_split, not both")
            validation = _validation(plan, validation_data)
        elif validation_split is not None:
            kept, held_out = split(len(data.x), validation_split, seeds.for_split())
            data, validation = data._replace(rows=kept), data._replace(rows=held_out)
        listeners = _listeners(callbacks)
        course = Course(plan, optimizer) if team is None else team.course(plan, optimizer)
    course.begin(
        epochs=epochs,
        batch_size=batch,
        shuffle=bool(shuffle),
        validation=validation is not None,
        class_weight=repr(class_weight),
    )
    spread = course.spread(data)
    history = History()
    with course.together():
        _notify(listeners, "on_begin", network)
    with progress_line(epochs, progress if course.first else False) as show:
        for number in range(1, epochs + 1):
            seed = course.seed(seeds.of_epoch(course.optimizer.epochs))
            order = data.rows
            if shuffle:
                order = np.random.Generator(np.random.PCG64(seed)).permutation(order)
            logs = plan.logs(course.train(data, order, batch, seed, number), spread)
            course.optimizer._epochs += 1
            if validation is not None:
                measured = course.measure(validation, max(batch, 256))
                logs |= {f"val_{key}": value for key, value in measured.items()}
            for key, value in logs.items():
                history.setdefault(key, []).append(value)
            show(number, logs)
            epoch = Epoch(network, number, epochs, logs, history, course.optimizer)
            # All of them are called, also when the first one has seen enough.
            with course.together():
                answers = [listener(epoch) for listener in listeners]
            if course.agreed(any(isinstance(a, bool | np.bool_) and a for a in answers)):
                break
    with course.together():
        _notify(listeners, "on_end", network)
    course.end()
    return history


def _listeners(callbacks: Iterable[Callback]) -> list[Callback]:
    listeners: list[Callback] = [callbacks] if callable(callbacks) else list(callbacks)
    for listener in listeners:
        if isinstance(listener, type):
            name = listener.__name__
            raise TypeError(f"one of the callbacks is the class {name}: write {name}(...)")
        if not callable(listener):
            raise TypeError(f"callbacks must be callable, but one is {listener!r}")
    return listeners


def _notify(listeners: list[Callback], method: str, network: Network) -> None:
    for listener in listeners:
        call = getattr(listener, method, None)
        if call is not None:
            call(network)


def _validation(plan: Plan, given: Any) -> Data:
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
    x, y, *weight = given
    names = ("X of validation_data", "y of validation_data")
    return plan.data(x, y, weight[0] if weight else None, names=names)
