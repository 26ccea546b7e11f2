"""What an audit asks of this machine: the manifest's facts by folder, the disk outside the walk, the last audit.

Standard library only. The manifest is read and never written: what an audit remembers lies in a file beside it.
"""

from __future__ import annotations

import json
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
SELECT name, size, mtime_ns, ctime_ns, sha256 IS NOT NULL AND drift IS NULL, verified_at, 0
FROM {FILES} WHERE dir_id = (SELECT id FROM {DIRECTORIES} WHERE path = ?)
"""
_PLAIN: Final = (str, int, int)
_CATALOGS: Final = f"""
SELECT d.path, f.name FROM {FILES} f JOIN {DIRECTORIES} d ON d.id = f.dir_id
WHERE f.name LIKE '%.lrcat' AND f.missing_since IS NULL ORDER BY 1, 2
"""


class ManifestFacts:
    """The manifest's rows as an audit needs them, on a connection that only reads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        rot = connection.execute(f"SELECT path FROM {FINDINGS} WHERE kind = ?", (FindingKind.ROT.value,))
        self._rotten = {from_text(path) for (path,) in rot}

    def rows(self, folder: str) -> Mapping[str, Recorded]:
        """The rows of the files directly in `folder`, by name."""
        rows: dict[str, Recorded] = {}
        new = tuple.__new__
        for row in self._connection.execute(_FACTS, (to_text(folder),)):
            # Recorded(...) would be a Python call for each file.
            rows[row[0]] = new(Recorded, row)
        for row in [row for row in rows.values() if (type(row[0]), type(row[2]), type(row[3])) != _PLAIN]:
            del rows[row.name]
            rows[from_text(row.name)] = _decoded(row)
        for name, row in rows.items() if self._rotten else ():
            if join_path(folder, name) in self._rotten:
                rows[name] = row._replace(rotten=True)
        return rows

    def catalogs(self) -> list[str]:
        """The relative paths of the catalogs that are on the disk."""
        return [join_path(from_text(folder), from_text(name)) for folder, name in self._connection.execute(_CATALOGS)]


def _decoded(row: Recorded) -> Recorded:
    """A row with a name that is not UTF-8, or a time that SQLite has no integer for."""
    return row._replace(name=from_text(row.name), mtime_ns=from_int(row.mtime_ns), ctime_ns=from_int(row.ctime_ns))


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
CREATE TABLE IF NOT EXISTS missed (
    catalog TEXT NOT NULL, photo_id TEXT NOT NULL, path TEXT NOT NULL, told_ns INTEGER NOT NULL,
    PRIMARY KEY (catalog, photo_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (catalog TEXT PRIMARY KEY, audited_ns INTEGER NOT NULL, states TEXT NOT NULL);
"""
_GONE: Final = "NOT EXISTS (SELECT 1 FROM copy.AgLibraryFile f WHERE f.id_global = photo_id)"
_FORGET: Final = f"DELETE FROM photos WHERE catalog = :catalog AND {_GONE}"
_MISS: Final = f"""
INSERT OR REPLACE INTO missed
SELECT catalog, photo_id, path, :now_ns FROM photos WHERE catalog = :catalog AND {_GONE}
"""
_MISS_NO_MORE: Final = f"DELETE FROM missed WHERE catalog = :catalog AND (told_ns < :before_ns OR NOT {_GONE})"
_MISSED_FOR_NS: Final = 90 * 86_400 * 1_000_000_000
"""So long the names of what vanished can be asked for again."""
# Paths as `core.lightroom.folder_path` makes them. Only what is not as it was: mostly that is next to nothing.
_REMEMBER: Final = """
INSERT OR REPLACE INTO photos
SELECT :catalog, n.id, n.path FROM (
    SELECT f.id_global AS id, iif(
        r.id_local IS NULL, f.idx_filename, rtrim(r.absolutePath || d.pathFromRoot, '/') || '/' || f.idx_filename
    ) AS path
    FROM copy.AgLibraryFile f
    LEFT JOIN copy.AgLibraryFolder d ON d.id_local = f.folder
    LEFT JOIN copy.AgLibraryRootFolder r ON r.id_local = d.rootFolder
) n LEFT JOIN photos p ON p.catalog = :catalog AND p.photo_id = n.id
WHERE p.path IS NOT n.path
"""
_COUNT: Final = "INSERT OR REPLACE INTO audits SELECT :catalog, :now_ns, count(*) FROM copy.AgLibraryFile"


_RESULT: Final = "INSERT OR REPLACE INTO results VALUES (:catalog, :now_ns, :states)"


class AuditHistory:
    """What the last audit of one catalog found: an `engine.audit.AuditMemory`. Methods raise ManifestError.

    `copy` is the catalog's copy: the two are compared by SQLite itself, since there may be 200,000 photos.
    """

    def __init__(self, manifest: Path, catalog: str, copy: Path) -> None:
        self.path = sqlite.side_file(manifest, ".audits")
        self._catalog = {"catalog": to_text(catalog)}
        with sqlite.translating(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Names of photos are nobody else's business.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(self.path, timeout=sqlite.BUSY_TIMEOUT_S, isolation_level=None)
            self._connection.executescript(_TABLES)
            # Ids come in no order: with the usual 2 MB every insert into their index would read a page.
            self._connection.execute("PRAGMA cache_size = -32000")
            self._connection.execute("ATTACH ? AS copy", (str(copy),))

    def __enter__(self) -> AuditHistory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with closing(self._connection):
            pass

    def previous(self) -> tuple[int, int] | None:
        """When the last audit was, and how many photos it found."""
        query = "SELECT audited_ns, photos FROM audits WHERE catalog = :catalog"
        with sqlite.translating(self.path):
            row = self._connection.execute(query, self._catalog).fetchone()
        return None if row is None else (int(row[0]), int(row[1]))

    def vanished(self) -> Iterator[str]:
        """The paths of photos that the last audit found and that the catalog does not have now, by path."""
        query = f"SELECT path FROM photos WHERE catalog = :catalog AND {_GONE} ORDER BY path"
        with sqlite.translating(self.path):
            found = self._connection.execute(query, self._catalog).fetchall()
        return (from_text(path) for (path,) in found)

    def missed(self) -> Iterator[tuple[str, int]]:
        """The paths of photos that an earlier audit told to have vanished and that are not back, and when, by path."""
        query = f"SELECT path, told_ns FROM missed WHERE catalog = :catalog AND {_GONE} ORDER BY path"
        with sqlite.translating(self.path):
            found = self._connection.execute(query, self._catalog).fetchall()
        return ((from_text(path), int(told_ns)) for path, told_ns in found)

    def settle(self, now_ns: int, states: Mapping[FileState, int]) -> None:
        """What the catalog has now is what the next audit is compared with; `states` is for reports."""
        found = json.dumps({state.value: files for state, files in states.items()})
        with sqlite.translating(self.path), sqlite.immediate(self._connection):
            now = {**self._catalog, "now_ns": now_ns}
            self._connection.execute(_MISS, now)
            self._connection.execute(_MISS_NO_MORE, {**self._catalog, "before_ns": now_ns - _MISSED_FOR_NS})
            self._connection.execute(_FORGET, self._catalog)
            self._connection.execute(_REMEMBER, self._catalog)
            self._connection.execute(_COUNT, now)
            self._connection.execute(_RESULT, {**now, "states": found})
