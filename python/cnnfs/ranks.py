"""Training over the processes of an MPI communicator: `fit` with `comm`."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs.course import Course, Data, Plan, TrainingDiverged
from cnnfs.optimizer import Optimizer
from cnnfs.schedule import Schedule

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]

_METHODS = ("Get_rank", "Get_size", "allgather", "bcast", "Allreduce")


class Team:
    """The ranks of a communicator. As a context: what fails on one rank fails on all.

    So none waits for another for ever.
    """

    def __init__(self, comm: Any) -> None:
        # A null communicator is false. One between two groups has no rank that all agree on.
        usable = not isinstance(comm, type) and bool(comm)
        usable = usable and all(callable(getattr(comm, method, None)) for method in _METHODS)
        if not usable or (hasattr(comm, "Is_inter") and comm.Is_inter()):
            what = comm.__name__ if isinstance(comm, type) else type(comm).__name__
            raise TypeError(
                "comm must be a communicator of mpi4py, such as MPI.COMM_WORLD, and within one "
                f"group, not {'the class ' if isinstance(comm, type) else ''}{what}"
            )
        self.comm = comm

    def refuse(self, class_weight: object) -> None:
        """What each rank would understand in another way."""
        if self.comm.Get_size() > 1 and isinstance(class_weight, str):
            raise ValueError(
                f"class_weight={class_weight!r} would count the classes of each rank's own rows: "
                "give a dict of the weights"
            )

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None and not isinstance(error, Exception):
            return  # an interrupt: the others may be anywhere
        words = None if error is None else f"{type(error).__name__}: {error}"
        everywhere = self.comm.allgather(words)
        if error is None and any(everywhere):
            rank = next(rank for rank, failed in enumerate(everywhere) if failed)
            raise RuntimeError(f"fit failed on rank {rank}: {everywhere[rank]}")

    def course(self, plan: Plan, optimizer: str | Optimizer | None) -> Course:
        # One process alone trains as if there were no communicator.
        if self.comm.Get_size() == 1:
            return Course(plan, optimizer)
        return SharedCourse(plan, optimizer, self.comm)


class SharedCourse(Course):
    """An optimizer on its way, with the same steps on all ranks.

    A step's batch is made of a batch of each rank. Each computes the gradient of its own rows; the
    mean over all rows, summed by Allreduce, is applied by every rank.
    """

    def __init__(self, plan: Plan, optimizer: str | Optimizer | None, comm: Any) -> None:
        super().__init__(plan, optimizer)
        self.comm, self._team = comm, Team(comm)
        self.first = comm.Get_rank() == 0
        # Of how many outputs the squared errors are measured.
        regression = not plan.loss.name.endswith("cross_entropy")
        self._n_squared = plan.network.n_outputs if regression else 0

    def begin(self, **settings: object) -> None:
        """Make sure that all ranks want the same, and begin with rank 0's weights and state."""
        plan, optimizer, comm = self.plan, self.optimizer, self.comm
        layers = plan.layers
        own = settings | {
            "the dtype": str(plan.network.dtype),
            "the layers": [(la.n_inputs, la.n_neurons, str(la.activation)) for la in layers],
            "the dropouts": plan.dropout(),
            "the penalties": plan.penalties,
            "the loss": repr(plan.loss),
            "the optimizer": (optimizer.name, optimizer.parameters(), self.clips),
            "the learning rate": _shown(optimizer.learning_rate),
        }
        for rank, other in enumerate(comm.allgather(own)):
            for name, value in other.items():
                if value != own[name]:
                    raise ValueError(
                        f"all ranks must call fit with the same settings, but {name} is {value} "
                        f"on rank {rank} and {own[name]} on rank {comm.Get_rank()}"
                    )
        super().begin()
        trainer, state = optimizer._trainer, None
        if self.first:
            numbers = [(layer.weights, layer.bias) for layer in layers]
            state = numbers, trainer.state(), trainer.steps
        parameters, moments, steps = comm.bcast(state)
        optimizer._epochs = comm.bcast(optimizer._epochs)
        if not self.first:
            for layer, (weights, bias) in zip(layers, parameters, strict=True):
                layer.weights, layer.bias = weights, bias
            trainer.set_state(moments, steps)

    def together(self) -> Team:
        return self._team

    def end(self) -> None:
        """Callbacks may put weights back: on all ranks, or on none."""
        self._check_weights()

    def seed(self, seed: int) -> int:
        """Each rank draws its own order and dropouts."""
        sequence = np.random.SeedSequence([seed, self.comm.Get_rank()])
        return int(sequence.generate_state(1, np.uint64)[0])

    def agreed(self, wanted: bool) -> bool:
        """Whether one of the ranks wants it."""
        return any(self.comm.allgather(wanted))

    def train(
        self, data: Data, order: npt.NDArray[np.int64], batch: int, seed: int, number: int
    ) -> tuple[Any, ...]:
        plan, optimizer, trainer = self.plan, self.optimizer, self.optimizer._trainer
        shares = self._shares(data, order, batch)
        rates = None
        with self._team:
            if self.first:
                rates = optimizer.rates(optimizer.steps, len(shares))
        rates = self.comm.bcast(rates)
        # Behind the gradient stands 0, or NaN if the loss was not finite.
        size = sum(layer.n_parameters for layer in plan.layers) + 1
        own, summed = (np.zeros(size, plan.network.dtype) for _ in range(2))
        total: list[Any] = [0.0, 0.0, 0.0, 0.0, np.zeros(self._n_squared)]
        choice = *plan.choice, plan.dropout()
        for step, share in enumerate(shares):
            failure = None
            if share == 0:
                own[:] = 0
            else:
                rows = order[step * batch : (step + 1) * batch]
                try:
                    finite, sums = trainer.gradient(
                        *choice, data.x, data.targets, data.weights, rows,
                        (seed + step) % (1 << 64), own,
                    )  # fmt: skip
                except Exception as error:
                    finite, failure = False, error
                else:
                    total = [a + b for a, b in zip(total, sums, strict=True)]
                own *= share
                own[-1] = 0 if finite and np.isfinite(share) else np.nan
            self.comm.Allreduce(own, summed)
            finite = summed[-1] == 0
            if not finite:
                with self._team:
                    if failure is not None:
                        raise failure
            if not (finite and trainer.apply(summed, plan.penalties, rates[step], *self.clips)):
                raise TrainingDiverged(number, step + 1, float(rates[step]))
        self._check_weights()
        return self._summed(total)

    def spread(self, data: Data) -> Array | None:
        if not self._n_squared:
            return None
        targets = data.targets[data.rows].astype(np.float64)
        weights = np.ones(len(targets)) if data.weights is None else data.weights[data.rows]
        with np.errstate(all="ignore"):
            weight, *sums = self._sum(np.concatenate([[weights.sum()], weights @ targets]))
            mean = np.array(sums) / weight
            return self._sum(weights @ (targets - mean) ** 2)

    def measure(self, data: Data, batch: int) -> dict[str, float]:
        return self.plan.logs(self._summed(self.plan.sums(data, batch)), self.spread(data))

    def _shares(self, data: Data, order: npt.NDArray[np.int64], batch: int) -> Doubles:
        """Of each step, how much of all ranks' rows (by weight) are this one's."""
        steps = -(-len(order) // batch)
        own = np.zeros(max(self.comm.allgather(steps)))
        weights = np.ones(len(order)) if data.weights is None else data.weights[order]
        with np.errstate(over="ignore", invalid="ignore"):
            own[:steps] = np.add.reduceat(weights, np.arange(0, len(order), batch))
            total = self._sum(own)
            return np.divide(own, total, out=np.zeros_like(own), where=total > 0)

    def _sum(self, numbers: Doubles) -> Doubles:
        """The sum over all ranks."""
        own = np.ascontiguousarray(numbers, np.float64)
        total = np.empty_like(own)
        self.comm.Allreduce(own, total)
        return total

    def _summed(self, sums: Any) -> tuple[Any, ...]:
        *numbers, squared = sums
        total = self._sum(np.concatenate([numbers, squared]))
        return (*map(float, total[:4]), total[4:])

    def _check_weights(self) -> None:
        digest = 0
        for layer in self.plan.layers:
            digest = zlib.crc32(layer.bias.data, zlib.crc32(layer.weights.data, digest))
        if len(set(self.comm.allgather(digest))) > 1:
            raise RuntimeError(
                "the ranks no longer have the same weights: a callback or another thread changed "
                "them on one rank (EarlyStopping belongs on all), or this MPI's Allreduce does not "
                "give all ranks the same bits"
            )


def _shown(learning_rate: object) -> str:
    """A number or a schedule of ours; other functions can't be compared, and rank 0's counts."""
    return repr(learning_rate) if isinstance(learning_rate, float | Schedule) else "a function"
