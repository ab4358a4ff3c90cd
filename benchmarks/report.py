"""What is printed, and the same as Markdown and as a CSV of one value a line."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from race import Times

BEGIN, END = "<!-- printed by benchmarks/compare.py: begin -->", "<!-- end -->"


@dataclass(frozen=True)
class Bar:
    """A row of the chart."""

    group: str
    label: str
    ratio: float
    peer: str
    target: float


def number(value: float | None, digits: int = 3) -> str:
    """So many significant digits, never an exponent."""
    if value is None:
        return "-"
    places = digits - len(str(int(abs(value)))) if abs(value) >= 1 else digits
    return f"{value:,.{max(places, 0)}f}"


def count(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def verdict(met: bool | None) -> str:
    return "-" if met is None else "yes" if met else "no"


class Report:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.values: list[tuple[object, ...]] = []
        self.bars: list[Bar] = []

    def write(self, text: str = "") -> None:
        print(text, flush=True)
        self.lines += text.split("\n")

    def heading(self, text: str) -> None:
        self.write(f"\n## {text}\n")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1) -> None:
        """The first so many columns are texts, aligned left; the others are numbers."""
        widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]

        def line(cells: Sequence[str]) -> str:
            padded = (
                cell.ljust(width) if k < texts else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            return f"| {' | '.join(padded)} |"

        rule = ["-" * w if k < texts else "-" * (w - 1) + ":" for k, w in enumerate(widths)]
        self.write("\n".join([line(headers), line(rule), *map(line, rows)]) + "\n")

    def record(
        self,
        where: tuple[str, str, str, int],
        contender: str,
        times: Times | None = None,
        **more: float,
    ) -> None:
        """Where: section, case, dtype, threads."""
        if times is not None:
            more = {
                "best_us": times.best,
                "median_us": times.median,
                "p99_us": times.p99,
                "mean_us": times.mean,
                "calls": times.calls,
                **more,
            }
        self.values += [(*where, contender, name, f"{value:.6g}") for name, value in more.items()]

    def save_csv(self, path: Path) -> None:
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            names = ("section", "case", "dtype", "threads", "contender", "quantity", "value")
            writer.writerow(names)
            writer.writerows(self.values)

    def save_markdown(self, path: Path, picture: str | None) -> None:
        """Between the two marks of a page that has them, else as the whole file."""
        lines = list(self.lines)
        if picture is not None:
            lines += ["", "## Chart", "", f"![Time of the best peer over time of cnnfs]({picture})"]
        text = re.sub(r"\n{3,}", "\n\n", "\n".join([BEGIN, *lines, "", END])) + "\n"
        page = path.read_text() if path.exists() else ""
        if BEGIN in page and END in page:
            before, _, rest = page.partition(BEGIN)
            text = before + text.rstrip("\n") + rest.partition(END)[2]
        path.write_text(text)
