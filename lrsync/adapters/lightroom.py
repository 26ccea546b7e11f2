"""Find where Lightroom keeps its photos: its usual folders, and what its catalogs say. Opens catalogs for reading only.

Never fails: whatever cannot be read is no suggestion.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

_CATALOG: Final = "*.lrcat"
_USUAL: Final = ("Pictures", "Lightroom", "Photos")
_OF_CATALOGS: Final = (*_USUAL, "Pictures/Lightroom")
"""The last is Lightroom's own choice, which puts the photos beside it."""
_MAX_CATALOGS: Final = 20


class Suggestion(NamedTuple):
    """A folder that may be the one to back up, and why."""

    path: Path
    why: str


def suggest_sources(home: Path) -> list[Suggestion]:
    """Folders that likely hold the photos, the likeliest first; each of them is there."""
    found: dict[Path, Suggestion] = {}
    catalogs = {catalog: photo_folders(catalog) for catalog in _catalogs(home)}
    # Last what has a catalog and, as far as it tells, no photos: a backup of that alone would be taken for one of all.
    for one in (*_with_photos(catalogs, home), *_usual(home), *_of_catalogs(catalogs)):
        found.setdefault(one.path, one)
    return list(found.values())


def photo_folders(catalog: Path) -> list[Path]:
    """The folders that a catalog imports from, of which only those that are there; none where it cannot be read."""
    # immutable: Lightroom may have it open, and no lock or -wal file of ours may come near it.
    uri = f"{catalog.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = connection.execute("SELECT absolutePath FROM AgLibraryRootFolder").fetchall()
    except (sqlite3.Error, ValueError):
        return []
    return [path for (text,) in rows if isinstance(text, str) and (path := Path(text)).is_dir()]


def _with_photos(catalogs: Mapping[Path, list[Path]], home: Path) -> Iterator[Suggestion]:
    for catalog, roots in catalogs.items():
        whole = _common([catalog.parent, *roots], home) if roots else None
        if whole is not None:
            yield Suggestion(whole, f"holds the catalog {catalog.name} and its photos")
        for root in roots:
            yield Suggestion(root, f"the catalog {catalog.name} has photos in it")


def _of_catalogs(catalogs: Iterable[Path]) -> Iterator[Suggestion]:
    for catalog in catalogs:
        yield Suggestion(catalog.parent, f"holds the catalog {catalog.name}")


def _catalogs(home: Path) -> list[Path]:
    found: list[Path] = []
    for name in _OF_CATALOGS:
        for pattern in (_CATALOG, f"*/{_CATALOG}"):
            found += _glob(home / name, pattern)
    return sorted(set(found))[:_MAX_CATALOGS]


def _glob(folder: Path, pattern: str) -> Iterable[Path]:
    try:
        return [path for path in folder.glob(pattern) if path.is_file()]
    except OSError:
        return []


def _usual(home: Path) -> Iterator[Suggestion]:
    for name in _USUAL:
        if (home / name).is_dir():
            yield Suggestion(home / name, "a usual place")


def _common(folders: list[Path], home: Path) -> Path | None:
    """The folder that holds them all, unless it would be the whole home, or more."""
    try:
        common = Path(os.path.commonpath(folders))
    except ValueError:  # on two drives
        return None
    return None if home.is_relative_to(common) or len(common.parts) < 3 else common
