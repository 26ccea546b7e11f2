"""Everything that is known of a library at one time, in a private database that is thrown away: a `core.ports.Shelf`.

On the disk, since the versions of 2,000,000 files do not fit in memory, and sorted, since listings are not.
Standard library only; never the manifest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from lrsync.adapters.sqlite import from_int, from_text, to_int, to_text, translating
from lrsync.core.timeline import FileVersion, PathState, Place, Recorded

_CHUNK: Final = 1000
_VERSION_COLUMNS: Final = "path, key, version_id, size, etag, since, until, place, class, sha256, mtime"
_SCHEMA: Final = f"""
CREATE TABLE seen ({_VERSION_COLUMNS});
CREATE TABLE chosen ({_VERSION_COLUMNS}, PRIMARY KEY (path)) WITHOUT ROWID;
CREATE TABLE facts (path PRIMARY KEY, size, etag, version_id, sha256, mtime, uploaded) WITHOUT ROWID;
"""
_MARKS: Final = ", ".join("?" * 11)
_STATES: Final = """
SELECT path, 0, key, version_id, size, etag, since, until, place, class, sha256, mtime FROM seen
UNION ALL SELECT path, 1, NULL, version_id, size, etag, uploaded, NULL, NULL, NULL, sha256, mtime FROM facts
ORDER BY 1, 2
"""


class FileShelf:
    """One private database. One thread at a time."""

    def __init__(self, path: Path) -> None:
        """`path` must not be there yet; who calls removes it."""
        self._path = path
        with translating(path):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # What is in it is found again by listing: neither a journal nor a sync is worth its time.
            self._connection.execute("PRAGMA journal_mode = OFF")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.executescript(_SCHEMA)

    def __enter__(self) -> FileShelf:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def add(self, versions: Iterable[FileVersion]) -> None:
        """Keep versions that listings told of."""
        self._insert(f"INSERT INTO seen VALUES ({_MARKS})", map(_encode, versions))

    def add_facts(self, facts: Iterable[tuple[str, Recorded]]) -> None:
        """Keep what a snapshot recorded, by path."""
        rows = (
            (to_text(path), fact.size, fact.etag, fact.version_id, fact.sha256, to_int(fact.mtime_ns), fact.uploaded_ns)
            for path, fact in facts
        )
        self._insert("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def choose(self, versions: Iterable[FileVersion]) -> None:
        """Keep what was found to be a path's content at that time."""
        self._insert(f"INSERT OR REPLACE INTO chosen VALUES ({_MARKS})", map(_encode, versions))

    def _insert(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        remaining = iter(rows)
        while chunk := list(islice(remaining, _CHUNK)):
            with translating(self._path):
                self._connection.execute("BEGIN")
                self._connection.executemany(statement, chunk)
                self._connection.execute("COMMIT")

    def states(self, recorded_ns: int | None) -> Iterator[PathState]:
        """Everything that is known, path by path."""
        with translating(self._path):
            rows = self._connection.execute(_STATES)
            for path, group in groupby(rows, key=lambda row: row[0]):
                versions, fact = [], None
                for row in group:
                    if row[1]:
                        fact = Recorded(row[4], row[5], row[3], row[10], from_int(row[11]), row[6])
                    else:
                        versions.append(_decode((path, *row[2:])))
                yield PathState(from_text(path), tuple(versions), fact, recorded_ns)

    def chosen(self, folder: str | None = None) -> Iterator[FileVersion]:
        """What was chosen, by path; with `folder` ('' is the root) only of the files directly in it."""
        query, parameters = f"SELECT {_VERSION_COLUMNS} FROM chosen", tuple[str | bytes, ...]()
        if folder:
            # '0' is the character after '/': all that lies below the folder lies between the two.
            query, parameters = f"{query} WHERE path > ? AND path < ?", (to_text(f"{folder}/"), to_text(f"{folder}0"))
        depth = 0 if not folder else len(folder) + 1
        with translating(self._path):
            for row in self._connection.execute(f"{query} ORDER BY path", parameters):
                version = _decode(row)
                if folder is None or "/" not in version.path[depth:]:
                    yield version


def _encode(version: FileVersion) -> tuple[Any, ...]:
    return (
        to_text(version.path),
        to_text(version.key),
        version.version_id,
        version.size,
        version.etag,
        version.since_ns,
        version.until_ns,
        version.place.value,
        version.storage_class,
        version.sha256,
        None if version.mtime_ns is None else to_int(version.mtime_ns),
    )


def _decode(row: Sequence[Any]) -> FileVersion:
    path, key, version_id, size, etag, since_ns, until_ns, place, storage_class, sha256, mtime_ns = row
    return FileVersion(
        path=from_text(path),
        key=from_text(key),
        version_id=version_id,
        size=size,
        etag=etag,
        since_ns=since_ns,
        until_ns=until_ns,
        place=Place(place),
        storage_class=storage_class,
        sha256=sha256,
        mtime_ns=None if mtime_ns is None else from_int(mtime_ns),
    )
