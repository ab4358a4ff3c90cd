"""Contenders in processes of their own, of which one runs at a time, in short rounds, in turn."""

import json
import math
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ALLOWED = sorted(os.sched_getaffinity(0))
PATIENCE = 600  # seconds that a contender may take to answer
PEAK_SECONDS = 0.01
# Libraries whose products are OpenBLAS's: it shall choose its kernels by itself.
USERS_OF_OPENBLAS = ("numpy", "sklearn", "numba")


class WorkerError(Exception):
    """A contender that could not do what it was told to."""


def cpus_for(threads: int) -> list[int]:
    """The last ones: interrupts and other programs tend to the first."""
    return ALLOWED[-threads:]


def environment(name: str, threads: int) -> dict[str, str]:
    variables = dict(os.environ)
    for key in ("OMP", "MKL", "OPENBLAS", "CNNFS"):
        variables[f"{key}_NUM_THREADS"] = str(threads)
    if name in USERS_OF_OPENBLAS:
        variables.pop("OPENBLAS_CORETYPE", None)
        variables.pop("OPENBLAS_L2_SIZE", None)
    if name == "jax":
        variables["JAX_PLATFORMS"] = "cpu"
        if threads == 1:
            variables["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return variables


class Worker:
    """The process of one contender. It is stopped, with all its threads, except while it works."""

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads
        self.log = tempfile.TemporaryFile()  # noqa: SIM115  # close() closes it
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cpus_for(threads))  # inherited, so it holds from the first import
        try:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "worker.py"), name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                env=environment(name, threads),
            )
        finally:
            os.sched_setaffinity(0, before)

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        source, sink = self.process.stdout, self.process.stdin
        assert source is not None
        assert sink is not None
        self.process.send_signal(signal.SIGCONT)
        try:
            sink.write(json.dumps({"do": do, **values}).encode() + b"\n")
            sink.flush()
            if not select.select([source], [], [], PATIENCE)[0]:
                raise WorkerError(f"no answer within {PATIENCE} s")
            line = source.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            self.log.seek(0)
            last = self.log.read().decode(errors="replace").strip().splitlines()[-1:]
            raise WorkerError(f"ended with {self.process.wait()}: {''.join(last)}")
        self.process.send_signal(signal.SIGSTOP)
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.log.close()


@dataclass
class Pace:
    """How long to measure."""

    rounds: int  # of each contender
    seconds: float  # of a round
    long: float  # seconds for a contender whose calls are longer than a round
    least: int  # rounds, however long a call is

    def rounds_for(self, slowest: float) -> int:
        """The number of rounds, where the slowest contender takes so many seconds a call."""
        if slowest <= self.seconds:
            return self.rounds
        return max(self.least, min(self.rounds, round(self.long / slowest)))


QUICK = Pace(rounds=3, seconds=0.01, long=0.1, least=1)
FULL = Pace(rounds=40, seconds=0.03, long=4.0, least=5)


@dataclass
class Times:
    """Microseconds a call. Of calls under 10 us each sample is the mean of some that took 20."""

    samples: list[float] = field(default_factory=list)
    calls: int = 0

    @property
    def best(self) -> float:
        return min(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.samples)

    @property
    def p99(self) -> float:
        return sorted(self.samples)[math.ceil(0.99 * len(self.samples)) - 1]


Entry = tuple[str, int, str]  # contender, threads, key of its setup


class Crew:
    """The workers, each started when it is first needed and kept until the end."""

    def __init__(self, peers: list[str], pace: Pace) -> None:
        self.peers, self.pace = peers, pace
        self.workers: dict[tuple[str, int], Worker] = {}
        self.failures: dict[str, str] = {}  # of each contender the first

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers.values():
            worker.close()

    def ask(self, who: tuple[str, int], do: str, **values: Any) -> dict[str, Any] | None:
        """The answer; None if a peer failed, which is noted. cnnfs must not fail."""
        if who not in self.workers:
            self.workers[who] = Worker(*who)
        try:
            return self.workers[who].ask(do, **values)
        except WorkerError as error:
            if who[0] == "cnnfs":
                raise
            self.failures.setdefault(who[0], f"{do}, {who[1]} threads, {values}: {error}")
            self.workers.pop(who).close()
            return None

    def setup(self, entry: Entry, **task: Any) -> float | None:
        """Seconds of a call, or None where this contender can't do the task."""
        name, threads, key = entry
        answer = self.ask((name, threads), "setup", key=key, threads=threads, **task)
        seconds: float | None = (answer or {}).get("seconds")
        return seconds

    def race(
        self, names: list[str], threads: int, dtype: str, **task: Any
    ) -> tuple[dict[str, Times], float]:
        """The times of all that can do the task, and the peak in GFLOP/s of the same rounds."""
        slow: dict[Entry, float] = {}
        for name in names:
            entry = (name, threads, "race")
            if (seconds := self.setup(entry, dtype=dtype, **task)) is not None:
                slow[entry] = seconds
        rounds = self.pace.rounds_for(max(slow.values()))
        times, peak = self.run(list(slow), rounds, self.pace.seconds, (dtype, threads))
        return {name: taken for (name, _, _), taken in times.items()}, peak

    def run(
        self,
        entries: list[Entry],
        rounds: int,
        seconds: float,
        peak_of: tuple[str, int] | None = None,
    ) -> tuple[dict[Entry, Times], float]:
        """Rounds of all in turn, each time another one first. A peer that fails drops out."""
        times = {entry: Times() for entry in entries}
        peak = 0.0
        for turn in range(rounds):
            start = turn % len(entries)
            for entry in entries[start:] + entries[:start]:
                if entry in times and not self.round(entry, seconds, times[entry]):
                    del times[entry]
            if peak_of is not None:
                peak = max(peak, self.peak(*peak_of))
        return times, peak

    def round(self, entry: Entry, seconds: float, into: Times) -> bool:
        name, threads, key = entry
        answer = self.ask((name, threads), "round", key=key, seconds=seconds)
        if answer is None:
            return False
        into.samples += answer["samples"]
        into.calls += answer["calls"]
        return True

    def peak(self, dtype: str, threads: int) -> float:
        values = {"dtype": dtype, "threads": threads, "seconds": PEAK_SECONDS}
        answer = self.ask(("cnnfs", threads), "peak", **values)
        assert answer is not None
        peak: float = answer["peak"]
        return peak
