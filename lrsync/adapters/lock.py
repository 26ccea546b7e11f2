"""One run at a time on a library: an operating system's lock beside the manifest, and who holds it.

The lock is the system's own and ends with its process, however that ends. The holder's facts lie in a file of
their own, since a lock's file may be cut to nothing by whoever tries it; they are told to people and decide nothing.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrsync.adapters.sqlite import side_file, translating
from lrsync.errors import LockedError, ManifestError

if TYPE_CHECKING:
    from lrsync.core.ports import Clock


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. `since` in nanoseconds since the epoch."""

    pid: int
    host: str
    command: str
    since: int

    def __str__(self) -> str:
        since = datetime.fromtimestamp(self.since // 1_000_000_000).astimezone()
        return f"{self.command} (process {self.pid} on {self.host}), since {since:%Y-%m-%d %H:%M:%S %Z}"


@contextmanager
def library_lock(manifest_path: Path, *, command: str = "lrsync", clock: Clock = time.time_ns) -> Iterator[None]:
    """Hold the library's lock. Does not wait: raises LockedError, which says who holds it and since when.

    Raises ManifestError where there can be no lock: a folder that is read-only, a file system without locks.
    """
    import filelock

    facts = side_file(manifest_path, ".lock-holder")
    lock = filelock.FileLock(side_file(manifest_path, ".lock"), timeout=0, mode=0o600, thread_local=False)
    with translating(manifest_path):
        manifest_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise _locked(facts, manifest_path) from None
        except NotImplementedError:
            raise _no_locks(manifest_path) from None
    try:
        with translating(manifest_path):
            _write_holder(facts, Holder(os.getpid(), socket.gethostname(), command, clock()))
        yield
    finally:
        # Before the release: afterwards the file may be the next holder's.
        facts.unlink(missing_ok=True)
        lock.release()


def find_holder(manifest_path: Path, *, clock: Clock = time.time_ns) -> Holder | None:
    """Who holds the library's lock now; None for nobody. Takes the lock for a moment where its holder may be dead.

    Raises ManifestError where there can be no lock.
    """
    holder = _read_holder(side_file(manifest_path, ".lock-holder"))
    if holder is None:
        # Not even tried: a nightly run that starts in this moment must find it free.
        return None
    try:
        with library_lock(manifest_path, command="lrsync doctor", clock=clock):
            return None
    except LockedError:
        return holder


def _locked(facts: Path, manifest_path: Path) -> LockedError:
    holder = _read_holder(facts)
    who = "by another run" if holder is None else f"by {holder}"
    return LockedError(
        f"this library is in use {who}",
        hint="wait until it ends; if it hangs, end that process, and its lock goes with it",
        path=str(manifest_path),
    )


def _no_locks(manifest_path: Path) -> ManifestError:
    hint = "choose a place on a local disk with --manifest"
    return ManifestError("the manifest's file system has no locks", hint=hint, path=str(manifest_path))


def _write_holder(facts: Path, holder: Holder) -> None:
    part = side_file(facts, ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(holder), file)
    part.replace(facts)


def _read_holder(facts: Path) -> Holder | None:
    """The holder's facts; None where they are not written yet, or not readable as such."""
    try:
        found: Any = json.loads(facts.read_text(encoding="utf-8"))
        return Holder(int(found["pid"]), str(found["host"]), str(found["command"]), int(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
