"""What was asked to be thawed, in a small database of its own: a `engine.thaw.ThawNotes`. Standard library only.

Not in the manifest: the worst day has none, and a note is no knowledge of the library but of a request that S3 bills.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from lrsync.adapters.sqlite import from_text, immediate, to_text, translating
from lrsync.core.thaw import Archive, ThawNote, Tier

_COLUMNS: Final = "key, version_id, path, size, archive, tier, days, asked_at"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS thaws (
    key NOT NULL, version_id TEXT NOT NULL, path NOT NULL, size INTEGER NOT NULL, archive TEXT NOT NULL,
    tier TEXT NOT NULL, days INTEGER, asked_at INTEGER NOT NULL, PRIMARY KEY (key, version_id)
) WITHOUT ROWID
"""


def default_notes_path(endpoint: str | None, bucket: str, prefix: str) -> Path:
    """Where the notes of this place in S3 lie, in the platform's data folder, whatever the source is."""
    import platformdirs

    identity = "\0".join((endpoint or "", bucket, prefix))
    name = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return platformdirs.user_data_path("lrsync", appauthor=False) / "thaws" / f"{name}.sqlite"


class FileThawNotes:
    """One file, made when the first note is written. Any thread may call any method. Raises ManifestError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> FileThawNotes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def add(self, notes: Iterable[ThawNote]) -> None:
        """Keep these; an older note of the same object goes."""
        rows = [
            (
                to_text(note.key),
                note.version_id or "",
                to_text(note.path),
                note.size,
                note.archive.value,
                note.tier.value,
                note.days,
                note.asked_ns,
            )
            for note in notes
        ]
        if rows:
            self._write(f"INSERT OR REPLACE INTO thaws ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, objects: Iterable[tuple[str, str | None]]) -> None:
        """These came back: (key, version id)."""
        rows = [(to_text(key), version_id or "") for key, version_id in objects]
        if rows and self._exists():
            self._write("DELETE FROM thaws WHERE key = ? AND version_id = ?", rows)

    def find(self, key: str, version_id: str | None) -> ThawNote | None:
        """What was asked for of this object."""
        condition = "WHERE key = ? AND version_id = ?"
        return next(self._read(condition, (to_text(key), version_id or "")), None)

    def all(self) -> Iterator[ThawNote]:
        """Every note, by path."""
        return self._read("ORDER BY path", ())

    def _exists(self) -> bool:
        return self._connection is not None or os.path.lexists(self._path)

    def _write(self, statement: str, rows: Sequence[tuple[str | bytes | int | None, ...]]) -> None:
        with self._lock, translating(self._path), immediate(self._opened()):
            self._opened().executemany(statement, rows)

    def _read(self, condition: str, values: tuple[str | bytes, ...]) -> Iterator[ThawNote]:
        if not self._exists():
            return
        with self._lock, translating(self._path):
            rows = self._opened().execute(f"SELECT {_COLUMNS} FROM thaws {condition}", values).fetchall()
        for key, version_id, path, size, archive, tier, days, asked_ns in rows:
            yield ThawNote(
                from_text(key),
                version_id or None,
                from_text(path),
                size,
                Archive(archive),
                Tier(tier),
                days,
                asked_ns,
            )

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute(_SCHEMA)
            self._connection = connection
        return self._connection
