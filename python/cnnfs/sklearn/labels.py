"""Labels, and the outputs of a network that stand for them."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from cnnfs.sklearn.settings import Goal

Array = npt.NDArray[Any]


class Labels(NamedTuple):
    """What there is to tell apart."""

    classes: Array
    several: bool  # whether a row may have several labels, or none

    @classmethod
    def of(cls, y: Any) -> Self:
        if _several(y):
            return cls(np.arange(y.shape[1]), True)
        return cls(np.unique(y), False)

    @classmethod
    def among(cls, classes: Any, y: Any) -> Self:
        """Of rows of which the first ones need not have all classes."""
        return cls(np.unique(classes), _several(np.asarray(y)))

    @property
    def two(self) -> bool:
        """Whether there is one output, the probability of the second of two classes."""
        return not self.several and len(self.classes) == 2

    @property
    def n_outputs(self) -> int:
        return 1 if self.two else len(self.classes)

    @property
    def goal(self) -> Goal:
        if self.several or self.two:
            return Goal("binary_cross_entropy", "sigmoid", 1 / self.n_outputs, 1 / self.n_outputs)
        return Goal("cross_entropy", "softmax", 1.0, 1.0)

    def encoded(self, y: Array) -> Array:
        """The targets for `Network.fit`."""
        if _several(y) != self.several:
            raise ValueError("y must have one label for each row, or a column for each, as before")
        if self.several:
            if y.shape[1] != len(self.classes):
                raise ValueError(f"y has {y.shape[1]} columns, not {len(self.classes)} as before")
            return np.asarray(y, np.float64)
        strange = np.setdiff1d(y, self.classes)
        if len(strange):
            raise ValueError(f"y has labels that are not in classes_ {self.classes}: {strange}")
        codes = np.searchsorted(self.classes, y)
        return codes.astype(np.float64) if self.two else codes

    def decoded(self, outputs: Array) -> Array:
        """The labels that the network's outputs stand for."""
        if self.several:
            return (outputs > 0.5).astype(int)
        codes = (outputs[:, 0] > 0.5).astype(int) if self.two else outputs.argmax(axis=1)
        labels: Array = self.classes[codes]
        return labels


def _several(y: Any) -> bool:
    check_classification_targets(y)
    kind = type_of_target(y, input_name="y")
    if kind == "multiclass-multioutput":
        raise ValueError(
            "y has several columns of labels, which need a network each: see "
            "sklearn.multioutput.MultiOutputClassifier"
        )
    return bool(kind == "multilabel-indicator")


def class_weights(given: Any, y: Array, weights: Array | None) -> Array:
    """A weight for each row. "balanced" makes the sums of the classes' weights the same."""
    if given != "balanced" or y.ndim > 1:
        by_row: Array = compute_sample_weight(given, y)
        return by_row
    codes = np.unique(y, return_inverse=True)[1]
    sums = np.bincount(codes, weights)
    balanced: Array = sums.sum() / ((sums > 0).sum() * np.where(sums > 0, sums, 1.0))[codes]
    return balanced
