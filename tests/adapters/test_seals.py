"""What a quiet night reads and writes, on real SQLite files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lrsync.adapters.database import needs_check, prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals, read_runs
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.library import RowCounts
from lrsync.core.model import Drift
from lrsync.core.runs import ActionCounts, RequestCounts, RunInfo, RunKind, RunResult, RunSummary, ScanCounts
from lrsync.core.scan import Stat
from lrsync.errors import ExitCode, ManifestError
from tests.adapters.rows import LIBRARY, entry, gone, opened, uploaded

FAILED, GUARD = FindingKind.FAILED, FindingKind.DELETE_GUARD


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Manifest, Seals]]:
    with opened(tmp_path / "m.sqlite") as pair:
        yield pair


@pytest.fixture
def seals(both: tuple[Manifest, Seals]) -> Seals:
    return both[1]


def runs(seals: Seals) -> list[RunInfo]:
    with closing(sqlite3.connect(seals.path)) as connection:
        return read_runs(connection, limit=99)


def findings(seals: Seals, columns: str = "kind, path, message, first_seen") -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(seals.path)) as connection:
        return connection.execute(f"SELECT {columns} FROM findings ORDER BY kind, path").fetchall()


def finish(seals: Seals, *found: Finding, complete: bool = True) -> None:
    run = seals.begin_run(RunKind.SYNC, 1)
    seals.finish_run(run, RunResult.OK, RunSummary(), found, complete=complete)


def test_a_manifest_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        Seals(tmp_path / "none.sqlite")
    assert caught.value.hint
    assert not (tmp_path / "none.sqlite").exists()


def test_a_new_manifest_is_of_no_library(tmp_path: Path) -> None:
    with opened(tmp_path / "m.sqlite", library=None) as (_, seals):
        assert seals.find_library() is None
        with pytest.raises(ManifestError, match="which library"):
            seals.library()


def test_the_library_is_what_was_written(seals: Seals) -> None:
    assert seals.library() == LIBRARY


def test_seals_are_what_was_sealed(both: tuple[Manifest, Seals]) -> None:
    manifest, seals = both
    manifest.record([uploaded(entry("a/b.nef"))])
    manifest.seal({"": b"0" * 16, "é\n'\"": b"1" * 16, "no-utf8-\udc80": b"2" * 16})
    assert seals.seals() == {"": b"0" * 16, "a": None, "é\n'\"": b"1" * 16, "no-utf8-\udc80": b"2" * 16}
    manifest.seal({"": b"3" * 16})
    assert seals.seals()[""] == b"3" * 16


def test_missing_rows_and_rows_with_drift_are_counted(both: tuple[Manifest, Seals]) -> None:
    manifest, seals = both
    assert seals.counts() == RowCounts(0, 0)
    manifest.record([uploaded(entry("a")), gone(entry("b", missing_since=0)), gone(entry("c", missing_since=2))])
    manifest.set_drift([("a", Drift.MISSING), ("c", Drift.ALTERED)])
    assert seals.counts() == RowCounts(missing=2, drifted=2)


@pytest.mark.parametrize("column", ["missing_since", "drift"])
def test_counting_reads_an_index_alone(seals: Seals, column: str) -> None:
    with closing(sqlite3.connect(seals.path)) as connection:
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN SELECT count(*) FROM files WHERE {column} IS NOT NULL"
        ).fetchall()
    assert "COVERING INDEX" in plan[0][3]


def test_a_run_is_running_until_it_has_ended(seals: Seals) -> None:
    assert not needs_check(seals.path)
    run = seals.begin_run(RunKind.REBUILD, 5)
    assert needs_check(seals.path)
    assert runs(seals) == [RunInfo(run, RunKind.REBUILD, RunResult.RUNNING, ExitCode.INTERRUPTED, 5, None, {})]
    summary = RunSummary(exit_code=ExitCode.NEEDS_PERSON, seconds_total=2.5, seconds_scan=1.5)
    summary.scan = ScanCounts(files=3, bytes=10)
    summary.actions = ActionCounts(uploaded=2)
    summary.requests = RequestCounts(put=2, list=1)
    seals.finish_run(run, RunResult.ATTENTION, summary, [], complete=True)
    assert not needs_check(seals.path)
    ended = runs(seals)[0]
    assert (ended.result, ended.exit_code, ended.finished_at) == (RunResult.ATTENTION, 4, 99)
    assert ended.counts["s3_requests"] == {
        "total": 3, "put": 2, "list": 1, "head": 0, "copy": 0, "delete": 0, "other": 0
    }  # fmt: skip
    assert ended.counts["seconds"] == {"total": 2.5, "scan": 1.5}
    assert json.loads(json.dumps(ended.counts)) == ended.counts
    assert set(ended.counts) == {"scan", "changes", "actions", "bytes", "s3_requests", "drift", "seconds"}


def test_later_runs_have_later_ids_and_come_first(seals: Seals) -> None:
    first, second = seals.begin_run(RunKind.SYNC, 1), seals.begin_run(RunKind.SYNC, 2)
    assert first < second
    assert [run.id for run in runs(seals)] == [second, first]


def test_a_complete_run_replaces_the_findings_and_another_adds(seals: Seals) -> None:
    finish(seals, Finding(FAILED, "a", "1"), Finding(FAILED, "b", "1"))
    finish(seals, Finding(FAILED, "b", "2"), Finding(FAILED, "c", "2"), complete=False)
    assert [row[1:3] for row in findings(seals)] == [("a", "1"), ("b", "2"), ("c", "2")]
    finish(seals, Finding(FAILED, "b", "3"))
    assert [row[1:3] for row in findings(seals)] == [("b", "3")]
    finish(seals)
    assert findings(seals) == []


def test_a_finding_keeps_the_time_when_it_was_first_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    prepare(path)
    for now, names in ((10, "a"), (20, "ab"), (30, "ab")):
        with Seals(path, clock=lambda now=now: now) as seals:  # type: ignore[misc]
            finish(seals, *[Finding(FAILED, name, str(now)) for name in names])
    assert findings(seals) == [("failed", "a", "30", 10), ("failed", "b", "30", 20)]


def test_two_findings_about_the_same_are_one_that_says_both(seals: Seals) -> None:
    finish(seals, Finding(GUARD, "", "empty"), Finding(GUARD, "", "no marker"), Finding(GUARD, "", "no marker", "x"))
    assert [row[2] for row in findings(seals)] == ["empty; no marker"]


def test_a_finding_keeps_what_is_known_of_the_file(seals: Seals) -> None:
    stat = Stat(5, -1, 2**70)
    content = QuarantinedContent("a.nef", stat, b"s" * 32)
    finish(
        seals,
        Finding(FindingKind.ORIGINAL_CHANGED, "a.nef", "m", quarantined=content),
        Finding(FAILED, "b\udcff", "about b\udcff", "a hint", stat=stat),
        Finding(FindingKind.MASS_CHANGE, "", "m"),
    )
    big = str(2**70).encode()
    assert findings(seals, "kind, path, hint, size, mtime_ns, ctime_ns, sha256") == [
        ("failed", "b\udcff".encode("utf-8", "surrogatepass"), "a hint", 5, -1, big, None),
        ("mass-change", "", "", None, None, None, None),
        ("original-changed", "a.nef", "", 5, -1, big, b"s" * 32),
    ]


def test_a_run_that_cannot_be_written_leaves_the_older_findings(seals: Seals) -> None:
    finish(seals, Finding(FAILED, "a", "1"))
    run = seals.begin_run(RunKind.SYNC, 1)
    with pytest.raises(sqlite3.IntegrityError):  # of a run that never began
        seals.finish_run(run + 1, RunResult.OK, RunSummary(), [Finding(FAILED, "c", "2")], complete=True)
    assert [row[1] for row in findings(seals)] == ["a"]
    assert needs_check(seals.path)
