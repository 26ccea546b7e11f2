"""What to do about a file that is there already: every policy, and every kind of file in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrsync.core.restoring import Overwrite, RestoreItem, Step, first_step, is_as_set, step_for_other_bytes
from lrsync.core.scan import Stat

TIME_NS = 1_700_000_001_123_456_789
ITEM = RestoreItem("2024/a.nef", "P/2024/a.nef", 100, TIME_NS, b"s" * 32)
SAME, OLDER, NEWER, OTHER_SIZE = (
    Stat(100, TIME_NS, 5),
    Stat(100, TIME_NS - 10**12, 5),
    Stat(100, TIME_NS + 10**12, 5),
    Stat(99, TIME_NS, 5),
)
NEVER, CHANGED, IF_NEWER, ALWAYS = Overwrite


@pytest.mark.parametrize("policy", Overwrite)
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("quiet", [True, False])
def test_what_is_not_there_is_fetched(policy: Overwrite, named: bool, quiet: bool) -> None:
    assert first_step(ITEM, None, policy, named=named, quiet=quiet) is Step.FETCH


@pytest.mark.parametrize(
    ("there", "policy", "step"),
    [
        (SAME, NEVER, Step.INTACT),
        (SAME, CHANGED, Step.COMPARE),  # the same size and time are not the same bytes
        (SAME, IF_NEWER, Step.INTACT),
        (SAME, ALWAYS, Step.FETCH),
        (OLDER, NEVER, Step.COMPARE),
        (OLDER, CHANGED, Step.COMPARE),
        (OLDER, IF_NEWER, Step.FETCH),
        (OLDER, ALWAYS, Step.FETCH),
        (NEWER, NEVER, Step.COMPARE),
        (NEWER, CHANGED, Step.COMPARE),
        (NEWER, IF_NEWER, Step.LEAVE),
        (NEWER, ALWAYS, Step.FETCH),
        (OTHER_SIZE, NEVER, Step.OCCUPIED),
        (OTHER_SIZE, CHANGED, Step.FETCH),
        (OTHER_SIZE, IF_NEWER, Step.LEAVE),
        (OTHER_SIZE, ALWAYS, Step.FETCH),
    ],
)
def test_what_is_there(there: Stat, policy: Overwrite, step: Step) -> None:
    assert first_step(ITEM, there, policy, named=False, quiet=False) is step


def test_a_file_that_is_named_is_read_before_it_is_believed() -> None:
    assert first_step(ITEM, SAME, NEVER, named=True, quiet=False) is Step.COMPARE
    assert first_step(ITEM, SAME, ALWAYS, named=True, quiet=False) is Step.FETCH


def test_where_only_what_is_missing_is_wanted_other_files_are_no_news() -> None:
    assert first_step(ITEM, SAME, NEVER, named=False, quiet=True) is Step.INTACT
    for there in (OLDER, NEWER, OTHER_SIZE):
        assert first_step(ITEM, there, NEVER, named=False, quiet=True) is Step.LEAVE
    assert first_step(ITEM, OTHER_SIZE, CHANGED, named=False, quiet=True) is Step.FETCH


@pytest.mark.parametrize(
    ("policy", "step"),
    [(NEVER, Step.OCCUPIED), (CHANGED, Step.FETCH), (IF_NEWER, Step.FETCH), (ALWAYS, Step.FETCH)],
)
def test_other_bytes(policy: Overwrite, step: Step) -> None:
    assert step_for_other_bytes(ITEM, OLDER, policy) is step


@pytest.mark.parametrize("policy", [NEVER, CHANGED])
def test_without_a_sha256_size_and_time_must_do(policy: Overwrite) -> None:
    unknown = replace(ITEM, sha256=None)
    assert first_step(unknown, SAME, policy, named=True, quiet=False) is Step.INTACT
    assert first_step(unknown, OLDER, policy, named=False, quiet=False) is (
        Step.FETCH if policy is CHANGED else Step.OCCUPIED
    )


@pytest.mark.parametrize("grain_ns", [1, 100, 10_000_000, 1_000_000_000, 2_000_000_000])
def test_a_time_is_known_again_as_the_disk_keeps_it(grain_ns: int) -> None:
    kept = TIME_NS - TIME_NS % grain_ns
    assert is_as_set(ITEM, Stat(100, kept, 5))
    assert not is_as_set(ITEM, Stat(100, kept + 1, 5)) or grain_ns == 0
    assert not is_as_set(ITEM, Stat(101, kept, 5))


def test_a_time_that_nobody_knows_is_no_proof() -> None:
    assert not is_as_set(replace(ITEM, mtime_ns=None), SAME)
    assert first_step(replace(ITEM, mtime_ns=None), SAME, IF_NEWER, named=False, quiet=False) is Step.LEAVE
