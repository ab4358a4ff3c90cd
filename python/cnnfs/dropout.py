"""Dropout between layers."""

from __future__ import annotations

from dataclasses import dataclass

from cnnfs import checks


@dataclass(frozen=True, repr=False, eq=False)
class Dropout:
    """While a network trains, sets a random share of the numbers that pass to zero [1]_.

    What is not dropped is divided by ``1 - rate`` ("inverted" dropout), so that the expected value
    stays. Outside training nothing is changed: ``net(x)`` and ``net.evaluate`` are not random.

    It stands in a network's list before a layer: in front of the first one it drops inputs, after
    a layer it drops that layer's outputs. It can't be the last. Two in a row multiply.

    Parameters
    ----------
    rate : float
        The share that is dropped, at least 0 and below 1.

    Raises
    ------
    ValueError
        If rate is out of range.
    TypeError
        If rate is not a number.

    References
    ----------
    .. [1] Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
       Journal of Machine Learning Research 15, 2014, section 4 (scaling: section 10).

    Examples
    --------
    >>> import cnnfs
    >>> dropout = cnnfs.Dropout(0.1)
    >>> dropout
    Dropout(0.1)
    >>> dropout.rate
    0.1
    """

    rate: float

    def __post_init__(self) -> None:
        rate = checks.real(self.rate, "the rate of Dropout", least=0, below=1)
        object.__setattr__(self, "rate", rate)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.rate!r})"

    # No hash, as for layers: the items of a network are equal by value, not by identity.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dropout):
            return NotImplemented
        return self.rate == other.rate
