"""A database's own file, read beside SQLite while nobody can write to it: what a copy of it would cost is saved.

Standard library only; knows no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Final

from lrsync.adapters import sqlite

_TAKEN: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def standing_still(path: Path, late: ExitStack) -> Iterator[IO[bytes] | None]:
    """The file, whole and unchanging until this ends; None where another connection is in the middle of something.

    `late` closes the file. It must end after every connection of this process to the database: on POSIX, to close any
    descriptor of a file gives up all the locks that the process has on it (sqlite.org/howtocorrupt.html, section 2.2).
    Raises sqlite3.Error, OSError.
    """
    with closing(sqlite.connect(path, timeout_s=0)) as connection:
        if not _take(connection) or not _is_whole(connection, path):
            yield None
            return
        yield late.enter_context(path.open("rb", buffering=0))


def _take(connection: sqlite3.Connection) -> bool:
    """Bring the write-ahead log into the file, and keep writers out until the connection is closed."""
    try:
        busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _TAKEN:
            raise
        return False
    return not busy


def _is_whole(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the file is all there is: asked with writers kept out, since one may have been in between."""
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return not sqlite.has_wal(path) and path.stat().st_size == pages * size
