"""What the readers of all libraries compute and check alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cnnfs import checks

Doubles = npt.NDArray[np.float64]


def checked_dtype(dtype: npt.DTypeLike | None) -> np.dtype[Any] | None:
    """What a user asks for: float32, float64, or None for that of the weights."""
    return None if dtype is None else checks.float_dtype(dtype)


def batch_norm(
    mean: npt.ArrayLike,
    variance: npt.ArrayLike,
    epsilon: float,
    factor: npt.ArrayLike | None,
    offset: npt.ArrayLike | None,
) -> tuple[Doubles, Doubles]:
    """``(x - mean) / sqrt(variance + epsilon) * factor + offset`` as scale and shift.

    No factor is 1, no offset 0. What can't be computed comes out not finite.
    """
    given = (mean, variance, 1.0 if factor is None else factor, 0.0 if offset is None else offset)
    m, v, g, b = (np.asarray(a).astype(np.float64) for a in given)
    with np.errstate(all="ignore"):
        scale = g / np.sqrt(v + epsilon)
        return np.asarray(scale), np.asarray(b - m * scale)
