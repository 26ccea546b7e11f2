"""Where a catalog's folders are in a backup: by the user's word, the library's source, or the files in them."""

from __future__ import annotations

import unicodedata

import pytest

from lrsync.core.lightroom import RootMapping, is_absolute, map_path, mapped, with_slashes
from lrsync.core.roots import NameVote, RootMap, RootUse, Source, Witness, root_map
from lrsync.errors import UsageError


def found(roots: RootMap, folder: str) -> str | None:
    use = roots.find(folder)
    return None if use is None else use[1]


@pytest.mark.parametrize(
    ("source", "folder", "expected"),
    [
        ("/Users/anna/Pictures", "/Users/anna/Pictures/2013/06", "2013/06"),
        ("/Users/anna/Pictures", "/Users/anna/Pictures", ""),
        ("/Users/anna/Pictures/", "/Users/anna/Pictures2", None),
        ("/Users/anna/Pictures", "/Users/anna", None),
        ("D:\\Photos", "D:/Photos/2013", "2013"),
        ("D:\\Photos", "d:/PHOTOS/2013", "2013"),
        ("D:\\", "D:/2013", "2013"),
        ("\\\\nas\\photos", "//NAS/photos/a", "a"),
        ("/", "/a/b", "a/b"),
        ("/mnt/Stra\u00dfe", "/mnt/Stra\u00dfe/a", "a"),
        ("D:/STRASSE", "d:/Stra\u00dfe/a", "a"),
        (unicodedata.normalize("NFD", "/mnt/É"), "/mnt/É/a", "a"),
        ("/a\\b", "/a\\b/c", "c"),
        ("", "/a", None),
    ],
)
def test_the_recorded_source_tells(source: str, folder: str, expected: str | None) -> None:
    assert found(root_map([], [source]), folder) == expected


@pytest.mark.parametrize(
    ("old", "new", "folder", "expected"),
    [
        ("D:/Photos", "2013", "D:/Photos/06", "2013/06"),
        ("D:/Photos", ".", "D:/Photos/06", "06"),
        ("D:/Photos", "./a/../b/", "D:/Photos/06", "b/06"),
        ("D:/Photos", "/Users/anna/Pictures/x", "D:/Photos/06", "x/06"),
        ("D:/Photos", "/Users/anna/Pictures", "D:/Photos/06", "06"),
        ("D:/Photos", "a\\b", "D:/Photos", "a/b"),
        ("/", "x", "/y", "x/y"),
    ],
)
def test_the_user_tells(old: str, new: str, folder: str, expected: str) -> None:
    roots = root_map([RootMapping(old.rstrip("/"), new)], ["/Users/anna/Pictures"])
    assert found(roots, folder) == expected


@pytest.mark.parametrize("new", ["..", "../x", "a/../../b", "/elsewhere", "E:/x"])
def test_a_folder_that_is_not_in_the_backup_is_refused(new: str) -> None:
    with pytest.raises(UsageError, match="is not in the backup"):
        root_map([RootMapping("D:/Photos", new)], ["/Users/anna/Pictures"])


def test_the_users_word_wins_and_the_longest_folder() -> None:
    mappings = [RootMapping("/Users/anna/Pictures/2013", "old"), RootMapping("/Users/anna/Pictures/2013/06", "june")]
    roots = root_map(mappings, ["/Users/anna/Pictures"])
    assert roots.find("/Users/anna/Pictures/2013/06/a") == (RootUse(mappings[1].old, "june", Source.USER), "june/a")
    assert found(roots, "/Users/anna/Pictures/2013/07") == "old/07"
    assert roots.find("/Users/anna/Pictures/2014") == (RootUse("/Users/anna/Pictures", "", Source.LIBRARY), "2014")


def test_paths_of_an_audit_are_mapped_the_same_way() -> None:
    root = [RootMapping("", "/")]
    assert map_path("/a/b", root) == "/a/b"
    assert map_path("D:/x", [RootMapping("d:", "/mnt/d")]) == "/mnt/d/x"
    assert map_path("/a", [RootMapping("/b", "/c")]) == "/a"
    assert mapped("/a/bc", [RootMapping("/a/b", "/x")]) is None
    assert [is_absolute(p) for p in ("/a", "C:\\a", "C:/", "\\\\nas\\x", "a", "a:b", "")] == [True] * 4 + [False] * 3
    assert with_slashes("C:\\a\\") == "C:/a"


