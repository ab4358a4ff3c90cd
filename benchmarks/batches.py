"""Whether the time grows evenly with the rows: each batch beside its two neighbours."""

import sys

from cases import Net
from race import Crew, Entry, Times
from report import Report, count, number, verdict

LARGEST_BATCH = 64
TARGET = 1.3  # times the straight line between the neighbours
WIDTHS = ((4, 64, 64, 2), (64, 256, 256, 8), (784, 128, 128, 10), (512, 512, 512, 512))
SHOWN = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64)


def measure_batches(
    report: Report, crew: Crew, nets: list[Net], dtypes: list[str], threads: int
) -> None:
    chosen = [w for w in WIDTHS if any(net.widths == w for net in nets)]
    report.heading(f"Batches of 1 to {LARGEST_BATCH} rows, {count(threads)}")
    report.write(
        "Largest: the largest time of a batch B over the mean of the times of B - 1 and B + 1, B\n"
        f"from 2 to {LARGEST_BATCH}, by best times. Then the best times of some batches, in\n"
        "microseconds.\n"
    )
    rows = []
    for widths in chosen:
        for dtype in dtypes:
            name = Net(widths, 1).name
            print(f"... {name}, {dtype}, batches", file=sys.stderr, flush=True)
            times = measure_each(crew, widths, dtype, threads)
            for batch, taken in times.items():
                where = ("batches", f"{name}, batch {batch}", dtype, threads)
                report.record(where, "cnnfs", taken)
            best = {batch: taken.best for batch, taken in times.items()}
            bends = {
                batch: 2 * best[batch] / (best[batch - 1] + best[batch + 1])
                for batch in range(2, LARGEST_BATCH + 1)
            }
            worst = max(bends, key=lambda batch: bends[batch])
            rows.append(
                [
                    f"{name}, {dtype}",
                    f"{bends[worst]:.2f}",
                    str(worst),
                    f"{TARGET:.1f}",
                    verdict(bends[worst] <= TARGET),
                    *(number(best[batch]) for batch in SHOWN),
                ]
            )
    headers = ["net", "largest", "at B", "target", "met", *(f"B = {batch}" for batch in SHOWN)]
    report.table(headers, rows)


def measure_each(crew: Crew, widths: tuple[int, ...], dtype: str, threads: int) -> dict[int, Times]:
    entries: dict[Entry, int] = {}
    for batch in range(1, LARGEST_BATCH + 2):
        entry: Entry = ("cnnfs", threads, f"batch{batch}")
        crew.setup(entry, kind="network", widths=widths, batch=batch, dtype=dtype)
        entries[entry] = batch
    times, _ = crew.run(list(entries), crew.pace.rounds, crew.pace.seconds / 5)
    return {entries[entry]: taken for entry, taken in times.items()}
