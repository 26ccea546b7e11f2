"""Questions to catalogs of several versions: collections, stars, flags, times, virtual copies."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lrsync.adapters.catalog_photos import PhotoFinder
from lrsync.adapters.catalog_read import CatalogReader
from lrsync.core.photos import CollectionKind, choose_collections, parse_captured, parse_stars
from lrsync.errors import CatalogError
from tests.lightroom.generator import LR13, VERSIONS, Photo, Version, write_catalog

PHOTOS = [
    Photo("a.nef", "xmp", rating=5.0, pick=1.0, captured="2024-06-01T10:00:00.12"),
    Photo("b.jpg", rating=2, pick=-1.0, captured="2024-06"),
    Photo("c.cr2", "JPG,xmp", rating=4.0, copies=2, copy_rating=1, captured="2023-12-31T23:59:59+02:00"),
    Photo("d.dng", rating=3.0, captured="2023"),
    Photo("clip.mov"),
    Photo("é.nef", rating=0.0, pick=1.0),
]
COLLECTIONS = {"Best": ["a.nef", "c.cr2/1"], "Trips/Best": ["b.jpg"], "Trips/2023/Winter": ["d.dng"], "Rule": None}


@pytest.fixture(params=VERSIONS, ids=lambda version: version.db)
def finder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PhotoFinder]:
    version: Version = request.param
    path = write_catalog(tmp_path / "My.lrcat", {"D:/P/": {"x/": PHOTOS}}, version, collections=COLLECTIONS)
    with CatalogReader(path) as reader:
        yield reader.finder()


def names(found: tuple[list[tuple[int, str, str]], int]) -> set[str]:
    return {name for _, name, _ in found[0]}


def test_collections_with_their_sets(finder: PhotoFinder) -> None:
    kinds = {one.name: one.kind for one in finder.collections()}
    plain = CollectionKind.PLAIN
    assert kinds == {
        "quick collection": plain,
        "Best": plain,
        "Trips": CollectionKind.SET,
        "2023": CollectionKind.SET,
        "Winter": plain,
        "Rule": CollectionKind.SMART,
    }


def test_what_is_in_collections(finder: PhotoFinder) -> None:
    def within(*wanted: str) -> set[str]:
        return names(finder.photos(choose_collections(wanted, finder.collections()).ids))

    assert within("Best") == {"a.nef", "c.cr2"}
    assert within("Trips") == {"b.jpg", "d.dng"}
    assert within("Trips/Best", "Winter", "Best") == {"a.nef", "b.jpg", "c.cr2", "d.dng"}
    assert within("quick collection") == set()
    assert names(finder.photos(None)) == {photo.name for photo in PHOTOS}
    assert names(finder.photos(frozenset())) == set()


@pytest.mark.parametrize(
    ("stars", "expected"),
    [("4+", {"a.nef", "c.cr2"}), ("1", {"c.cr2"}), ("2-3", {"b.jpg", "d.dng"}), ("0", {"clip.mov", "é.nef"})],
)
def test_stars_of_any_image_of_a_file(finder: PhotoFinder, stars: str, expected: set[str]) -> None:
    assert names(finder.photos(None, stars=parse_stars(stars))) == expected


def test_flags_and_times(finder: PhotoFinder) -> None:
    assert names(finder.photos(None, picked=True)) == {"a.nef", "é.nef"}
    found = finder.photos(None, captured=parse_captured("2023-12..2024-06-01"))
    assert (names(found), found.undated) == ({"a.nef", "b.jpg", "c.cr2", "d.dng"}, 2)
    assert names(finder.photos(None, captured=parse_captured("2024-06-02.."))) == {"b.jpg"}


def test_one_image_must_meet_it_all(finder: PhotoFinder) -> None:
    best = choose_collections(["Best"], finder.collections()).ids
    # In the collection is the virtual copy, which has one star.
    assert names(finder.photos(best, stars=parse_stars("4+"))) == {"a.nef"}
    assert names(finder.photos(best, stars=parse_stars("1"))) == {"c.cr2"}


def test_sidecars_and_each_file_once(finder: PhotoFinder) -> None:
    found = finder.photos(None)
    assert len(found.photos) == len(PHOTOS)
    assert {name: sidecars for _, name, sidecars in found.photos if sidecars} == {"a.nef": "xmp", "c.cr2": "JPG,xmp"}


def test_a_version_that_lacks_a_column_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = write_catalog(tmp_path / "My.lrcat", {"/P/": {"": PHOTOS}}, LR13)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE Adobe_images RENAME COLUMN rating TO stars")
        connection.execute("DROP TABLE AgLibraryCollection")
    with CatalogReader(path) as reader:
        assert names(reader.finder().photos(None, picked=True)) == {"a.nef", "é.nef"}
        for ask in (lambda f: f.photos(None, stars=parse_stars("1")), lambda f: f.collections()):
            with pytest.raises(CatalogError, match="cannot be asked for photos"):
                ask(reader.finder())


def test_a_real_catalog_has_its_rules() -> None:
    samples = os.environ.get("LRSYNC_SAMPLES_DIR")
    if samples is None:
        pytest.skip("LRSYNC_SAMPLES_DIR names no folder with real samples")
    with closing(sqlite3.connect(f"file:{samples}/catalog-lr5.lrcat?mode=ro&immutable=1", uri=True)) as connection:
        finder = PhotoFinder(connection)
        kinds = {one.name: one.kind for one in finder.collections()}
        assert (kinds["Five Stars"], kinds["Smart Collections"]) == (CollectionKind.SMART, CollectionKind.SET)
        chosen = choose_collections(["Smart Collections"], finder.collections())
        assert "Smart Collections/Five Stars" in chosen.rules
        found = finder.photos(None, stars=parse_stars("0"), captured=parse_captured("2013-09-08..2013-12-01T22:59"))
        assert names(found) == {"_MAX7667.NEF", "_MAX7674.NEF", "_MAX2937.jpg"} or len(found.photos) == 3
