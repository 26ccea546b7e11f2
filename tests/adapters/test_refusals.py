"""Notes of refused nights beside a real manifest: whatever becomes of them, a backup begins."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lrsync.adapters.history_query import list_runs
from lrsync.adapters.refusals import note_refusal, notes_path
from lrsync.adapters.seals import Seals, read_runs
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.errors import ManifestError
from tests.adapters.rows import opened

REFUSED = RunInfo(0, RunKind.SYNC, RunResult.FAILED, 6, 100, 200, {"failure": "no drive"})


def kept(path: Path) -> list[tuple[int, int]]:
    """Each run's id and when it began."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted((run.id, run.started_at) for run in read_runs(connection, limit=99))


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    with opened(tmp_path / "m.sqlite") as (_, seals):
        return seals.path


def test_notes_that_outlive_a_crash_make_no_second_row(manifest: Path) -> None:
    note_refusal(manifest, REFUSED)
    notes = notes_path(manifest).read_bytes()
    for started_at in (300, 400):
        with closing(Seals(manifest)) as seals:
            seals.begin_run(RunKind.SYNC, started_at)
        assert not notes_path(manifest).exists()
        notes_path(manifest).write_bytes(notes)
        told = [run.started_at for run in list_runs(manifest, None) or ()]
        assert told == [started_at, *([300] if started_at == 400 else []), 100], "a night of long ago is not the last"
    assert kept(manifest) == [(1, 100), (2, 300), (3, 400)]


def test_notes_that_nobody_can_read_keep_no_run_from_beginning(manifest: Path) -> None:
    notes_path(manifest).mkdir()
    with closing(Seals(manifest)) as seals:
        assert seals.begin_run(RunKind.SYNC, 300) == 1
    with pytest.raises(ManifestError, match="notes of refused runs") as caught:
        list_runs(manifest, None)
    assert caught.value.path == str(notes_path(manifest))


def test_notes_of_no_text_are_none(manifest: Path) -> None:
    note_refusal(manifest, REFUSED)
    with notes_path(manifest).open("ab") as file:
        file.write(b"\xff\xfe\n")
    with closing(Seals(manifest)) as seals:
        seals.begin_run(RunKind.SYNC, 300)
    assert kept(manifest) == [(1, 100), (2, 300)]
