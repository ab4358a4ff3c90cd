"""What more threads bring, what a busy neighbour costs, and many callers of one network."""

import os
import signal
import statistics
import subprocess
import sys
import time

from cases import LARGEST, Net, title
from race import ALLOWED, Crew, Entry, Times, cpus_for
from report import Report, number, verdict

SPEEDUP = 1.85  # with two threads, of the largest networks
NEVER_BELOW = 1 / 1.05  # of any other
BUSY = 2.2  # times the quiet time
CROWD = 0.95  # of the calls a second of a single caller
CALLERS = 8
# Around the size from which a second thread is woken.
CUT_OVER = (
    *(Net((784, 128, 128, 10), batch) for batch in (2, 4, 8, 16, 64)),
    *(Net((64, 256, 256, 8), batch) for batch in (4, 16, 64)),
    *(Net((4, 64, 64, 2), batch) for batch in (128, 512)),
)
BUSY_NETS = (
    Net((784, 128, 128, 10), 32),
    Net((512, 512, 512, 512), 32),
    Net((784, 512, 512, 10), 256),
    Net((1024, 1024, 1024, 1024), 1024),
)
CROWD_NET = Net((784, 128, 128, 10), 32)
SETTLE = 0.02  # seconds that the scheduler gets after the neighbour wakes up or stops


class Neighbour:
    """A process that does nothing and takes a whole processor for it, when woken."""

    def __init__(self, cpu: int) -> None:
        # It dies with this process (prctl 1 is PR_SET_PDEATHSIG), even when it is stopped.
        code = "import ctypes\nctypes.CDLL(None).prctl(1, 9)\nwhile True: pass"
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {cpu})
        try:
            self.process = subprocess.Popen([sys.executable, "-c", code])
        finally:
            os.sched_setaffinity(0, before)
        time.sleep(0.2)
        self.busy(False)

    def busy(self, wish: bool) -> None:
        self.process.send_signal(signal.SIGCONT if wish else signal.SIGSTOP)
        time.sleep(SETTLE)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def measure_threads(
    report: Report, crew: Crew, nets: list[Net], dtypes: list[str], threads: int
) -> None:
    if len(ALLOWED) < 2:
        report.heading("Threads")
        report.write("One processor only: not measured.")
        return
    threads = min(max(threads, 2), len(ALLOWED))
    sizes = [*nets, *(net for net in CUT_OVER if any(net.widths == n.widths for n in nets))]
    for dtype in dtypes:
        measure_speedup(report, crew, sizes, dtype, threads)
    measure_busy(report, crew, [net for net in BUSY_NETS if net.widths in widths(nets)], threads)
    if CROWD_NET.widths in widths(nets):
        measure_crowd(report, crew, threads)


def widths(nets: list[Net]) -> set[tuple[int, ...]]:
    return {net.widths for net in nets}


def task(net: Net, dtype: str) -> dict[str, object]:
    return {"kind": "network", "widths": net.widths, "batch": net.batch, "dtype": dtype}


def measure_speedup(report: Report, crew: Crew, nets: list[Net], dtype: str, threads: int) -> None:
    report.heading(f"cnnfs with {threads} threads beside 1 thread, {dtype}")
    report.write("Times in microseconds a call. Speed-up: best / best and median / median.\n")
    rows = []
    for net in nets:
        print(f"... {net.label}, {dtype}, 1 and {threads} threads", file=sys.stderr, flush=True)
        entries: list[Entry] = [("cnnfs", 1, "speedup"), ("cnnfs", threads, "speedup")]
        slow = [crew.setup(entry, **task(net, dtype)) or 0 for entry in entries]
        rounds = crew.pace.rounds_for(max(slow))
        times, _ = crew.run(entries, rounds, crew.pace.seconds)
        one, more = (times[entry] for entry in entries)
        for number_of_threads, taken in ((1, one), (threads, more)):
            report.record(("threads", net.label, dtype, number_of_threads), "cnnfs", taken)
        target = SPEEDUP if threads == 2 and net in LARGEST else NEVER_BELOW
        speedup = one.best / more.best
        rows.append(
            [
                net.label,
                *(number(value) for value in (one.best, one.median, more.best, more.median)),
                *(f"{value:.2f}" for value in (speedup, one.median / more.median, target)),
                verdict(speedup >= target),
            ]
        )
    headers = ["net", "1 thread: best", "median", f"{threads} threads: best", "median"]
    report.table([*headers, "speed-up", "by median", "target", "met"], rows)


