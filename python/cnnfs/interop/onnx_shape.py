"""Which axes of an ONNX tensor are rows and which are features, and what is done to them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cnnfs.interop.onnx_values import Array, UnreadableError, whole_numbers

Doubles = npt.NDArray[np.float64]
Dim = int | None  # None: not fixed


class Shape:
    """The shape of a tensor on its way: the axes from `lead` on are the features of a row.

    Most tensors have one axis of features, the last. A graph may take more of them, such as
    (rows, 28, 28), and flatten them later; the network then takes them flat.
    """

    def __init__(self, dims: list[Dim], lead: int) -> None:
        self.dims, self.lead = dims, lead

    @property
    def features(self) -> Dim:
        return _product(self.dims[self.lead :])

    def forget(self) -> None:
        """How many features there are is no longer known."""
        self.dims[self.lead :] = [None]

    def dense(self, n_neurons: int) -> None:
        """Only the last axis is multiplied."""
        if self.lead != len(self.dims) - 1:
            raise UnreadableError("it multiplies the last axis only, but all are flattened later")
        self.dims[-1] = n_neurons

    def softmax(self, axis: int, flattens: bool) -> None:
        """Over the features, and nothing else."""
        last = len(self.dims) - 1
        if axis_of(axis, len(self.dims)) != (self.lead if flattens else last) or (
            self.lead != last and not flattens
        ):
            raise UnreadableError(f"its axis {axis} is not that of the features")

    def flatten(self, axis: int) -> None:
        """To two axes: the rows are those before `axis`."""
        if axis_of(axis, len(self.dims)) != self.lead:
            raise UnreadableError(f"its axis {axis} makes features of rows, or rows of features")
        self.dims, self.lead = [None, self.features], 1

    def reshape(self, target: Array, zero_is_zero: bool) -> None:
        """To (rows, features), if that is what it does."""
        sizes = whole_numbers(target)
        if self.lead not in leads(self.dims, sizes, zero_is_zero):
            raise UnreadableError(f"the shape {tuple(sizes[:8])} does not keep rows and features")
        known = self.features if sizes[1] <= 0 else sizes[1]
        self.dims, self.lead = [None, known], 1

    def of_each_feature(self, value: Array, channels: bool = False) -> Doubles:
        """A constant that is added or multiplied, as one number or one for each feature.

        channels: it has a number for each place of axis 1.
        """
        a = np.asarray(value, np.float64)
        rank = len(self.dims)
        if channels:
            if rank < 2:
                raise UnreadableError("there is no axis 1")
            a = a.reshape(-1, *[1] * (rank - 2))
        if a.ndim > rank:
            raise UnreadableError(f"a constant of shape {a.shape} adds axes")
        own = self.dims[self.lead :]
        a = a.reshape((1,) * (rank - a.ndim) + a.shape)
        if math.prod(a.shape[: self.lead]) != 1:
            raise UnreadableError(f"a constant of shape {a.shape} is not the same for every row")
        a = a.reshape(a.shape[self.lead :])
        if a.size == 1:
            return a.reshape(())
        pairs: list[tuple[Dim, int]] = list(zip(own, a.shape, strict=True))
        # Where the graph does not fix the size of an axis, the constant does.
        if any(dim is None and given == 1 for dim, given in pairs):
            raise UnreadableError(f"a constant of shape {a.shape} for {_words(own)} features")
        full = tuple(given if dim is None else dim for dim, given in pairs)
        if any(given not in (1, dim) for dim, (_, given) in zip(full, pairs, strict=True)):
            raise UnreadableError(
                f"a constant of shape {a.shape} does not fit {_words(own)} features"
            )
        if math.prod(full) > max(a.size * 4096, 1 << 20):
            raise UnreadableError(f"{_words(own)} features are too many")
        self.dims[self.lead :] = full
        return np.broadcast_to(a, full).ravel()


def leads(dims: list[Dim], sizes: list[int], zero_is_zero: bool = False) -> list[int]:
    """The axes with which features begin for a Reshape to these sizes, the likeliest first."""
    if len(sizes) != 2 or (zero_is_zero and 0 in sizes):
        return []
    rows, features = sizes
    found = []
    for lead in range(len(dims) - 1, -1, -1):
        before, after = _product(dims[:lead]), _product(dims[lead:])
        if features == 0:
            fits = lead == 1 and len(dims) == 2
        elif features == -1:
            fits = (rows == 0 and lead == 1) or (rows > 0 and rows == before)
        else:
            fits = after == features or (after is None and len(dims) == 2 and lead == 1)
        # Rows that are counted in the file: of other counts the graph knows nothing.
        if fits and (rows in (-1, 0) or before in (None, rows)) and (rows or lead == 1):
            found.append(lead)
    return found


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front; the one behind the last, too, as Flatten may take it."""
    if not -rank <= axis <= rank:
        raise UnreadableError(f"there is no axis {axis}")
    return axis + rank if axis < 0 else axis


def _product(dims: list[Dim]) -> Dim:
    return None if None in dims else math.prod(d for d in dims if d is not None)


def _words(dims: list[Dim]) -> str:
    return " x ".join("?" if d is None else str(d) for d in dims)
