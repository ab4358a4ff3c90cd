"""MLPClassifier."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin

from cnnfs.callbacks import Epoch
from cnnfs.sklearn.base import Perceptron
from cnnfs.sklearn.labels import Labels, class_weights
from cnnfs.sklearn.settings import Goal

Array = npt.NDArray[Any]


class MLPClassifier(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """A network that learns classes, in the place of scikit-learn's `MLPClassifier`.

    Arguments and attributes of the same name mean the same there, and have the same defaults. The
    last six arguments are new.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default (100,)
        The neurons of each hidden layer. ``()`` is logistic regression.
    activation : str or sequence of str, default "relu"
        Of all hidden layers, or one for each: "identity", "logistic", "tanh", "relu", and all
        other names of cnnfs, such as "gelu".
    solver : {"adam", "sgd"}, default "adam"
        There is no "lbfgs".
    alpha : float, default 1e-4
        ``alpha / 2 * sum(weights**2)`` over the rows of a batch is added to the loss.
    batch_size : int or "auto", default "auto"
        Rows of a step; at most all. "auto": 200.
    learning_rate : {"constant", "invscaling", "adaptive"}, default "constant"
        Of "sgd". "invscaling": ``learning_rate_init / (rows seen + 1)**power_t`` after each epoch.
        "adaptive": a fifth each time that training would stop, down to 1e-6.
    learning_rate_init : float, default 0.001
    power_t : float, default 0.5
    max_iter : int, default 200
        The most epochs. A ConvergenceWarning says that they were not enough.
    shuffle : bool, default True
        Whether each epoch takes the rows in a new random order.
    random_state : int, RandomState or None, default None
        For the first weights, which are those that scikit-learn draws, the order and dropout.
    tol, n_iter_no_change : float, default 1e-4, and int or inf, default 10
        Training stops after more than n_iter_no_change epochs in a row in which the loss, or with
        early_stopping the score, did not become better by tol.
    verbose : bool, default False
        Whether to print a line after each epoch.
    warm_start : bool, default False
        Whether `fit` goes on with the weights there are.
    momentum, nesterovs_momentum : float, default 0.9, and bool, default True
        Of "sgd".
    early_stopping, validation_fraction : bool, default False, and float, default 0.1
        Whether to hold out this share of the rows, stop by the score on them, and keep the weights
        of the best epoch.
    beta_1, beta_2, epsilon : float, default 0.9, 0.999, 1e-8
        Of "adam".
    max_fun : int, default 15000
        Of "lbfgs": without effect.
    dropout : float or sequence of float, default 0.0
        The share of each hidden layer's outputs that a step of training drops, or one for each.
    class_weight : dict, "balanced" or None, default None
        A weight for the rows of each class, besides sample_weight.
    callbacks : callable, sequence of callables or None, default None
        Called with a `cnnfs.Epoch` after each; training ends when one returns True.
    dtype : {"float32", "float64", None}, default None
        What is computed in. None: float32 if X is, else float64. "float32" is faster.

    Attributes
    ----------
    network_ : cnnfs.Network
        Gives what `predict_proba` does; for two classes the column of ``classes_[1]``.
    classes_ : ndarray, shape (n_classes,)
    loss_, best_loss_, loss_curve_
        The last, the least, and each epoch's loss, with the penalty.
    validation_scores_, best_validation_score_
        With early_stopping, else None: the accuracy of each epoch on the rows held out.
    history_ : cnnfs.History
        The same and the accuracy, with "val_loss" and "val_accuracy" if there was validation. It
        has a method `plot`.
    n_iter_, t_ : int
        Epochs of the last `fit`; rows seen in all of them.
    n_layers_, n_outputs_, out_activation_
        With the input layer; 1 for two classes; "softmax" or "logistic".
    coefs_, intercepts_ : list of ndarray
        The weights (inputs, neurons) and the biases of each layer.
    n_features_in_, feature_names_in_

    Raises
    ------
    ValueError, TypeError
        `fit`, if an argument or the data do not fit.

    Examples
    --------
    >>> from cnnfs.sklearn import MLPClassifier
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier((64, 32), dropout=0.1, tol=1e-3, random_state=0)
    >>> model.fit(X / 16, y).score(X / 16, y) > 0.98
    True
    """

    _of_numbers = False

    classes_: Array
    _labels: Labels

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
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
        class_weight: Any = None,
        callbacks: Any = None,
        dtype: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
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
        self.class_weight = class_weight
        self.callbacks = callbacks
        self.dtype = dtype

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Train a new network, or with warm_start the one there is.

        Parameters
        ----------
        X : array_like, shape (n, n_features)
        y : array_like, shape (n,) or (n, n_classes)
            Labels of any kind; or 0 and 1 in a column for each class, of which a row may have
            several or none.
        sample_weight : array_like, shape (n,), optional
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Measured after each epoch, see `history_`; with early_stopping in place of rows of X.

        Returns
        -------
        self
        """
        return self._train(X, y, sample_weight, validation_data)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """One epoch of training; the first call makes the network.

        Parameters
        ----------
        X, y, sample_weight
            As of `fit`.
        classes : array_like, shape (n_classes,)
            All labels that will come, of the first call.

        Returns
        -------
        self
        """
        if not hasattr(self, "classes_"):
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit")
            self._labels = Labels.among(classes, y)
            self.classes_ = self._labels.classes
        elif classes is not None and not np.array_equal(self.classes_, np.unique(classes)):
            raise ValueError(
                f"classes={classes!r} is not the same as on the last call to partial_fit, "
                f"{self.classes_!r}"
            )
        return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The label of each row, or 0 and 1 for each class.

        Parameters
        ----------
        X : array_like, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n,) or (n, n_classes)
        """
        made = self._forward(X)
        return self._labels.decoded(made)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class.

        Parameters
        ----------
        X : array_like, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n, n_classes)
            In the order of `classes_`. Rows sum to 1, unless a row may have several labels.
        """
        made = self._forward(X)
        return np.hstack([1 - made, made]) if self._labels.two else made

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithm of `predict_proba`.

        Parameters
        ----------
        X : array_like, shape (n, n_features)

        Returns
        -------
        ndarray, shape (n, n_classes)
        """
        with np.errstate(divide="ignore"):
            made: Array = np.log(self.predict_proba(X))
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _learn(self, y: Array, *, fresh: bool, incremental: bool) -> Array:
        if fresh and not incremental:
            self._labels = Labels.of(y)
            self.classes_ = self._labels.classes
        return self._labels.encoded(y)

    def _outputs(self, targets: Array) -> int:
        return self._labels.n_outputs

    def _goal(self, n_outputs: int) -> Goal:
        return self._labels.goal

    def _weigh(self, y: Array, weights: Array | None, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return weights
        if incremental and self.class_weight == "balanced":
            raise ValueError(
                'class_weight="balanced" needs all rows at once: partial_fit takes a dict'
            )
        by_row = class_weights(self.class_weight, y, weights)
        return by_row if weights is None else by_row * weights

    def _strata(self, targets: Array) -> Array | None:
        return targets if self._labels.two else None

    def _validation_score(self, epoch: Epoch, x: Array, targets: Array, weights: Any) -> float:
        if not self._labels.several:
            return float(epoch.logs["val_accuracy"])
        right = ((epoch.network(x) > 0.5) == (targets > 0.5)).all(axis=1)
        return float(np.average(right, weights=weights))
