"""What a library costs before it computes: import, memory, threads, disk."""

import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from cases import CONTENDERS, title
from race import Crew, cpus_for, environment
from report import Report, number, verdict

MODULES = {"sklearn": "sklearn.neural_network", "litert": "ai_edge_litert.interpreter"}
TARGETS = {"ms": 10.0, "MiB": 2.0, "threads": 0.0}
MIB = 1 << 20

# Runs in a new process: what the second import adds to the first, NumPy's.
PROBE = """
import json, os, re, sys, time

def state():
    with open("/proc/self/status") as file:
        resident = int(re.search(r"VmRSS:\\s+(\\d+)", file.read())[1]) / 1024
    return time.perf_counter(), resident, len(os.listdir("/proc/self/task"))

start = state()
import numpy
middle = state()
__import__(sys.argv[1])
end = state()
for before, after in ((start, middle), (middle, end)):
    print(json.dumps([(after[0] - before[0]) * 1e3, after[1] - before[1], after[2] - before[2]]))
"""


def probe(name: str) -> list[list[float]]:
    """Milliseconds, MiB and threads that NumPy adds, and what the library then adds."""
    # All processors: a library that starts its threads at import shall show it.
    variables = environment(name, 1)
    for key in [key for key in variables if key.endswith("_NUM_THREADS")]:
        del variables[key]
    module = MODULES.get(name, name)
    command = [sys.executable, "-c", PROBE, module]
    run = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()[-2:]]


def measure_footprint(report: Report, crew: Crew, wheels: Path) -> None:
    names = ["cnnfs", *(name for name in crew.peers if name != "numpy")]
    report.heading("Footprint")
    report.write(
        "What an import adds to `import numpy`, each time in a new process: best and median of\n"
        "the time, median of the resident memory, threads. Installed: the files of the\n"
        "distributions named, without what else they need.\n"
    )
    print("... footprint", file=sys.stderr, flush=True)
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, before | set(cpus_for(2)))
    found: dict[str, list[list[float]]] = {name: [] for name in ["numpy", *names]}
    try:
        for turn in range(max(3, crew.pace.rounds // 2)):
            for name in list(found)[1:]:
                try:
                    base, added = probe(name)
                except subprocess.CalledProcessError as error:
                    crew.failures.setdefault(name, f"import: {error.stderr.strip()[-200:]}")
                    continue
                if turn:  # the first time reads the files from the disk
                    found["numpy"].append(base)
                    found[name].append(added)
    finally:
        os.sched_setaffinity(0, before)
    rows = [row(report, name, values) for name, values in found.items() if values]
    headers = ["library", "distributions", "import ms: best", "median", "MiB resident", "threads"]
    report.table([*headers, "MiB installed", "met"], rows, texts=2)
    report.write(
        f"Targets for cnnfs: at most {TARGETS['ms']:g} ms, {TARGETS['MiB']:g} MiB resident, "
        f"{TARGETS['threads']:g} threads.\n"
    )
    report.write(wheel_size(report, wheels))


def row(report: Report, name: str, values: list[list[float]]) -> list[str]:
    times, memory, threads = zip(*values, strict=True)
    parts = CONTENDERS[name][1] if name != "numpy" else ("numpy",)
    size = sum(map(installed_bytes, parts)) / MIB
    resident = statistics.median(memory)
    report.record(
        ("footprint", "import", "-", 0),
        name,
        import_best_ms=min(times),
        import_median_ms=statistics.median(times),
        resident_mib=resident,
        threads_created=max(threads),
        installed_mib=size,
    )
    met = (
        min(times) <= TARGETS["ms"]
        and resident <= TARGETS["MiB"]
        and max(threads) <= TARGETS["threads"]
    )
    return [
        title(name) + (" (over nothing)" if name == "numpy" else ""),
        ", ".join(parts),
        *(number(value) for value in (min(times), statistics.median(times), resident)),
        f"{max(threads):.0f}",
        number(size),
        verdict(met if name == "cnnfs" else None),
    ]


def installed_bytes(distribution: str) -> int:
    """Of an editable install only what was copied."""
    try:
        files = importlib.metadata.files(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return 0
    paths = (Path(str(file.locate())) for file in files)
    return sum(path.stat().st_size for path in paths if path.is_file())


def wheel_size(report: Report, folder: Path) -> str:
    wheels = sorted(folder.glob("cnnfs-*.whl"), key=lambda path: path.stat().st_mtime)
    if not wheels:
        return "Wheel: none found. `pip wheel --no-deps --wheel-dir dist .` builds one."
    size = wheels[-1].stat().st_size
    report.record(("footprint", "wheel", "-", 0), "cnnfs", wheel_bytes=size)
    return f"Wheel: {wheels[-1].name}, {size:,} bytes."
