"""Look into the copy of a Lightroom catalog: is it sound, what does it say of itself, which files does it name?

Works on a private copy only, never on the user's catalog. Brings the copy's log into its one file and changes
nothing else: no VACUUM, no other journal mode, no value. Columns are selected by name, since the tables gained some
over the versions, and only those that every known version has.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Final

from lrsync.adapters.catalog_photos import PhotoFinder
from lrsync.core.lightroom import CatalogFacts, CatalogFolder, NamedPhoto, folder_path
from lrsync.core.ports import CatalogDamagedError

_FOLDERS: Final = """
SELECT d.id_local, r.absolutePath, d.pathFromRoot
FROM AgLibraryFolder d JOIN AgLibraryRootFolder r ON r.id_local = d.rootFolder
"""
# CAST: columns have no type, and a name of digits alone may have been stored as a number.
_PHOTOS: Final = """
SELECT CAST(idx_filename AS TEXT), CAST(sidecarExtensions AS TEXT), CAST(importHash AS TEXT) FROM AgLibraryFile
"""
_IN_FOLDER: Final = f"{_PHOTOS} WHERE folder = ?"
_HOMELESS: Final = f"{_PHOTOS} WHERE folder NOT IN (SELECT id_local FROM ({_FOLDERS}))"
# Every version's catalog has such an index; where one has not, each folder would be a search through all files.
_FOLDER_INDEX: Final = "CREATE INDEX lrsync_folder ON AgLibraryFile (folder)"
_CORE_TABLES: Final = ("AgLibraryRootFolder", "AgLibraryFolder", "AgLibraryFile", "Adobe_images")


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

    def finder(self) -> PhotoFinder:
        """What answers questions about photos."""
        return PhotoFinder(self._connection)

    def index_folders(self) -> None:
        """See that `photos` finds a folder's files at once. Writes into the copy: not for one that is stored."""
        try:
            plan = self._connection.execute(f"EXPLAIN QUERY PLAN {_IN_FOLDER}", (0,)).fetchall()
            if not any(str(step[-1]).startswith("SEARCH") for step in plan):
                self._connection.execute(_FOLDER_INDEX)
        except sqlite3.Error as error:
            raise CatalogDamagedError(f"its files cannot be read: {error}") from error

    def photos(self, folder: int | None) -> list[NamedPhoto]:
        """The photos and videos of one folder, by its id; None: those whose folder the catalog does not know."""
        try:
            found = self._connection.execute(*((_HOMELESS,) if folder is None else (_IN_FOLDER, (folder,))))
            return found.fetchall()
        except sqlite3.Error as error:
            raise CatalogDamagedError(f"its files cannot be read: {error}") from error


def _as_switch(value: object) -> bool | None:
    if value is None:
        return None
    return str(value).strip().lower() in ("1", "1.0", "true")
