"""What a walk of the source sees: folders, the facts of their files, and what could not be read. Values only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple


class ScannedFile(NamedTuple):
    """One file as the walk saw it. `ctime_ns` is 0 where the system has none that means change (Windows)."""

    name: str
    size: int
    mtime_ns: int
    ctime_ns: int


FileFacts = tuple[str, int, int, int]
"""A `ScannedFile` without its names: to make one costs three times as much, and a walk makes a million."""


class FileColumns(NamedTuple):
    """The facts of a directory's files, a column each: what is asked of all of them is asked of a column at once."""

    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    mtimes_ns: tuple[int, ...] = ()
    ctimes_ns: tuple[int, ...] = ()

    @classmethod
    def of(cls, files: Iterable[FileFacts]) -> FileColumns:
        """The columns of some files."""
        return cls(*zip(*files, strict=True))


class Stat(NamedTuple):
    """What a file's inode says: bytes, and times in nanoseconds since the epoch."""

    size: int
    mtime_ns: int
    ctime_ns: int


NO_FILES: Final = FileColumns()


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """Something the walk could not read: then it is unknown, never missing."""

    path: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ScannedDir:
    """One directory of the source. `path` is relative, '' for the root; its files are sorted by name.

    `complete` is False where anything in it could not be read: then nothing in it may be called missing.
    `colliding` names files whose S3 key another name in the source also has (NFC and NFD of one name).
    """

    path: str
    columns: FileColumns = NO_FILES
    complete: bool = True
    excluded: int = 0
    special: int = 0
    problems: tuple[ScanProblem, ...] = ()
    colliding: frozenset[str] = frozenset()

    @property
    def files(self) -> tuple[ScannedFile, ...]:
        """The files; made anew each time, for whoever looks at them one by one."""
        return tuple(map(ScannedFile, *self.columns))

    def with_files(self, files: Iterable[FileFacts]) -> ScannedDir:
        """The same directory with other files."""
        return replace(self, columns=FileColumns.of(files))
