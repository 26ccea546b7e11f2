"""When a watched library is to be synced."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.watching import MOST_RETRY_S, WatchState, WatchTimes

TIMES = WatchTimes(quiet_s=180, max_wait_s=1800, every_s=86_400)
DONE = WatchState().started(0).ended(10, 0)
moments = st.integers(0, 10_000_000).map(float)


def test_the_first_sync_is_due_at_once() -> None:
    assert WatchState().is_due(5, TIMES)


def test_a_change_is_synced_when_it_has_settled() -> None:
    state = DONE.changed(100).changed(200)
    assert not state.is_due(379, TIMES)
    assert state.is_due(380, TIMES)


def test_under_constant_change_it_waits_no_longer_than_told() -> None:
    state = DONE
    for now in range(100, 1900, 60):
        assert not state.is_due(now, TIMES)
        state = state.changed(now)
    assert state.is_due(1900, TIMES)


def test_without_a_change_it_is_due_now_and_then() -> None:
    assert not DONE.is_due(86_399, TIMES)
    assert DONE.is_due(86_400, TIMES)


def test_what_changes_during_a_sync_is_for_the_next() -> None:
    state = DONE.changed(100).started(300).changed(310).ended(400, 0)
    assert not state.is_due(400, TIMES)
    assert state.is_due(490, TIMES)


@pytest.mark.parametrize("code", [1, 3, 5, 6, 130])
def test_a_failure_is_tried_again_later_and_later(code: int) -> None:
    state, now, pauses = DONE, 1000.0, []
    for _ in range(8):
        state = state.started(now).ended(now, code)
        assert state.retry_at is not None
        pauses.append(state.retry_at - now)
        assert not state.changed(now + 1).is_due(state.retry_at - 1, TIMES)
        assert state.is_due(state.retry_at, TIMES)
        now = state.retry_at
    assert pauses == [60, 120, 240, 480, 960, 1800, 1800, 1800]
    assert state.started(now).ended(now, 0).failures == 0


def test_another_runs_lock_is_asked_for_again_soon() -> None:
    state = DONE
    for _ in range(5):
        state = state.started(1000).ended(1000, 7)
        assert state.retry_at == 1060


def test_what_needs_a_person_needs_no_other_try() -> None:
    assert DONE.started(100).ended(110, 4).retry_at is None


@given(moments, moments, st.sampled_from([0, 3, 4, 5, 7]))
def test_a_clock_that_was_set_back_never_stops_the_syncs(began: float, back: float, code: int) -> None:
    """However far, in either direction: some time soon after, one is due."""
    state = WatchState().started(began).ended(began, code)
    now = min(began, back)
    assert any(state.is_due(now + later, TIMES) for later in (0, MOST_RETRY_S, TIMES.every_s))
