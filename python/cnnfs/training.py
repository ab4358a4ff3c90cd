"""The methods of a network that train it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy.typing as npt

# What only training needs is imported by the methods: a program that runs a network starts sooner.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cnnfs.callbacks import Epoch
    from cnnfs.history import History
    from cnnfs.losses import Loss
    from cnnfs.network import Network
    from cnnfs.optimizer import Optimizer

Array = npt.NDArray[Any]


class Training:
    """What changes a network's parameters, or measures how good they are."""

    # Those of the last training, for the next call that names none.
    _loss: Loss | None = None
    _optimizer: Optimizer | None = None

    def fit(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer | None = None,
        shuffle: bool = True,
        validation_data: tuple[Any, ...] | None = None,
        validation_split: float | None = None,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: object = None,
        callbacks: Iterable[Callable[[Epoch], object]] = (),
        rng: Any = None,
        progress: bool | None = None,
        comm: Any = None,
    ) -> History:
        """Train the network: backpropagation [1]_ over batches of rows.

        Each epoch runs in native code, without the interpreter's lock. The same data and rng give
        the same weights, bit for bit, on any number of threads. Ctrl-C leaves the weights of the
        last whole step.

        Parameters
        ----------
        X : array_like, shape (n, n_inputs)
            Finite numbers, cast once to the network's dtype. Inputs of about -1 to 1 train best.
        y : array_like
            For "cross_entropy" labels 0 to n_outputs - 1 of shape (n,), or probabilities of shape
            (n, n_outputs), such as one-hot rows. For the other losses numbers of shape
            (n, n_outputs), or (n,) if there is one output; for "binary_cross_entropy" in 0 to 1.
        epochs : int, default 1
            How often to go through all rows.
        batch_size : int, default 32
            Rows of a step. A last, shorter batch is a step as well.
        loss : str or Loss, optional
            "mse", "mae", "huber", "binary_cross_entropy", "cross_entropy", or an object such as
            ``cnnfs.CrossEntropy(label_smoothing=0.1)``. None: that of the last training, or else
            what suits the last layer: cross-entropy for softmax, binary cross-entropy for sigmoid,
            the squared error for all others.
        optimizer : str or Optimizer, optional
            "sgd", "adagrad", "rmsprop", "adam", "adamw", or an object such as
            ``cnnfs.Adam(1e-3)``, which goes on where it stopped. None: that of the last training,
            or else ``Adam()``.
        shuffle : bool, default True
            Whether each epoch takes the rows in a new random order.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Measured after each epoch.
        validation_split : float, optional
            Instead: the share of the rows, drawn at random, to be held out for that.
        sample_weight : array_like, shape (n,), optional
            Of each row, at least 0. A batch's loss is ``sum(weight * loss) / sum(weight)``.
        class_weight : dict, sequence of n_classes numbers or "balanced", optional
            For labels: a weight for the rows of each class, besides sample_weight. "balanced":
            ``n / (n_classes * n_of_class)``.
        callbacks : iterable of callables, default ()
            Called with an `Epoch` after each; training ends when one returns True. See
            `EarlyStopping`, `Checkpoint`.
        rng : None, int, numpy.random.Generator or anything that numpy.random.default_rng takes
            For the order, dropout and validation_split. With the same int and optimizer two calls
            of 4 and 6 epochs do what one of 10 does.
        progress : bool, optional
            Whether to show a line that tells how far it is (by tqdm, if that is installed). None:
            only in an interactive session.
        comm : mpi4py.MPI.Comm, optional
            Train on all of its ranks together: each calls fit with rows of its own, and a step
            takes batch_size rows of each. The same weights for the same number of ranks. See
            ``docs/scale.md``.

        Returns
        -------
        History
            For each epoch "loss" and "accuracy", or "r2" and "mae" for numbers; with validation
            also "val_loss" and so on. Those without "val_" are means over the epoch's batches
            while it ran.

        Raises
        ------
        ValueError
            If shapes, labels, weights or numbers do not fit, or a layer can't be trained.
        TypeError
            If data are not made of real numbers, or an argument is of the wrong kind.
        TrainingDiverged
            If the loss is not finite.

        References
        ----------
        .. [1] Rumelhart, Hinton and Williams, "Learning representations by back-propagating
           errors", 1986.

        Examples
        --------
        >>> import cnnfs, numpy as np
        >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
        >>> y = X[:, 0] ^ X[:, 1]
        >>> hidden, last = cnnfs.Layer(2, 8, "tanh", rng=0), cnnfs.Layer(8, 2, "softmax", rng=1)
        >>> net = cnnfs.Network([hidden, last])
        >>> history = net.fit(X, y, epochs=200, optimizer=cnnfs.Adam(0.05), rng=0)
        >>> history["accuracy"][-1]
        1.0
        """
        from cnnfs.fit import fit

        return fit(
            self._network,
            X,
            y,
            epochs=epochs,
            batch_size=batch_size,
            loss=loss,
            optimizer=optimizer,
            shuffle=shuffle,
            validation_data=validation_data,
            validation_split=validation_split,
            sample_weight=sample_weight,
            class_weight=class_weight,
            callbacks=callbacks,
            rng=rng,
            progress=progress,
            comm=comm,
        )

    def evaluate(
        self,
        X: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: str | Loss | None = None,
        sample_weight: npt.ArrayLike | None = None,
        batch_size: int = 256,
    ) -> dict[str, float]:
        """The loss and the metrics on data, without training and without dropout.

        Parameters
        ----------
        X, y, loss, sample_weight
            As of `fit`.
        batch_size : int, default 256
            Rows that are computed at once; the result hardly depends on it.

        Returns
        -------
        dict of str to float
            "loss", with the layers' penalties, and "accuracy", or "r2" and "mae".

        Raises
        ------
        ValueError, TypeError
            As `fit`.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer.from_arrays([[2.0]], [1.0])])
        >>> net.evaluate([[1.0], [2.0]], [3.0, 6.0])
        {'loss': 0.5, 'r2': 0.7777777777777778, 'mae': 0.5}
        """
        from cnnfs import checks
        from cnnfs.course import Plan

        plan = Plan(self._network, loss, slopes=False)
        data = plan.data(X, y, sample_weight)
        return plan.measure(data, checks.whole(batch_size, "batch_size", least=1))

    def train_step(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: str | Loss | None = None,
        optimizer: str | Optimizer | None = None,
        sample_weight: npt.ArrayLike | None = None,
        rng: Any = None,
    ) -> float:
        """One step of the optimizer on one batch, for training loops of your own.

        Parameters
        ----------
        x, y, loss, optimizer, sample_weight
            As of `fit`; a single row may be 1-D.
        rng : as of `fit`
            For dropout. With an int each step of the optimizer's life has a seed of its own.

        Returns
        -------
        float
            The batch's loss, before the step.

        Raises
        ------
        ValueError, TypeError, TrainingDiverged
            As `fit`.

        Examples
        --------
        >>> import cnnfs
        >>> net = cnnfs.Network([cnnfs.Layer(1, 1, rng=0)])
        >>> sgd = cnnfs.SGD(0.1)
        >>> losses = [net.train_step([[1.0], [2.0]], [3.0, 5.0], optimizer=sgd) for _ in range(99)]
        >>> losses[-1] < 0.01 < losses[0]
        True
        """
        from cnnfs.course import Course, Plan
        from cnnfs.seeds import Seeds

        plan = Plan(self._network, loss)
        data = plan.data(x, y, sample_weight, names=("x", "y"), one_row=True)
        course = Course(plan, optimizer)
        course.begin()
        seed = Seeds(rng).of_epoch(course.optimizer.steps) if plan.dropout() else 0
        sums = course.train(data, data.rows, len(data.rows), seed, 1)
        return float(sums[1] / sums[0])

    @property
    def _network(self) -> Network:
        return cast("Network", self)
