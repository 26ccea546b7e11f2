"""Runs of the command line as forks of one process that has imported everything: see `tests.zygote`."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Order:
    """One run: its command line after `lrsync`, and its world. `hooks`: what the crash suite changes in it."""

    argv: list[str]
    environment: dict[str, str]
    folder: str
    out: str
    err: str
    hooks: dict[str, Any] | None = None


@dataclass
class Zygote:
    """The process that forks for each run; one run at a time."""

    process: subprocess.Popen[str]

    def run(self, order: Order, started: Callable[[int], None] = lambda pid: None) -> int:
        """Run one command; its exit code, or minus the signal that ended it. `started` is told its process id."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(order)) + "\n")
        self.process.stdin.flush()
        started(self._answer())
        return self._answer()

    def _answer(self) -> int:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process that forks has ended"
        return int(line)


@cache
def the_zygote() -> Zygote:
    """This test process's zygote, started when the first run asks for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.zygote"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, process)
    return Zygote(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
