"""The course of a training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_NAMES = {"r2": "R²", "mae": "mean absolute error"}


class History(dict[str, list[float]]):
    """The loss and the metrics of a training: a dict of lists, with a number for each epoch.

    The keys are "loss" and the metrics ("accuracy", or "r2" and "mae"), and with validation the
    same after "val_". The loss of an epoch is the mean of its batches' losses while it ran, with
    dropout; what begins with "val_" was measured at its end, without.

    Examples
    --------
    >>> import cnnfs
    >>> history = cnnfs.History(loss=[0.9, 0.5, 0.4], val_loss=[0.8, 0.6, 0.6])
    >>> history["loss"][-1]
    0.4
    >>> axes = history.plot()
    >>> axes[0].get_ylabel()
    'loss'
    """

    def plot(self, ax: Any = None, keys: str | Iterable[str] | None = None) -> Any:
        """Draw the curves with matplotlib: training solid, validation dashed.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw all of them. None: a new figure, the losses on the left, each metric on
            axes of its own to the right.
        keys : str or iterable of str, optional
            Which series to draw. None: all.

        Returns
        -------
        Axes or numpy.ndarray of Axes
            What was given, or the new figure's axes from left to right. `matplotlib.pyplot.show`
            shows the figure, ``axes[0].figure.savefig(file)`` saves it.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no series of a name given, or nothing to draw.

        Examples
        --------
        >>> import cnnfs
        >>> history = cnnfs.History(loss=[0.9, 0.5], accuracy=[0.6, 0.8], val_accuracy=[0.6, 0.7])
        >>> [axes.get_ylabel() for axes in history.plot()]
        ['loss', 'accuracy']
        """
        groups = self._groups(keys)
        try:
            from matplotlib import pyplot, ticker
        except ImportError as error:
            raise ImportError(
                "History.plot draws with matplotlib: python -m pip install matplotlib"
            ) from error
        if ax is None:
            size = (1 + 4 * len(groups), 3.6)
            _, row = pyplot.subplots(
                1, len(groups), figsize=size, layout="constrained", squeeze=False
            )
            places = list(row[0])
        else:
            places = [ax] * len(groups)
        for i, (place, name) in enumerate(zip(places, groups, strict=True)):
            for key in groups[name]:
                validation = key.startswith("val_")
                place.plot(
                    range(1, len(self[key]) + 1),
                    self[key],
                    color=f"C{int(validation) if ax is None else i}",
                    linestyle="dashed" if validation else "solid",
                    # A line through one point can't be seen.
                    marker="o" if len(self[key]) == 1 else None,
                    label=f"{'validation' if validation else 'training'} {_NAMES.get(name, name)}",
                )
            place.set_xlabel("epoch")
            place.set_ylabel("" if place is ax and len(groups) > 1 else _NAMES.get(name, name))
            place.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, min_n_ticks=1))
            place.grid(alpha=0.3)
            place.legend()
        return row[0] if ax is None else ax

    def _groups(self, keys: str | Iterable[str] | None) -> dict[str, list[str]]:
        """The keys to draw by what they measure: the loss first, training before validation."""
        wanted = list(self) if keys is None else [keys] if isinstance(keys, str) else list(keys)
        for key in wanted:
            if key not in self:
                there = ", ".join(f'"{name}"' for name in self) or "nothing"
                raise ValueError(f'there is no "{key}" to plot, only {there}')
        if not any(self[key] for key in wanted):
            raise ValueError("there is nothing to plot: no epoch has been trained")
        groups: dict[str, list[str]] = {}
        for key in sorted(wanted, key=lambda key: (not key.endswith("loss"), "val_" in key)):
            groups.setdefault(key.removeprefix("val_"), []).append(key)
        return groups
