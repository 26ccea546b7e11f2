"""A file that is fetched in ranges, and the note beside it that says which are there. Fetches nothing, hashes nothing.

Both have fixed names in the target's folder, so that the next run finds them. The note is not synced before the
bytes that it speaks of: after a power cut it may promise too much, and only the hash of the whole file is believed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from lrsync.adapters.folders import Folder, numbered
from lrsync.adapters.leftovers import TEMPORARY, hold
from lrsync.core.download import PartialNote, decode_note, encode_done, encode_note
from lrsync.core.keys import join_path, split_path
from lrsync.core.ports import Damaged, Placed, Placing

PARTIAL: Final = f"{TEMPORARY}part-"
"""Begins as temporary files do: the default rules leave it out."""
_MOST_NOTE_BYTES: Final = 8 << 20


def part_name(name: str) -> str:
    """What the file of this name is called while it is put together."""
    return f"{PARTIAL}{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


class PartFile:
    """One file that is being put together: a `core.ports.PartialFile`. Any thread may write."""

    def __init__(self, at: Folder, path: str, place: Callable[[str, Placing], Placed]) -> None:
        """`at` is the folder of the relative path; `place` gives the finished file its name there."""
        self._at, self._place = at, place
        self._folder, self._name = split_path(path)
        self._part = part_name(self._name)
        self._note = f"{self._part}.note"
        self._lock = threading.Lock()
        self._closed = False
        self._data = at.open_own(self._part)
        try:
            hold(self._data)  # Raises BlockingIOError where another lrsync is at this file.
            self._log = at.open_own(self._note)
        except BaseException:
            os.close(self._data)
            raise

    def __enter__(self) -> PartFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both files; they stay, for the next run, unless they were finished or dropped."""
        with self._lock:
            self._closed = True
        os.close(self._data)
        os.close(self._log)

    def known(self) -> tuple[PartialNote, frozenset[int]] | None:
        """What an earlier run left: what it is of, and the numbers of the ranges that are there."""
        os.lseek(self._log, 0, os.SEEK_SET)
        found = decode_note(_read(self._log, _MOST_NOTE_BYTES))
        if found is None:
            return None
        # A line that a kill cut off would put all that follow it out of step.
        os.ftruncate(self._log, found.length)
        os.lseek(self._log, 0, os.SEEK_END)
        there = os.fstat(self._data).st_size
        if there > found.note.size:
            # A power cut may have kept the note of this object, and not that the bytes of a longer one were cut off.
            os.ftruncate(self._data, found.note.size)
        # Not by listing its ranges: a planted note may speak of an object of 10^18 bytes.
        return found.note, frozenset(number for number in found.done if found.note.end_of(number) <= there)

    def begin(self, note: PartialNote) -> None:
        """Start from nothing."""
        # Not made as long as it will be: FAT and exFAT would write all of it, in zeros, first.
        for handle in (self._log, self._data):
            os.ftruncate(handle, 0)
        os.lseek(self._log, 0, os.SEEK_SET)
        _write(self._log, encode_note(note))

    def write_at(self, offset: int, data: bytes) -> None:
        """Put bytes where they belong."""
        with self._writing():
            os.lseek(self._data, offset, os.SEEK_SET)
            _write(self._data, data)

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes that are there; fewer where the file ends."""
        with self._writing():
            os.lseek(self._data, offset, os.SEEK_SET)
            return os.read(self._data, length)

    def mark(self, number: int) -> None:
        """This range is there, whole."""
        with self._writing():
            _write(self._log, encode_done(number))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A thread that was left behind must not write into whatever got the descriptor's number after this file."""
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF), self._name)
            yield

    def finish(self, placing: Placing) -> Placed:
        """Give the file its time and its name. Raises as `TargetFolder.write`."""
        self._settle(placing.mtime_ns)
        # Before the name is given: killed in between, the next run finds no note that nobody would clear away.
        self._at.drop(self._note)
        try:
            return self._place(self._part, placing)
        except FileExistsError:
            self._at.drop(self._part)  # without a note it is of no use to the next run
            raise

    def keep_damaged(self, mtime_ns: int) -> Damaged:
        """Keep what came beside the file's place."""
        self._settle(mtime_ns)
        self._at.drop(self._note)
        kept = self._at.keep(self._part, lambda number: numbered(self._name, ".damaged", number))
        self._at.drop(self._part)
        return Damaged(join_path(self._folder, kept))

    def drop(self) -> None:
        """Throw it away."""
        self._at.drop(self._note)
        self._at.drop(self._part)

    def _settle(self, mtime_ns: int) -> None:
        self._at.settle(self._data, mtime_ns, self._mode())
        self._at.set_time(self._part, mtime_ns)

    def _mode(self) -> int:
        """The permissions of the file that is there; else those of any new file."""
        mode = self._at.mode(self._name)
        return 0o666 & ~_UMASK if mode is None else mode


def _current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK: Final = _current_umask()
"""Read once, when this is imported: to read it is to set it for a moment, for all threads."""


def _read(handle: int, most: int) -> bytes:
    found = bytearray()
    while len(found) < most and (chunk := os.read(handle, 1 << 16)):
        found += chunk
    return bytes(found)


def _write(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
