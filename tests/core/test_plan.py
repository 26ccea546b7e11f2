"""What is decided about any candidate, and when nothing may be deleted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.amounts import MaxDelete
from lrsync.core.filetypes import is_original
from lrsync.core.keys import split_path
from lrsync.core.model import (
    Adopt,
    Candidate,
    Change,
    ChangeKind,
    Drift,
    ManifestEntry,
    Quarantine,
    Restat,
    ServerCopy,
    Upload,
)
from lrsync.core.objects import ListedObject
from lrsync.core.plan import DeleteFacts, check_guards, decide, drift_verdict
from tests.core.strategies import candidates, entries


@given(candidates())
def test_a_good_object_of_an_original_is_never_replaced(candidate: Candidate) -> None:
    old, action = candidate.change.old, decide(candidate)
    if old is None or old.sha256 is None or not is_original(split_path(old.path)[1]):
        return
    if old.drift is None and candidate.content.sha256 != old.sha256 and not candidate.existing_is_same:
        assert isinstance(action, Quarantine)
    if old.drift is None:
        assert not isinstance(action, Upload | ServerCopy)
    if candidate.existing is not None and not candidate.existing_is_same and candidate.content.sha256 != old.sha256:
        assert isinstance(action, Quarantine), "an object that was marked as missing may be back"


@given(candidates())
def test_every_candidate_gets_an_action_that_fits_it(candidate: Candidate) -> None:
    action = decide(candidate)
    old, content = candidate.change.old, candidate.content
    assert action.change is candidate.change  # type: ignore[union-attr]
    match action:
        case Restat():
            assert old is not None and old.sha256 == content.sha256 and old.drift is None
            assert action.changed or content.stat == old.stat
        case Adopt():
            assert candidate.existing is not None and candidate.existing_is_same
        case ServerCopy():
            assert old is None and candidate.existing is None and action.source is candidate.twin
        case Quarantine():
            assert old is not None and old.sha256 is not None and content.sha256 != old.sha256
        case Upload():
            # Whatever may be under the key is kept first; only where nothing is there, nothing needs to be.
            nothing_there = candidate.existing is None if old is None else old.drift is Drift.MISSING
            assert action.replaces or nothing_there
        case _:
            pytest.fail(f"{action} is no action for a file that is there")


@given(candidates())
def test_bytes_that_are_in_the_bucket_are_not_sent_again(candidate: Candidate) -> None:
    old, action = candidate.change.old, decide(candidate)
    if old is not None and old.has_good_object and old.sha256 == candidate.content.sha256:
        assert isinstance(action, Restat | Adopt)
    if old is None and candidate.twin is not None and candidate.existing is None:
        assert isinstance(action, ServerCopy)


def test_a_missing_file_has_no_content_to_decide_on() -> None:
    from lrsync.core.model import Content
    from lrsync.core.scan import ScannedFile, Stat
    from tests.core.test_diff import recorded

    row = recorded(ScannedFile("a.nef", 1, 2, 3))
    change = Change(ChangeKind.MISSING, "2024", None, row)
    with pytest.raises(ValueError, match="missing"):
        decide(Candidate(change, Content(Stat(1, 2, 3), b"a" * 32, 0)))


GOOD = DeleteFacts(
    known=1000, missing=5, moved=0, scan_complete=True, scanned_files=995, source_proven=True, transfers_failed=0
)


def test_guards_agree_to_a_few_files_of_a_proven_whole_scan() -> None:
    assert check_guards(GOOD, MaxDelete()) == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (replace(GOOD, scan_complete=False), "could not be read"),
        (replace(GOOD, source_proven=False), "right drive"),
        (replace(GOOD, scanned_files=0), "empty"),
        (replace(GOOD, transfers_failed=1), "could not be backed up"),
        (replace(GOOD, mass_change=True), "far more files changed"),
        (replace(GOOD, from_future=1), "clock"),
        (replace(GOOD, missing=101), "--max-delete"),
    ],
)
def test_each_guard_refuses_by_itself(facts: DeleteFacts, words: str) -> None:
    (reason,) = check_guards(facts, MaxDelete())
    assert words in reason


@given(
    st.builds(
        DeleteFacts,
        known=st.integers(0, 10**6),
        missing=st.integers(0, 10**6),
        moved=st.integers(0, 10**6),
        scan_complete=st.booleans(),
        scanned_files=st.integers(0, 3),
        source_proven=st.booleans(),
        transfers_failed=st.integers(0, 3),
        mass_change=st.booleans(),
        from_future=st.integers(0, 3),
    ),
    st.builds(MaxDelete, st.one_of(st.none(), st.integers(0, 10**6)), st.one_of(st.none(), st.floats(0, 100))),
)
def test_no_refusal_means_that_every_guard_agreed(facts: DeleteFacts, limit: MaxDelete) -> None:
    agreed = (
        facts.scan_complete
        and facts.source_proven
        and facts.scanned_files > 0
        and facts.transfers_failed == 0
        and not facts.mass_change
        and facts.from_future == 0
        and facts.missing - facts.moved <= limit.limit(facts.known)
    )
    assert (check_guards(facts, limit) == []) is agreed


@pytest.mark.parametrize(
    ("limit", "known", "allowed"),
    [
        (MaxDelete(), 20, 10),
        (MaxDelete(), 1000, 100),
        (MaxDelete(count=5, percent=None), 1000, 5),
        (MaxDelete(count=None, percent=1.0), 1000, 10),
        (MaxDelete(count=None, percent=1.0), 99, 0),
        (MaxDelete(count=0, percent=None), 1000, 0),
        (MaxDelete(count=None, percent=None), 1000, 0),
    ],
)
def test_how_many_may_be_deleted(limit: MaxDelete, known: int, allowed: int) -> None:
    assert limit.limit(known) == allowed


@given(entries(), st.integers(-1, 1), st.sampled_from(["", "e1", "e2"]))
def test_a_listing_that_agrees_is_no_drift(entry: ManifestEntry, more: int, etag: str) -> None:
    listed = ListedObject(entry.key, entry.size + more, etag)
    altered = more != 0 or (bool(entry.etag) and bool(etag) and etag != entry.etag)
    assert drift_verdict(entry, listed) is (Drift.ALTERED if altered else None)
    assert drift_verdict(entry, None) is Drift.MISSING
