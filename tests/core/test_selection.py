"""Which files a selection takes: names add up, times and types narrow, a RAW brings what belongs to it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.filetypes import FileType, parse_types
from lrsync.core.keys import split_path
from lrsync.core.restoring import RestoreItem
from lrsync.core.selection import NameTest, Selection, Selector, search


def item(path: str, mtime_ns: int | None = 50) -> RestoreItem:
    return RestoreItem(path, f"P/{path}", 1, mtime_ns, None)


@dataclass
class Listed:
    """A backup of these paths. `whole`: how often all of it was gone through."""

    paths: Sequence[str]
    whole: int = 0
    has_folders: bool = True

    def items(self) -> Iterator[RestoreItem]:
        self.whole += 1
        return (item(path) for path in sorted(self.paths))

    def has(self, path: str) -> bool:
        return path in self.paths

    def folder(self, path: str) -> Sequence[RestoreItem]:
        return [item(one) for one in sorted(self.paths) if split_path(one)[0] == path]


LIBRARY = Listed(
    [
        *("2024/IMG_1.CR3", "2024/IMG_1.acr", "2024/IMG_1.jpg", "2024/IMG_1.xmp", "2024/IMG_10.xmp", "2024/clip.mov"),
        *("2024/Iceland/a.nef", "2024/Iceland/a.nef.xmp", "2024/Iceland2/b.nef", "2025/notes.txt", "cat.lrcat"),
    ]
)


def name(text: str, matches: str = "\0") -> NameTest:
    return NameTest(text, frozenset({text}), lambda path: path.endswith(matches))


def taken(selection: Selection, backup: Listed = LIBRARY) -> set[str]:
    return {found.path for found in search(backup, Selector(selection))}


def test_nothing_said_is_everything() -> None:
    assert taken(Selection()) == set(LIBRARY.paths)
    assert Selection().is_everything


@pytest.mark.parametrize(
    ("folder", "paths"),
    [
        ("2024/Iceland", {"2024/Iceland/a.nef", "2024/Iceland/a.nef.xmp"}),
        ("2025", {"2025/notes.txt"}),
        ("202", set()),
    ],
)
def test_a_folder_is_all_that_lies_below_it(folder: str, paths: set[str]) -> None:
    assert taken(Selection(folders=frozenset({folder}))) == paths


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("txt", {"2025/notes.txt"}),
        (".MOV", {"2024/clip.mov"}),
        ("video", {"2024/clip.mov"}),
        ("catalog,other", {"cat.lrcat", "2025/notes.txt"}),
        ("jpeg", {"2024/IMG_1.jpg"}),
        ("acr,xmp", {"2024/IMG_1.acr", "2024/IMG_1.xmp", "2024/IMG_10.xmp", "2024/Iceland/a.nef.xmp"}),
    ],
)
def test_types(words: str, paths: set[str]) -> None:
    assert taken(Selection(types=parse_types(words.split(",")))) == paths


@pytest.mark.parametrize("word", ["", "a.b", "r*w", "  "])
def test_what_is_no_type(word: str) -> None:
    with pytest.raises(ValueError, match="no type"):
        parse_types([word])


def test_a_kind_and_an_extension_are_told_apart() -> None:
    assert parse_types(["sidecar"]).kinds == {FileType.SIDECAR}
    assert parse_types(["raw"]).takes("a.DNG") and not parse_types(["raw"]).takes("a.mov")


def test_a_raw_brings_what_belongs_to_it() -> None:
    only_raw = Selection(names=(name("2024/IMG_1.CR3"),))
    assert taken(only_raw) == {f"2024/IMG_1.{one}" for one in ("CR3", "acr", "jpg", "xmp")}
    raws = taken(Selection(types=parse_types(["raw"])))
    assert raws == taken(only_raw) | {"2024/Iceland/a.nef", "2024/Iceland/a.nef.xmp", "2024/Iceland2/b.nef"}
    assert taken(Selection(types=parse_types(["nef"]), companions=False)) == {
        "2024/Iceland/a.nef",
        "2024/Iceland2/b.nef",
    }


def test_names_add_up_and_types_narrow() -> None:
    chosen = Selection(
        names=(name("x", ".mov"),), folders=frozenset({"2025"}), listed={"cat.lrcat": "./cat.lrcat"}, companions=False
    )
    assert taken(chosen) == {"2024/clip.mov", "2025/notes.txt", "cat.lrcat"}


def test_times() -> None:
    old, young = item("a.jpg", 10), item("b.jpg", 90)
    edge, unknown = item("c.jpg", 50), item("d.jpg", None)

    def chosen(**times: int) -> list[str]:
        return [found.path for found in Selector(Selection(**times)).select([old, young, edge, unknown])]  # type: ignore[arg-type]

    assert chosen(since_ns=50) == ["b.jpg", "c.jpg", "d.jpg"]
    assert chosen(until_ns=50) == ["a.jpg", "d.jpg"]
    assert chosen(since_ns=11, until_ns=90) == ["c.jpg", "d.jpg"]


def test_what_stands_for_nothing_is_told() -> None:
    selector = Selector(
        Selection(
            names=(name("2024/clip.mov"), name("none.jpg"), name("*.mov", ".mov")),
            folders=frozenset({"2025", "2099"}),
            listed={"cat.lrcat": "cat.lrcat", "gone.jpg": "./gone.jpg"},
        )
    )
    assert len(list(search(LIBRARY, selector))) == 3
    assert set(selector.unmatched) == {"none.jpg", "2099", "./gone.jpg"}


def test_single_files_do_not_cost_the_whole_backup() -> None:
    backup = Listed(LIBRARY.paths)
    assert taken(Selection(names=(name("2024/clip.mov"), name("cat.lrcat"))), backup) == {"2024/clip.mov", "cat.lrcat"}
    assert backup.whole == 0
    taken(Selection(names=(name("2024/clip.mov"), name("2025"))), backup)
    assert backup.whole == 1


paths = st.lists(st.sampled_from(["a", "b.c", "a.xmp", "a.nef", "a.jpg", "b.nef"]), min_size=1, max_size=3).map(
    "/".join
)


@given(st.sets(paths), st.sets(paths, min_size=1))
def test_a_list_takes_what_it_names_and_its_companions_only(present: set[str], wanted: set[str]) -> None:
    backup = Listed(sorted(present))
    listed = {path: path for path in wanted}
    assert taken(Selection(listed=listed, companions=False), backup) == present & wanted
    more = taken(Selection(listed=listed), backup) - wanted
    assert all(path.endswith((".xmp", ".jpg")) for path in more)


def test_memory_is_flat() -> None:
    def many(count: int) -> Iterator[RestoreItem]:
        return (item(f"{number // 1000:04}/IMG_{number % 1000:04}.nef") for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        selector = Selector(Selection(types=parse_types(["raw"])))
        assert sum(1 for _ in selector.select(many(count))) == count
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(20_000) < peak(2_000) + 50_000


# --- photos that a catalog named --------------------------------------------------------------------------


def test_photos_narrow_down_what_names_and_folders_say() -> None:
    photos = frozenset({"2024/IMG_1.CR3", "2024/clip.mov", "2024/Iceland/a.nef"})
    everything = {"2024/IMG_1.CR3", "2024/IMG_1.acr", "2024/IMG_1.jpg", "2024/IMG_1.xmp", "2024/clip.mov"}
    everything |= {"2024/Iceland/a.nef", "2024/Iceland/a.nef.xmp"}
    assert taken(Selection(photos=photos)) == everything
    assert taken(Selection(photos=photos, companions=False)) == photos
    assert taken(Selection(photos=photos, folders=frozenset({"2024/Iceland"}))) == {
        "2024/Iceland/a.nef",
        "2024/Iceland/a.nef.xmp",
    }
    assert taken(Selection(photos=photos, types=parse_types(["video"]))) == {"2024/clip.mov"}
    assert taken(Selection(photos=frozenset())) == set()
    assert not Selection(photos=frozenset()).is_everything


def test_a_name_whose_files_are_none_of_the_photos_still_stood_for_something() -> None:
    selector = Selector(Selection(names=(name("2024/clip.mov"), name("nowhere")), photos=frozenset({"2024/IMG_1.CR3"})))
    assert list(search(LIBRARY, selector)) == []
    assert list(selector.unmatched) == ["nowhere"]


def test_only_the_folders_of_the_photos_are_looked_into() -> None:
    backup = Listed(LIBRARY.paths)
    assert taken(Selection(photos=frozenset({"2024/Iceland/a.nef"})), backup)
    assert backup.whole == 0
    slow = Listed(LIBRARY.paths, has_folders=False)
    assert taken(Selection(photos=frozenset({"2024/Iceland/a.nef"})), slow)
    assert slow.whole == 1
