"""Adam and its relatives."""

from __future__ import annotations

from typing import ClassVar

from cnnfs.optimizer import Optimizer, two_shares
from cnnfs.schedule import LearningRate
from cnnfs.settings import Setting, not_negative


class Adam(Optimizer):
    """Momentum and a rate of its own for each parameter [1]_. A good first choice.

    In step t = 1, 2, ..., with ``betas = (b1, b2)``: ``m = b1 * m + (1 - b1) * g``,
    ``v = b2 * v + (1 - b2) * g**2``, then
    ``p -= learning_rate * (m / (1 - b1**t)) / (sqrt(v / (1 - b2**t)) + eps)``. g is the gradient,
    m and v begin as 0. As `torch.optim.Adam`.

    Parameters
    ----------
    learning_rate : float or callable, default 1e-3
        Above 0, or a function of the step (0 is the first) such as `cnnfs.CosineDecay`.
    betas : (float, float), default (0.9, 0.999)
        Each at least 0 and below 1.
    eps : float, default 1e-8
        At least 0. Keeps the division from being one by 0.
    clip_value, clip_norm : float, optional
        Limits of the gradient, as for `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or of the wrong kind.

    References
    ----------
    .. [1] Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.

    Examples
    --------
    >>> import cnnfs
    >>> optimizer = cnnfs.Adam(1e-3)
    >>> optimizer.learning_rate = cnnfs.CosineDecay(1e-3, steps=1000)
    >>> optimizer.betas
    (0.9, 0.999)
    """

    name: ClassVar[str] = "adam"
    _own: ClassVar[tuple[str, ...]] = ("betas", "eps")

    betas = Setting[tuple[float, float]](two_shares)
    eps = Setting[float](not_negative)

    def __init__(
        self,
        learning_rate: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value, clip_norm)
        self.betas = betas
        self.eps = eps

    @property
    def n_moments(self) -> int:
        """2."""
        return 2

    def parameters(self) -> tuple[float, ...]:
        """(first beta, second beta, eps)."""
        return *self.betas, self.eps


class AdamW(Adam):
    """Adam with weights that decay apart from the gradient [1]_.

    Each step first makes every parameter smaller, biases too:
    ``p -= learning_rate * weight_decay * p``; the rest is `Adam`'s. As `torch.optim.AdamW`.

    Parameters
    ----------
    learning_rate : float or callable, default 1e-3
        Above 0, or a function of the step (0 is the first) such as `cnnfs.CosineDecay`.
    betas : (float, float), default (0.9, 0.999)
        Each at least 0 and below 1.
    eps : float, default 1e-8
        At least 0. Keeps the division from being one by 0.
    weight_decay : float, default 0.01
        At least 0.
    clip_value, clip_norm : float, optional
        Limits of the gradient, as for `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or of the wrong kind.

    References
    ----------
    .. [1] Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, algorithm 2.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.AdamW(weight_decay=0.1).weight_decay
    0.1
    """

    name: ClassVar[str] = "adamw"
    _own: ClassVar[tuple[str, ...]] = ("betas", "eps", "weight_decay")

    weight_decay = Setting[float](not_negative)

    def __init__(
        self,
        learning_rate: LearningRate = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, betas, eps, clip_value=clip_value, clip_norm=clip_norm)
        self.weight_decay = weight_decay

    def parameters(self) -> tuple[float, ...]:
        """(first beta, second beta, eps, weight_decay)."""
        return *super().parameters(), self.weight_decay
