"""What was current when: against a bucket that is played through, and case by case."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.keys import trash_key, trash_stamp
from lrsync.core.objects import ListedObject, ListedVersion
from lrsync.core.timeline import (
    FileVersion,
    Lost,
    PathState,
    Place,
    Recorded,
    content_at,
    newest_first,
    of_listed,
    trashed_versions,
    version_at,
    versions_of,
)

S = 1_000_000_000
PATH = "2024/a.nef"
KEY = f"P/{PATH}"


def never(version: FileVersion) -> FileVersion:
    raise AssertionError(f"nothing needs to be asked about {version}")


def listed(*events: str | None) -> list[ListedVersion]:
    """A key's versions, the newest first: event number n (from 1, at n seconds) stored this ETag, or deleted it."""
    versions = [
        ListedVersion(
            KEY, f"v{n}", len(etag or ""), etag or "", n * S, is_current=n == len(events), is_marker=etag is None
        )
        for n, etag in enumerate(events, start=1)
    ]
    return versions[::-1]


# --- a bucket with versions -------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["one", "other", None]), max_size=8), st.integers(0, 10 * S))
def test_a_version_is_what_was_last_written_by_then(events: list[str | None], moment_ns: int) -> None:
    past = events[: min(moment_ns // S, len(events))]
    expected = past[-1] if past else None
    versions = [v] if (v := version_at(versions_of("P", listed(*events)), moment_ns)) else []
    found = content_at(PathState(PATH, tuple(versions)), moment_ns, never)
    assert not isinstance(found, Lost)
    assert (None if found is None else found.etag) == expected


def test_versions_follow_one_another_without_a_gap() -> None:
    found = list(versions_of("P", listed("a", None, "b")))
    assert [(v.place, v.since_ns, v.until_ns) for v in found] == [
        (Place.CURRENT, 3 * S, None),
        (Place.DELETED, 2 * S, 3 * S),
        (Place.VERSION, 1 * S, 2 * S),
    ]
    assert newest_first(found[::-1]) == found


def test_a_version_dated_before_the_one_that_it_replaced_still_counts_as_newer() -> None:
    # S3 dates an object that came in parts from the beginning of its upload.
    newer, older = listed("a", "b")
    overlapping = [replace(newer, last_modified_ns=S // 2), older]
    at = version_at(versions_of("P", overlapping), 2 * S)
    assert at is not None and at.etag == "b"


@pytest.mark.parametrize("key", ["P/.lrsync/manifest/x", "Q/a", "P/../a", "P/", "P/.lrsync-library"])
def test_what_is_no_file_has_no_history(key: str) -> None:
    assert list(versions_of("P", [replace(listed("a")[0], key=key)])) == []
    assert of_listed("P", ListedObject(key, 1, "e")) is None


def test_a_snapshot_adds_what_it_recorded_of_the_very_version() -> None:
    (version,) = versions_of("P", listed("a"))
    fact = Recorded(1, "a", None, b"s" * 32, 77, 1)
    found = content_at(PathState(PATH, (version,), fact, 1), 2 * S, never)
    assert isinstance(found, FileVersion)
    assert (found.sha256, found.mtime_ns) == (b"s" * 32, 77)
    other = content_at(PathState(PATH, (version,), fact._replace(etag="b"), 1), 2 * S, never)
    assert isinstance(other, FileVersion) and other.sha256 is None


# --- a bucket without versions ----------------------------------------------------------------------------


@dataclass
class Played:
    """A path in a bucket without versions, after some nights: what lies there, and what each night recorded."""

    current: FileVersion | None = None
    trash: tuple[FileVersion, ...] = ()
    recorded: tuple[tuple[int, Recorded | None], ...] = ()

    def state(self, moment_ns: int) -> PathState:
        versions = (*self.trash, *((self.current,) if self.current else ()))
        before = [known for known in self.recorded if known[0] <= moment_ns]
        recorded_ns, fact = [*before[-1:], *self.recorded, (None, None)][0]
        return PathState(PATH, versions, fact, recorded_ns)


def current(etag: str, since_ns: int) -> FileVersion:
    found = of_listed("P", ListedObject(KEY, len(etag), etag, last_modified_ns=since_ns))
    assert found is not None
    return found


def trashed(etag: str, at_ns: int) -> FileVersion:
    key = trash_key("P", trash_stamp(at_ns), KEY)
    found = of_listed("P", ListedObject(key, len(etag), etag))
    assert found is not None and found.place is Place.TRASH
    return found


def play(events: list[str | None]) -> Played:
    """Night n begins at n times ten seconds, writes two seconds later, and stores a snapshot after four."""
    played = Played()
    for night, etag in enumerate(events, start=1):
        begun_ns = night * 10 * S
        if played.current is not None and played.current.etag != (etag or ""):
            played.trash += (trashed(played.current.etag, begun_ns),)
            played.current = None
        if etag is not None and played.current is None:
            played.current = current(etag, begun_ns + 2 * S)
        fact = (
            None
            if played.current is None or etag is None
            else Recorded(len(etag), etag, None, etag.encode(), 5, played.current.since_ns or 0)
        )
        played.recorded += ((begun_ns + 4 * S, fact),)
    return played


@given(st.lists(st.sampled_from(["one", "other", None]), min_size=1, max_size=7), st.data())
def test_with_snapshots_the_trash_tells_what_was_there(events: list[str | None], data: st.DataObject) -> None:
    night = data.draw(st.integers(1, len(events)))
    moment_ns = (night * 10 + data.draw(st.integers(4, 9))) * S
    found = content_at(play(events).state(moment_ns), moment_ns, never)
    assert not isinstance(found, Lost)
    assert (None if found is None else found.etag) == events[night - 1]


@given(st.lists(st.sampled_from(["one", "other", None]), min_size=2, max_size=7), st.data())
def test_the_first_snapshot_after_that_time_tells_what_was_uploaded_by_then(
    events: list[str | None], data: st.DataObject
) -> None:
    night = data.draw(st.integers(1, len(events) - 1))
    moment_ns, played = (night * 10 + 5) * S, play(events)
    played.recorded = played.recorded[night:]  # the older ones were pruned

    def ask(version: FileVersion) -> FileVersion:
        # Only of what was replaced between that time and the snapshot nothing else tells.
        assert version.until_ns == (night + 1) * 10 * S
        return replace(version, mtime_ns=1)

    found = content_at(played.state(moment_ns), moment_ns, ask)
    assert not isinstance(found, Lost)
    assert (None if found is None else found.etag) == events[night - 1]


def test_before_everything_there_was_nothing() -> None:
    played = play(["one", None, "other"])
    assert content_at(played.state(5 * S), 5 * S, never) is None


def test_what_was_purged_is_lost_and_said_so() -> None:
    played = play(["one", None])
    played.trash = ()
    found = content_at(played.state(15 * S), 15 * S, never)
    assert isinstance(found, Lost) and "not in the bucket any more" in found.why
    assert content_at(played.state(25 * S), 25 * S, never) is None


def test_an_object_with_another_etag_is_known_by_its_sha256() -> None:
    played = play(["one", None])
    played.trash = (replace(played.trash[0], etag="multipart-2"),)

    def ask(version: FileVersion) -> FileVersion:
        return replace(version, sha256=b"one")

    found = content_at(played.state(15 * S), 15 * S, ask)
    assert isinstance(found, FileVersion) and found.key == played.trash[0].key
    assert isinstance(content_at(played.state(15 * S), 15 * S, lambda v: replace(v, sha256=b"two")), Lost)


def test_what_changed_after_the_last_snapshot_before_that_time() -> None:
    # The second night replaced it and died before it could store a snapshot.
    played = play(["one", "other"])
    played.recorded = played.recorded[:1]
    found = content_at(played.state(29 * S), 29 * S, never)
    assert isinstance(found, FileVersion) and found.etag == "other"


@pytest.mark.parametrize(("mtime_ns", "there"), [(5 * S, True), (15 * S, True), (16 * S, False)])
def test_without_any_snapshot_the_files_own_time_decides(mtime_ns: int, there: bool) -> None:
    state = PathState(PATH, (trashed("one", 20 * S),))
    found = content_at(state, 15 * S, lambda v: replace(v, mtime_ns=mtime_ns))
    assert (found is not None) == there
    assert content_at(state, 20 * S, never) is None


def test_of_two_in_the_trash_the_one_that_went_first_after_that_time_was_there() -> None:
    state = PathState(PATH, (trashed("b", 30 * S), trashed("a", 20 * S), current("c", 32 * S)))
    at = {moment: content_at(state, moment * S, lambda v: replace(v, mtime_ns=1)) for moment in (15, 25, 35)}
    assert {moment: v.etag for moment, v in at.items() if isinstance(v, FileVersion)} == {15: "a", 25: "b", 35: "c"}


def test_the_trash_of_a_bucket_that_keeps_versions_now() -> None:
    key = trash_key("P", trash_stamp(20 * S), KEY)
    version = ListedVersion(key, "null", 3, "one", 21 * S, is_current=True)
    (found,) = trashed_versions("P", [version])
    assert (found.place, found.path, found.version_id, found.until_ns) == (Place.TRASH, PATH, "null", 20 * S)
    assert list(trashed_versions("P", [replace(version, is_marker=True)])) == []
