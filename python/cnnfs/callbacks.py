"""What is called after each epoch of training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy.typing as npt

from cnnfs import checks

if TYPE_CHECKING:
    from cnnfs.history import History
    from cnnfs.layer import Layer
    from cnnfs.network import Network
    from cnnfs.optimizers import Optimizer

    Kept = list[tuple[Layer, npt.NDArray[Any], npt.NDArray[Any]]]


class Epoch(NamedTuple):
    """An epoch of training that has just ended: what `fit` gives its callbacks.

    A callback is anything that can be called with it. It ends the training by returning True. If it
    has methods ``on_begin(network)`` or ``on_end(network)``, these are called before the first and
    after the last epoch.

    Attributes
    ----------
    network : Network
    number : int
        1 is the first epoch of this `fit`.
    epochs : int
        How many this `fit` is to train.
    logs : dict of str to float
        The epoch's loss and metrics: "loss", "accuracy", "val_loss", ...
    history : History
        The same of all epochs of this `fit` so far.
    optimizer : Optimizer

    Examples
    --------
    >>> import cnnfs
    >>> def good_enough(epoch: cnnfs.Epoch) -> bool:
    ...     return epoch.logs["loss"] < 0.01
    >>> good_enough(cnnfs.Epoch(None, 7, 20, {"loss": 0.005}, None, None))
    True
    """

    network: Network
    number: int
    epochs: int
    logs: dict[str, float]
    history: History
    optimizer: Optimizer


def kept_weights(network: Network) -> Kept:
    """The layers with their weights and biases as they are now: snapshots, which do not change."""
    return [(layer, layer.weights, layer.bias) for layer in network._only_layers]


def put_back(kept: Kept) -> None:
    for layer, weights, bias in kept:
        layer.weights, layer.bias = weights, bias


class _Best:
    """Remembers the best value of a monitored series, and its epoch."""

    best: float | None
    best_epoch: int | None

    def __init__(self, monitor: str | None, min_delta: float) -> None:
        if monitor is not None and not isinstance(monitor, str):
            raise TypeError(f'monitor must be a name such as "val_loss", not {monitor!r}')
        self.monitor = monitor
        self.min_delta = checks.real(min_delta, "min_delta", least=0)
        self._forget()

    def _forget(self) -> None:
        self.best = None
        self.best_epoch = None

    def on_begin(self, network: Network) -> None:
        """Forget the training before."""
        self._forget()

    def _is_better(self, epoch: Epoch) -> bool:
        logs = epoch.logs
        key = self.monitor or ("val_loss" if "val_loss" in logs else "loss")
        if key not in logs:
            there = ", ".join(f'"{name}"' for name in logs)
            hint = "; give fit validation_data or validation_split" if "val_" in key else ""
            raise ValueError(f'there is no "{key}" to monitor, only {there}{hint}')
        value = float(logs[key])
        sign = 1 if key.removeprefix("val_") in ("accuracy", "r2") else -1
        if math.isnan(value) or (
            self.best is not None and not sign * value > sign * self.best + self.min_delta
        ):
            return False
        self.best, self.best_epoch = value, epoch.number
        return True


class EarlyStopping(_Best):
    """Ends the training when a series has not become better for a while.

    The optimizer's state is not taken back with the weights. The object can be used again: each
    `fit` begins anew.

    Parameters
    ----------
    monitor : str, optional
        What to look at: "loss", "val_accuracy", ... None: "val_loss" if there is validation, else
        "loss". Of accuracy and r2 larger is better, of everything else smaller. NaN never is.
    patience : int, default 5
        After so many epochs in a row without a better value training ends. At least 1.
    min_delta : float, default 0.0
        Only what is better by more than this is better. At least 0.
    restore_best : bool, default True
        Whether the weights of the best epoch are put back at the end.

    Attributes
    ----------
    best : float or None
        The best value. None: there was none yet.
    best_epoch : int or None
        Its epoch; 1 is the first of the `fit`.
    stopped_epoch : int or None
        The epoch after which it ended the training. None: it did not.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or of the wrong kind. In training, ValueError if there is no
        series of that name.

    Examples
    --------
    >>> import cnnfs
    >>> early = cnnfs.EarlyStopping(patience=2, restore_best=False)
    >>> for number, loss in enumerate([0.9, 0.5, 0.6, 0.7, 0.4], start=1):
    ...     if early(cnnfs.Epoch(None, number, 5, {"loss": loss}, None, None)):
    ...         break
    >>> early.best, early.best_epoch, early.stopped_epoch
    (0.5, 2, 4)
    """

    stopped_epoch: int | None

    def __init__(
        self,
        monitor: str | None = None,
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        self.patience = checks.whole(patience, "patience", least=1)
        self.restore_best = bool(restore_best)
        super().__init__(monitor, min_delta)

    def _forget(self) -> None:
        super()._forget()
        self.stopped_epoch = None
        self._waited = 0
        self._last_epoch = 0
        self._kept: Kept = []

    def __call__(self, epoch: Epoch) -> bool:
        self._last_epoch = epoch.number
        if self._is_better(epoch):
            self._waited = 0
            if self.restore_best:
                self._kept = kept_weights(epoch.network)
            return False
        self._waited += 1
        if self._waited < self.patience:
            return False
        self.stopped_epoch = epoch.number
        return True

    def on_end(self, network: Network) -> None:
        """Put the best weights back, if they are not the last ones."""
        if self.best_epoch != self._last_epoch:
            put_back(self._kept)
        self._kept = []

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(monitor={self.monitor!r}, patience={self.patience}, "
            f"min_delta={self.min_delta}, restore_best={self.restore_best})"
        )


class Checkpoint(_Best):
    """Calls a function that saves the network, after each epoch that is the best so far.

    The object can be used again: each `fit` begins anew.

    Parameters
    ----------
    save : callable
        ``save(network, epoch)``, with an `Epoch`. What it returns is ignored.
    monitor : str, optional
        As for `EarlyStopping`.
    best_only : bool, default True
        False: save after every epoch.

    Attributes
    ----------
    best, best_epoch
        As of `EarlyStopping`.

    Raises
    ------
    TypeError
        If save can't be called, or monitor is no name. In training, ValueError if there is no
        series of that name.

    Examples
    --------
    >>> import cnnfs
    >>> checkpoint = cnnfs.Checkpoint(lambda network, epoch: print("saved", epoch.number))
    >>> for number, loss in enumerate([0.9, 0.5, 0.6, 0.4], start=1):
    ...     checkpoint(cnnfs.Epoch(None, number, 4, {"loss": loss}, None, None))
    saved 1
    saved 2
    saved 4
    """

    def __init__(
        self,
        save: Callable[[Network, Epoch], object],
        monitor: str | None = None,
        best_only: bool = True,
    ) -> None:
        if not callable(save):
            raise TypeError(f"save must be a function save(network, epoch), not {save!r}")
        self.save = save
        self.best_only = bool(best_only)
        super().__init__(monitor, 0.0)

    def __call__(self, epoch: Epoch) -> None:
        if self._is_better(epoch) or not self.best_only:
            self.save(epoch.network, epoch)

    def __repr__(self) -> str:
        arguments = f"{self.save!r}, monitor={self.monitor!r}, best_only={self.best_only}"
        return f"{type(self).__name__}({arguments})"
