"""A line that shows how far a training is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Show = Callable[[int, dict[str, float]], None]


def _interactive() -> bool:
    return hasattr(sys, "ps1")  # IPython sets it, too


@contextmanager
def progress_line(epochs: int, wanted: bool | None) -> Iterator[Show]:
    """A function to call after each epoch. wanted None: only in an interactive session."""
    if not (_interactive() if wanted is None else wanted):
        yield lambda number, logs: None
        return
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        yield from _plain_line(epochs)
        return
    with tqdm(total=epochs, unit="epoch", file=sys.stderr) as bar:

        def show(number: int, logs: dict[str, float]) -> None:
            bar.set_postfix({key: f"{value:.4g}" for key, value in logs.items()}, refresh=False)
            bar.update()

        yield show


def _plain_line(epochs: int) -> Iterator[Show]:
    def show(number: int, logs: dict[str, float]) -> None:
        text = ", ".join(f"{key} {value:.4g}" for key, value in logs.items())
        print(f"\repoch {number}/{epochs}: {text}", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(file=sys.stderr)
