"""The data of a training, checked: what comes back is what the native trainer reads as it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs import checks
from cnnfs.losses import Loss

Array = npt.NDArray[Any]

_ENCODE = "; encode text labels first: names, labels = numpy.unique({0}, return_inverse=True)"


def check_inputs(
    x: object, n_inputs: int, dtype: npt.DTypeLike, name: str = "X", *, one_row: bool = False
) -> Array:
    """x as an aligned C-contiguous array (n, n_inputs) of dtype, itself if it is one already.

    With one_row, x may be 1-D: one row.
    """
    a = _real_array(x, name)
    if one_row and a.ndim == 1:
        a = a.reshape(1, -1)
    if a.ndim != 2:
        own = _variable(name)
        hint = f". One sample: {own}.reshape(1, -1); one feature: {own}.reshape(-1, 1)"
        hint = hint if a.ndim == 1 else ""
        raise ValueError(f"{name} must have shape (rows, features), but has shape {a.shape}{hint}")
    if a.shape[1] != n_inputs:
        raise ValueError(
            f"{name} has {_count(a.shape[1], 'feature')}, but the network takes {n_inputs}"
        )
    if not len(a):
        raise ValueError(f"{name} has no rows")
    return _cast(a, dtype, name)


def is_one_row(x: object) -> bool:
    """Whether x is one row without the dimension of the rows. What is no array at all is not."""
    try:
        return np.ndim(x) == 1  # type: ignore[arg-type]
    except ValueError:
        return False


def check_targets(
    y: object,
    n_rows: int,
    n_outputs: int,
    loss: Loss,
    dtype: npt.DTypeLike,
    name: str = "y",
    *,
    x_name: str = "X",
    one_row: bool = False,
) -> Array:
    """y as int64 labels (n,) or as an aligned C-contiguous array (n, n_outputs) of dtype.

    With one_row, y is what belongs to a 1-D x: a label or number alone, or a vector of n_outputs.
    """
    classes = loss.name == "cross_entropy"
    a = _real_array(y, name, _ENCODE.format(_variable(name)))
    if one_row and a.ndim == 1 and len(a) == n_outputs != 1:
        a = a.reshape(1, -1)
    elif one_row and a.ndim == 0:
        a = a.reshape(1)
    if a.ndim not in (1, 2):
        raise ValueError(f"{name} must have 1 or 2 dimensions, but has shape {a.shape}")
    if len(a) != n_rows:
        kind = "row" if a.ndim == 2 else "label" if classes else "value"
        raise ValueError(
            f"{name} has {_count(len(a), kind)}, but {x_name} has {_count(n_rows, 'row')}"
        )
    if classes and (a.ndim == 1 or (a.shape[1] == 1 and (n_outputs != 1 or not a.any()))):
        return _labels(a.ravel(), n_outputs, name)
    if a.ndim == 1 and n_outputs == 1:
        a = a.reshape(-1, 1)
    if a.ndim == 1:
        hint = " (for one class a row: a softmax layer and cross_entropy)"
        raise ValueError(
            f"{name} has shape {a.shape}, but the network has {n_outputs} outputs: it must have "
            f"shape ({n_rows}, {n_outputs}){hint if loss.name == 'binary_cross_entropy' else ''}"
        )
    if a.shape[1] != n_outputs:
        raise ValueError(
            f"{name} has {_count(a.shape[1], 'column')}, but the network has "
            f"{_count(n_outputs, 'output')}"
        )
    made = _cast(a, dtype, name)
    if classes:
        _check_probabilities(made, name)
    elif loss.name == "binary_cross_entropy":
        _refuse(a, (a < 0) | (a > 1), name, "binary_cross_entropy takes targets in 0 to 1")
    return made


def check_weights(
    sample_weight: object,
    class_weight: object,
    targets: Array,
    loss: Loss,
    n_rows: int,
    n_outputs: int,
) -> npt.NDArray[np.float64] | None:
    """A weight for each row, or None if neither is given. targets: from `check_targets`."""
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(n_rows)
    if sample_weight is not None:
        a = _real_array(sample_weight, "sample_weight")
        if a.ndim != 1:
            raise ValueError(f"sample_weight must have shape ({n_rows},), but has shape {a.shape}")
        if len(a) != n_rows:
            raise ValueError(
                f"sample_weight has {_count(len(a), 'value')}, but X has {_count(n_rows, 'row')}"
            )
        weights = _cast(a, np.float64, "sample_weight")
        _refuse(weights, weights < 0, "sample_weight", "weights must be at least 0")
    if class_weight is not None:
        labels, n_classes = _classes(targets, loss, n_outputs)
        weights = weights * _weights_of_classes(class_weight, labels, n_classes)[labels]
    if not weights.any():
        raise ValueError("all weights are 0: there would be nothing to learn from")
    return weights


def split(
    n: int, share: object, generator: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The numbers of the rows to train with and of those to validate with, drawn, both sorted."""
    part = checks.real(share, "validation_split", above=0, below=1)
    n_validation = math.floor(part * n + 0.5)
    if not 0 < n_validation < n:
        use = "validate" if n_validation == 0 else "train"
        raise ValueError(
            f"validation_split={part!r} of {_count(n, 'row')} leaves none to {use} with"
        )
    order = generator.permutation(n).astype(np.int64, copy=False)
    return np.sort(order[n_validation:]), np.sort(order[:n_validation])


