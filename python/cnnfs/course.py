"""An optimizer's way through a network's parameters: what `fit` and its relatives share."""

from __future__ import annotations

import weakref
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cnnfs import _cnnfs_core
from cnnfs.adam import Adam
from cnnfs.dropout import Dropout
from cnnfs.layer import Layer
from cnnfs.losses import Loss, check_activations, loss_of
from cnnfs.optimizer import Optimizer
from cnnfs.optimizers import optimizer_of
from cnnfs.targets import check_inputs, check_targets, check_weights, is_one_row

if TYPE_CHECKING:
    from cnnfs.network import Network

Array = npt.NDArray[Any]


class TrainingDiverged(ArithmeticError):  # noqa: N818  says what happened
    """The loss became infinite or NaN, and training was ended.

    The network keeps its last finite weights.

    Attributes
    ----------
    epoch : int
        1 is the first epoch of this `fit`.
    step : int
        1 is the first step of that epoch.

    Examples
    --------
    >>> import cnnfs
    >>> net = cnnfs.Network([cnnfs.Layer(1, 1, rng=0)])
    >>> try:
    ...     net.fit([[1.0], [2.0]], [2.0, 4.0], epochs=99, optimizer=cnnfs.SGD(1e10))
    ... except cnnfs.TrainingDiverged as error:
    ...     print(error.epoch < 9)
    True
    """

    def __init__(self, epoch: int, step: int, rate: float) -> None:
        super().__init__(epoch, step, rate)
        self.epoch = epoch
        self.step = step
        self.rate = rate

    def __str__(self) -> str:
        return (
            f"the loss is no longer finite (epoch {self.epoch}, step {self.step}, learning rate "
            f"{self.rate:g}); the last finite weights are kept. Try a smaller learning rate, "
            "clip_norm=1.0 in the optimizer, or inputs and targets scaled to about -1 to 1"
        )


class Data(NamedTuple):
    """Checked rows with what they should give."""

    x: Array
    targets: Array
    weights: npt.NDArray[np.float64] | None
    rows: npt.NDArray[np.int64]


class Plan:
    """A network's layers and the loss, as the native functions take them."""

    def __init__(self, network: Network, loss: str | Loss | None, *, slopes: bool = True) -> None:
        self.network = network
        self.layers = network._only_layers
        given = network._loss if loss is None else loss
        activations = [str(layer.activation) for layer in self.layers]
        self.loss = loss_of(given, activations[-1])
        if not slopes:  # whose derivative does not matter then
            activations = ["relu" if name == "step" else name for name in activations]
        check_activations(self.loss, activations)
        if network.n_outputs == 0:
            raise ValueError("the network has no outputs: its last layer has no neurons")
        penalties = [layer.penalties for layer in self.layers]
        self.penalties = penalties if any(map(any, penalties)) else []

    @property
    def choice(self) -> tuple[str, float, list[tuple[float, float, float, float]]]:
        return self.loss.name, self.loss.parameter, self.penalties

    def dropout(self) -> list[float]:
        """The share dropped of each layer's inputs; two in a row multiply what they keep."""
        rates, kept = [], 1.0
        for part in self.network.layers:
            if isinstance(part, Dropout):
                kept *= 1 - part.rate
            else:
                rates.append(1 - kept)
                kept = 1.0
        return rates if any(rates) else []

    def data(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        sample_weight: object,
        class_weight: object = None,
        *,
        names: tuple[str, str] = ("X", "y"),
        one_row: bool = False,
    ) -> Data:
        network = self.network
        one_row = one_row and is_one_row(x)
        inputs = check_inputs(x, network.n_inputs, network.dtype, names[0], one_row=one_row)
        n, n_outputs = len(inputs), network.n_outputs
        targets = check_targets(
            y, n, n_outputs, self.loss, network.dtype, names[1], x_name=names[0], one_row=one_row
        )
        weights = check_weights(sample_weight, class_weight, targets, self.loss, n, n_outputs)
        return Data(inputs, targets, weights, np.arange(n))

    def sums(self, data: Data, batch_size: int) -> tuple[Any, ...]:
        x, targets, weights, rows = data
        return _cnnfs_core.measure(self.layers, *self.choice, x, targets, weights, rows, batch_size)

    def measure(self, data: Data, batch_size: int) -> dict[str, float]:
        return self.logs(self.sums(data, batch_size), self.spread(data))

    def spread(self, data: Data) -> Array | None:
        """Of each output's targets, the (weighted) squared distances from their mean: for R2."""
        if self.loss.name.endswith("cross_entropy"):
            return None
        targets = data.targets if len(data.rows) == len(data.x) else data.targets[data.rows]
        if data.weights is None:
            plain: Array = targets.var(axis=0, dtype=np.float64) * len(targets)
            return plain
        weights = data.weights[data.rows][:, None]
        with np.errstate(invalid="ignore"):
            mean = (weights * targets).sum(axis=0) / weights.sum()
        spread: Array = (weights * (targets - mean) ** 2).sum(axis=0)
        return spread

    def logs(self, sums: tuple[Any, ...], spread: Array | None) -> dict[str, float]:
        weight, loss, correct, absolute, squared = sums
        if weight == 0:  # all rows that were drawn have weight 0
            weight = np.nan
        logs = {"loss": loss / weight}
        if spread is None:
            return logs | {"accuracy": correct / weight}
        # As scikit-learn: where the targets are all the same, 1 for what is right, else 0.
        constant = spread == 0
        r2 = np.where(constant, squared == 0, 1 - squared / np.where(constant, 1.0, spread))
        return logs | {"r2": float(r2.mean()), "mae": absolute / weight}


