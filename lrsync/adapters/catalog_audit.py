"""What an audit asks of this machine: the manifest's facts by folder, the disk outside the walk, the last audit.

Standard library only. The manifest is read and never written: what an audit remembers lies in a file beside it.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final

from lrsync.adapters import sqlite
from lrsync.adapters.listing import GONE
from lrsync.adapters.longpath import facts_of
from lrsync.adapters.oddity import Oddity, oddity_test
from lrsync.adapters.schema_names import DIRECTORIES, FILES, FINDINGS
from lrsync.adapters.sqlite import from_int, from_text, to_text
from lrsync.core.audit import DiskFacts, FileState, Recorded
from lrsync.core.findings import FindingKind
from lrsync.core.keys import join_path

_FACTS: Final = f"""
SELECT name, size, mtime_ns, ctime_ns, sha256 IS NOT NULL AND drift IS NULL, missing_since IS NOT NULL, verified_at
FROM {FILES} WHERE dir_id = (SELECT id FROM {DIRECTORIES} WHERE path = ?)
"""
_CATALOGS: Final = f"""
SELECT d.path, f.name FROM {FILES} f JOIN {DIRECTORIES} d ON d.id = f.dir_id
WHERE f.name LIKE '%.lrcat' AND f.missing_since IS NULL ORDER BY 1, 2
"""
_BATCH: Final = 2000


class ManifestFacts:
    """The manifest's rows as an audit needs them, on a connection that only reads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rot = connection.execute(f"SELECT path FROM {FINDINGS} WHERE kind = ?", (FindingKind.ROT.value,))
        self._rotten = {from_text(path) for (path,) in rot}

    def rows(self, folder: str) -> Mapping[str, Recorded]:
        """The rows of the files directly in `folder`, by name."""
        found = self._connection.execute(_FACTS, (to_text(folder),))
        rows = {
            from_text(name): Recorded(DiskFacts(size, from_int(mtime), from_int(ctime)), bool(good), bool(gone), proven)
            for name, size, mtime, ctime, good, gone, proven in found
        }
        for name, row in rows.items() if self._rotten else ():
            if join_path(folder, name) in self._rotten:
                rows[name] = row._replace(rotten=True)
        return rows

    def catalogs(self) -> list[str]:
        """The relative paths of the catalogs that are on the disk."""
        return [join_path(from_text(folder), from_text(name)) for folder, name in self._connection.execute(_CATALOGS)]


class DiskProbe:
    """The disk outside of the walk: an `engine.audit.Probe`."""

    def __init__(self) -> None:
        self._oddity = oddity_test()

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder; a path of another system (`D:/` on a Mac) is not absolute here, and nowhere."""
        return os.path.isabs(path) and os.path.isdir(path)

    def resolve(self, path: str) -> str:
        """The path with its links followed, with `/`."""
        return os.path.realpath(path).replace(os.sep, "/")

    def look(self, path: str) -> DiskFacts | FileState | None:
        """The file's facts; links are not followed. Raises OSError."""
        if not os.path.isabs(path):
            return None
        try:
            found = os.lstat(path)
        except OSError as error:
            if error.errno in GONE:
                return None
            raise
        if self._oddity is not None and self._oddity(found) is Oddity.PLACEHOLDER:
            return FileState.PLACEHOLDER
        if not stat.S_ISREG(found.st_mode):
            return None
        facts = facts_of(found)
        return DiskFacts(facts.size, facts.mtime_ns, facts.ctime_ns)


_TABLES: Final = """
CREATE TABLE IF NOT EXISTS audits (catalog TEXT PRIMARY KEY, audited_ns INTEGER NOT NULL, photos INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS photos (
    catalog TEXT NOT NULL, photo_id TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (catalog, photo_id)
) WITHOUT ROWID;
CREATE TEMP TABLE IF NOT EXISTS now (photo_id TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;
"""


_GONE: Final = "NOT EXISTS (SELECT 1 FROM temp.now n WHERE n.photo_id = photos.photo_id)"
_FORGET: Final = f"DELETE FROM photos WHERE catalog = ? AND {_GONE}"
_REMEMBER: Final = """
INSERT OR REPLACE INTO photos SELECT ?, n.photo_id, n.path FROM temp.now n
WHERE NOT EXISTS (SELECT 1 FROM photos p WHERE p.catalog = ? AND p.photo_id = n.photo_id AND p.path = n.path)
"""


class AuditHistory:
    """What the last audit of one catalog found: an `engine.audit.AuditMemory`. Methods raise ManifestError."""

    def __init__(self, manifest: Path, catalog: str) -> None:
        self.path = sqlite.side_file(manifest, ".audits")
        self._catalog = to_text(catalog)
        self._waiting: list[tuple[object, object]] = []
        with sqlite.translating(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Names of photos are nobody else's business.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(self.path, timeout=sqlite.BUSY_TIMEOUT_S, isolation_level=None)
            self._connection.executescript(_TABLES)
            # Ids come in no order: with the usual 2 MB every insert into their index would read a page.
            self._connection.execute("PRAGMA cache_size = -32000")
            self._connection.execute("PRAGMA temp.cache_size = -32000")

    def __enter__(self) -> AuditHistory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with closing(self._connection):
            pass

    def begin(self) -> None:
        """Forget what was added and not settled."""
        self._waiting.clear()
        with sqlite.translating(self.path):
            self._connection.execute("DELETE FROM temp.now")

    def add(self, photo_id: str, path: str) -> None:
        """A photo that the catalog has now."""
        self._waiting.append((to_text(photo_id), to_text(path)))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        with sqlite.translating(self.path), sqlite.immediate(self._connection):
            # Two files with one id would be a damaged catalog: the audit still accounts for both.
            self._connection.executemany("INSERT OR REPLACE INTO temp.now VALUES (?, ?)", waiting)

    def previous(self) -> tuple[int, int] | None:
        """When the last audit was, and how many photos it found."""
        query = "SELECT audited_ns, photos FROM audits WHERE catalog = ?"
        with sqlite.translating(self.path):
            row = self._connection.execute(query, (self._catalog,)).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def vanished(self) -> Iterator[str]:
        """The paths of photos that the last audit found and that were not added now, by path."""
        self._flush()
        query = f"SELECT path FROM photos WHERE catalog = ? AND {_GONE} ORDER BY path"
        with sqlite.translating(self.path):
            found = self._connection.execute(query, (self._catalog,)).fetchall()
        return (from_text(path) for (path,) in found)

    def settle(self, now_ns: int) -> None:
        """What was added is what the next audit is compared with."""
        self._flush()
        mine = (self._catalog,)
        with sqlite.translating(self.path), sqlite.immediate(self._connection):
            # Only what is not as it was: mostly that is next to nothing.
            self._connection.execute(_FORGET, mine)
            self._connection.execute(_REMEMBER, mine * 2)
            self._connection.execute(
                "INSERT OR REPLACE INTO audits SELECT ?, ?, count(*) FROM temp.now", (self._catalog, now_ns)
            )
