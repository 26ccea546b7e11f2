"""What tells one source from another without a marker."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrsync.core.identity import WITNESSES, SourceIdentity, demand_entries, difference, from_text, to_text
from lrsync.core.library import LibraryRow, Place, Seen, is_proof, match_library, source_problem
from lrsync.errors import ManifestError, SourceError

DRIVE = SourceIdentity((("uuid", "4C21-99AF"), ("fsid", "7f")), "inode:2", (("2023", 11), ("2024", 12), ("a.jpg", 13)))
ROW = LibraryRow("u", "default", "/photos", "", "bucket", "P", 1, has_marker=False, identity=to_text(DRIVE))
PLACE = Place("default", "/photos", "", "bucket", "P")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (DRIVE, None),
        (replace(DRIVE, entries=(("1999", 99), ("2024", 12))), None),  # new ones before it, others gone
        (replace(DRIVE, volumes=(("fsid", "7f"),)), None),  # no udev tonight
        (replace(DRIVE, volumes=(("uuid", "4C21-99AF"), ("fsid", "80"))), None),  # the strongest that both have
        (replace(DRIVE, volumes=(("uuid", "0000-0000"), ("fsid", "7f"))), "another file system"),
        (replace(DRIVE, volumes=(("dev", "7f"),)), "another file system"),
        (replace(DRIVE, volumes=()), "another file system"),
        (replace(DRIVE, root="inode:3"), "another folder"),
        (replace(DRIVE, entries=(("2023", 12), ("2024", 11))), "nothing of what was"),
        (replace(DRIVE, entries=()), "nothing of what was"),
    ],
)
def test_the_same_folder_is_known_again(found: SourceIdentity, why: str | None) -> None:
    said = difference(DRIVE, found)
    assert said is None if why is None else why in (said or "")


names = st.text(st.characters(codec=None, exclude_characters="/\0"), min_size=1)


@given(st.lists(st.tuples(names, st.integers(0, 2**64)), max_size=20), st.text(), st.text())
def test_it_comes_back_as_it_was_written(entries: list[tuple[str, int]], volume: str, root: str) -> None:
    identity = SourceIdentity((("mount", volume),), root, tuple(entries))
    text = to_text(identity)
    assert text.isascii()
    assert from_text(text) == replace(identity, entries=tuple(entries[:WITNESSES]))


@given(st.text())
@example("[" * 10_000)
@example("{}")
@example('{"volumes": 1, "root": "", "entries": []}')
@example('{"volumes": [["a"]], "root": "", "entries": []}')
def test_any_other_text_is_a_damaged_record(text: str) -> None:
    with pytest.raises(ManifestError, match="damaged") as caught:
        from_text(text)
    assert caught.value.hint


def test_an_empty_folder_is_no_library() -> None:
    demand_entries(DRIVE, "/photos")
    demand_entries(None, "/photos")
    with pytest.raises(SourceError, match="/photos is empty"):
        demand_entries(replace(DRIVE, entries=()), "/photos")


# --- with the library's row ---------------------------------------------------------------------------------


def seen(marker: str | None = None, identity: SourceIdentity | None = DRIVE, *, no_marker: bool = True) -> Seen:
    return Seen(marker, identity, no_marker)


def test_the_same_file_system_elsewhere_is_the_same_library() -> None:
    moved = match_library(ROW, replace(PLACE, source="/media/x"), seen(no_marker=False))
    assert moved == replace(ROW, source="/media/x")


def test_the_folders_of_tonight_are_the_ones_to_know_it_by() -> None:
    today = replace(DRIVE, entries=(("2024", 12), ("2025", 14)))
    matched = match_library(ROW, PLACE, seen(identity=today))
    assert matched.identity == to_text(today)
    assert source_problem(matched, "/photos", seen(identity=replace(DRIVE, entries=(("2025", 14),)))) is None


@pytest.mark.parametrize("identity", [None, replace(DRIVE, root="inode:9")])
def test_another_file_system_is_refused_with_a_way_on(identity: SourceIdentity | None) -> None:
    with pytest.raises(SourceError, match="is not known as") as caught:
        match_library(ROW, PLACE, seen(identity=identity))
    assert "--accept-source" in caught.value.hint
    accepted = match_library(ROW, PLACE, seen(identity=identity), accept_source=True)
    assert accepted == ROW, "what was accepted is proven only after the run"


def test_a_foreign_marker_and_an_empty_folder_are_never_accepted() -> None:
    for what in (seen("other"), seen(identity=replace(DRIVE, entries=()))):
        with pytest.raises(SourceError, match=r"belongs to another library|is empty"):
            match_library(ROW, PLACE, what, accept_source=True)


def test_a_marker_that_is_there_is_used_whatever_the_file_system_says() -> None:
    row = replace(ROW, has_marker=True)
    other = replace(DRIVE, root="inode:9")
    assert is_proof(row, seen("u", other))
    assert match_library(row, PLACE, seen("u", other)).identity == to_text(other)
    assert match_library(ROW, PLACE, seen("u", None)).has_marker


def test_a_marker_that_is_gone_is_replaced_by_the_file_system_only_on_request() -> None:
    row = replace(ROW, has_marker=True)
    assert match_library(row, PLACE, seen()) == row
    assert is_proof(row, seen())
    with pytest.raises(SourceError, match="does not have the library's marker") as caught:
        match_library(row, PLACE, seen(no_marker=False))
    assert "rebuild-manifest" in caught.value.hint
    with pytest.raises(SourceError, match="does not have the library's marker") as caught:
        match_library(replace(row, identity=None), PLACE, seen())
    assert "--accept-source" in caught.value.hint


def test_without_marker_and_identity_nothing_is_proven_and_nothing_moves() -> None:
    row = replace(ROW, identity=None)
    assert match_library(row, PLACE, seen()) == row
    assert not is_proof(row, seen())
    with pytest.raises(SourceError, match="this manifest is of /photos"):
        match_library(row, replace(PLACE, source="/other"), seen())
