"""Where the randomness of a training comes from."""

from __future__ import annotations

from typing import Any

import numpy as np


class Seeds:
    """A seed for each epoch.

    A number as rng stands for a row of seeds, one for each epoch of the optimizer's life: two calls
    of `fit` draw what one long call would. A generator is drawn from, which comes to the same.
    """

    def __init__(self, rng: Any) -> None:
        made = np.random.default_rng(rng)  # checks what it is given
        self._generator: np.random.Generator | None = None
        if rng is None or isinstance(rng, np.random.SeedSequence):
            self._root = rng or np.random.SeedSequence()
        elif isinstance(rng, np.random.Generator | np.random.BitGenerator | np.random.RandomState):
            self._generator = made
        else:
            self._root = np.random.SeedSequence(rng)

    def _derived(self, number: int) -> np.random.SeedSequence:
        root = self._root
        return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, number))

    def of_epoch(self, number: int) -> int:
        if self._generator is not None:
            return int(self._generator.integers(1 << 63))
        return int(self._derived(number).generate_state(1, np.uint64)[0])

    def for_split(self) -> np.random.Generator:
        if self._generator is not None:
            return self._generator
        return np.random.default_rng(self._derived((1 << 32) - 1))
