"""What the two estimators share: how they are fitted."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from cnnfs.callbacks import Epoch
from cnnfs.history import History
from cnnfs.layer import Layer
from cnnfs.network import Network
from cnnfs.optimizer import Optimizer
from cnnfs.sklearn import state
from cnnfs.sklearn.settings import Goal, Settings, checked, new_network, new_optimizer
from cnnfs.sklearn.watch import Watch

Array = npt.NDArray[Any]


class Rows(NamedTuple):
    """Checked rows: targets as `Network.fit` takes them."""

    x: Array
    targets: Array
    weights: Array | None


class Perceptron(BaseEstimator):  # type: ignore[misc]
    """The base of both. Not to be made itself."""

    _of_numbers: ClassVar[bool]

    # Arguments that are read here; the subclasses set them, as scikit-learn wants it.
    alpha: float
    batch_size: int | str
    dtype: Any
    early_stopping: bool
    learning_rate: str
    learning_rate_init: float
    power_t: float
    random_state: Any
    shuffle: bool
    solver: str
    verbose: bool | int
    warm_start: bool

    network_: Network
    history_: History
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    n_iter_: int
    n_layers_: int
    n_outputs_: int
    out_activation_: str
    t_: int

    # ---- what differs --------------------------------------------------------------------------

    @abstractmethod
    def _learn(self, y: Array, *, fresh: bool, incremental: bool) -> Array:
        """The targets for `Network.fit`; fresh: what there is to tell apart is learned from y."""

    @abstractmethod
    def _outputs(self, targets: Array) -> int: ...

    @abstractmethod
    def _goal(self, n_outputs: int) -> Goal: ...

    @abstractmethod
    def _weigh(self, y: Array, weights: Array | None, incremental: bool) -> Array | None:
        """The weight of each row."""

    @abstractmethod
    def _strata(self, targets: Array) -> Array | None:
        """Labels whose shares are to be the same among the rows held out."""

    @abstractmethod
    def _validation_score(self, epoch: Epoch, x: Array, targets: Array, weights: Any) -> float: ...

    # ---- fitting -------------------------------------------------------------------------------

    def _train(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        validation_data: Any = None,
        *,
        incremental: bool = False,
    ) -> Self:
        settings = checked(self)
        if incremental and self.early_stopping:
            raise ValueError("partial_fit goes once through the rows: early_stopping must be False")
        fresh = not hasattr(self, "network_") or not (self.warm_start or incremental)
        rows = self._rows(x, y, sample_weight, fresh=fresh, incremental=incremental)
        random = check_random_state(self.random_state)
        goal = self._goal(self._outputs(rows.targets))
        if fresh:
            self._begin(settings, goal, rows, random)
        if fresh or (self.validation_scores_ is not None) != self.early_stopping:
            self._begin_watching()
        validation = self._given(validation_data)
        if self.early_stopping and validation is None:
            rows, validation = self._hold_out(rows, settings, random)
        batch = min(200 if self.batch_size == "auto" else int(self.batch_size), len(rows.x))
        self._penalize(goal, batch, rows.weights)
        if not (incremental and hasattr(self, "_optimizer")):
            self._optimizer: Optimizer = new_optimizer(self, goal)
        self.n_iter_ = 0
        watch = Watch(self, settings, goal, len(rows.x), validation)
        if self.validation_scores_:  # the best weights so far are those that there are
            watch.keep(self.network_)
        epochs = 1 if incremental else settings.max_iter
        try:
            self.network_.fit(
                rows.x,
                rows.targets,
                epochs=epochs,
                batch_size=batch,
                loss=goal.loss,
                optimizer=self._optimizer,
                shuffle=self.shuffle,
                validation_data=None if validation is None else tuple(validation),
                sample_weight=rows.weights,
                callbacks=[watch, *settings.callbacks],
                rng=int(random.randint(np.iinfo(np.int32).max)),
                progress=False,
            )
        except KeyboardInterrupt:
            warnings.warn("training was interrupted; the model is as far as it came", stacklevel=3)
        watch.restore()
        if self.n_iter_ == epochs and not (watch.stopped or incremental):
            warnings.warn(
                f"{epochs} epochs (max_iter) were not enough for the training to converge",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _rows(self, x: Any, y: Any, sample_weight: Any, *, fresh: bool, incremental: bool) -> Rows:
        x, y = self._checked_rows(x, y, fresh)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, x)
        targets = self._learn(y, fresh=fresh, incremental=incremental)
        return Rows(x, targets, self._weigh(y, weights, incremental))

    def _checked_rows(self, x: Any, y: Any, fresh: bool) -> tuple[Array, Array]:
        # What is too large for float32 becomes an error that says so.
        with np.errstate(over="ignore", invalid="ignore"):
            x, y = validate_data(
                self,
                x,
                y,
                reset=fresh,
                multi_output=True,
                y_numeric=self._of_numbers,
                dtype=self._dtype() if fresh else self.network_.dtype,
                order="C",
            )
        if hasattr(y, "toarray"):
            raise TypeError("y is a sparse array; give y.toarray()")
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return x, y

    def _dtype(self) -> Any:
        if self.dtype is None:
            return (np.float64, np.float32)
        if self.dtype not in ("float32", "float64", np.float32, np.float64):
            raise ValueError(f'dtype must be "float32", "float64" or None, not {self.dtype!r}')
        return np.dtype(self.dtype)

    def _given(self, data: Any) -> Rows | None:
        """validation_data, checked."""
        if data is None:
            return None
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise TypeError("validation_data must be (X, y) or (X, y, sample_weight)")
        x, y = self._checked_rows(data[0], data[1], fresh=False)
        weights = _check_sample_weight(data[2], x) if len(data) == 3 else None
        return Rows(x, self._learn(y, fresh=False, incremental=True), weights)

    def _begin(self, settings: Settings, goal: Goal, rows: Rows, random: Any) -> None:
        """A new network, and curves without points."""
        n_inputs, n_outputs = rows.x.shape[1], self._outputs(rows.targets)
        self.network_ = new_network(settings, goal, n_inputs, n_outputs, rows.x.dtype, random)
        self.n_layers_ = len(settings.sizes) + 2
        self.n_outputs_ = n_outputs
        self.out_activation_ = {"linear": "identity", "sigmoid": "logistic"}.get(
            goal.last, goal.last
        )
        self.history_ = History()
        self.loss_curve_ = []
        self.t_ = 0
        self.loss_ = np.nan
        self.__dict__.pop("_optimizer", None)

    def _begin_watching(self) -> None:
        """What ends the training: the loss, or with early stopping the score."""
        early = self.early_stopping
        self.best_loss_ = None if early else np.inf
        self.validation_scores_ = [] if early else None
        self.best_validation_score_ = -np.inf if early else None

    def _hold_out(self, rows: Rows, settings: Settings, random: Any) -> tuple[Rows, Rows]:
        share, numbers = settings.validation_fraction, np.arange(len(rows.x))
        kept, held_out = train_test_split(
            numbers, test_size=share, stratify=self._strata(rows.targets), random_state=random
        )
        if len(held_out) < 2:
            raise ValueError(
                f"validation_fraction={share} of {len(numbers)} rows is less than 2 rows"
            )
        return _some(rows, np.sort(kept)), _some(rows, np.sort(held_out))

    def _penalize(self, goal: Goal, batch: int, weights: Array | None) -> None:
        """``alpha / 2 * sum(w**2) / (weight of a batch)``, as a penalty of the layers."""
        mean = 1.0 if weights is None else float(weights.mean())
        penalty = goal.slope * self.alpha / 2 / (batch * mean) if mean > 0 else 0.0
        for layer in self.network_._only_layers:
            layer.weight_l2 = penalty

    # ---- using ---------------------------------------------------------------------------------

    def _forward(self, x: Any) -> Array:
        check_is_fitted(self, "network_")
        with np.errstate(over="ignore", invalid="ignore"):
            x = validate_data(self, x, reset=False, dtype=self.network_.dtype)
        return self.network_(x)

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, of shape (inputs, neurons)."""
        return [part.weights.T for part in self._layers()]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of each layer."""
        return [part.bias for part in self._layers()]

    def _layers(self) -> list[Layer]:
        if not hasattr(self, "network_"):
            raise AttributeError("there is no network yet: call fit")
        return self.network_._only_layers

    def __getstate__(self) -> dict[str, Any]:
        return state.packed(super().__getstate__())

    def __setstate__(self, given: dict[str, Any]) -> None:
        super().__setstate__(state.unpacked(given))


def _some(rows: Rows, numbers: Array) -> Rows:
    weights = None if rows.weights is None else rows.weights[numbers]
    return Rows(rows.x[numbers], rows.targets[numbers], weights)
