"""Ask a catalog for photos as photographers know them: by collection, stars, flag and the time of capture.

Works on a private copy. Columns and tables are named; those that a version has not are an error of their own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection as Sized
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from lrsync.core.photos import Captured, Collection, CollectionKind, Stars, capture_moment
from lrsync.errors import CatalogError

_COLLECTIONS: Final = """
SELECT id_local, coalesce(CAST(name AS TEXT), ''), CAST(parent AS INTEGER), creationId FROM AgLibraryCollection
WHERE creationId NOT LIKE '%.unsaved'
"""
"""What Lightroom keeps of its last print or web page, though nobody saved it, is no collection to anybody."""

# By image, since a virtual copy has stars and a flag of its own; a file is wanted where any of its images is.
_PHOTOS: Final = """
SELECT f.id_local, CAST(f.folder AS INTEGER), CAST(f.idx_filename AS TEXT), CAST(f.sidecarExtensions AS TEXT),
    CAST(i.captureTime AS TEXT)
FROM Adobe_images i JOIN AgLibraryFile f ON f.id_local = i.rootFile
WHERE {where} ORDER BY f.id_local
"""
_IN_COLLECTIONS: Final = "i.id_local IN (SELECT image FROM AgLibraryCollectionImage WHERE collection IN ({marks}))"
_WITH_STARS: Final = "coalesce(i.rating, 0) BETWEEN ? AND ?"
_PICKED: Final = "i.pick = 1"
_KINDS: Final = {
    "com.adobe.ag.library.smart_collection": CollectionKind.SMART,
    "com.adobe.ag.library.group": CollectionKind.SET,
}


class FoundPhoto(NamedTuple):
    """A photo that is meant: its folder's id in the catalog, its name, and its `sidecarExtensions`."""

    folder: int
    name: str
    sidecars: str


class FoundPhotos(NamedTuple):
    """What is meant; and how many were left out since nothing says when they were taken."""

    photos: list[FoundPhoto]
    undated: int


class PhotoFinder:
    """Questions to one copy, on a connection that only reads. Methods raise CatalogError."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def collections(self) -> list[Collection]:
        """Every collection, smart collection and set."""
        with _explained():
            rows = self._connection.execute(_COLLECTIONS).fetchall()
        kinds = ((_KINDS.get(str(kind), CollectionKind.PLAIN), row) for *row, kind in rows)
        return [Collection(id_, name, parent, kind) for kind, (id_, name, parent) in kinds]

    def photos(
        self,
        collections: Sized[int] | None,
        *,
        stars: Stars | None = None,
        captured: Captured | None = None,
        picked: bool = False,
    ) -> FoundPhotos:
        """The photos that meet all of these; `collections` by id, None where they may be in any or in none."""
        where, values = ["1"], list[object]()
        if collections is not None:
            where.append(_IN_COLLECTIONS.format(marks=", ".join("?" * len(collections))))
            values += sorted(collections)
        if stars is not None:
            where.append(_WITH_STARS)
            values += stars
        if picked:
            where.append(_PICKED)
        query = _PHOTOS.format(where=" AND ".join(where))
        with _explained():
            return _by_time(self._connection.execute(query, values), captured)


def _by_time(rows: Iterator[tuple[Any, ...]], captured: Captured | None) -> FoundPhotos:
    found: dict[int, FoundPhoto] = {}
    undated = set[int]()
    for file, folder, name, sidecars, captured_at in rows:
        if captured is not None:
            moment = capture_moment(captured_at)
            if not moment:
                undated.add(file)
            if not moment or not captured.takes(moment):
                continue
        found[file] = FoundPhoto(folder or 0, name or "", sidecars or "")
    return FoundPhotos(list(found.values()), len(undated - found.keys()))


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        hint = "name the photos by pattern, --folder or --since instead; the catalog itself is backed up all the same"
        raise CatalogError(f"the catalog cannot be asked for photos: {error}", hint=hint) from error
