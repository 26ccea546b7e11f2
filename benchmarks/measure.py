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
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Cost:
    """One run of one program, from start to end. Seconds and bytes."""

    cpu_s: float
    wall_s: float
    peak_bytes: int


_RUNNER = """
import json, os, sys, time
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
cost = usage.ru_utime + usage.ru_stime, time.monotonic() - began, usage.ru_maxrss * 1024
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), *cost], file)
"""
"""Starts a program from a process that is small: what starts it counts as its peak memory too, until it is replaced."""


def cost_of(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Cost:
    """Run it to its end. Raises RuntimeError, with what it said, where it fails."""
    told = log.with_name(f"{log.name}.cost")
    with log.open("wb") as out:
        runner = [sys.executable, "-I", "-S", "-c", _RUNNER, str(told), *command]
        subprocess.run(runner, env=dict(environment), stdout=out, stderr=out, stdin=subprocess.DEVNULL, check=True)
    code, *cost = json.loads(told.read_text())
    if code:
        raise RuntimeError(f"{command[0]} ended with {code}:\n{log.read_text(errors='replace')[-2000:]}")
    return Cost(*cost)


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
    """The medians, as a table for each case; the ratio is the CPU of the case's first program to the other's."""
    lines: list[str] = []
    for case, programs in table.items():
        own = next(iter(programs))
        mine = medians(programs[own])
        lines += [
            f"### {case}",
            "",
            f"| program | CPU s | wall s | peak MB | {own}'s CPU to it |",
            "|---|---|---|---|---|",
        ]
        for name, costs in programs.items():
            cost = medians(costs)
            figures = f"{cost.cpu_s:.2f} | {cost.wall_s:.2f} | {cost.peak_bytes / 1e6:.0f}"
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
    machine = {"system": platform.system(), "python": platform.python_version(), "cpus": os.cpu_count()}
    kept.write_text(json.dumps({"machine": machine, "runs": runs}, indent=1) + "\n")
    whole = {case: {p: [Cost(**c) for c in costs] for p, costs in programs.items()} for case, programs in runs.items()}
    (RESULTS / f"{name}.md").write_text(markdown(whole) + "\n")
