"""What happens after each epoch: the curves, the learning rate, and whether that was the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from cnnfs.callbacks import Epoch, kept_weights, put_back
from cnnfs.network import Network
from cnnfs.optimizer import Optimizer
from cnnfs.sklearn.settings import Goal, Settings

if TYPE_CHECKING:
    from cnnfs.callbacks import Kept
    from cnnfs.sklearn.base import Perceptron

Array = npt.NDArray[Any]


class Watch:
    """The first callback of every training.

    It stops the training as scikit-learn's networks do: when the loss, or with early stopping the
    score of the rows held out, has not become better by tol for more than so many epochs.
    """

    def __init__(
        self,
        model: Perceptron,
        settings: Settings,
        goal: Goal,
        n_rows: int,
        validation: tuple[Any, ...] | None,
    ) -> None:
        self.model, self.settings, self.goal = model, settings, goal
        self.n_rows = n_rows
        self.validation = validation
        self.early = bool(model.early_stopping)
        self.stopped = False
        self._without = 0  # epochs in a row that brought nothing
        self._kept: Kept = []

    def __call__(self, epoch: Epoch) -> bool:
        model = self.model
        model.n_iter_ = epoch.number
        model.t_ += self.n_rows
        for key, value in epoch.logs.items():
            own = value / self.goal.size if key.endswith("loss") else value
            model.history_.setdefault(key, []).append(own)
        model.loss_ = model.history_["loss"][-1]
        model.loss_curve_.append(model.loss_)
        if model.verbose:
            print(f"Iteration {model.n_iter_}, loss = {model.loss_:.8f}")
        better = self._score(epoch) if self.early else self._loss()
        self._without = 0 if better else self._without + 1
        sgd, slope, optimizer = model.solver == "sgd", self.goal.slope, epoch.optimizer
        if sgd and model.learning_rate == "invscaling":
            first = model.learning_rate_init / slope
            optimizer.learning_rate = first / (model.t_ + 1) ** model.power_t
        if self._without > self.settings.patience:
            self.stopped = not (
                sgd and model.learning_rate == "adaptive" and self._slower(optimizer)
            )
            if self.stopped:
                self._tell("Stopping.")
        return self.stopped

    def _slower(self, optimizer: Optimizer) -> bool:
        """Whether it goes on with a fifth of the learning rate."""
        rate = optimizer.learning_rate
        if not isinstance(rate, float) or rate * self.goal.slope <= 1e-6:
            return False
        optimizer.learning_rate = rate / 5
        self._without = 0
        self._tell(f"Setting learning rate to {rate * self.goal.slope / 5:f}")
        return True

    def _loss(self) -> bool:
        best = self.model.best_loss_
        assert best is not None
        self.model.best_loss_ = min(best, self.model.loss_)
        return self.model.loss_ <= best - self.settings.tol

    def _score(self, epoch: Epoch) -> bool:
        model = self.model
        assert self.validation is not None
        score = model._validation_score(epoch, *self.validation)
        assert model.validation_scores_ is not None
        model.validation_scores_.append(score)
        if model.verbose:
            print(f"Validation score: {score:f}")
        best = model.best_validation_score_
        assert best is not None
        if score > best:
            model.best_validation_score_ = score
            self.keep(epoch.network)
        return score >= best + self.settings.tol

    def keep(self, network: Network) -> None:
        """Remember the weights as they are."""
        self._kept = kept_weights(network)

    def restore(self) -> None:
        """Put the weights of the best epoch back, if that was looked for."""
        put_back(self._kept)

    def _tell(self, what_follows: str) -> None:
        if self.model.verbose:
            what = "Validation score" if self.early else "Training loss"
            print(
                f"{what} did not improve more than tol={self.settings.tol:f} for "
                f"{self.settings.patience} consecutive epochs. {what_follows}"
            )
