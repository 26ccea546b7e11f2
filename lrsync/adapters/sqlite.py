"""Open SQLite files, and say what went wrong with them. Standard library only; knows no table.

Owns how values that SQLite has no type for are stored, and the one translation of its errors.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from lrsync.adapters.schema_names import APPLICATION_ID
from lrsync.errors import ManifestError

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
"""How long a statement waits for another connection's transaction."""

REBUILD_HINT: Final = "run 'lrsync rebuild-manifest': it makes a new one from the bucket and keeps this file"
_PERMISSION_HINT: Final = "make the manifest's folder and file writable, or choose another place with --manifest"
_FULL_HINT: Final = "free some space on that disk and run again: nothing that was recorded is lost"

_MAX_INT: Final = 2**63 - 1
_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"


# --- values -----------------------------------------------------------------------------------------------


def to_text(text: str) -> str | bytes:
    """Text as SQLite stores it: a name that is not valid UTF-8 (lone surrogates) becomes a BLOB."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def from_text(value: str | bytes) -> str:
    """The text that `to_text` stored."""
    return value if isinstance(value, str) else value.decode("utf-8", "surrogatepass")


def to_int(value: int) -> int | bytes:
    """An integer as SQLite stores it: a time after the year 2262 does not fit in 64 bits and becomes a BLOB."""
    return value if -_MAX_INT <= value <= _MAX_INT else str(value).encode()


def from_int(value: int | bytes) -> int:
    """The integer that `to_int` stored."""
    return int(value)


# --- errors -----------------------------------------------------------------------------------------------


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors about this manifest into ManifestError; bugs stay what they are."""
    try:
        yield
    except Exception as error:
        # SQLAlchemy wraps the driver's error and keeps it as `orig`; named so, this module does without importing it.
        problem = explain(path, getattr(error, "orig", None) or error)
        if problem is None:
            raise
        raise problem from error


def explain(path: Path, error: BaseException) -> ManifestError | None:
    """What an error means for the user; None where it is not about the state of the file or its disk."""
    if isinstance(error, OSError):
        return _explain_system(path, error)
    if isinstance(error, sqlite3.DatabaseError):
        return _explain_sqlite(path, error)
    return None


def damaged(path: Path, why: str) -> ManifestError:
    """The manifest cannot be trusted."""
    return ManifestError(f"the manifest is damaged: {why}", hint=REBUILD_HINT, path=str(path))


def _explain_system(path: Path, error: OSError) -> ManifestError:
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ManifestError("the disk with the manifest is full", hint=_FULL_HINT, path=str(path))
    if error.errno == errno.EROFS:
        return ManifestError("the manifest is read-only", hint=_PERMISSION_HINT, path=str(path))
    return ManifestError(f"the manifest cannot be used: {reason}", hint=_PERMISSION_HINT, path=str(path))


def _explain_sqlite(path: Path, error: sqlite3.DatabaseError) -> ManifestError | None:
    text = str(error)
    # The low byte is the primary code (sqlite.org/rescode.html); an error of the Python module itself has none.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_FULL:
            message, hint = "the disk with the manifest is full", _FULL_HINT
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            message, hint = "the manifest is read-only", _PERMISSION_HINT
        case sqlite3.SQLITE_CANTOPEN:
            message, hint = "the manifest cannot be opened or written beside", _PERMISSION_HINT
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            message = "another program has held the manifest's database for too long"
            hint = "close whatever has it open, and run again"
        case sqlite3.SQLITE_IOERR:
            message, hint = f"the disk failed under the manifest ({text})", "check the disk, then run again"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(path, text)
        case sqlite3.SQLITE_ERROR if text.startswith("no such "):
            return damaged(path, text)
        case _:
            return None
    return ManifestError(message, hint=hint, path=str(path))


# --- opening ----------------------------------------------------------------------------------------------


def check_header(path: Path) -> None:
    """Look at the file's first 100 bytes, before SQLite may touch it. Raises ManifestError, OSError.

    An empty file is a truncated manifest, never a new one: starting from zero would call every file new.
    The header is described in sqlite.org/fileformat.html, section 1.3. A file that is cut off later SQLite itself
    finds when it opens it: the header says how many pages there are.
    """
    if path.is_dir():
        raise ManifestError("the manifest's place is a folder", hint="--manifest names a file", path=str(path))
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if not head:
        raise damaged(path, "the file is empty")
    if not head.startswith(_MAGIC):
        raise damaged(path, "it is not a database")
    if len(head) < _HEADER_BYTES:
        raise damaged(path, "the file is cut off")
    if int.from_bytes(head[68:72], "big") != APPLICATION_ID:
        hint = "--manifest must name lrsync's own file; this one is left as it is"
        raise ManifestError("this database is not an lrsync manifest", hint=hint, path=str(path))


def side_file(path: Path, suffix: str) -> Path:
    """A file that belongs to a database, such as `-wal`."""
    return path.with_name(path.name + suffix)


def has_wal(path: Path) -> bool:
    """Whether a write-ahead log with content lies beside the database."""
    try:
        return side_file(path, "-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def connect(path: Path, *, timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open an existing database for writing, without implicit transactions. Never creates.

    Raises sqlite3.Error, and OSError (EROFS) for a file that cannot be written.
    """
    if not _may_write(path) and path.exists():
        # SQLite would only see it at the first write, and leave a log beside it that cannot be written either: it would
        # still be in the way once the file is made writable.
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
    connection = _connect_uri(path, "mode=rw", timeout_s)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        # Enough with WAL: a power cut may undo the last commits, and the next run finds that work again.
        connection.execute("PRAGMA synchronous = NORMAL")
        # Digests come in no order: with the usual 2 MB every insert into their index would read a page.
        connection.execute("PRAGMA cache_size = -32000")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        # The default of some builds is memory, and a listing of a million objects is put aside in scratch tables.
        connection.execute("PRAGMA temp_store = FILE")
    except BaseException:
        connection.close()
        raise
    return connection


def _may_write(path: Path) -> bool:
    """Asked without opening it: to close a second descriptor gives up this process's locks on the file."""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def read_only(path: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    """What `read` finds in the database, which is neither written nor created nor locked. Raises ManifestError.

    Without a write-ahead log the file is opened as immutable: SQLite would make the log and its index beside it
    otherwise, and fail in a folder that cannot be written (sqlite.org/wal.html, "Read-Only Databases").
    """
    with translating(path):
        if not has_wal(path):
            before = _version_of(path)
            try:
                with closing(_connect_uri(path, "immutable=1", BUSY_TIMEOUT_S)) as connection:
                    found = read(connection)
            except sqlite3.DatabaseError:
                if not has_wal(path) and _version_of(path) == before:
                    raise
            else:
                if not has_wal(path) and _version_of(path) == before:
                    return found
            # A run began to write meanwhile: an immutable reader takes no part in its locks, so read again.
        with closing(_connect_uri(path, "mode=ro", BUSY_TIMEOUT_S)) as connection:
            return read(connection)


def _version_of(path: Path) -> tuple[int, int, int]:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _connect_uri(path: Path, query: str, timeout_s: float) -> sqlite3.Connection:
    # As a URI: `?`, `#` and `%` in a folder's name must not be taken for parameters.
    uri = f"{path.absolute().as_uri()}?{query}"
    return sqlite3.connect(uri, uri=True, timeout=timeout_s, isolation_level=None, check_same_thread=False)


@contextmanager
def immediate(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction. IMMEDIATE: a reader that turns writer could fail at once where two connections write."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
