"""The files that make up one Lightroom catalog, and when they last changed. Stats only; opens no file.

A catalog is `X.lrcat` with, while it is open or after a crash, `X.lrcat-wal` or `X.lrcat-journal`; from version 11 on
`X.lrcat-data/` belongs to it, a RocksDB folder with masks and pixels that exist nowhere else.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from lrsync.adapters.listing import GONE
from lrsync.adapters.longpath import facts_of
from lrsync.core.filetypes import DATA_SUFFIX, LOG_SUFFIXES
from lrsync.core.scan import Stat

_STAMP_BYTES: Final = 7


class DataFile(NamedTuple):
    """One file of the data folder: its path in there, size in bytes and mtime in nanoseconds."""

    name: str
    size: int
    mtime_ns: int


class Family(NamedTuple):
    """A catalog and its companions, as the disk shows them."""

    main: Stat
    logs: tuple[tuple[str, Stat], ...] = ()
    data: tuple[DataFile, ...] | None = None

    @property
    def stat(self) -> Stat:
        """One stat for the whole: the catalog's own size, the newest mtime, and a stamp in the ctime's place.

        The stamp is a digest of every fact here, and negative, so that it is never taken for a time: whatever changes
        in the family makes it another one, though the `.lrcat` itself may stay as it is for hours (WAL).
        """
        times = [self.main.mtime_ns, *(log.mtime_ns for _, log in self.logs), *(f.mtime_ns for f in self.data or ())]
        digest = hashlib.blake2b(repr(self).encode("utf-8", "surrogateescape"), digest_size=_STAMP_BYTES).digest()
        return Stat(self.main.size, max(times), -1 - int.from_bytes(digest, "big"))


def family_of(path: str) -> Family | None:
    """The catalog at this absolute path; None where there is no regular file. Raises OSError."""
    main = _regular(path)
    if main is None:
        return None
    logs = ((suffix, _regular(path + suffix)) for suffix in LOG_SUFFIXES)
    # An empty log holds nothing: Lightroom leaves such ones behind, and comes to take them away.
    return Family(main, tuple((s, log) for s, log in logs if log is not None and log.size), data_files(path))


def data_files(path: str) -> tuple[DataFile, ...] | None:
    """What lies in the catalog's data folder, by name; None where it has none. Raises OSError.

    Without RocksDB's lock and its logs of what it did (LOG, LOG.old.*): they change while nothing else does.
    """
    folder = path + DATA_SUFFIX
    try:
        entries = os.scandir(folder)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    return tuple(sorted(_files_in(entries, "")))


def _files_in(entries: Iterator[os.DirEntry[str]], below: str) -> Iterator[DataFile]:
    # What goes while it is listed is as if it had gone before: RocksDB takes files away all the time.
    for entry in list(entries):
        name = f"{below}{entry.name}"
        with suppress(FileNotFoundError):
            if entry.is_dir(follow_symlinks=False):
                yield from _files_in(os.scandir(entry.path), f"{name}/")
            elif entry.is_file(follow_symlinks=False) and not is_noise(entry.name):
                found = entry.stat(follow_symlinks=False)
                yield DataFile(name, found.st_size, found.st_mtime_ns)


def is_noise(name: str) -> bool:
    """Whether RocksDB can do without this file of its folder."""
    return name == "LOCK" or name == "LOG" or name.startswith("LOG.")


def _regular(path: str) -> Stat | None:
    try:
        found = os.lstat(path)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    return facts_of(found) if stat.S_ISREG(found.st_mode) else None
