"""How training changes the parameters: the optimizers in the order in which one learns them."""

from __future__ import annotations

from typing import ClassVar

from cnnfs.adam import Adam, AdamW
from cnnfs.optimizer import Optimizer, share, switch
from cnnfs.schedule import LearningRate
from cnnfs.settings import Setting, not_negative

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "optimizer_of"]


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted [1]_ [2]_.

    ``v = momentum * v + g``, then ``p -= learning_rate * v``; with nesterov
    ``p -= learning_rate * (g + momentum * v)``. g is the gradient, v begins as 0. As
    `torch.optim.SGD`, whose formula differs from that of [2]_ in where the learning rate stands.

    Parameters
    ----------
    learning_rate : float or callable, default 1e-3
        Above 0, or a function of the step (0 is the first) such as `cnnfs.CosineDecay`.
    momentum : float, default 0.0
        At least 0 and below 1.
    nesterov : bool, default False
        Nesterov's momentum, which needs a momentum above 0.
    clip_value : float, optional
        Every element of the gradient is first limited to +-clip_value.
    clip_norm : float, optional
        The gradient of all parameters together is first multiplied by
        ``min(1, clip_norm / (norm + 1e-6))``, as in `torch.nn.utils.clip_grad_norm_`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or of the wrong kind.

    References
    ----------
    .. [1] Kinsley and Kukieła, "Neural Networks from Scratch in Python", 2020, chapter 10.
    .. [2] Sutskever et al., "On the importance of initialization and momentum in deep learning",
       2013.

    Examples
    --------
    >>> import cnnfs
    >>> optimizer = cnnfs.SGD(0.1, momentum=0.9, nesterov=True)
    >>> optimizer
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    >>> optimizer.steps
    0
    """

    name: ClassVar[str] = "sgd"
    _own: ClassVar[tuple[str, ...]] = ("momentum", "nesterov")

    momentum = Setting[float](share)
    nesterov = Setting[bool](switch)

    def __init__(
        self,
        learning_rate: LearningRate = 1e-3,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value, clip_norm)
        self.momentum = momentum
        self.nesterov = nesterov
        self.parameters()

    @property
    def n_moments(self) -> int:
        """1 with momentum, else 0."""
        return int(self.momentum != 0)

    def parameters(self) -> tuple[float, ...]:
        """(momentum, nesterov as 0 or 1)."""
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=True needs a momentum above 0, such as 0.9")
        return self.momentum, float(self.nesterov)


class Adagrad(Optimizer):
    """A smaller rate for parameters whose gradients were large [1]_.

    ``s += g**2``, then ``p -= learning_rate * g / (sqrt(s) + eps)``. g is the gradient, s begins as
    0. As `torch.optim.Adagrad`.

    Parameters
    ----------
    learning_rate : float or callable, default 1e-2
        Above 0, or a function of the step (0 is the first) such as `cnnfs.CosineDecay`.
    eps : float, default 1e-10
        At least 0. Keeps the division from being one by 0.
    clip_value, clip_norm : float, optional
        Limits of the gradient, as for `SGD`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range, or of the wrong kind.

    References
    ----------
    .. [1] Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
       Optimization", 2011.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.Adagrad(0.05, clip_norm=1.0)
    Adagrad(learning_rate=0.05, eps=1e-10, clip_norm=1.0)
    """

    name: ClassVar[str] = "adagrad"
    _own: ClassVar[tuple[str, ...]] = ("eps",)

    eps = Setting[float](not_negative)

    def __init__(
        self,
        learning_rate: LearningRate = 1e-2,
        eps: float = 1e-10,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value, clip_norm)
        self.eps = eps

    @property
    def n_moments(self) -> int:
        """1."""
        return 1

    def parameters(self) -> tuple[float, ...]:
        """(eps,)."""
        return (self.eps,)


class RMSprop(Optimizer):
    """Adagrad that forgets: the squares are averaged over about the last 1 / (1 - alpha) [1]_.

    ``v = alpha * v + (1 - alpha) * g**2``, then ``p -= learning_rate * g / (sqrt(v) + eps)``. g is
    the gradient, v begins as 0. As `torch.optim.RMSprop`; the course calls alpha "rho".

    Parameters
    ----------
    learning_rate : float or callable, default 1e-2
        Above 0, or a function of the step (0 is the first) such as `cnnfs.CosineDecay`.
    alpha : float, default 0.99
        At least 0 and below 1.
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
    .. [1] Tieleman and Hinton, "Lecture 6.5: RMSProp", Neural Networks for Machine Learning, 2012.

    Examples
    --------
    >>> import cnnfs
    >>> cnnfs.RMSprop()
    RMSprop(learning_rate=0.01, alpha=0.99, eps=1e-08)
    """

    name: ClassVar[str] = "rmsprop"
    _own: ClassVar[tuple[str, ...]] = ("alpha", "eps")

    alpha = Setting[float](share)
    eps = Setting[float](not_negative)

    def __init__(
        self,
        learning_rate: LearningRate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value, clip_norm)
        self.alpha = alpha
        self.eps = eps

    @property
    def n_moments(self) -> int:
        """1."""
        return 1

    def parameters(self) -> tuple[float, ...]:
        """(alpha, eps)."""
        return self.alpha, self.eps


KINDS = (SGD, Adagrad, RMSprop, Adam, AdamW)
_OPTIMIZERS: dict[str, type[SGD | Adagrad | RMSprop | Adam | AdamW]] = {k.name: k for k in KINDS}


def optimizer_of(given: str | Optimizer) -> Optimizer:
    """A new optimizer of this name with its defaults, or this optimizer."""
    if isinstance(given, str):
        if given not in _OPTIMIZERS:
            names = ", ".join(f'"{name}"' for name in _OPTIMIZERS)
            raise ValueError(f"there is no optimizer {str(given)!r}; the names are {names}")
        return _OPTIMIZERS[given]()
    if isinstance(given, KINDS):
        return given
    if isinstance(given, type) and issubclass(given, KINDS):
        raise TypeError(f"optimizer is the class {given.__name__}: write {given.__name__}()")
    raise TypeError(f"optimizer must be a name or an optimizer such as cnnfs.Adam(), not {given!r}")