def _real_array(given: object, name: str, of_text: str = "") -> Array:
    if given is None:
        raise TypeError(f"{name} must be an array, not None")
    if isinstance(given, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array; masks have no meaning here: fill or drop the masked values"
        )
    if hasattr(given, "toarray") and hasattr(given, "nnz"):
        raise TypeError(f"{name} is a sparse array; give {_variable(name)}.toarray()")
    try:
        a = np.asarray(given)
    except ValueError as error:
        if not isinstance(given, list | tuple):
            raise
        raise ValueError(f"{name} can't be made an array: {error}") from None
    if a.dtype.kind not in "biuf":
        text = a.dtype.kind in "UST" or (
            a.dtype.kind == "O" and any(isinstance(item, str) for item in a.ravel()[:100])
        )
        raise TypeError(
            f"{name} has dtype {a.dtype}; cnnfs takes real numbers (bool, integer or float)"
            + of_text * text
        )
    return a


def _cast(a: Array, dtype: npt.DTypeLike, name: str) -> Array:
    """An aligned C-contiguous array of dtype, all of whose numbers are finite."""
    with np.errstate(all="ignore"):
        made: Array = np.require(a, dtype, ["C", "A"])
        if math.isfinite(
            made.sum()
        ):  # one pass without memory; that of finite numbers may overflow
            return made
        wrong = ~np.isfinite(made)
    _refuse(a, ~np.isfinite(a), name, "training needs finite numbers")
    _refuse(a, wrong, name, f"too large for {made.dtype}")
    return made


def _refuse(a: Array, wrong: Array, name: str, reason: str) -> None:
    """Raise a ValueError that names the first element that is wrong, if there is one."""
    if not wrong.any():
        return
    place = np.unravel_index(int(wrong.argmax()), wrong.shape)
    where = "row {}, column {}" if len(place) == 2 else "row {}"
    raise ValueError(f"{name} has {a[place]!s} in {where.format(*map(int, place))}: {reason}")


def _labels(a: Array, n_classes: int, name: str) -> npt.NDArray[np.int64]:
    labels = f"labels are whole numbers from 0 to {n_classes - 1}, as the network has "
    labels += _count(n_classes, "output")
    if a.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            _refuse(a, a != np.floor(a), name, labels)
    _refuse(a, (a < 0) | (a >= n_classes), name, labels)
    return np.require(a, np.int64, ["C", "A"])


def _check_probabilities(a: Array, name: str) -> None:
    _refuse(a, a < 0, name, "probabilities must be at least 0")
    sums = a.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1) > 1e-3
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"row {row} of {name} sums to {sums[row]:.6g}, but the probabilities of a row must sum "
            f"to 1. (Labels have shape ({len(a)},))"
        )


def _classes(targets: Array, loss: Loss, n_outputs: int) -> tuple[npt.NDArray[np.int64], int]:
    if loss.name == "cross_entropy":
        if targets.ndim == 1:
            return targets, n_outputs
        raise ValueError(
            "class_weight needs labels, but y has rows of probabilities: give y.argmax(axis=1)"
        )
    if loss.name != "binary_cross_entropy" or n_outputs != 1:
        raise ValueError(
            "class_weight is for labels: with cross_entropy, or binary_cross_entropy and one output"
        )
    values = targets.ravel()
    _refuse(values, (values != 0) & (values != 1), "y", "class_weight needs labels 0 and 1")
    return values.astype(np.int64), 2


def _weights_of_classes(
    given: object, labels: npt.NDArray[np.int64], n_classes: int
) -> npt.NDArray[np.float64]:
    """The weight of each class. What a dict lacks weighs 1."""
    if isinstance(given, str):
        if given != "balanced":
            raise ValueError(f'class_weight must be "balanced", a dict or numbers, not {given!r}')
        counts = np.bincount(labels, minlength=n_classes)
        there = counts > 0
        return np.where(there, len(labels) / (there.sum() * np.maximum(counts, 1)), 0.0)
    if isinstance(given, dict):
        weights = np.ones(n_classes)
        for label, weight in given.items():
            if label not in range(n_classes):
                raise ValueError(
                    f"class_weight has the label {label!r}, but labels are 0 to {n_classes - 1}"
                )
            weights[int(label)] = checks.real(weight, f"class_weight[{label!r}]", least=0)
        return weights
    weights = _real_array(given, "class_weight")
    if weights.shape != (n_classes,):
        raise ValueError(
            f"class_weight must be {_count(n_classes, 'number')}, one for each class, but has "
            f"shape {weights.shape}"
        )
    weights = _cast(weights, np.float64, "class_weight")
    _refuse(weights, weights < 0, "class_weight", "weights must be at least 0")
    return weights


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _variable(name: str) -> str:
    """X, if name is "X of validation_data"."""
    return name.split()[0]
