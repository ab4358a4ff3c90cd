"""One contender in a process of its own. race.py starts it and sends it commands, one a line."""

import contextlib
import ctypes
import gc
import importlib.metadata
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise, repeat
from typing import Any

from cases import CONTENDERS, Array, Task
from contenders import MAKERS, Call
from trainers import TRAINERS, Train, TrainingTask

NAME = sys.argv[1]
SHORT, SAMPLE = 10e-6, 20e-6  # calls under 10 us are timed in batches of about 20 us

tasks: dict[str, tuple[Call, Array, int]] = {}  # what to call, on what, how often for one sample
trainings: dict[str, Train] = {}


def setup(key: str, **task_fields: Any) -> dict[str, Any]:
    task = Task(**{**task_fields, "widths": tuple(task_fields["widths"])})
    tasks.pop(key, None)
    trainings.pop(key, None)
    call = MAKERS[NAME](task)
    if call is None:
        return {"supported": False}
    x = task.x
    task.check(call(x))
    taken = [measure(call, x, 1)]
    while len(taken) < 5 or (sum(taken) < 0.02 and len(taken) < 1000):
        if sum(taken) > 0.2:
            break
        taken.append(measure(call, x, 1))
    seconds = min(taken)
    count = 1
    if seconds < SHORT:  # one short call cannot be timed: the clock itself takes time
        seconds = min(measure(call, x, 100) for _ in range(5))
        count = max(1, round(SAMPLE / seconds))
    tasks[key] = call, x, count
    return {"supported": True, "seconds": seconds}


def measure(call: Call, x: Array, count: int) -> float:
    start = time.perf_counter()
    for _ in repeat(None, count):
        call(x)
    return (time.perf_counter() - start) / count


def run_round(key: str, seconds: float) -> dict[str, Any]:
    """Times of a call in microseconds, for so long. Before it a few calls that warm the caches."""
    if key in trainings:
        return run_training(trainings[key], seconds)
    call, x, count = tasks[key]
    clock = time.perf_counter
    begin = clock()
    while clock() - begin < 0.1 * seconds:
        call(x)
    begin = clock()
    samples = []
    while True:
        taken = measure(call, x, count)
        samples.append(taken * 1e6)
        if clock() - begin >= seconds:
            return {"samples": samples, "calls": count * len(samples)}


def setup_training(key: str, epochs: int, **task_fields: Any) -> dict[str, Any]:
    """Train for so many epochs: seconds of the last ones, and the loss of the very last."""
    task = TrainingTask(**{**task_fields, "widths": tuple(task_fields["widths"])})
    trainings.pop(key, None)
    train, how = TRAINERS[NAME](task)
    stamps: list[tuple[float, float]] = []

    def after(loss: float) -> bool:
        stamps.append((time.perf_counter(), loss))
        return len(stamps) == epochs

    train(after)
    trainings[key] = train
    seconds = min(b - a for (a, _), (b, _) in pairwise(stamps))
    return {"how": how, "seconds": seconds, "loss": stamps[-1][1]}


def run_training(train: Train, seconds: float) -> dict[str, Any]:
    """Times of an epoch in microseconds, for so long, from the second one on."""
    stamps: list[float] = []

    def after(_: float) -> bool:
        stamps.append(time.perf_counter())
        return len(stamps) > 1 and stamps[-1] - stamps[0] >= seconds

    train(after)
    samples = [(b - a) * 1e6 for a, b in pairwise(stamps)]
    return {"samples": samples, "calls": len(samples)}


def together(callers: int, function: Callable[[], float]) -> list[float]:
    """What the function returns in each of so many Python threads that start at the same time."""
    ready, results = threading.Barrier(callers), []

    def run() -> None:
        ready.wait()
        results.append(function())

    threads = [threading.Thread(target=run) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def crowd(key: str, callers: int, seconds: float) -> dict[str, Any]:
    """Calls a second of so many Python threads that call one network."""
    call, x, _ = tasks[key]

    def rate() -> float:
        begin, calls = time.perf_counter(), 0
        while (taken := time.perf_counter() - begin) < seconds:
            call(x)
            calls += 1
        return calls / taken

    return {"rate": sum(together(callers, rate))}


def peak(dtype: str, threads: int, seconds: float) -> dict[str, Any]:
    """GFLOP/s of so many threads that do nothing but fused multiply-adds."""
    from cnnfs import _cnnfs_core as core

    if threads == 1:
        return {"peak": core.fma_peak(dtype, seconds)}
    return {"peak": sum(together(threads, lambda: core.fma_peak(dtype, seconds)))}


def describe() -> dict[str, Any]:
    versions = {part: importlib.metadata.version(part) for part in CONTENDERS[NAME][1]}
    if NAME != "cnnfs":
        return {"versions": versions}
    import cnnfs

    with contextlib.redirect_stdout(io.StringIO()):
        config = cnnfs.show_config()
    return {"versions": versions, "config": config}


def main() -> None:
    set_parent_death_signal = 1  # of prctl: a process that is stopped must not be left behind
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is not an answer
    commands: dict[str, Callable[..., dict[str, Any]]] = {
        "setup": setup,
        "setup_training": setup_training,
        "round": run_round,
        "crowd": crowd,
        "peak": peak,
        "describe": describe,
    }
    gc.disable()
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer = commands[message.pop("do")](**message)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