def measure_busy(report: Report, crew: Crew, nets: list[Net], threads: int) -> None:
    cpu = cpus_for(threads)[-1]
    report.heading(f"{threads} threads while another process is busy on one of their processors")
    report.write(
        "Microseconds a call, float32; quiet and busy rounds alternate. The target is for cnnfs,\n"
        "for the worse of the two ratios busy / quiet, of medians and of means.\n"
    )
    rows = []
    neighbour = Neighbour(cpu)
    try:
        for net in nets:
            print(f"... {net.label}, busy neighbour", file=sys.stderr, flush=True)
            for name, (quiet, busy) in quiet_and_busy(crew, neighbour, net, threads).items():
                report.record(("busy: quiet rounds", net.label, "float32", threads), name, quiet)
                report.record(("busy: busy rounds", net.label, "float32", threads), name, busy)
                ratios = busy.median / quiet.median, busy.mean / quiet.mean
                ours = name == "cnnfs"
                rows.append(
                    [
                        net.label,
                        title(name),
                        *(number(value) for value in (quiet.median, busy.median, busy.p99)),
                        *(f"{ratio:.2f}" for ratio in ratios),
                        f"{BUSY:.1f}" if ours else "-",
                        verdict(max(ratios) <= BUSY if ours else None),
                    ]
                )
    finally:
        neighbour.close()
    headers = ["net", "library", "quiet median", "busy median", "busy p99"]
    report.table([*headers, "medians", "means", "target", "met"], rows, texts=2)


def quiet_and_busy(
    crew: Crew, neighbour: Neighbour, net: Net, threads: int
) -> dict[str, tuple[Times, Times]]:
    slow: dict[Entry, float] = {}
    for name in ["cnnfs", *crew.peers]:
        entry = (name, threads, "busy")
        if (seconds := crew.setup(entry, **task(net, "float32"))) is not None:
            slow[entry] = seconds
    # Longer rounds than elsewhere: the scheduler deals out milliseconds.
    seconds = 5 * crew.pace.seconds
    rounds = max(1, crew.pace.rounds_for(max(slow.values())) // 4)
    results = {entry: (Times(), Times()) for entry in slow}
    for _ in range(rounds):
        for busy in (False, True):
            neighbour.busy(busy)
            for entry in list(results):
                if not crew.round(entry, seconds, results[entry][busy]):
                    del results[entry]
        neighbour.busy(False)
    return {name: pair for (name, _, _), pair in results.items()}


def measure_crowd(report: Report, crew: Crew, threads: int) -> None:
    net = CROWD_NET
    report.heading(f"{CALLERS} Python threads that call one network")
    report.write(
        f"{net.label}, float32, {threads} threads; calls a second, best and median of the rounds.\n"
    )
    print(f"... {net.label}, {CALLERS} callers", file=sys.stderr, flush=True)
    crew.setup(("cnnfs", threads, "crowd"), **task(net, "float32"))
    rates: dict[int, list[float]] = {1: [], CALLERS: []}
    seconds = 5 * crew.pace.seconds
    for _ in range(crew.pace.rounds):
        for callers, found in rates.items():
            values = {"key": "crowd", "callers": callers, "seconds": seconds}
            answer = crew.ask(("cnnfs", threads), "crowd", **values)
            assert answer is not None
            found.append(answer["rate"])
    best = {callers: max(found) for callers, found in rates.items()}
    median = {callers: statistics.median(found) for callers, found in rates.items()}
    for callers in rates:
        where = ("crowd", f"{net.label}, {callers} callers", "float32", threads)
        report.record(
            where,
            "cnnfs",
            best_calls_per_s=best[callers],
            median_calls_per_s=median[callers],
        )
    rows = [
        [
            kind,
            *(number(rate[callers], 4) for callers in rates),
            f"{rate[CALLERS] / rate[1]:.2f}",
            f"{CROWD:.2f}",
            verdict(rate[CALLERS] >= CROWD * rate[1]),
        ]
        for kind, rate in (("best", best), ("median", median))
    ]
    headers = ["", "1 caller", f"{CALLERS} callers", "ratio", "target", "met"]
    report.table(headers, rows)
