"""The diff against the obvious answer by sets, and digests against the facts."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from lrsync.core.diff import diff_directory, merge_join
from lrsync.core.digest import RACY_HORIZON_NS, SETTLE_NS, absent_digest, directory_digest, is_settled
from lrsync.core.model import ChangeKind, ManifestEntry
from lrsync.core.scan import FileColumns, ScannedDir, ScannedFile
from tests.core.strategies import FOLDER, file_tuples, rows, scanned_dirs

_ascending = st.lists(st.integers(0, 20), unique=True).map(sorted)


@given(_ascending, _ascending)
def test_merge_join_pairs_as_sets_do(left: list[int], right: list[int]) -> None:
    pairs = list(merge_join(left, right, lambda n: n, lambda n: n))
    keys = sorted({*left, *right})
    assert pairs == [(n if n in left else None, n if n in right else None) for n in keys]


def test_merge_join_takes_falsy_values_for_values() -> None:
    assert list(merge_join([0], [0, 1], lambda n: n, lambda n: n)) == [(0, 0), (None, 1)]


@given(scanned_dirs, rows)
def test_the_diff_is_what_sets_say(scanned: ScannedDir, known: list[ManifestEntry]) -> None:
    changes = {change.path: change for change in diff_directory(scanned, known)}
    new = {f"{FOLDER}/{file.name}": file for file in scanned.files}
    old = {row.path: row for row in known}
    of_kind = {kind: {path for path, change in changes.items() if change.kind is kind} for kind in ChangeKind}
    gone = {path for path in old.keys() - new.keys() if old[path].missing_since is None}
    assert of_kind[ChangeKind.ADDED] == new.keys() - old.keys()
    assert of_kind[ChangeKind.MISSING] == (gone if scanned.complete else set())
    for path in new.keys() & old.keys():
        row = old[path]
        # Of unproven content but settled are rows that a person trusts: they count as known.
        known_to_be_so = row.settled and row.drift is None and tuple(row.stat) == new[path][1:]
        unchanged = known_to_be_so and row.missing_since is None
        expected = None if unchanged else ChangeKind.RETURNED if known_to_be_so else ChangeKind.UNSURE
        assert (changes[path].kind if path in changes else None) is expected
    for path, change in changes.items():
        assert (change.new, change.old) == (new.get(path), old.get(path))


@given(scanned_dirs, rows)
def test_nothing_is_missing_from_an_incomplete_scan(scanned: ScannedDir, known: list[ManifestEntry]) -> None:
    changes = diff_directory(replace(scanned, complete=False), known)
    assert not [change for change in changes if change.kind is ChangeKind.MISSING]


def recorded(file: ScannedFile) -> ManifestEntry:
    """The row of a file that is safe as it is."""
    return ManifestEntry(
        path=f"{FOLDER}/{file.name}",
        size=file.size,
        mtime_ns=file.mtime_ns,
        ctime_ns=file.ctime_ns,
        key=f"{FOLDER}/{file.name}",
        sha256=b"a" * 32,
        checksum=None,
        etag="e",
        version_id=None,
        storage_class="STANDARD",
        uploaded_at=1,
    )


@given(file_tuples, st.booleans())
def test_an_unchanged_tree_has_no_changes(files: tuple[ScannedFile, ...], complete: bool) -> None:
    scanned = ScannedDir(FOLDER, complete=complete).with_files(files)
    assert list(diff_directory(scanned, map(recorded, files))) == []


def digest_of(rules: bytes, files: tuple[ScannedFile, ...]) -> bytes:
    return directory_digest(rules, FileColumns.of(files))


@given(file_tuples, file_tuples, st.sampled_from([b"", b"x", b"xy"]), st.sampled_from([b"", b"x", b"xy"]))
def test_digests_are_equal_exactly_where_facts_and_rules_are(
    first: tuple[ScannedFile, ...], second: tuple[ScannedFile, ...], rules: bytes, other_rules: bytes
) -> None:
    same = (first, rules) == (second, other_rules)
    assert (digest_of(rules, first) == digest_of(other_rules, second)) is same


@given(file_tuples, st.integers(0, 5), st.integers(1, 3), st.integers(1, 10**9))
def test_a_digest_changes_with_any_one_fact(files: tuple[ScannedFile, ...], index: int, column: int, more: int) -> None:
    assume(files)
    at = index % len(files)
    facts = list(files[at])
    facts[column] += more  # type: ignore[operator]
    changed = (*files[:at], ScannedFile(*facts), *files[at + 1 :])  # type: ignore[arg-type]
    assert digest_of(b"", changed) != digest_of(b"", files)
    assert digest_of(b"", files[:at] + files[at + 1 :]) != digest_of(b"", files)


def test_names_with_newlines_cannot_forge_another_directory() -> None:
    forged = (ScannedFile("a\n1 2 3\nb", 4, 5, 6),)
    honest = (ScannedFile("a", 1, 2, 3), ScannedFile("b", 4, 5, 6))
    assert digest_of(b"", forged) != digest_of(b"", honest)


@given(file_tuples, st.binary(max_size=8))
def test_an_absent_directory_is_not_an_empty_one(files: tuple[ScannedFile, ...], rules: bytes) -> None:
    assert absent_digest(rules) != digest_of(rules, files)


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.integers(2**40, 2**62))
def test_settled_means_that_a_write_during_the_run_would_show(mtime: int, ctime: int, started: int) -> None:
    could_be_during_the_run = [started - SETTLE_NS <= time <= started + RACY_HORIZON_NS for time in (mtime, ctime)]
    assert is_settled(mtime, ctime, started) is not any(could_be_during_the_run)


def test_a_file_that_was_just_written_is_not_settled() -> None:
    now = 1_700_000_000_000_000_000
    assert not is_settled(now, now, now)
    assert not is_settled(now - SETTLE_NS, now - SETTLE_NS, now)
    assert is_settled(now - SETTLE_NS - 1, now - SETTLE_NS - 1, now)
    assert not is_settled(0, now, now)
    # Where there is no ctime it is 0, and says nothing.
    assert is_settled(now - SETTLE_NS - 1, 0, now)
