"""What lies in the trash, told from listings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.keys import (
    MAX_KEY_BYTES,
    key_for,
    may_be_digest,
    noted_path,
    snapshot_key,
    split_trash_key,
    stamp_of,
    time_of_stamp,
    trash_key,
    trash_note,
)
from lrsync.core.objects import ListedObject, ListedVersion
from lrsync.core.trash import doomed_versions, matches, newest_of_each, of_object, of_versions
from tests.trees import paths

DAY = 86_400_000_000_000
STAMP = "20260301T023000Z"


def history(key: str, *states: str) -> list[ListedVersion]:
    """Versions from the oldest ("v" a version, "x" a delete marker), one a day; returned the newest first."""
    last = len(states) - 1
    made = [
        ListedVersion(key, f"v{day}", 10, "e", day * DAY, is_current=day == last, is_marker=state == "x")
        for day, state in enumerate(states)
    ]
    return made[::-1]


def test_stamps_are_times() -> None:
    assert stamp_of(time_of_stamp(STAMP)) == STAMP
    with pytest.raises(ValueError, match="not a time"):
        time_of_stamp("yesterday")


@given(paths, st.sampled_from(["", "Photos", "a/b"]))
def test_the_trash_knows_where_everything_was(path: str, prefix: str) -> None:
    try:
        key = key_for(prefix, path)
    except ValueError:
        return
    relative = key[len(prefix) + 1 if prefix else 0 :]
    in_trash = trash_key(prefix, STAMP, key)
    assert len(in_trash.encode()) <= MAX_KEY_BYTES
    note, found = trash_note(key, in_trash), split_trash_key(prefix, in_trash)
    assert found is not None
    assert found[0] == STAMP
    if note:
        assert may_be_digest(found[1])
        assert noted_path(note) == relative
        assert all(value.isascii() and len(value) < 1900 for value in note.values())
    else:
        assert found[1] == relative


def test_a_key_that_is_too_long_for_the_trash_is_noted() -> None:
    key = key_for("Photos", "/".join(["é" * 60] * 8) + f"/{'x' * 40}.nef")
    in_trash = trash_key("Photos", STAMP, key)
    assert noted_path(trash_note(key, in_trash)) == key.removeprefix("Photos/")


@pytest.mark.parametrize("metadata", [{}, {"lrsync-path": "!"}, {"lrsync-path": "/w=="}, {"lrsync-path": "é"}])
def test_a_malformed_note_is_none(metadata: dict[str, str]) -> None:
    assert noted_path(metadata) is None


def test_an_object_in_the_trash_is_an_item() -> None:
    item = of_object("Photos", ListedObject(f"Photos/.lrsync/trash/{STAMP}/2024/a.nef", 5, "e"))
    assert item is not None
    assert (item.path, item.key, item.size, item.trashed_ns) == (
        "2024/a.nef",
        "Photos/2024/a.nef",
        5,
        time_of_stamp(STAMP),
    )


@pytest.mark.parametrize("rest", ["notes.txt", "today/a.nef", f"{STAMP}/", f"{STAMP}/../a", f"{STAMP}/.lrsync/x"])
def test_what_lrsync_did_not_put_there_is_none(rest: str) -> None:
    assert of_object("Photos", ListedObject(f"Photos/.lrsync/trash/{rest}", 5, "e")) is None
    assert of_object("Photos", ListedObject("Photos/2024/a.nef", 5, "e")) is None
    assert of_object("Photos", ListedObject("Photos/.lrsync/trash/20269901T023000Z/a", 5, "e")) is None


def test_old_versions_are_in_the_trash_since_something_newer_came() -> None:
    found = list(of_versions("P", history("P/a.nef", "v", "v", "x")))
    assert [(item.version_id, item.trashed_ns) for item in found] == [("v1", 2 * DAY), ("v0", DAY)]
    assert list(of_versions("P", history("P/a.nef", "v"))) == []
    assert list(of_versions("P", history("P/.lrsync/catalogs/x", "v", "v"))) == []


@pytest.mark.parametrize(
    ("states", "before", "gone"),
    [
        ("v", 99, ""),  # the current object
        ("vv", 99, "v0"),
        ("vv", 1, ""),  # replaced on day 1: in the trash since then, however old its bytes are
        ("vx", 99, "v0 v1"),  # the marker last
        ("vx", 1, ""),
        ("vvx", 2, "v0"),  # v1 is deleted since day 2 only: the marker must not uncover it
        ("vxv", 99, "v0 v1"),
        ("x", 99, "v0"),
        ("vvvx", 3, "v0 v1"),
    ],
)
def test_what_a_purge_may_destroy(states: str, before: int, gone: str) -> None:
    doomed = doomed_versions("P", history("P/a.nef", *states), before * DAY)
    assert " ".join(v.version_id for v in doomed.versions) == gone if doomed else gone == ""


@given(st.lists(st.sampled_from("vx"), min_size=1, max_size=8), st.integers(0, 9))
def test_a_purge_never_uncovers_or_destroys_what_is_current(states: list[str], before: int) -> None:
    versions = history("P/a.nef", *states)
    doomed = doomed_versions("P", versions, before * DAY)
    ids = {v.version_id for v in doomed.versions} if doomed else set()
    left = [v for v in versions if v.version_id not in ids]
    if not versions[0].is_marker:
        assert left[0] is versions[0]
    else:  # deleted it was, deleted it stays
        assert not left or left[0] is versions[0]


def test_the_newest_snapshots_stay() -> None:
    key = snapshot_key("P", "uuid")
    assert doomed_versions("P", history(key, *"v" * 10), 99 * DAY) is None
    doomed = doomed_versions("P", history(key, *"v" * 12), 99 * DAY)
    assert doomed is not None
    assert [v.version_id for v in doomed.versions] == ["v0", "v1"]


def test_a_trashed_copy_goes_whole_by_its_stamp() -> None:
    versions = history(f"P/.lrsync/trash/{STAMP}/a.nef", "v", "x")
    assert doomed_versions("P", versions, time_of_stamp(STAMP)) is None
    doomed = doomed_versions("P", versions, time_of_stamp(STAMP) + 1)
    assert doomed is not None
    assert len(doomed.versions) == 2


def test_catalogs_and_strange_names_are_left_alone() -> None:
    for key in ("P/.lrsync/catalogs/x", "P/../a", "Q/a"):
        assert doomed_versions("P", history(key, "v", "v"), 99 * DAY) is None


@pytest.mark.parametrize("pattern", ["", ".", "2024", "2024/", "2024/Iceland", "*.nef", "a.nef", "2024/*", "*/Iceland"])
def test_patterns_that_match(pattern: str) -> None:
    assert matches("2024/Iceland/a.nef", pattern)


@pytest.mark.parametrize("pattern", ["202", "Iceland", "*.jpg", "2025/*", "2024/a.nef", "A.NEF"])
def test_patterns_that_do_not(pattern: str) -> None:
    assert not matches("2024/Iceland/a.nef", pattern)


def test_the_newest_of_each_path_counts() -> None:
    items = list(of_versions("P", history("P/b", "v", "v", "x"))) + list(of_versions("P", history("P/a", "v", "x")))
    assert [(item.path, item.version_id) for item in newest_of_each(items)] == [("a", "v0"), ("b", "v1")]
