"""Starts runs in processes of their own, kills them as planned, and says how they ended."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.crash.proxy import Moment, Proxy

ROOT = Path(__file__).parents[2]
KILLED = -int(signal.SIGKILL)


@dataclass(frozen=True)
class Kill:
    """When to kill: at a request, at a write to the manifest, or after a time; with none of them, never."""

    request: int = 0
    moment: Moment = Moment.BEFORE
    write: int = 0
    after: bool = False
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        """In words."""
        if self.request:
            return f"at a request: {self.moment.value}"
        if self.write:
            return f"at a write: {'after' if self.after else 'before'} it"
        return "at a random time"

    @classmethod
    def draw(cls, rng: random.Random, requests: int, writes: int, seconds: float) -> Kill:
        """A kill at a random point of a run that takes about so many requests, writes and seconds."""
        match rng.randrange(5):
            case 0 | 1:
                return cls(request=rng.randint(1, requests), moment=rng.choice(list(Moment)))
            case 2 | 3:
                return cls(write=rng.randint(1, writes), after=rng.random() < 0.5)
            case _:
                return cls(seconds=rng.uniform(0.01, seconds))


@dataclass
class Zygote:
    """The process that forks for each run."""

    process: subprocess.Popen[str]

    def run(self, argv: list[str], environment: dict[str, str], log: Path, proxy: Proxy, kill: Kill) -> int:
        """Run one command; its exit code, or minus the signal that ended it."""
        proxy.begin(kill_at=kill.request, moment=kill.moment)
        order = {"argv": argv, "environment": environment, "log": str(log), "write": kill.write, "after": kill.after}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        proxy.victim = self._answer()
        timer = threading.Timer(kill.seconds, proxy.kill) if kill.seconds else None
        if timer is not None:
            timer.start()
        code = self._answer()
        if timer is not None:
            timer.cancel()
            timer.join()
        proxy.settle()
        return code

    def _answer(self) -> int:
        stdout: IO[str] | None = self.process.stdout
        assert stdout is not None
        line = stdout.readline()
        assert line, "the process that forks has ended"
        return int(line)


@contextmanager
def zygote() -> Iterator[Zygote]:
    """A zygote, for as long as the context lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.zygote"],
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Zygote(process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
