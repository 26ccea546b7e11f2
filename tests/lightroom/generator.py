"""Writes catalogs with the core tables of several Lightroom versions: as little as a catalog can be, and no less."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Photo:
    """One file of a catalog. `copies`: virtual ones; `dirty`: edits that are not in its XMP.

    `rating`, `pick` and `captured` are of the image, `copy_rating` of the virtual copies.
    """

    name: str
    sidecars: str = ""
    import_size: int | None = None
    copies: int = 0
    dirty: bool = False
    rating: float | None = None
    pick: float = 0.0
    captured: str | None = None
    copy_rating: float | None = None


Folders = Mapping[str, Mapping[str, Iterable[Photo | str]]]
"""Root folder (with its slash) -> path from root -> photos."""


Contents = Mapping[str, Iterable[str] | None]
"""Collection -> photos in it, by file name (a virtual copy: `a.nef/1`); None is a smart one. Sets before a `/`."""


@dataclass(frozen=True)
class Version:
    """A version's `Adobe_DBVersion` and the columns that it has beyond version 5's."""

    db: str
    folder: str = ""
    image: str = ""
    root: str = ""
    collection: str = ""


LR5 = Version("0500006")
LR7 = Version("0700002", folder=", parentId INTEGER")
LR13 = Version("1303002", folder=", parentId INTEGER, visibility INTEGER", image=", fileSizeCache, hdrState")
UNKNOWN = Version(
    "9900001", folder=", parentId, visibility, cloud", image=", somethingNew", root=", deviceId", collection=", owner"
)
VERSIONS = (LR5, LR7, LR13, UNKNOWN)

_SCHEMA = """
CREATE TABLE Adobe_variablesTable (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, name, type,
    value NOT NULL DEFAULT '');
CREATE TABLE AgLibraryRootFolder (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL,
    absolutePath UNIQUE NOT NULL DEFAULT '', name NOT NULL DEFAULT '', relativePathFromCatalog{root});
CREATE TABLE AgLibraryFolder (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL{folder},
    pathFromRoot NOT NULL DEFAULT '', rootFolder INTEGER NOT NULL DEFAULT 0);
CREATE TABLE AgLibraryFile (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL, baseName NOT NULL DEFAULT '',
    errorMessage, errorTime, extension NOT NULL DEFAULT '', externalModTime, folder INTEGER NOT NULL DEFAULT 0,
    idx_filename NOT NULL DEFAULT '', importHash, lc_idx_filename NOT NULL DEFAULT '', md5, modTime,
    originalFilename NOT NULL DEFAULT '', sidecarExtensions);
CREATE TABLE Adobe_images (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL{image}, captureTime,
    masterImage INTEGER, pick NOT NULL DEFAULT 0, rating, rootFile INTEGER NOT NULL DEFAULT 0);
CREATE TABLE Adobe_AdditionalMetadata (id_local INTEGER PRIMARY KEY, id_global UNIQUE NOT NULL,
    externalXmpIsDirty INTEGER NOT NULL DEFAULT 0, image INTEGER, xmp NOT NULL DEFAULT '');
CREATE TABLE AgLibraryCollection (id_local INTEGER PRIMARY KEY, creationId NOT NULL DEFAULT '',
    genealogy NOT NULL DEFAULT '', imageCount, name NOT NULL DEFAULT '', parent INTEGER,
    systemOnly NOT NULL DEFAULT ''{collection});
CREATE TABLE AgLibraryCollectionImage (id_local INTEGER PRIMARY KEY, collection INTEGER NOT NULL DEFAULT 0,
    image INTEGER NOT NULL DEFAULT 0, pick NOT NULL DEFAULT 0, positionInCollection);
