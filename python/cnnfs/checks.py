"""Numbers and dtypes that a user gives, checked: a number comes back as a plain float or int."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

import numpy as np
import numpy.typing as npt


def real(
    value: object,
    name: str,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> float:
    """The value as a float, if it is a finite real number within these bounds."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    bounds = [
        (f"at least {least:g}", number >= least) if least is not None else None,
        (f"above {above:g}", number > above) if above is not None else None,
        (f"at most {most:g}", number <= most) if most is not None else None,
        (f"below {below:g}", number < below) if below is not None else None,
    ]
    known = [bound for bound in bounds if bound is not None]
    if not math.isfinite(number) or not all(holds for _, holds in known):
        words = " and ".join(text for text, _ in known) or "finite"
        raise ValueError(f"{name} must be {words}, but is {number!r}")
    return number


def whole(value: object, name: str, *, least: int) -> int:
    """The value as an int, if it is a whole number that is not too small."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, but is {number}")
    return number


def float_dtype(value: npt.DTypeLike | None) -> np.dtype[Any]:
    """The value as a dtype, if it is float32 or float64."""
    try:
        kind = None if value is None else np.dtype(value)
    except (TypeError, ValueError):
        kind = None
    if kind not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, not {value if kind is None else kind}")
    return kind
