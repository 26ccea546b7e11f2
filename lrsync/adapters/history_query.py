"""Past runs, read from the manifest alone. Standard library only; writes and creates nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from lrsync.adapters import sqlite
from lrsync.adapters.refusals import with_refusals
from lrsync.adapters.schema_names import FINDING_COLUMNS, FINDINGS, listed
from lrsync.adapters.seals import decode_finding, read_runs
from lrsync.adapters.status_query import check_version
from lrsync.core.runs import RunInfo, RunRecord

T = TypeVar("T")

ALL: Final = -1
"""SQLite's way to say that there is no limit."""


def list_runs(path: Path, limit: int | None) -> list[RunInfo] | None:
    """The latest runs, the newest first; None where nothing was ever backed up. Raises ManifestError."""
    rows = ALL if limit is None else limit
    return _ask(path, lambda connection: with_refusals(path, connection, read_runs(connection, limit=rows), limit))


def find_run(path: Path, run_id: int) -> RunRecord | None:
    """One run; None where there is none of this number. Raises ManifestError."""

    def read(connection: sqlite3.Connection) -> RunRecord | None:
        runs = read_runs(connection, f"id = {run_id:d}")
        if not runs:
            noted = with_refusals(path, connection, read_runs(connection), None)
            return next((RunRecord(run, ()) for run in noted if run.id == run_id), None)
        query = f"SELECT {listed(FINDING_COLUMNS)} FROM {FINDINGS} WHERE run_id = ? ORDER BY kind, path"
        rows = connection.execute(query, (run_id,)).fetchall()
        return RunRecord(runs[0], tuple(map(decode_finding, rows)))

    return _ask(path, read)


def _ask(path: Path, read: Callable[[sqlite3.Connection], T | None]) -> T | None:
    if not os.path.lexists(path):
        return None
    with sqlite.translating(path):
        sqlite.check_header(path)

    def checked(connection: sqlite3.Connection) -> T | None:
        connection.execute("BEGIN")  # one look: a run may be writing
        check_version(path, connection)
        return read(connection)

    return sqlite.read_only(path, checked)
