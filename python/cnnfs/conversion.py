"""The error of all ways from and to other libraries. What they share is `cnnfs.interop.chain`."""

from __future__ import annotations

from collections.abc import Iterable


class ConversionError(ValueError):
    """A model has parts that can't be expressed on the other side.

    Attributes
    ----------
    source : str
        What was to be converted, such as "the Sequential".
    parts : list of str
        Every part that is in the way: where it is, what it is, and why.

    Examples
    --------
    >>> import cnnfs
    >>> print(cnnfs.ConversionError("the model", ["[2] Conv2d: not a dense layer"]))
    the model can't be converted:
      [2] Conv2d: not a dense layer
    """

    source: str
    parts: list[str]

    def __init__(self, source: str, parts: Iterable[str]) -> None:
        self.source = source
        self.parts = list(parts)
        super().__init__(source, self.parts)

    def __str__(self) -> str:
        return "\n  ".join([f"{self.source} can't be converted:", *self.parts])
