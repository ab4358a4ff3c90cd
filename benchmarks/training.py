"""Training beside the peers that train, an epoch of Adam; and with two threads beside one."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cases import Array, title
from race import ALLOWED, Crew, Entry, Times
from report import Bar, Report, count, number, verdict

LOSS_EPOCHS = 3  # after which the losses are compared
SIMILAR = 1.2  # the largest loss over the smallest: the orders of the rows differ


@dataclass(frozen=True)
class Training:
    """A network, its data, and what cnnfs should reach there in float32."""

    widths: tuple[int, ...]
    batch: int
    rows: int
    ratios: dict[str, float]  # time of a peer / time of cnnfs, one thread
    speedup: float  # with two threads

    @property
    def name(self) -> str:
        return "-".join(map(str, self.widths))

    @property
    def label(self) -> str:
        return f"{self.name}, {self.rows:,} rows, batch {self.batch}"

    def matches(self, wish: str) -> bool:
        return wish in (self.name, f"{self.name}:{self.batch}")

    def data(self) -> tuple[Array, Array]:
        """Rows of numbers from 0 to 1, and their classes."""
        if self.widths[0] == 64:
            try:
                from sklearn.datasets import load_digits
            except ImportError:
                pass  # rows of the same size, then
            else:
                pixels, digits = load_digits(return_X_y=True)
                return (pixels / 16).astype(np.float32), digits.astype(np.int64)
        rng = np.random.default_rng(3)
        y = rng.integers(0, self.widths[-1], self.rows)
        centres = rng.random((self.widths[-1], self.widths[0]), dtype=np.float32)
        noise = 2 * rng.standard_normal((self.rows, self.widths[0]), dtype=np.float32)
        return np.clip(centres[y] + noise, 0, 1), y


TRAININGS = (
    Training((64, 128, 64, 10), 32, 1797, {"sklearn": 9.0, "torch": 9.0, "jax": 2.2}, 1.0),
    Training((784, 128, 128, 10), 32, 20_000, {"sklearn": 4.5, "torch": 3.5, "jax": 1.4}, 1.6),
    Training((784, 512, 512, 10), 256, 20_000, {"sklearn": 1.9, "torch": 2.3, "jax": 1.12}, 1.6),
)
PEERS = tuple(TRAININGS[0].ratios)
NOISE = 0.95  # of a speed-up of 1 that means "not slower"


class Result:
    """What a contender needed for a training."""

    def __init__(self, how: str, loss: float) -> None:
        self.how, self.loss, self.times = how, loss, Times()

    @property
    def best(self) -> float:
        return self.times.best / 1000

    @property
    def median(self) -> float:
        return self.times.median / 1000


def measure_training(report: Report, crew: Crew, trainings: list[Training]) -> None:
    report.heading("Training, float32, 1 thread")
    report.write(
        "Milliseconds an epoch of Adam, softmax and cross-entropy, ReLU between the layers; the\n"
        "rows in a new order each epoch. Loss: the mean of the batches of epoch "
        f"{LOSS_EPOCHS}, which must be\nsimilar for all. Ratio: best time of the peer / best time"
        " of cnnfs.\n"
    )
    rows, remarks = [], []
    with tempfile.TemporaryDirectory() as folder:
        files = [save(training, Path(folder)) for training in trainings]
        names = ["cnnfs", *(name for name in PEERS if name in crew.peers)]
        for training, file in zip(trainings, files, strict=True):
            print(f"... {training.label}, training", file=sys.stderr, flush=True)
            entries: list[Entry] = [(name, 1, "training") for name in names]
            results = {e[0]: r for e, r in race(crew, training, file, entries).items()}
            rows += rows_of(report, training, results)
            losses = [result.loss for result in results.values()]
            if max(losses) > SIMILAR * min(losses):
                remarks.append(f"- {training.label}: the losses are NOT similar")
        headers = ["net", "library", "how", "best", "median", "loss", "ratio", "target", "met"]
        report.table(headers, rows, texts=3)
        for remark in remarks:
            report.write(remark)
        if len(ALLOWED) > 1:
            measure_threads(report, crew, trainings, files)


def save(training: Training, folder: Path) -> str:
    file = folder / f"{training.name}.npz"
    x, y = training.data()
    np.savez(file, x=x, y=y)
    return str(file)


def race(crew: Crew, training: Training, file: str, entries: list[Entry]) -> dict[Entry, Result]:
    """Rounds of all in turn. In each a contender trains from the beginning."""
    results: dict[Entry, Result] = {}
    slowest = 0.0
    for name, threads, key in entries:
        task = {"widths": training.widths, "batch": training.batch, "data": file}
        answer = crew.ask(
            (name, threads), "setup_training", key=key, threads=threads, epochs=LOSS_EPOCHS, **task
        )
        if answer is not None:
            results[name, threads, key] = Result(answer["how"], answer["loss"])
            slowest = max(slowest, answer["seconds"])
    # Epochs are long, and a machine has slow and fast minutes: many of both, for all contenders.
    rounds, seconds = min(15, 2 * crew.pace.rounds_for(slowest)), 40 * crew.pace.seconds
    times, _ = crew.run(list(results), rounds, seconds)
    for entry, taken in times.items():
        results[entry].times = taken
    return {entry: results[entry] for entry in times}


def rows_of(report: Report, training: Training, results: dict[str, Result]) -> list[list[str]]:
    rows = []
    ours = results["cnnfs"]
    for name, result in results.items():
        where = ("training", training.label, "float32", 1)
        report.record(where, name, result.times, **{f"loss_{LOSS_EPOCHS}": result.loss})
        ratio, target = result.best / ours.best, training.ratios.get(name)
        rows.append(
            [
                training.label,
                title(name),
                result.how,
                *(number(value) for value in (result.best, result.median)),
                f"{result.loss:.4f}",
                "-" if name == "cnnfs" else f"{ratio:.2f}",
                "-" if target is None else f"{target:.2f}",
                verdict(None if target is None else ratio >= target),
            ]
        )
    peers = [name for name in results if name != "cnnfs"]
    if peers:
        peer = min(peers, key=lambda name: results[name].best)
        ratio = results[peer].best / ours.best
        group = "training, float32, 1 thread"
        bar = Bar(group, training.label, ratio, title(peer), training.ratios[peer])
        report.bars.append(bar)
    return rows


def measure_threads(
    report: Report, crew: Crew, trainings: list[Training], files: list[str]
) -> None:
    report.heading("Training of cnnfs with 2 threads beside 1 thread, float32")
    report.write(
        "Milliseconds an epoch. Speed-up: best / best and median / median. The weights are the\n"
        "same, and so is the loss.\n"
    )
    rows = []
    for training, file in zip(trainings, files, strict=True):
        print(f"... {training.label}, training, 2 threads", file=sys.stderr, flush=True)
        entries: list[Entry] = [("cnnfs", threads, "training") for threads in (1, 2)]
        one, two = race(crew, training, file, entries).values()
        for threads, result in ((1, one), (2, two)):
            where = ("training threads", training.label, "float32", threads)
            report.record(where, "cnnfs", result.times)
        speedup = one.best / two.best
        target = training.speedup if training.speedup > 1 else NOISE
        rows.append(
            [
                training.label,
                *(number(value) for value in (one.best, one.median, two.best, two.median)),
                *(f"{value:.2f}" for value in (speedup, one.median / two.median, target)),
                verdict(speedup >= target and one.loss == two.loss),
            ]
        )
    headers = ["net", f"{count(1)}: best", "median", f"{count(2)}: best", "median"]
    report.table([*headers, "speed-up", "by median", "target", "met"], rows)
