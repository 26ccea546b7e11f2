"""Snapshots of catalogs: which are kept, what their notes and keys say."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.catalogs import (
    Origin,
    SnapshotId,
    SnapshotNote,
    SnapshotPart,
    decode_note,
    encode_note,
    snapshot_name,
    snapshot_object,
    split_snapshot_key,
    to_prune,
)
from lrsync.core.filetypes import catalog_of, is_catalog
from lrsync.core.keys import time_of_stamp, trash_stamp

DAY_NS = 86_400 * 1_000_000_000
NOW_NS = 1_800_000_000 * 1_000_000_000
PART = SnapshotPart("My.lrcat", "catalog.lrcat.zst", "ab" * 32, 5, 3, "cd" * 32)
NOTE = SnapshotNote("2024/My.lrcat", Origin.COPY, NOW_NS, "1303002", 7, (PART,))


def nightly(nights: int) -> list[str]:
    return [trash_stamp(NOW_NS - night * DAY_NS) for night in range(nights)]


def test_two_years_of_nights_leave_the_newest_and_one_a_week_for_a_year() -> None:
    stamps = nightly(730)
    pruned = set(to_prune(stamps, NOW_NS))
    left = [stamp for stamp in stamps if stamp not in pruned]
    assert left[:10] == stamps[:10]
    weekly = [time_of_stamp(stamp) for stamp in left[10:]]
    assert 50 <= len(weekly) <= 52
    assert NOW_NS - min(weekly) <= 366 * DAY_NS
    assert {later - earlier for earlier, later in itertools.pairwise(weekly[1:])} == {-7 * DAY_NS}


@given(st.sets(st.integers(0, 800)), st.integers(1, 20))
def test_pruning_night_after_night_keeps_what_pruning_once_keeps_of_the_newest(nights: set[int], keep: int) -> None:
    stamps = [trash_stamp(NOW_NS - night * DAY_NS) for night in sorted(nights)]
    pruned = to_prune(stamps, NOW_NS, keep)
    assert not set(pruned) & set(stamps[:keep])
    left = [stamp for stamp in stamps if stamp not in pruned]
    assert to_prune(left, NOW_NS, keep) == []


def test_a_note_comes_back() -> None:
    assert decode_note(encode_note(NOTE)) == NOTE


@pytest.mark.parametrize(
    "part",
    [
        replace(PART, name="../My.lrcat"),
        replace(PART, name=".."),
        replace(PART, name="a\\b"),
        replace(PART, object="../x"),
        replace(PART, digest="no hex"),
        replace(PART, size=-1),
    ],
)
def test_a_note_that_leads_elsewhere_is_refused(part: SnapshotPart) -> None:
    with pytest.raises(ValueError):
        decode_note(encode_note(replace(NOTE, parts=(part,))))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"null", b'{"format": 2}', b'{"format": 1, "parts": []}'])
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode_note(data)


@given(st.text(min_size=1))
def test_any_path_has_a_key(path: str) -> None:
    snapshot = SnapshotId(snapshot_name(f"{path}.lrcat"), trash_stamp(NOW_NS))
    key = snapshot_object("Photos", snapshot, "snapshot.json")
    assert len(key.encode()) < 300
    assert split_snapshot_key("Photos", key) == (snapshot, "snapshot.json")
    assert split_snapshot_key("Photo", key) is None


def test_catalogs_of_one_name_are_two() -> None:
    assert snapshot_name("a/My.lrcat") != snapshot_name("b/My.lrcat")


@pytest.mark.parametrize("suffix", ["-wal", "-journal", "-shm", ".lock", "-data"])
def test_companions(suffix: str) -> None:
    assert catalog_of(f"My.lrcat{suffix}") == "My.lrcat"
    assert catalog_of(f"My.jpg{suffix}") is None
    assert not is_catalog(f"My.lrcat{suffix}")
