"""The picture: for each row how many times as long the best peer takes."""

from pathlib import Path

from report import Bar

AHEAD, BEHIND, INK, FAINT = "#2a6f97", "#c1552d", "#333333", "#bbbbbb"


def save_chart(bars: list[Bar], machine: str, path: Path) -> bool:
    """False if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    groups = list(dict.fromkeys(bar.group for bar in bars))
    counts = [sum(bar.group == group for bar in bars) for group in groups]
    figure, frames = plt.subplots(
        len(groups),
        1,
        figsize=(9, 1.1 + sum(0.32 * count + 0.75 for count in counts)),
        height_ratios=[count + 1 for count in counts],
        sharex=True,
        squeeze=False,
        layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1),
    )
    highest = max(max(bar.ratio, bar.target) for bar in bars)
    lowest = min(min(bar.ratio, 1.0) for bar in bars)

    def draw(axes: Axes, rows: list[Bar]) -> None:
        for y, bar in enumerate(rows):
            colour = AHEAD if bar.ratio >= 1 else BEHIND
            axes.barh(y, bar.ratio - 1, left=1, height=0.62, color=colour)
            if bar.target != 1:
                axes.plot([bar.target] * 2, [y - 0.42, y + 0.42], color=INK, linewidth=1.6)
            end = max(bar.ratio, bar.target, 1.0) * 1.03
            axes.text(end, y, f"{bar.ratio:.2f}  {bar.peer}", va="center", fontsize=9, color=INK)
        axes.axvline(1, color=INK, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [bar.label for bar in rows], fontsize=9)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_title(rows[0].group, loc="left", fontsize=10, fontweight="bold", pad=8)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.grid(axis="x", color=FAINT, linewidth=0.4)

    for axes, group in zip(frames[:, 0], groups, strict=True):
        draw(axes, [bar for bar in bars if bar.group == group])
    bottom = frames[-1, 0]
    bottom.set_xscale("log")
    bottom.set_xlim(lowest / 1.1, highest * 1.9)
    ticks = [t for t in (0.25, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 20, 50) if t < highest * 1.5]
    ticks = [tick for tick in ticks if tick >= lowest / 1.1]
    bottom.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    bottom.minorticks_off()
    bottom.set_xlabel("best time of the best peer / best time of cnnfs (mark: a target above 1)")
    figure.suptitle(f"How many times as long the best peer takes\n{machine}", fontsize=11)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return True
