"""States of archived objects, tiers, and when to come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.thaw import (
    AWAKE,
    DAY_NS,
    HOUR_NS,
    Archive,
    NoteState,
    Thaw,
    ThawGroup,
    ThawNote,
    ThawState,
    ThawWish,
    Tier,
    archive_of,
    hours_for,
    ready_by,
    thaw_of,
    tier_for,
)

READY = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"'


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((None, None, None), AWAKE),
        (("STANDARD_IA", None, None), AWAKE),
        (("GLACIER_IR", None, None), AWAKE),
        (("INTELLIGENT_TIERING", None, None), AWAKE),
        (("GLACIER", None, None), Thaw(ThawState.ARCHIVED, Archive.GLACIER)),
        (("DEEP_ARCHIVE", None, 'ongoing-request="true"'), Thaw(ThawState.ONGOING, Archive.DEEP_ARCHIVE)),
        (("GLACIER", None, READY), Thaw(ThawState.READY, Archive.GLACIER, 1_356_048_000_000_000_000)),
        (("GLACIER", None, 'ongoing-request="false"'), Thaw(ThawState.READY, Archive.GLACIER)),
        (("GLACIER", None, 'ongoing-request="false", expiry-date="soon"'), Thaw(ThawState.READY, Archive.GLACIER)),
        (("INTELLIGENT_TIERING", "ARCHIVE_ACCESS", None), Thaw(ThawState.ARCHIVED, Archive.ARCHIVE_ACCESS)),
        (
            ("INTELLIGENT_TIERING", "DEEP_ARCHIVE_ACCESS", 'ongoing-request="true"'),
            Thaw(ThawState.ONGOING, Archive.DEEP_ARCHIVE_ACCESS),
        ),
    ],
)
def test_what_head_says(headers: tuple[str | None, str | None, str | None], expected: Thaw) -> None:
    assert thaw_of(*headers) == expected
    assert expected.is_asleep == (expected.state in (ThawState.ARCHIVED, ThawState.ONGOING))


def test_only_the_classes_that_sleep_as_a_whole() -> None:
    classes = ("STANDARD", "GLACIER_IR", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", None)
    assert [name for name in classes if archive_of(name)] == ["GLACIER", "DEEP_ARCHIVE"]


@pytest.mark.parametrize("archive", Archive)
def test_left_open_a_tier_is_done_within_twelve_hours(archive: Archive) -> None:
    tier = tier_for(ThawWish(), archive)
    assert tier is not None and hours_for(archive, tier)[1] <= 12


@pytest.mark.parametrize("archive", Archive)
@pytest.mark.parametrize("tier", Tier)
def test_a_deep_archive_has_no_expedited_tier(archive: Archive, tier: Tier) -> None:
    found = tier_for(ThawWish(tier), archive)
    deep = archive in (Archive.DEEP_ARCHIVE, Archive.DEEP_ARCHIVE_ACCESS)
    assert found is (None if deep and tier is Tier.EXPEDITED else tier)
    if found is not None:
        low, high = hours_for(archive, found)
        assert low < high
        assert ready_by(archive, found, 7, 1000) == 7 + int(high * HOUR_NS)


def test_a_large_object_takes_longer_than_the_five_minutes() -> None:
    small, large = (ready_by(Archive.GLACIER, Tier.EXPEDITED, 0, size) for size in (250_000_000, 3_000_000_000))
    assert large - small == 10_000_000_000


@given(st.sampled_from(list(Archive)), st.integers(0, 400 * 24), st.none() | st.integers(1, 30))
def test_a_note_waits_then_is_due_then_is_over(archive: Archive, hours: int, days: int | None) -> None:
    note = ThawNote("k", None, "p", 5, archive, Tier.BULK, days, asked_ns=1000)
    state, passed_ns = note.state_at(1000 + hours * HOUR_NS), hours * HOUR_NS
    if passed_ns < hours_for(archive, Tier.BULK)[1] * HOUR_NS:
        assert state is NoteState.WAITING
    elif days is not None and passed_ns >= days * DAY_NS:
        assert state is NoteState.EXPIRED
    else:
        assert state is NoteState.DUE


def test_a_group_knows_its_first_and_last_change() -> None:
    group = ThawGroup()
    for size, change_ns in ((1, 50), (2, None), (3, 20)):
        group.add(size, change_ns)
    assert group == ThawGroup(3, 6, 20, 50)
