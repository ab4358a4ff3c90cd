"""Which machine and which versions the numbers are from."""

import os
import platform
import time
from pathlib import Path
from typing import Any

from cases import CONTENDERS
from race import ALLOWED, Crew
from report import Report


def cpu_fields() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def cpu_name() -> str:
    fields = cpu_fields()
    name = fields.get("model name") or platform.processor() or platform.machine()
    family, model = fields.get("cpu family"), fields.get("model")
    return f"{name} (family {family}, model {model})" if family and model else name


def caches() -> str:
    found = []
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((folder / n).read_text().strip() for n in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found)


def describe(report: Report, crew: Crew, peers: list[str]) -> str:
    """Print it; a short form for the chart."""
    versions: dict[str, str] = {}
    config: dict[str, Any] = {}
    for name in ["cnnfs", *peers]:
        answer = crew.ask((name, 1), "describe") or {}
        versions |= answer.get("versions", {})
        config |= answer.get("config", {})
    used = ", ".join(f"{part} {version}" for part, version in versions.items())
    missing = [CONTENDERS[name][0] for name in CONTENDERS if name not in ["cnnfs", *peers]]
    load = os.getloadavg()[0]
    report.heading("Machine")
    report.write(f"- CPU: {cpu_name()}, {len(ALLOWED)} allowed; caches of one: {caches()}")
    report.write(f"- Instruction set: {config['isa']}; built by {config['compiler']}")
    report.write(f"- System: {platform.system()} {platform.release()}")
    report.write(f"- Python {platform.python_version()}, {used}")
    if missing:
        report.write(f"- Left out: {', '.join(missing)}")
    report.write(f"- On {time.strftime('%Y-%m-%d')}; load average before the run: {load:.1f}")
    return f"{cpu_name()}, {config['isa']}, {time.strftime('%Y-%m-%d')}"
