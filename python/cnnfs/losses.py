"""What training makes small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from cnnfs import checks


@dataclass(frozen=True)
class Loss:
    """The base of the losses. Not to be made itself; `fit` knows its five subclasses only."""

    name: ClassVar[str] = ""

    @property
    def parameter(self) -> float:
        """The loss's one number, or 0 if it has none."""
        return 0.0


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """``(prediction - target)**2``, the mean over all elements. By name "mse".

    As `torch.nn.MSELoss`. For regression; also called "mean_squared_error".

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.MeanSquaredError()
    MeanSquaredError()
    """

    name: ClassVar[str] = "mse"


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """``|prediction - target|``, the mean over all elements. By name "mae".

    As `torch.nn.L1Loss`. For regression where outliers must not count too much; also called
    "mean_absolute_error". The gradient is the sign of ``prediction - target``, 0 where they agree.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.MeanAbsoluteError()
    MeanAbsoluteError()
    """

    name: ClassVar[str] = "mae"


@dataclass(frozen=True)
class Huber(Loss):
    """Squared for small errors, linear for large ones; the mean over all elements. By name "huber".

    With ``e = prediction - target``: ``e**2 / 2`` where ``|e| <= delta``, else
    ``delta * (|e| - delta / 2)`` [1]_. As `torch.nn.HuberLoss`; also called "huber_loss".

    Parameters
    ----------
    delta : float, default 1.0
        The error at which the loss becomes linear, above 0.

    Raises
    ------
    ValueError
        If delta is not above 0.
    TypeError
        If delta is not a number.

    References
    ----------
    .. [1] Huber, "Robust Estimation of a Location Parameter", 1964.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.Huber(delta=2.0)
    Huber(delta=2.0)
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", checks.real(self.delta, "delta", above=0))

    @property
    def parameter(self) -> float:
        """delta."""
        return self.delta


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """For outputs that are a probability each; the mean over all elements.

    By name "binary_cross_entropy" or "bce". The last layer must be "sigmoid", or "linear", whose
    outputs are then logits. Both are computed from the logits z, so that none overflows:
    ``max(z, 0) - z * target + log1p(exp(-|z|))``, which is
    ``-(target * log(p) + (1 - target) * log(1 - p))`` for ``p = sigmoid(z)``. As
    `torch.nn.BCEWithLogitsLoss`. Targets are in 0 to 1.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.BinaryCrossEntropy()
    BinaryCrossEntropy()
    """

    name: ClassVar[str] = "binary_cross_entropy"


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """For one of several classes a row; the mean over rows.

    By name "cross_entropy" or "categorical_cross_entropy". The last layer must be "softmax", or
    "linear", whose outputs are then logits. Both are computed from the logits, so that none
    overflows: ``-sum_j(target_j * log(softmax(z)_j))``. As `torch.nn.CrossEntropyLoss`. Targets are
    labels 0, 1, ..., or rows of probabilities (one-hot, say) that sum to 1.

    Parameters
    ----------
    label_smoothing : float, default 0.0
        In 0 to 1. A target of n classes becomes
        ``(1 - label_smoothing) * target + label_smoothing / n`` [1]_.

    Raises
    ------
    ValueError
        If label_smoothing is out of range.
    TypeError
        If label_smoothing is not a number.

    References
    ----------
    .. [1] Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016,
       section 7.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.CrossEntropy(label_smoothing=0.1)
    CrossEntropy(label_smoothing=0.1)
    """

    name: ClassVar[str] = "cross_entropy"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        share = checks.real(self.label_smoothing, "label_smoothing", least=0, most=1)
        object.__setattr__(self, "label_smoothing", share)

    @property
    def parameter(self) -> float:
        """label_smoothing."""
        return self.label_smoothing


_LOSSES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mean_squared_error": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
    "huber_loss": Huber,
    "binary_cross_entropy": BinaryCrossEntropy,
    "bce": BinaryCrossEntropy,
    "cross_entropy": CrossEntropy,
    "categorical_cross_entropy": CrossEntropy,
}
KINDS = tuple(dict.fromkeys(_LOSSES.values()))
_OF_ACTIVATION: dict[str, type[Loss]] = {"softmax": CrossEntropy, "sigmoid": BinaryCrossEntropy}
_FITTING = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def loss_of(given: str | Loss | None, last_activation: str) -> Loss:
    """The loss of this name, or this loss, or for None the one that suits the last activation.

    Softmax gets cross-entropy, sigmoid binary cross-entropy, everything else the squared error.
    """
    if given is None:
        return _OF_ACTIVATION.get(last_activation, MeanSquaredError)()
    if isinstance(given, str):
        if given not in _LOSSES:
            names = ", ".join(f'"{kind.name}"' for kind in KINDS)
            raise ValueError(f"there is no loss {str(given)!r}; the names are {names}")
        return _LOSSES[given]()
    if isinstance(given, KINDS):
        return given
    if isinstance(given, type) and issubclass(given, KINDS):
        raise TypeError(f"loss is the class {given.__name__}: write {given.__name__}()")
    raise TypeError(f"loss must be a name or a loss such as cnnfs.CrossEntropy(), not {given!r}")


def check_activations(loss: Loss, activations: Sequence[str]) -> None:
    """Raise a ValueError unless layers with these activations can be trained with this loss."""
    for i, activation in enumerate(activations):
        if activation == "step":
            raise ValueError(
                f'layer {i} has the activation "step", which can\'t be trained: its derivative is '
                '0 everywhere. Use "sigmoid", "tanh" or "relu"'
            )
    fitting, last = _FITTING.get(loss.name), activations[-1]
    if fitting is not None and last not in (fitting, "linear"):
        raise ValueError(
            f'the loss "{loss.name}" needs a last layer with the activation "{fitting}", or '
            f'"linear", whose outputs are then logits; the last layer has "{last}"'
        )