# --- by the names -----------------------------------------------------------------------------------------


def vote(witnesses: list[Witness], backup: dict[str, int]) -> dict[str, str]:
    votes = NameVote(witnesses)
    for path, size in backup.items():
        votes.add(path, size)
    return {mapping.old: mapping.new for mapping in votes.mappings()}


def in_folder(root: str, below: str, names: list[str], size: int | None = None) -> list[Witness]:
    return [Witness(root, f"{root}{below}".rstrip("/"), name, size) for name in names]


NAMES = [f"IMG_{number:04}.CR2" for number in range(20)]


@pytest.mark.parametrize(
    ("root", "below", "head", "expected"),
    [
        ("D:/Photos/", "2013/06", "2013/06", {"D:/Photos": ""}),
        ("D:/Photos/2013/", "06", "2013/06", {"D:/Photos": ""}),
        ("//nas/photos/", "2013/06", "Photos/2013/06", {"//nas": ""}),
        ("/Volumes/Old/", "2013/06", "archive/2013/06", {"/Volumes/Old": "archive"}),
        ("/Photos/", "2013/06", "06", {"/Photos/2013": ""}),
        ("/", "2013/06", "2013/06", {"": ""}),
        ("D:/", "2013/06", "2013/06", {"D:": ""}),
        ("D:/Photos/", "É", unicodedata.normalize("NFD", "é"), {"D:/Photos": ""}),
    ],
)
def test_files_that_both_name_tell_where_a_root_is(root: str, below: str, head: str, expected: dict[str, str]) -> None:
    backup = {f"{head}/{name}": 1 for name in NAMES} | {"other/IMG_0001.CR2": 1}
    assert vote(in_folder(root, below, NAMES), backup) == expected


def test_the_root_of_a_backup_may_be_a_catalogs_root() -> None:
    assert vote(in_folder("D:/Photos/", "", NAMES), dict.fromkeys(NAMES, 1)) == {"D:/Photos": ""}


def test_one_name_in_another_folder_is_no_proof() -> None:
    assert vote(in_folder("/Users/anna/Desktop/", "", ["IMG_0001.JPG"]), {"2013/IMG_0001.JPG": 1}) == {}
    sized = in_folder("/Users/anna/Desktop/", "", ["IMG_0001.JPG"], 4711)
    assert vote(sized, {"2013/IMG_0001.JPG": 4711}) == {"/Users/anna/Desktop": "2013"}


def test_an_original_of_another_size_is_another_file() -> None:
    backup = {f"2013/{name}": 2 for name in NAMES} | {f"new/2013/{name}": 1 for name in NAMES}
    assert vote(in_folder("D:/x/", "2013", NAMES, 1), backup) == {"D:/x": "new"}


def test_fewer_than_half_of_the_files_decide_nothing() -> None:
    backup = {f"2013/{name}": 1 for name in NAMES[:9]}
    assert vote(in_folder("D:/x/", "2013", NAMES), backup) == {}
    assert vote(in_folder("D:/x/", "2013", NAMES), backup | {f"2013/{NAMES[9]}": 1}) == {"D:/x": ""}


def test_of_two_copies_the_one_nearer_the_backups_root_is_the_library() -> None:
    backup = {f"{folder}2013/{name}": 1 for name in NAMES for folder in ("", "copies/of/")}
    assert vote(in_folder("D:/x/", "2013", NAMES), backup) == {"D:/x": ""}


def test_each_root_has_its_own_place() -> None:
    witnesses = in_folder("D:/", "a", NAMES) + in_folder("/Volumes/V/", "b", NAMES)
    backup = {f"one/a/{name}": 1 for name in NAMES} | {f"two/b/{name}": 1 for name in NAMES}
    assert vote(witnesses, backup) == {"D:": "one", "/Volumes/V": "two"}
