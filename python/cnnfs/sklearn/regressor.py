"""MLPRegressor."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import MultiOutputMixin, RegressorMixin

from cnnfs.callbacks import Epoch
from cnnfs.losses import Loss, loss_of
from cnnfs.sklearn.base import Perceptron
from cnnfs.sklearn.settings import Goal

Array = npt.NDArray[Any]

# The names of scikit-learn, and those of cnnfs.
_LOSSES: dict[str, str] = {"squared_error": "mse", "absolute_error": "mae"}


class MLPRegressor(MultiOutputMixin, RegressorMixin, Perceptron):  # type: ignore[misc]
    """A network that learns numbers, in the place of scikit-learn's `MLPRegressor`.

    Parameters
    ----------
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, \
learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose, warm_start, momentum, \
nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon, \
n_iter_no_change, max_fun, dropout, callbacks, dtype
        As for `MLPClassifier`.
    loss : {"squared_error", "absolute_error", "huber"} or a loss of cnnfs, default "squared_error"
        "mse" and "mae" are other names of the first two; ``cnnfs.Huber(delta)`` is "huber" with
        another delta than 1.

    Attributes
    ----------
    network_ : cnnfs.Network
        Gives what `predict` does, in two dimensions.
    loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_, history_, n_iter_, \
t_, n_layers_, n_outputs_, out_activation_, coefs_, intercepts_, n_features_in_, \
feature_names_in_
        As of `MLPClassifier`; scores are R². The data's part of the loss is half the mean squared
        error, as with scikit-learn, or the mean of another loss as it is.

    Raises
    ------
    ValueError, TypeError
        `fit`, if an argument or the data do not fit.

    Examples
    --------
    >>> from cnnfs.sklearn import MLPRegressor
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = MLPRegressor((32, 16), loss="huber", dropout=0.1, tol=1e-3, random_state=0)
    >>> scaled = make_pipeline(StandardScaler(), network)
    >>> model = TransformedTargetRegressor(scaled, transformer=StandardScaler()).fit(X, y)
    >>> model.score(X, y) > 0.5
    True
    """

    _of_numbers = True

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: str | Loss = "squared_error",
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 0.0001,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        callbacks: Any = None,
        dtype: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.callbacks = callbacks
        self.dtype = dtype

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train a new network, or with warm_start the one there is.

        Parameters
        ----------
        X : array_like, shape (n, n_features)
        y : array_like, shape (n,) or (n, n_outputs)
        sample_weight : array_like, shape (n,), optional
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Measured after each epoch, see `history_`; with early_stopping in place of rows of X.

        Returns
        -------
        self
        """
        return self._train(X, y, sample_weight, validation_data)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch of training; the first call makes the network.

        Parameters
        ----------
        X, y, sample_weight
            As of `fit`.

        Returns
        -------
        self
        """
        return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The numbers for each row.

        Parameters
        ----------
        X : array_like, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n,) or (n, n_outputs)
        """
        made = self._forward(X)
        return made.ravel() if self.n_outputs_ == 1 else made

    def _learn(self, y: Array, *, fresh: bool, incremental: bool) -> Array:
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if not fresh and outputs != self.n_outputs_:
            raise ValueError(
                f"y has {outputs} outputs, but the network that is trained on has {self.n_outputs_}"
            )
        return y

    def _outputs(self, targets: Array) -> int:
        return 1 if targets.ndim == 1 else int(targets.shape[1])

    def _goal(self, n_outputs: int) -> Goal:
        given = self.loss
        loss = loss_of(_LOSSES.get(given, given) if isinstance(given, str) else given, "linear")
        if loss.name.endswith("cross_entropy"):
            raise ValueError(f"the loss {given!r} is for classes: use MLPClassifier")
        if loss.name == "mse":
            return Goal(loss, "linear", 2 / n_outputs, 2.0)
        return Goal(loss, "linear", 1.0, 1.0)

    def _weigh(self, y: Array, weights: Array | None, incremental: bool) -> Array | None:
        return weights

    def _strata(self, targets: Array) -> None:
        return None

    def _validation_score(self, epoch: Epoch, x: Array, targets: Array, weights: Any) -> float:
        return float(np.float64(epoch.logs["val_r2"]))
