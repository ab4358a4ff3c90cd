"""cnnfs beside the libraries that are installed: the tables, a CSV and a chart.

Run: python benchmarks/compare.py            (about twenty minutes)
     python benchmarks/compare.py --quick    (whether it works; the numbers mean little)
"""

import argparse
import importlib.metadata
import os
import sys
from pathlib import Path

from batches import measure_batches
from cases import CONTENDERS, DTYPES, NETS, PEERS, Net
from chart import save_chart
from footprint import measure_footprint
from forward import measure_activations, measure_forward
from machine import describe
from race import ALLOWED, FULL, HERE, QUICK, Crew, WorkerError
from report import Report
from threads import measure_threads
from training import TRAININGS, Training, measure_training

SECTIONS = ("forward", "activations", "training", "threads", "batches", "footprint")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="few, short rounds; float32 unless told otherwise")
    add("--section", choices=[*SECTIONS, "all"], nargs="+", default=["all"])
    add("--dtype", choices=[*DTYPES, "both"], help="default: both")
    add("--threads", type=int, nargs="+", default=[1], help="of forward, activations, batches")
    add("--nets", nargs="+", metavar="NET", help='such as 784-128-128-10 or "4-64-64-2:32"')
    add("--only", metavar="PEER,PEER", help=f"of {', '.join(PEERS)}; default: all installed")
    add("--output", type=Path, default=HERE / "results", help="folder of the CSV and the chart")
    add("--markdown", type=Path, metavar="FILE", help="also write the tables there")
    add("--wheels", type=Path, default=HERE.parent / "dist", help="where to look for a wheel")
    options = parser.parse_args()
    if unknown := set(wished_peers(options)) - set(PEERS):
        parser.error(f"--only: {', '.join(sorted(unknown))} not in {', '.join(PEERS)}")
    if max(options.threads) > len(ALLOWED) or min(options.threads) < 1:
        parser.error(f"--threads: from 1 to {len(ALLOWED)}, the processors allowed")
    if not chosen_nets(options) and not chosen_trainings(options):
        names = dict.fromkeys(case.name for case in (*NETS, *TRAININGS))
        parser.error(f"--nets: none of {', '.join(names)}")
    return options


def wished_peers(options: argparse.Namespace) -> list[str]:
    return options.only.split(",") if options.only else list(PEERS)


def chosen_nets(options: argparse.Namespace) -> list[Net]:
    wishes = options.nets or [net.name for net in NETS]
    return [net for net in NETS if any(net.matches(wish) for wish in wishes)]


def chosen_trainings(options: argparse.Namespace) -> list[Training]:
    wishes = options.nets or [training.name for training in TRAININGS]
    return [t for t in TRAININGS if any(t.matches(wish) for wish in wishes)]


def chosen_dtypes(options: argparse.Namespace) -> list[str]:
    if options.dtype == "both" or (options.dtype is None and not options.quick):
        return list(DTYPES)
    return [options.dtype or "float32"]


def installed(peer: str) -> bool:
    try:
        for distribution in CONTENDERS[peer][1]:
            importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def measure(report: Report, options: argparse.Namespace) -> str:
    """All sections that were asked for; the short form of the machine's name."""
    peers = [peer for peer in wished_peers(options) if installed(peer)]
    nets, dtypes = chosen_nets(options), chosen_dtypes(options)
    sections = SECTIONS if "all" in options.section else options.section
    os.sched_setaffinity(0, ALLOWED[:1])  # out of the way of the contenders
    with Crew(peers, QUICK if options.quick else FULL) as crew:
        machine = describe(report, crew, peers)
        if options.quick:
            report.write("- A quick run, of very few rounds: its numbers mean little")
        if "footprint" in sections:
            measure_footprint(report, crew, options.wheels)
        if "forward" in sections:
            measure_forward(report, crew, nets, dtypes, options.threads)
        if "activations" in sections:
            measure_activations(report, crew, dtypes, options.threads)
        if "training" in sections and chosen_trainings(options):
            measure_training(report, crew, chosen_trainings(options))
        if "threads" in sections:
            measure_threads(report, crew, nets, dtypes, max(options.threads))
        if "batches" in sections:
            measure_batches(report, crew, nets, dtypes, options.threads[0])
        for name, reason in crew.failures.items():
            report.write(f"- {CONTENDERS[name][0]} failed: {reason}")
    return machine


def main() -> None:
    options = arguments()
    report = Report()
    try:
        machine = measure(report, options)
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except WorkerError as error:
        sys.exit(f"cnnfs failed: {error}")
    options.output.mkdir(parents=True, exist_ok=True)
    values, picture = options.output / "compare.csv", options.output / "compare.png"
    report.save_csv(values)
    print(f"values: {values}")
    drawn = bool(report.bars) and save_chart(report.bars, machine, picture)
    if drawn:
        print(f"chart: {picture}")
    elif report.bars:
        print("no chart: matplotlib is not installed")
    if options.markdown:
        folder = options.markdown.parent.resolve()
        link = os.path.relpath(picture.resolve(), folder) if drawn else None
        report.save_markdown(options.markdown, link)
        print(f"Markdown: {options.markdown}")


if __name__ == "__main__":
    main()
