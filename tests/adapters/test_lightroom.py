"""Where Lightroom keeps photos: what its catalogs say, and never an error."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from lrsync.adapters.lightroom import photo_folders, suggest_sources


def make_catalog(path: Path, *roots: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE AgLibraryRootFolder (id_local INTEGER, absolutePath TEXT, name TEXT)")
        rows = [(f"{root}/", root.name) for root in roots]
        connection.executemany("INSERT INTO AgLibraryRootFolder (absolutePath, name) VALUES (?, ?)", rows)
        connection.commit()
    return path


def paths(home: Path) -> list[Path]:
    return [one.path for one in suggest_sources(home)]


def test_the_folder_that_holds_catalog_and_photos_comes_first(tmp_path: Path) -> None:
    pictures = tmp_path / "Pictures"
    photos = pictures / "2024"
    photos.mkdir(parents=True)
    make_catalog(pictures / "Lightroom" / "Main.lrcat", photos, tmp_path / "gone")
    found = suggest_sources(tmp_path)
    assert found[0].path == pictures
    assert "Main.lrcat" in found[0].why
    assert set(paths(tmp_path)) == {pictures, photos, pictures / "Lightroom"}


def test_photos_on_another_drive(tmp_path: Path) -> None:
    drive, home = tmp_path / "drive" / "Photos", tmp_path / "home" / "anna"
    drive.mkdir(parents=True)
    catalog = make_catalog(home / "Pictures" / "Main.lrcat", drive)
    before = catalog.stat()
    assert paths(home)[0] == drive  # and not tmp_path, which holds the whole home
    assert tmp_path not in paths(home)
    after = catalog.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    assert [path.name for path in catalog.parent.iterdir()] == ["Main.lrcat"]


def test_a_catalog_whose_photos_are_not_there_is_no_folder_of_photos(tmp_path: Path) -> None:
    """Its drive is not connected: the first suggestion, which Enter takes, was its own folder 'and its photos'."""
    pictures = tmp_path / "Pictures"
    make_catalog(pictures / "Lightroom" / "Main.lrcat", tmp_path / "drive")
    found = suggest_sources(tmp_path)
    assert [one.path for one in found] == [pictures, pictures / "Lightroom"]
    assert not any("its photos" in one.why for one in found)


def test_without_a_catalog(tmp_path: Path) -> None:
    assert suggest_sources(tmp_path) == []
    (tmp_path / "Pictures").mkdir()
    assert paths(tmp_path) == [tmp_path / "Pictures"]


def test_what_is_no_catalog(tmp_path: Path) -> None:
    broken = tmp_path / "Pictures" / "broken.lrcat"
    broken.parent.mkdir()
    broken.write_bytes(b"not SQLite" * 100)
    assert photo_folders(broken) == []
    assert photo_folders(tmp_path / "gone.lrcat") == []
    empty = tmp_path / "empty.lrcat"
    empty.write_bytes(b"")
    assert photo_folders(empty) == []
    assert paths(tmp_path) == [tmp_path / "Pictures"]