CREATE INDEX index_AgLibraryFile_folder ON AgLibraryFile( folder );
CREATE INDEX index_Adobe_images_rootFile ON Adobe_images( rootFile );
CREATE INDEX index_Adobe_AdditionalMetadata_imageAndStatus ON Adobe_AdditionalMetadata( image, externalXmpIsDirty );
"""


def write_catalog(
    path: Path,
    folders: Folders,
    version: Version = LR5,
    *,
    journal_mode: str = "DELETE",
    writes_xmp: bool = False,
    collections: Contents | None = None,
) -> Path:
    """Make a catalog of these folders; returns its path. An older one at this path is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_SCHEMA.format(**vars(version)))
        connection.execute("BEGIN")
        writer = _Writer(connection)
        writer.write(folders, version, writes_xmp)
        writer.write_collections(collections or {})
        connection.execute("COMMIT")
    return path


class _Writer:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last = 0
        self._images: dict[str, int] = {}
        self._sets: dict[str, int | None] = {"": None}

    def _next(self) -> int:
        self._last += 1
        return self._last

    def write(self, folders: Folders, version: Version, writes_xmp: bool) -> None:
        variables = [("Adobe_DBVersion", version.db), ("AgMetadata_autoWriteXmp", int(writes_xmp))]
        self._insert("Adobe_variablesTable", "id_local, id_global, name, value", self._with_ids(variables))
        for root, below in folders.items():
            root_id = self._next()
            self._insert("AgLibraryRootFolder", "id_local, id_global, absolutePath", [(root_id, f"g{root_id}", root)])
            for path, photos in below.items():
                folder = self._next()
                row = (folder, f"g{folder}", path, root_id)
                self._insert("AgLibraryFolder", "id_local, id_global, pathFromRoot, rootFolder", [row])
                self._photos(folder, root + path, photos)

    def _photos(self, folder: int, where: str, photos: Iterable[Photo | str]) -> None:
        files, images, metadata = [], [], []
        for each in photos:
            photo = Photo(each) if isinstance(each, str) else each
            base, _, extension = photo.name.rpartition(".")
            file = self._next()
            imported = None if photo.import_size is None else f"407630349:{photo.name}:{photo.import_size}"
            # The id follows the path, so that a catalog that is written again has the same photos in it.
            files.append((file, f"{where}{photo.name}", base, extension, folder, photo.name, imported, photo.sidecars))
            for copy in range(photo.copies + 1):
                image = self._next()
                self._images[f"{photo.name}/{copy}" if copy else photo.name] = image
                rating = photo.copy_rating if copy else photo.rating
                master = images[-copy][0] if copy else None
                images.append((image, f"g{image}", file, rating, photo.pick, photo.captured, master))
                metadata.append((self._next(), f"m{image}", int(photo.dirty and copy == 0), image))
        columns = "id_local, id_global, baseName, extension, folder, idx_filename, importHash, sidecarExtensions"
        self._insert("AgLibraryFile", columns, files)
        self._insert("Adobe_images", "id_local, id_global, rootFile, rating, pick, captureTime, masterImage", images)
        self._insert("Adobe_AdditionalMetadata", "id_local, id_global, externalXmpIsDirty, image", metadata)

    def write_collections(self, contents: Contents) -> None:
        self._collection("quick collection", None, "collection")
        self._collection("", None, "print.unsaved")
        for name, photos in contents.items():
            above, _, own = name.rpartition("/")
            made = self._collection(own, self._set(above), "smart_collection" if photos is None else "collection")
            rows = [(self._next(), made, self._images[photo]) for photo in photos or ()]
            self._insert("AgLibraryCollectionImage", "id_local, collection, image", rows)

    def _set(self, name: str) -> int | None:
        if name not in self._sets:
            above, _, own = name.rpartition("/")
            self._sets[name] = self._collection(own, self._set(above), "group")
        return self._sets[name]

    def _collection(self, name: str, parent: int | None, kind: str) -> int:
        id_, creation = self._next(), f"com.adobe.ag.{'' if '.' in kind else 'library.'}{kind}"
        self._insert("AgLibraryCollection", "id_local, creationId, name, parent", [(id_, creation, name, parent)])
        return id_

    def _with_ids(self, rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
        return [(number := self._next(), f"v{number}", *row) for row in rows]

    def _insert(self, table: str, columns: str, rows: list[tuple[object, ...]]) -> None:
        marks = ", ".join("?" * (columns.count(",") + 1))
        self._connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