def bind(optimizer: Optimizer, network: Network) -> None:
    """Make a new optimizer that of this network."""
    seen: dict[int, int] = {}
    for i, part in enumerate(network.layers):
        if isinstance(part, Layer) and seen.setdefault(id(part), i) != i:
            raise ValueError(
                f"layers {seen[id(part)]} and {i} are one and the same Layer, "
                "which can't be trained: use copy.copy(layer)"
            )
    optimizer._trainer = _cnnfs_core.Trainer(network._only_layers)
    optimizer._network = weakref.ref(network)


class Course:
    """An optimizer on its way through a network's parameters."""

    def __init__(self, plan: Plan, optimizer: str | Optimizer | None) -> None:
        network, self.plan = plan.network, plan
        if optimizer is None:
            optimizer = network._optimizer or Adam()
        self.optimizer = optimizer = optimizer_of(optimizer)
        if optimizer._trainer is None:
            bind(optimizer, network)
        elif optimizer._network() is not network:
            raise ValueError(
                f"this {type(optimizer).__name__} holds the state of another network: make a new "
                "one for each network, or call its reset()"
            )
        optimizer._trainer.set_optimizer(optimizer.name, list(optimizer.parameters()))

    # What is different where several processes train: see `cnnfs.ranks`.
    first = True

    def begin(self, **settings: object) -> None:
        """The network remembers with what it is trained."""
        self.plan.network._loss, self.plan.network._optimizer = self.plan.loss, self.optimizer

    def together(self) -> AbstractContextManager[None]:
        """Around what may fail on one of several processes."""
        return nullcontext()

    def end(self) -> None:
        pass

    def seed(self, seed: int) -> int:
        return seed

    def agreed(self, wanted: bool) -> bool:
        return wanted

    def spread(self, data: Data) -> Array | None:
        return self.plan.spread(data)

    def measure(self, data: Data, batch: int) -> dict[str, float]:
        return self.plan.measure(data, batch)

    @property
    def clips(self) -> tuple[float, float]:
        """By value and by norm, as the native functions take them: 0 is none."""
        return self.optimizer.clip_value or 0.0, self.optimizer.clip_norm or 0.0

    def train(
        self, data: Data, order: npt.NDArray[np.int64], batch: int, seed: int, number: int
    ) -> tuple[Any, ...]:
        optimizer = self.optimizer
        count = -(-len(order) // batch)
        rates = optimizer.rates(optimizer.steps, count)
        steps, finite, sums = optimizer._trainer.train(
            *self.plan.choice, self.plan.dropout(), *self.clips, data.x, data.targets, data.weights,
            order, batch, rates, seed,
        )  # fmt: skip
        if not finite:
            raise TrainingDiverged(number, steps + 1, float(rates[steps]))
        return tuple(sums)
