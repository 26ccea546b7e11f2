"""Look into the copy of a Lightroom catalog: is it sound, what does it say of itself, which files does it name?

Works on a private copy only, never on the user's catalog. Brings the copy's log into its one file and changes
nothing else: no VACUUM, no other journal mode, no value. Columns are selected by name, since the tables gained some
over the versions, and only those that every known version has.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final

from lrsync.core.lightroom import CatalogFacts, CatalogFolder, NamedFile, folder_path, import_size, sidecar_names

_FOLDERS: Final = """
SELECT d.id_local, r.absolutePath, d.pathFromRoot
FROM AgLibraryFolder d JOIN AgLibraryRootFolder r ON r.id_local = d.rootFolder
"""
# Virtual copies are further images of one file: the file is dirty if any of them is.
_DIRTY: Final = """
SELECT DISTINCT i.rootFile FROM Adobe_AdditionalMetadata m JOIN Adobe_images i ON i.id_local = m.image
WHERE m.externalXmpIsDirty NOT IN (0, '0', '')
"""
_BY_FOLDER: Final = f"""
CREATE TEMP TABLE named AS
SELECT p.place AS place, f.id_global, f.idx_filename, f.sidecarExtensions, f.importHash, x.rootFile IS NOT NULL
FROM AgLibraryFile f LEFT JOIN temp.places p ON p.folder = f.folder LEFT JOIN ({_DIRTY}) x ON x.rootFile = f.id_local
ORDER BY 1
"""
_CORE_TABLES: Final = ("AgLibraryRootFolder", "AgLibraryFolder", "AgLibraryFile", "Adobe_images")


class CatalogDamagedError(Exception):
    """The copy is no sound catalog; the message says why."""


def settle_copy(path: Path) -> None:
    """Bring the logs into the database, check every page, and leave one closed file. Raises CatalogDamagedError."""
    try:
        with closing(_connect(path)) as connection:
            # On a copy in rollback mode this does nothing, and opening it has undone what was half done.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise CatalogDamagedError(str(error)) from error
    if found != "ok":
        raise CatalogDamagedError(str(found).strip().splitlines()[-1])


def _connect(path: Path) -> sqlite3.Connection:
    # `mode=rw`: a path that is not there must not become an empty catalog.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


class CatalogReader:
    """One open copy. Methods raise CatalogDamagedError where the tables are not a catalog's."""

    def __init__(self, path: Path) -> None:
        self._connection = _connect(path)
        # What is looked up by folder may be larger than memory should be: SQLite keeps it in a file of its own.
        self._connection.execute("PRAGMA temp_store = FILE")
        self._connection.execute("PRAGMA temp.cache_size = -32000")

    def close(self) -> None:
        """Let go of the copy."""
        self._connection.close()

    def __enter__(self) -> CatalogReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def facts(self) -> CatalogFacts:
        """What the catalog says of itself."""
        try:
            tables = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if missing := [name for name in _CORE_TABLES if name not in tables]:
                raise CatalogDamagedError(f"it is no Lightroom catalog: it has no table {missing[0]}")
            return CatalogFacts(
                db_version=str(self._variable("Adobe_DBVersion", tables) or ""),
                files=self._count("SELECT count(*) FROM AgLibraryFile"),
                images=self._count("SELECT count(*) FROM Adobe_images"),
                unwritten=self._unwritten(tables),
                writes_xmp=_as_switch(self._variable("AgMetadata_autoWriteXmp", tables)),
            )
        except sqlite3.Error as error:
            raise CatalogDamagedError(f"it cannot be read as a Lightroom catalog: {error}") from error

    def _count(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def _variable(self, name: str, tables: set[str]) -> object:
        if "Adobe_variablesTable" not in tables:
            return None
        row = self._connection.execute("SELECT value FROM Adobe_variablesTable WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def _unwritten(self, tables: set[str]) -> int:
        if "Adobe_AdditionalMetadata" not in tables:
            return 0
        return self._count("SELECT count(*) FROM Adobe_AdditionalMetadata WHERE externalXmpIsDirty NOT IN (0, '0', '')")

    def folders(self) -> list[CatalogFolder]:
        """Every folder that the catalog knows."""
        try:
            rows = self._connection.execute(_FOLDERS).fetchall()
        except sqlite3.Error as error:
            raise CatalogDamagedError(f"its folders cannot be read: {error}") from error
        return [CatalogFolder(id_, str(root), folder_path(str(root), str(below))) for id_, root, below in rows]

    def sort_into(self, places: Sequence[tuple[int, int]]) -> None:
        """Sort all files by place, so that `at` finds them: `places` are (folder's id, place's number)."""
        try:
            self._connection.execute("CREATE TEMP TABLE places (folder INTEGER PRIMARY KEY, place INTEGER)")
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO temp.places VALUES (?, ?)", places)
            self._connection.execute(_BY_FOLDER)
            self._connection.execute("CREATE INDEX temp.named_place ON named (place)")
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise CatalogDamagedError(f"its files cannot be read: {error}") from error

    def at(self, place: int | None) -> Iterator[NamedFile]:
        """The files of one place, sidecars after their photo; None: those whose folder the catalog does not know."""
        query = "SELECT * FROM temp.named WHERE place IS ?"
        for _, photo_id, name, extensions, import_hash, dirty in self._connection.execute(query, (place,)):
            photo = str(photo_id)
            yield NamedFile(photo, str(name), False, import_size(import_hash), bool(dirty))
            if extensions:
                for sidecar in sidecar_names(str(name), str(extensions)):
                    yield NamedFile(photo, sidecar, True)


def _as_switch(value: object) -> bool | None:
    if value is None:
        return None
    return str(value).strip().lower() in ("1", "1.0", "true")
