"""Forward passes and activations of cnnfs beside every peer."""

import sys

from cases import (
    ELEMENTS,
    PEERS,
    TARGET_FLOAT64,
    TARGETS_ACTIVATION,
    Net,
    title,
)
from race import Crew, Times
from report import Bar, Report, count, number, percent, verdict

NOTES = (
    "Times in microseconds a call. Calls under 10 us are timed in batches of about 20 us: there a\n"
    "sample, and so p99, is the mean of a batch. The peak of fused multiply-adds was measured in\n"
    "the rounds of each row. Ratio: best time of the best peer / best time of cnnfs."
)


def measure_forward(
    report: Report, crew: Crew, nets: list[Net], dtypes: list[str], threads: list[int]
) -> None:
    for number_of_threads in threads:
        for dtype in dtypes:
            report.heading(f"Forward passes, {dtype}, {count(number_of_threads)}")
            report.write(f"{NOTES}\n")
            results = []
            for net in nets:
                print(f"... {net.label}, {dtype}", file=sys.stderr, flush=True)
                task = {"kind": "network", "widths": net.widths, "batch": net.batch}
                names = ["cnnfs", *crew.peers]
                times, peak = crew.race(names, number_of_threads, dtype, **task)
                results.append((net, times, peak))
                note(report, net, dtype, number_of_threads, times, peak)
            print_forward(report, results, dtype, number_of_threads)
            present = [name for name in crew.peers if any(name in times for _, times, _ in results)]
            for quantity in ("best", "median", "p99"):
                print_times(report, results, present, quantity)


def targets(net: Net, dtype: str, threads: int) -> tuple[float, float | None]:
    """Of the ratio and of the share of the peak: those of the table hold for one case."""
    if dtype == "float32" and threads == 1:
        return net.ratio, net.share
    return TARGET_FLOAT64, None


def best_peer(times: dict[str, Times]) -> str | None:
    peers = [name for name in times if name in PEERS]
    return min(peers, key=lambda name: times[name].best) if peers else None


def note(
    report: Report, net: Net, dtype: str, threads: int, times: dict[str, Times], peak: float
) -> None:
    for name, taken in times.items():
        speed = net.flops / taken.best * 1e-3
        report.record(
            ("forward", net.label, dtype, threads),
            name,
            taken,
            gflops=speed,
            peak_gflops=peak,
            share_of_peak=speed / peak,
        )
    if peer := best_peer(times):
        ratio = times[peer].best / times["cnnfs"].best
        group = f"{dtype}, {count(threads)}"
        target = targets(net, dtype, threads)[0]
        report.bars.append(Bar(group, net.label, ratio, title(peer), target))


def print_forward(
    report: Report, results: list[tuple[Net, dict[str, Times], float]], dtype: str, threads: int
) -> None:
    rows = []
    for net, times, peak in results:
        ours = times["cnnfs"]
        target, target_share = targets(net, dtype, threads)
        speed = net.flops / ours.best * 1e-3
        share = speed / peak
        peer = best_peer(times)
        ratio = times[peer].best / ours.best if peer else None
        met = None if ratio is None else ratio >= target and share >= (target_share or 0)
        rows.append(
            [
                net.label,
                title(peer) if peer else "-",
                number(times[peer].best if peer else None),
                *(number(value) for value in (ours.best, ours.median, ours.p99)),
                number(ratio),
                f"{target:.2f}",
                number(speed),
                percent(share),
                percent(target_share),
                verdict(met),
            ]
        )
    headers = ["net", "best peer", "its best", "cnnfs best", "median", "p99"]
    headers += ["ratio", "target", "GFLOP/s", "of peak", "target", "met"]
    report.table(headers, rows, texts=2)


def print_times(
    report: Report,
    results: list[tuple[Net, dict[str, Times], float]],
    peers: list[str],
    quantity: str,
) -> None:
    names = ["cnnfs", *peers]
    rows = [
        [
            net.label,
            *(number(getattr(times[name], quantity) if name in times else None) for name in names),
        ]
        for net, times, _ in results
    ]
    report.table([quantity, *map(title, names)], rows)


def measure_activations(report: Report, crew: Crew, dtypes: list[str], threads: list[int]) -> None:
    report.heading(f"Activations of {ELEMENTS:,} numbers")
    report.write("Times in microseconds a call; the result is a new array.\n")
    rows = []
    for number_of_threads in threads:
        for dtype in dtypes:
            for kind in ("sigmoid", "relu"):
                print(f"... {kind}, {dtype}", file=sys.stderr, flush=True)
                names = ["cnnfs", *crew.peers]
                task = {"kind": kind, "widths": (), "batch": 0}
                times, _ = crew.race(names, number_of_threads, dtype, **task)
                where = f"{kind}, {dtype}, {count(number_of_threads)}"
                ours = times["cnnfs"]
                for name, taken in times.items():
                    report.record(("activations", kind, dtype, number_of_threads), name, taken)
                    target = TARGETS_ACTIVATION.get(name)
                    ratio = taken.best / ours.best
                    # The targets are for float32.
                    target = target if dtype == "float32" else None
                    rows.append(
                        [
                            where,
                            title(name),
                            *(number(value) for value in (taken.best, taken.median, taken.p99)),
                            "-" if name == "cnnfs" else number(ratio),
                            number(target),
                            verdict(None if target is None else ratio >= target),
                        ]
                    )
                if peer := best_peer(times):
                    ratio = times[peer].best / ours.best
                    bar = Bar(f"activations of {ELEMENTS:,} numbers", where, ratio, title(peer), 1)
                    report.bars.append(bar)
    headers = ["function", "library", "best", "median", "p99", "its best / cnnfs", "target", "met"]
    report.table(headers, rows, texts=2)
