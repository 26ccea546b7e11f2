"""Past runs as the manifest has them, and rows by their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrsync.adapters.history_query import find_run, list_runs
from lrsync.adapters.seals import PROBLEMS_KEPT
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Failed
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.errors import ExitCode
from tests.adapters.rows import entry, opened, uploaded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.sqlite"


def test_nothing_was_ever_run(path: Path) -> None:
    assert list_runs(path, 5) is None
    assert find_run(path, 1) is None


def test_runs_the_newest_first_and_their_findings_for_good(path: Path) -> None:
    findings = [Finding(FindingKind.FAILED, f"{n}.jpg", "no") for n in range(30)]
    with opened(path) as (_, seals):
        for started, kind in ((10, RunKind.SYNC), (20, RunKind.DRILL)):
            run = seals.begin_run(kind, started)
            summary = RunSummary(exit_code=ExitCode.INCOMPLETE, errors=[Failed("x.nef", "unreadable")])
            summary.findings = list(findings)
            seals.finish_run(run, RunResult.INCOMPLETE, summary, findings, complete=kind is RunKind.SYNC)
        last = seals.begin_run(RunKind.SYNC, 30)
        seals.finish_run(last, RunResult.OK, RunSummary(), [], complete=True)
        seals.begin_run(RunKind.VERIFY, 40)
    runs = list_runs(path, None)
    assert runs is not None
    assert [(run.id, run.kind, run.result) for run in runs] == [
        (4, RunKind.VERIFY, RunResult.RUNNING),
        (3, RunKind.SYNC, RunResult.OK),
        (2, RunKind.DRILL, RunResult.INCOMPLETE),
        (1, RunKind.SYNC, RunResult.INCOMPLETE),
    ]
    assert [run.id for run in list_runs(path, 2) or []] == [4, 3]
    first = find_run(path, 1)
    assert first is not None and first.findings == (), "a complete sync has replaced them"
    problems = first.run.counts["problems"]
    assert isinstance(problems, dict)
    assert (problems["count"], len(problems["first"])) == (31, PROBLEMS_KEPT)
    assert problems["first"][:2] == [
        {"kind": "error", "path": "x.nef", "message": "unreadable"},
        {"kind": "failed", "path": "0.jpg", "message": "no"},
    ]
    assert "problems" not in runs[1].counts
    assert find_run(path, 5) is None


def test_rows_by_their_place(path: Path) -> None:
    names = ["z.jpg", "a/b.jpg", "a/\udcff.jpg", "c/d/e.nef"]
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry(name)) for name in names])
        everything = list(manifest.rows_at(range(4)))
        assert sorted(row.path for row in everything) == sorted(names)
        assert [manifest.row(row.path) for row in everything] == everything
        assert list(manifest.rows_at([3, 1])) == [everything[1], everything[3]]
        assert list(manifest.rows_at([7])) == []
        assert list(manifest.rows_at([])) == []
