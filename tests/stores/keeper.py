"""Runs one server for as long as a test process wants it: `python keeper.py FOLDER`.

FOLDER/spec.json has the command and its environment. Every user holds a lock on a file in FOLDER/users; the system
drops it however the process ends, so that a killed test run leaves no server behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.2


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[IO[str] | None]:
    """Hold the lock on `path`; None where it is taken and `wait` is False."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield None
            return
        yield file


def wanted(folder: Path) -> bool:
    """Whether any user's lock is held."""
    for path in (folder / "users").iterdir():
        with locked(path, wait=False) as lock:
            if lock is None:
                return True
    return False


def keep(folder: Path) -> None:
    """Start the server and end it with its last user."""
    spec = json.loads((folder / "spec.json").read_text())
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            spec["command"],
            env=spec["environment"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "started").touch()
    try:
        while server.poll() is None:
            time.sleep(POLL_SECONDS)
            if not wanted(folder):
                _end(server, folder)
        (folder / "ended").write_text(str(server.returncode))
    except FileNotFoundError:  # the last user threw the whole folder away
        _kill(server)


def _end(server: subprocess.Popen[bytes], folder: Path) -> None:
    # Who joins does so under this lock: either they come before, or they find no server and start one.
    with locked(folder / "start.lock", wait=False) as lock:
        if lock is not None and not wanted(folder):
            _kill(server)
            (folder / "ready").unlink(missing_ok=True)
            shutil.rmtree(folder / "data", ignore_errors=True)


def _kill(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        # SIGKILL: SeaweedFS takes 17 s to end when asked.
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def main() -> None:
    """Detach, so that neither a Ctrl-C nor a worker's end reaches the server first."""
    if os.fork():
        os._exit(0)
    os.setsid()
    keep(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
