"""What `status` reads out of the manifest, on real SQLite files."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.adapters.folder_counts import totals
from lrsync.adapters.status_query import NO_EXTENSION, read_classes, read_status
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.filetypes import extension_of
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.model import Drift, ManifestEntry
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.core.scan import Stat
from lrsync.core.status import StatusReport, Tally
from lrsync.errors import ExitCode, ManifestError
from tests.adapters.rows import LIBRARY, entry, opened, uploaded

STAT = Stat(50, 1, 2)
CRC = Checksum(ChecksumKind.CRC32, "AAAAAA==")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "manifest.sqlite"


def report_of(path: Path, rows: Sequence[ManifestEntry], findings: Sequence[Finding] = ()) -> StatusReport:
    with opened(path) as (manifest, seals):
        manifest.record([uploaded(row) for row in rows])
        run = seals.begin_run(RunKind.SYNC, 1)
        seals.finish_run(run, RunResult.OK, RunSummary(), findings, complete=True)
    report = read_status(path)
    assert report is not None
    states = (report.safe, report.pending, report.quarantined, report.drifted, report.unproven)
    if not any(row.missing_since is not None for row in rows):
        assert sum(states) == report.files
    assert sum(tally.files for tally in report.by_type.values()) == report.files
    assert sum(tally.bytes for tally in report.by_folder.values()) == report.bytes
    assert sum(tally.safe for tally in report.by_folder.values()) == report.safe == sum(report.by_proof.values())
    return report


def failed(path: str, stat: Stat | None = STAT, kind: FindingKind = FindingKind.FAILED) -> Finding:
    return Finding(kind, path, "no", stat=stat)


def changed(path: str) -> Finding:
    content = QuarantinedContent(path, STAT, b"q" * 32)
    return Finding(FindingKind.ORIGINAL_CHANGED, path, "changed", quarantined=content)


def test_nothing_was_ever_backed_up(path: Path) -> None:
    assert read_status(path) is None
    with opened(path, library=None):
        pass
    assert read_status(path) is None


def test_every_file_is_in_one_state(path: Path) -> None:
    rows = [
        entry("2024/trip/a.NEF", size=1),
        entry("2024/b.nef", size=2, checksum=CRC),
        entry("c.jpg", size=4, checksum=None),
        entry("2023/drifted.nef", size=8, drift=Drift.ALTERED),
        entry("2023/unproven.mov", size=16, sha256=None),
        entry("2023/failed.xmp", size=32),
        entry("2023/changed.nef", size=64),
        entry("2022/gone.nef", size=128, missing_since=5),
    ]
    new = failed("2025/new", kind=FindingKind.RACED)
    report = report_of(path, rows, [failed("2023/failed.xmp"), changed("2023/changed.nef"), new])
    assert (report.files, report.bytes) == (8, 1 + 2 + 4 + 8 + 16 + 50 + 50 + 50)
    assert (report.safe, report.safe_bytes) == (3, 7)
    assert (report.pending, report.pending_bytes) == (2, 100)
    assert (report.quarantined, report.drifted, report.unproven) == (1, 1, 1)
    assert (report.missing, report.missing_bytes) == (1, 128)
    assert report.by_folder == {
        "2023": Tally(4, 8 + 16 + 50 + 50, 0),
        "2024": Tally(2, 3, 2),
        ".": Tally(1, 4, 1),
        "2025": Tally(1, 50, 0),
    }
    assert report.by_type == {
        "nef": Tally(4, 1 + 2 + 8 + 50, 2),
        "jpg": Tally(1, 4, 1),
        "mov": Tally(1, 16, 0),
        "xmp": Tally(1, 50, 0),
        NO_EXTENSION: Tally(1, 50, 0),
    }
    assert report.by_proof == {"none": 1, "SHA256": 1, "CRC32": 1}
    assert report.library == LIBRARY


def test_a_file_with_several_findings_counts_once(path: Path) -> None:
    findings = [changed("a.nef"), failed("a.nef"), failed("a.nef", kind=FindingKind.RACED)]
    report = report_of(path, [entry("a.nef")], findings)
    assert (report.files, report.safe, report.pending, report.quarantined) == (1, 0, 0, 1)
    assert set(report.findings) == set(findings)


def test_a_missing_file_that_came_back_and_failed_is_there(path: Path) -> None:
    report = report_of(path, [entry("a.nef", missing_since=5)], [failed("a.nef")])
    assert (report.files, report.pending, report.missing, report.missing_bytes) == (1, 1, 0, 0)


def test_a_missing_file_whose_object_could_not_be_removed_is_still_missing(path: Path) -> None:
    report = report_of(path, [entry("a.nef", missing_since=5)], [failed("a.nef", stat=None)])
    assert (report.files, report.pending, report.missing) == (0, 0, 1)


def test_what_neither_disk_nor_bucket_has_is_not_merely_missing(path: Path) -> None:
    report = report_of(path, [entry("a.nef", missing_since=5, drift=Drift.MISSING)])
    assert (report.files, report.missing, report.drifted) == (0, 0, 1)


def test_findings_about_other_things_change_no_count(path: Path) -> None:
    findings = [Finding(FindingKind.UNREADABLE, "a.nef", "no"), Finding(FindingKind.DELETE_GUARD, "", "no", "hint")]
    report = report_of(path, [entry("a.nef")], findings)
    assert report.safe == 1
    assert set(report.findings) == set(findings)


def test_findings_come_back_as_they_were(path: Path) -> None:
    findings = {failed("d/é\n\udcff", Stat(1, 2**64, 3)), changed("z.nef"), failed("n", None)}
    assert set(report_of(path, [], sorted(findings, key=lambda f: f.path)).findings) == findings


def test_the_last_run_and_the_last_good_one(path: Path) -> None:
    with opened(path) as (_, seals):
        good = seals.begin_run(RunKind.SYNC, 10)
        seals.finish_run(good, RunResult.OK, RunSummary(), [], complete=True)
        seals.begin_run(RunKind.SYNC, 20)
        report = read_status(path)
    assert report is not None
    assert report.last_good_run is not None
    assert report.last_run is not None
    assert (report.last_good_run.id, report.last_good_run.finished_at) == (good, 99)
    assert (report.last_run.result, report.last_run.started_at) == (RunResult.RUNNING, 20)


@pytest.mark.parametrize(
    ("runs", "whole"),
    [
        ([(RunKind.ADOPT, RunResult.OK)], False),
        ([(RunKind.SYNC, RunResult.INTERRUPTED), (RunKind.VERIFY, RunResult.OK)], False),
        ([(RunKind.SYNC, RunResult.INCOMPLETE), (RunKind.VERIFY, RunResult.OK)], True),
        ([(RunKind.SYNC, RunResult.ATTENTION)], True),
    ],
)
def test_only_a_backup_that_ended_has_seen_the_whole_source(
    path: Path, runs: Sequence[tuple[RunKind, RunResult]], whole: bool
) -> None:
    with opened(path) as (_, seals):
        for kind, result in runs:
            run = seals.begin_run(kind, 10)
            seals.finish_run(run, result, RunSummary(), [], complete=False)
    report = read_status(path)
    assert report is not None
    assert report.was_seen_whole is whole


@settings(max_examples=40, deadline=None)
@given(st.sets(st.text(st.sampled_from(".aZé🦊 _"), min_size=1, max_size=8), min_size=1, max_size=20))
def test_types_are_told_as_by_extension_of(names: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = report_of(Path(folder) / "m.sqlite", [entry(name) for name in names])
    expected: dict[str, int] = {}
    for name in names:
        extension = extension_of(name) or NO_EXTENSION
        expected[extension] = expected.get(extension, 0) + 1
    assert {name: tally.files for name, tally in report.by_type.items()} == expected


# --- nothing is written -----------------------------------------------------------------------------------


def snapshot(path: Path) -> dict[str, tuple[int, int]]:
    return {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in path.parent.iterdir()}


def test_reading_leaves_the_folder_as_it_was(path: Path) -> None:
    report_of(path, [entry("a.nef")])
    before = snapshot(path)
    assert read_status(path)
    assert snapshot(path) == before


def test_what_is_still_in_the_log_is_seen(path: Path) -> None:
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry("a.nef"))])
        assert path.with_name(path.name + "-wal").stat().st_size > 0
        report = read_status(path)
        assert report is not None
        assert report.safe == 1


def test_what_a_killed_run_left_in_the_log_is_seen(path: Path, tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry("a.nef"))])
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(path.with_name(path.name + suffix), left)
    before = (left / path.name).read_bytes(), (left / f"{path.name}-wal").read_bytes()
    report = read_status(left / path.name)
    assert report is not None
    assert report.safe == 1
    assert ((left / path.name).read_bytes(), (left / f"{path.name}-wal").read_bytes()) == before


# --- damage -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 99, 4096, 20_000])
def test_a_damaged_manifest_is_reported(path: Path, size: int) -> None:
    report_of(path, [entry(f"{i}.nef") for i in range(500)])
    os.truncate(path, size)
    with pytest.raises(ManifestError, match="damaged") as caught:
        read_status(path)
    assert caught.value.exit_code is ExitCode.MANIFEST
    assert "rebuild-manifest" in caught.value.hint


def test_damage_in_the_middle_is_reported(path: Path) -> None:
    report_of(path, [entry(f"{i}.nef") for i in range(500)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        for offset in range(4096, size, 4096):
            file.seek(offset)
            file.write(b"\xff" * 64)
    with pytest.raises(ManifestError, match="damaged"):
        read_status(path)


@pytest.mark.parametrize(("version", "word"), [(99, "newer"), (0, "older")])
def test_another_version_is_not_guessed_at(path: Path, version: int, word: str) -> None:
    report_of(path, [])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(ManifestError, match=word) as caught:
        read_status(path)
    assert caught.value.hint


# --- cost -------------------------------------------------------------------------------------------------


def steps_of(path: Path) -> int:
    """What it costs to count: SQLite's own steps, in hundreds; the same on every machine."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(step, 100)
        assert sum(total.files for total in totals(connection)) > 0
    return steps


def test_counting_costs_by_the_folder_and_not_by_the_file(path: Path) -> None:
    def fill(first: int, count: int) -> None:
        with opened(path) as (manifest, seals):
            names = (f"{2000 + i % 5}/{i % 20}/DSC_{i:06}.NEF" for i in range(first, first + count))
            manifest.record([uploaded(entry(name)) for name in names])
            seals.finish_run(seals.begin_run(RunKind.SYNC, 1), RunResult.OK, RunSummary(), [], complete=True)

    fill(0, 200)
    few = steps_of(path)
    fill(200, 4_800)
    assert steps_of(path) <= few + 2
    assert (report := read_status(path)) is not None
    assert report.safe == 5_000


def test_objects_and_bytes_by_storage_class(path: Path) -> None:
    classes = {"a": "STANDARD", "b": "DEEP_ARCHIVE", "c": "DEEP_ARCHIVE", "d": "STANDARD"}
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry(name, storage_class=kind)) for name, kind in classes.items()])
        manifest.set_drift([("d", Drift.MISSING)])
    assert read_classes(path) == {"STANDARD": (1, 1001), "DEEP_ARCHIVE": (2, 2002)}
