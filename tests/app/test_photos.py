"""A restore by what photographers know, wired as the command line wires it: by the catalog's snapshot in the bucket."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lrsync.app import existing, restore, session
from lrsync.app.restore import run_restore
from lrsync.app.sync import run_sync
from lrsync.config import Config
from lrsync.core.catalogs import catalogs_folder
from lrsync.core.events import Event, Notice
from lrsync.core.filetypes import parse_types
from lrsync.core.lightroom import RootMapping
from lrsync.core.photos import PhotoWish, parse_captured, parse_stars
from lrsync.core.requests import Knowledge, RestoreRequest
from lrsync.core.runs import RunSummary
from lrsync.errors import CatalogError, ExitCode, UsageError
from tests.lightroom.generator import LR13, UNKNOWN, Photo, Version, write_catalog
from tests.stores.memory import MemoryStore
from tests.trees import Tree, make_tree

TREE: Tree = {
    "2024": {"06": {"a.nef": b"raw a", "a.xmp": b"<a/>", "b.jpg": b"jpeg b"}},
    "2023": {
        "c.cr2": b"raw c",
        "c.JPG": b"jpeg c",
        "c.xmp": b"<c/>",
        "d.dng": b"dng",
        "clip.mov": b"m",
        "clip.thm": b"t",
    },
    "other.txt": b"text",
}
FOLDERS = {
    "2024/06/": [
        Photo("a.nef", "xmp", 5, rating=5.0, pick=1.0, captured="2024-06-01T10:00:00"),
        Photo("b.jpg", rating=2),
    ],
    "2023/": [
        Photo("c.cr2", "JPG,xmp", 5, rating=4, copies=1, captured="2023-12-31T23:59:59+02:00"),
        Photo("d.dng", captured="2023"),
        Photo("clip.mov", "thm"),
    ],
}
COLLECTIONS = {"Best": ["a.nef", "c.cr2/1"], "Trips/Best": ["b.jpg"], "Trips/Films": ["clip.mov"], "Rule": None}
BEST = {"2024/06/a.nef", "2024/06/a.xmp", "2023/c.cr2", "2023/c.JPG", "2023/c.xmp"}


class OpenStore(MemoryStore):
    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Library:
    """A library with a catalog in it. What was synced is restored by a computer that knows nothing but the bucket."""

    home: Path
    store: OpenStore = field(default_factory=OpenStore)
    events: list[Event] = field(default_factory=list)
    restored: int = 0

    @property
    def source(self) -> Path:
        return self.home / "Photos"

    @property
    def config(self) -> Config:
        return Config(source=self.source, bucket="bucket", prefix="P", manifest=self.home / "m.sqlite")

    @property
    def bare(self) -> Config:
        return Config(bucket="bucket", prefix="P")

    def catalog(self, root: str = "", *, path: str = "cat/My.lrcat", version: Version = LR13, **more: object) -> Path:
        given = {"collections": COLLECTIONS, **more}
        return write_catalog(self.source / path, {root or f"{self.source}/": FOLDERS}, version, **given)  # type: ignore[arg-type]

    def sync(self) -> RunSummary:
        return run_sync(self.config, self.events.append, threading.Event())

    def restore(
        self, wish: PhotoWish | None = None, *, config: Config | None = None, **request: object
    ) -> tuple[RunSummary, set[str]]:
        """A restore into a new folder: what it says, and the files that came."""
        self.events.clear()
        self.restored += 1
        to = self.home / f"back{self.restored}"
        asked = RestoreRequest(photos=wish or PhotoWish(("Best",)), to=str(to), **request)  # type: ignore[arg-type]
        done = run_restore(config or self.bare, self.events.append, threading.Event(), asked, lambda plan, quote: True)
        return done, {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}

    @property
    def notices(self) -> str:
        return "\n".join(event.message for event in self.events if isinstance(event, Notice))


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    here = Library(tmp_path)
    here.store.tick = lambda serial: time.time_ns()
    for module in (session, restore, existing):
        monkeypatch.setattr(module, "open_store", lambda config: here.store)
    make_tree(here.source, TREE)
    return here


def catalog_keys(store: MemoryStore) -> list[str]:
    keys = store.keys()
    return [key for key in keys if key.startswith(catalogs_folder("P"))]


def stamps_of(store: MemoryStore) -> list[str]:
    return sorted({key.split("/")[-2] for key in catalog_keys(store)})


def failures(done: RunSummary) -> list[str]:
    return sorted(failed.path for failed in done.errors)


# --- what is meant ----------------------------------------------------------------------------------------


def test_a_collection_comes_back_on_a_computer_that_knows_nothing(library: Library) -> None:
    library.catalog()
    library.sync()
    shutil.rmtree(library.source)
    done, files = library.restore()
    assert (done.exit_code, files) == (ExitCode.OK, BEST)
    assert done.catalog is not None
    assert (done.catalog.catalog, done.catalog.photos) == ("cat/My.lrcat", 2)
    assert done.catalog.roots == ((str(library.source), "", "source", 2),)
    assert "as the library's source was recorded" in library.notices
    assert done.requests.total > 5, "the catalog was asked for, too"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (PhotoWish(("Trips",)), {"2024/06/b.jpg", "2023/clip.mov", "2023/clip.thm"}),
        (PhotoWish(("Best", "Trips/Best")), BEST | {"2024/06/b.jpg"}),
        (PhotoWish(stars=parse_stars("5")), {"2024/06/a.nef", "2024/06/a.xmp"}),
        (PhotoWish(captured=parse_captured("2023-12")), {"2023/c.cr2", "2023/c.JPG", "2023/c.xmp", "2023/d.dng"}),
        (PhotoWish(("Best",), picked=True), {"2024/06/a.nef", "2024/06/a.xmp"}),
    ],
)
def test_by_everything_that_a_catalog_knows(library: Library, wish: PhotoWish, expected: set[str]) -> None:
    library.catalog()
    library.sync()
    for config in (library.bare, library.config):
        done, files = library.restore(wish, config=config)
        assert (done.exit_code, files) == (ExitCode.OK, expected)


def test_it_goes_with_names_folders_types_and_without_sidecars(library: Library) -> None:
    library.catalog()
    library.sync()
    assert library.restore(folders=("2023",))[1] == {"2023/c.cr2", "2023/c.JPG", "2023/c.xmp"}
    assert library.restore(paths=("*.nef",))[1] == {"2024/06/a.nef", "2024/06/a.xmp"}
    assert library.restore(companions=False)[1] == {"2024/06/a.nef", "2023/c.cr2"}
    assert library.restore(types=parse_types(["xmp"]))[1] == {"2024/06/a.xmp", "2023/c.xmp"}
    assert library.restore(since_ns=time.time_ns() + 10**12)[1] == set()


def test_a_listing_is_enough(library: Library) -> None:
    library.catalog("D:/Photos/")
    library.sync()
    done, files = library.restore(knowledge=Knowledge.LISTING)
    assert (done.exit_code, files) == (ExitCode.OK, BEST)
    timed, files = library.restore(knowledge=Knowledge.LISTING, since_ns=1)
    assert (timed.exit_code, files) == (ExitCode.OK, BEST)
    # The catalog's note and bytes, the listing's pages, and of the photos alone a HEAD and a GET.
    assert timed.requests.head <= len(BEST)


def test_a_dry_run_tells_the_same_and_makes_nothing(library: Library) -> None:
    library.catalog()
    library.sync()
    done, files = library.restore(config=replace(library.bare, dry_run=True))
    assert (done.exit_code, done.restored and done.restored.restored, files) == (ExitCode.OK, 5, set())
    assert not (library.home / "back1").exists()


def test_in_place_what_is_missing_of_a_collection_comes_back(library: Library) -> None:
    library.catalog()
    library.sync()
    for path in ("2024/06/a.nef", "2023/d.dng"):
        (library.source / path).unlink()
    request = RestoreRequest(photos=PhotoWish(("Best",)))
    done = run_restore(library.config, library.events.append, threading.Event(), request, lambda plan, quote: True)
    assert (done.exit_code, done.restored and done.restored.restored) == (ExitCode.OK, 1)
    assert (library.source / "2024/06/a.nef").read_bytes() == b"raw a"
    assert not (library.source / "2023/d.dng").exists()


# --- what is not there ------------------------------------------------------------------------------------


def test_what_the_backup_does_not_have_is_named(library: Library) -> None:
    library.catalog()
    (library.source / "2024/06/a.nef").unlink()
    (library.source / "2023/c.xmp").unlink()
    library.sync()
    done, files = library.restore()
    assert (done.exit_code, failures(done)) == (ExitCode.INCOMPLETE, ["2024/06/a.nef"])
    assert files == {"2024/06/a.xmp", "2023/c.cr2", "2023/c.JPG"}
    assert "2 sidecars are named by the catalog and not in the backup" not in library.notices
    assert "1 sidecar is named by the catalog and not in the backup" in library.notices
    assert failures(library.restore(folders=("2023",))[0]) == []
    assert failures(library.restore(paths=("2024/**",))[0]) == ["2024/06/a.nef"]


def test_a_set_with_a_rule_in_it_is_not_called_whole(library: Library) -> None:
    library.catalog(collections={"Trips/Best": ["b.jpg"], "Trips/Five": None})
    library.sync()
    done, files = library.restore(PhotoWish(("Trips",)))
    assert (done.exit_code, failures(done), files) == (ExitCode.INCOMPLETE, ["Trips/Five"], {"2024/06/b.jpg"})


def test_nothing_meant_is_an_error(library: Library) -> None:
    library.catalog(collections={"Best": []})
    library.sync()
    done, files = library.restore()
    assert (done.exit_code, failures(done), files) == (ExitCode.INCOMPLETE, ["cat/My.lrcat"], set())


@pytest.mark.parametrize(
    ("wish", "words", "hint"),
    [
        (PhotoWish(("Bset",)), "no collection 'Bset'", "'Best'"),
        (PhotoWish(("Rule",)), "smart collection", "--rating"),
        (PhotoWish(("Best",), stamp="2020"), "from 2020", "catalog list"),
        (PhotoWish(("Best",), catalog="Other"), "no snapshot of 'Other'", "catalog list"),
        (PhotoWish(("Best",), mappings=(RootMapping("D:", "../x"),)), "--map-root", "as it lies in the backup"),
    ],
)
def test_wrong_usage_ends_it_before_anything_is_made(library: Library, wish: PhotoWish, words: str, hint: str) -> None:
    library.catalog()
    library.sync()
    with pytest.raises(UsageError, match=words) as caught:
        library.restore(wish)
    assert hint in caught.value.hint
    assert not (library.home / "back1").exists()


def test_without_any_snapshot(library: Library) -> None:
    library.sync()
    with pytest.raises(UsageError, match="no snapshot of a catalog is in the bucket"):
        library.restore()


def test_of_several_catalogs_one_must_be_named(library: Library) -> None:
    library.catalog()
    library.catalog(path="old/My.lrcat", collections={"Best": ["b.jpg"]})
    library.sync()
    with pytest.raises(UsageError, match="2 catalogs have snapshots") as caught:
        library.restore()
    assert caught.value.hint == "add --catalog with one of them: cat/My.lrcat, old/My.lrcat"
    assert library.restore(PhotoWish(("Best",), catalog="old/My.lrcat"))[1] == {"2024/06/b.jpg"}


def test_a_damaged_snapshot_is_said_and_an_older_one_will_do(library: Library) -> None:
    library.catalog()
    library.sync()
    library.catalog(collections={**COLLECTIONS, "New": []})
    library.sync()
    older, newer = stamps_of(library.store)
    (newest,) = [key for key in catalog_keys(library.store) if newer in key and key.endswith(".zst")]
    data = library.store.data(newest)
    library.store.versions[newest][-1] = replace(library.store.versions[newest][-1], data=data[:-9] + b"\0" * 9)
    with pytest.raises(CatalogError, match="is damaged"):
        library.restore()
    assert library.restore(PhotoWish(("Best",), stamp=older))[1] == BEST


# --- where the photos are ---------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["D:/Photos/", "//nas/share/Photos/", "/Volumes/Old Drive/"])
def test_roots_of_another_computer_are_found_by_the_names(library: Library, root: str) -> None:
    library.catalog(root)
    library.sync()
    done, files = library.restore()
    assert (done.exit_code, files) == (ExitCode.OK, BEST)
    assert done.catalog is not None
    assert done.catalog.roots == ((root.rstrip("/"), "", "names", 2),)
    assert "as most names agree; --map-root corrects it" in library.notices


def test_the_user_says_where_a_root_is(library: Library) -> None:
    make_tree(library.source, {"copy": {"2024": {"06": {"a.nef": b"another", "a.xmp": b"<other/>"}}}})
    library.catalog("D:/Photos/")
    library.sync()
    wish = PhotoWish(picked=True, mappings=(RootMapping("d:/photos", "copy"),))
    done, files = library.restore(wish)
    assert (done.exit_code, files) == (ExitCode.OK, {"copy/2024/06/a.nef", "copy/2024/06/a.xmp"})
    done, files = library.restore(replace(wish, mappings=(RootMapping("D:/Photos", str(library.source)),)))
    assert (done.exit_code, files) == (ExitCode.OK, {"2024/06/a.nef", "2024/06/a.xmp"})


def test_a_root_that_is_nowhere_is_said_for_each_of_its_photos(library: Library) -> None:
    write_catalog(
        library.source / "My.lrcat",
        {f"{library.source}/": {"2024/06/": ["a.nef"]}, "E:/Gone/": {"far/": ["x.nef", "y.jpg"]}},
        collections={"Best": ["a.nef", "x.nef", "y.jpg"]},
    )
    library.sync()
    done, files = library.restore()
    assert failures(done) == ["E:/Gone/far/x.nef", "E:/Gone/far/y.jpg"]
    assert {failed.hint for failed in done.errors} == {
        "say with --map-root OLD=NEW which folder of the backup is which of the catalog's"
    }
    assert files == {"2024/06/a.nef", "2024/06/a.xmp"}
    assert failures(library.restore(types=parse_types(["jpg"]))[0]) == ["E:/Gone/far/y.jpg"]


def test_names_in_another_case_and_unicode_form(library: Library) -> None:
    make_tree(library.source, {"E\u0301te\u0301": {"A\u030a.NEF": b"raw", "twin.jpg": b"1", "TWIN.jpg": b"2"}})
    folders = {"Été/": ["\u00c5.nef", "TWIN.jpg"]}
    write_catalog(
        library.source / "My.lrcat", {f"{library.source}/": folders}, collections={"Best": ["\u00c5.nef", "TWIN.jpg"]}
    )
    library.sync()
    done, files = library.restore()
    assert (done.exit_code, files) == (ExitCode.OK, {"E\u0301te\u0301/A\u030a.NEF", "E\u0301te\u0301/TWIN.jpg"})


def test_an_unknown_version_is_read_with_a_word_about_it(library: Library) -> None:
    library.catalog(version=UNKNOWN)
    library.sync()
    assert library.restore()[1] == BEST
    assert f"of a version that is not known here ('{UNKNOWN.db}')" in library.notices


# --- the past ---------------------------------------------------------------------------------------------


def test_the_library_as_it_was_by_the_catalog_as_it_was(library: Library) -> None:
    library.store.versioned = True
    library.catalog()
    library.sync()
    then_ns = time.time_ns()
    (library.source / "2024/06/a.xmp").write_bytes(b"<newer/>")
    library.catalog(collections={"Best": ["b.jpg"]})
    library.sync()
    assert library.restore()[1] == {"2024/06/b.jpg"}
    done, files = library.restore(at_ns=then_ns)
    assert (done.exit_code, files) == (ExitCode.OK, BEST)
    assert (library.home / "back2/2024/06/a.xmp").read_bytes() == b"<a/>"
    with pytest.raises(UsageError, match="that was there at"):
        library.restore(at_ns=1_000_000_000)


def test_a_snapshot_that_is_named_is_taken_whatever_the_time(library: Library) -> None:
    library.store.versioned = True
    library.catalog()
    library.sync()
    then_ns = time.time_ns()
    library.catalog(collections={"Best": ["b.jpg"]})
    library.sync()
    _, newest = stamps_of(library.store)
    assert library.restore(PhotoWish(("Best",), stamp=newest), at_ns=then_ns)[1] == {"2024/06/b.jpg"}
