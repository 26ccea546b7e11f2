"""Run the system's own programs. Never through a shell, never for longer than told."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Final

from lrsync.core.schedule import Command, Ran

Runner = Callable[[Command], Ran]

TIMEOUT_S: Final = 30


def run_program(command: Command) -> Ran:
    """Run it to its end, at most for 30 s, with its messages in English. Never raises for a program that fails."""
    try:
        done = subprocess.run(
            command.argv,
            input=command.stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return Ran(-1, err=f"{command.argv[0]} did not answer within {TIMEOUT_S} s")
    except OSError as error:
        return Ran(-1, err=f"{command.argv[0]} cannot be run: {error.strerror}")
    return Ran(done.returncode, done.stdout, done.stderr)
