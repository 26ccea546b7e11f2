"""Copy a Lightroom catalog that another program may be writing to. Only reads beside the original.

Never through SQLite: a reader is refused while Lightroom holds its exclusive lock, may leave `-wal` and `-shm` behind,
and takes part in Lightroom's own locking. Instead the files are copied between two looks that must be the same:

- the `.lrcat`'s inode, size and times: what SQLite checkpoints or commits into it changes them;
- the first 32 bytes of the `-wal`, its header: they change when the log starts anew (sqlite.org/fileformat2.html,
  4.1). The log may grow meanwhile: what is torn at its end has no valid checksum, and SQLite leaves it out;
- a `-journal`'s size, times and header: a rollback needs all of it, just as the pages that it undoes;
- names, sizes and times of the data folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from lrsync.adapters.catalog_family import Family, data_files, family_of
from lrsync.core.filetypes import DATA_SUFFIX, LOG_SUFFIXES
from lrsync.core.ports import CatalogBusyError, CatalogStoppedError, RacedError

CHUNK_BYTES: Final = 4 << 20
HEADER_BYTES: Final = 32
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 2.0
FINE_SETTLE_S: Final = 0.05
"""Two writes within a kernel's tick (4 ms, on some systems 16) may show one time: a first look must be older."""
COARSE_SETTLE_S: Final = 2.1
"""FAT keeps two seconds."""
DATABASE: Final = "catalog.lrcat"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a quiet moment, in seconds; `wait` pauses, `monotonic` is a clock in seconds."""

    seconds: float
    wait: Callable[[float], object]
    monotonic: Callable[[], float]
    stopping: Callable[[], bool] = lambda: False


class Copied(NamedTuple):
    """A copy, not looked into yet. `family`: what was on the disk before it was begun."""

    database: Path
    data: Path | None
    family: Family


class _Note(NamedTuple):
    """What must be the same before and after."""

    inode: int
    main: tuple[int, int, int]
    wal_header: bytes
    journal: tuple[int, int, int, bytes] | None
    data: object


def guarded_copy(path: Path, to: Path, patience: Patience) -> Copied:
    """Copy the catalog with its logs and data folder into the empty folder `to`, as of one moment.

    Raises CatalogBusyError, CatalogStoppedError, FileNotFoundError, and OSError (of either disk).
    """
    began, pause = patience.monotonic(), FIRST_PAUSE_S
    while True:
        try:
            return _copy_once(path, to, patience)
        except RacedError:
            _empty(to)
        left = patience.seconds - (patience.monotonic() - began)
        if left <= 0:
            raise CatalogBusyError(f"no quiet moment in {patience.seconds:.0f} s")
        patience.wait(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _copy_once(path: Path, to: Path, patience: Patience) -> Copied:
    family = family_of(str(path))
    if family is None:
        raise FileNotFoundError(str(path))
    before = _note(str(path))
    patience.wait(_settle_s(family))
    if _note(str(path)) != before:
        raise RacedError(str(path))
    copied = _copy_files(path, to, family, patience.stopping)
    if _note(str(path)) != before:
        raise RacedError(str(path))
    return copied


def _settle_s(family: Family) -> float:
    """How long a look must stay true before the next write is bound to show."""
    return FINE_SETTLE_S if family.main.mtime_ns % 1_000_000_000 else COARSE_SETTLE_S


def _note(path: str) -> _Note:
    found = os.stat(path)
    return _Note(
        found.st_ino,
        (found.st_size, found.st_mtime_ns, found.st_ctime_ns),
        _head(f"{path}-wal"),
        _journal(f"{path}-journal"),
        data_files(path),
    )


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb", buffering=0) as file:
            return file.read(HEADER_BYTES)
    except FileNotFoundError:
        return b""


def _journal(path: str) -> tuple[int, int, int, bytes] | None:
    try:
        found = os.stat(path)
        return found.st_ino, found.st_size, found.st_mtime_ns, _head(path)
    except FileNotFoundError:
        return None


def _copy_files(path: Path, to: Path, family: Family, stopping: Callable[[], bool]) -> Copied:
    database = to / DATABASE
    _copy(path, database, stopping)
    # The log after the catalog: the other way round a checkpoint in between would be in neither.
    for suffix in LOG_SUFFIXES:
        try:
            _copy(Path(f"{path}{suffix}"), Path(f"{database}{suffix}"), stopping)
        except FileNotFoundError:
            continue
    if family.data is None:
        return Copied(database, None, family)
    data = to / (DATABASE + DATA_SUFFIX)
    data.mkdir()
    for file in family.data:
        target = data / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _copy(Path(f"{path}{DATA_SUFFIX}") / file.name, target, stopping)
        except FileNotFoundError:
            raise RacedError(file.name) from None
        os.utime(target, ns=(file.mtime_ns, file.mtime_ns))
    return Copied(database, data, family)


def _copy(source: Path, target: Path, stopping: Callable[[], bool]) -> None:
    with source.open("rb", buffering=0) as plain, target.open("wb", buffering=0) as out:
        while chunk := plain.read(CHUNK_BYTES):
            if stopping():
                raise CatalogStoppedError
            rest = memoryview(chunk)
            while rest:
                rest = rest[out.write(rest) :]


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
