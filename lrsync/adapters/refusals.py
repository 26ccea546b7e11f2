"""Runs that were refused before they could begin a row, noted beside the manifest: such a run changes nothing in it.

The next run that keeps a row takes them in before its own (`Seals.begin_run`); until then whoever reads past runs adds
them. They are told to people and decide nothing. Standard library only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lrsync.adapters.schema_names import RUN_COLUMNS, RUNS, listed, placeholders
from lrsync.adapters.seals import REFUSED
from lrsync.adapters.sqlite import side_file
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.errors import ManifestError

KEPT: Final = 100
"""A drive may be away for long, and a program may try every minute: the oldest are forgotten."""


def notes_path(manifest: Path) -> Path:
    """Where a manifest's notes lie, if there are any."""
    return side_file(manifest, REFUSED)


def note_refusal(manifest: Path, run: RunInfo) -> None:
    """Add a run to the notes; its id does not count. Raises OSError."""
    from lrsync.adapters.wholefile import write_whole

    lines = [_encode(each) for each in (*read_refusals(manifest), run)]
    write_whole(notes_path(manifest), "".join(lines[-KEPT:]).encode())


def read_refusals(manifest: Path, after_id: int = 0) -> list[RunInfo]:
    """The runs that are noted, the oldest first, with the ids that they will have after this one; no half-written one.

    Raises OSError, but for notes that are not there.
    """
    try:
        lines = notes_path(manifest).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found = [run for line in lines if (run := _decode(line)) is not None]
    return [replace(run, id=number) for number, run in enumerate(found, start=after_id + 1)]


def with_refusals(
    manifest: Path, connection: sqlite3.Connection, runs: Sequence[RunInfo], limit: int | None
) -> list[RunInfo]:
    """The last runs of the manifest, the newest first, with those that are noted before them; so many of them.

    Raises ManifestError for notes that cannot be read: without them a refused night would pass for a good one.
    """
    try:
        noted = _unknown(manifest, connection, runs[0].id if runs else 0)
    except OSError as error:
        path = notes_path(manifest)
        message = f"the notes of refused runs cannot be read: {error.strerror or error}"
        raise ManifestError(message, hint=f"remove {path.name}, or make it readable", path=str(path)) from error
    return [*reversed(noted), *runs][:limit]


def insert_refusals(manifest: Path, connection: sqlite3.Connection) -> None:
    """Make rows of the notes, inside the caller's transaction. Raises sqlite3.Error.

    Notes that cannot be read keep no backup from running.
    """
    last = connection.execute(f"SELECT coalesce(max(id), 0) FROM {RUNS}").fetchone()[0]
    try:
        noted = _unknown(manifest, connection, last)
    except OSError:
        return
    statement = f"INSERT INTO {RUNS} ({listed(RUN_COLUMNS)}) VALUES ({placeholders(RUN_COLUMNS)})"
    connection.executemany(statement, map(_row, noted))


def _unknown(manifest: Path, connection: sqlite3.Connection, after_id: int) -> list[RunInfo]:
    """Those of the notes that have no row: a crash, or a program that has them open, may keep them from going."""
    known = f"SELECT 1 FROM {RUNS} WHERE started_at = ?"
    noted = read_refusals(manifest, after_id)
    return [run for run in noted if connection.execute(known, (run.started_at,)).fetchone() is None]


def _row(run: RunInfo) -> tuple[Any, ...]:
    counts = json.dumps(run.counts)
    return run.id, run.kind.value, run.result.value, run.exit_code, run.started_at, run.finished_at, counts


def _encode(run: RunInfo) -> str:
    return json.dumps(_row(run)) + "\n"


def _decode(line: str) -> RunInfo | None:
    try:
        _, kind, result, exit_code, started_at, finished_at, counts = json.loads(line)
        return RunInfo(0, RunKind(kind), RunResult(result), exit_code, started_at, finished_at, json.loads(counts))
    except (ValueError, TypeError):
        return None  # a person's edit, or a later lrsync's: the log has it as well
