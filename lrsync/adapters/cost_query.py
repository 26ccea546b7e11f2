"""What lies in the bucket by kind and class, as far as the manifest knows. Standard library only; writes nothing."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

from lrsync.adapters import sqlite
from lrsync.adapters.folder_counts import EXTENSION
from lrsync.adapters.schema_names import FILES
from lrsync.adapters.seals import read_runs
from lrsync.adapters.sqlite import from_text
from lrsync.adapters.status_query import check_version
from lrsync.core.costs import CostFacts, StoredGroup
from lrsync.core.filetypes import FileType
from lrsync.core.model import Drift
from lrsync.core.runs import RunInfo, RunKind
from lrsync.core.storage import MIN_SIZE, STANDARD, kind_of

_THERE: Final = f"(drift IS NULL OR drift <> '{Drift.MISSING.value}')"
# Apart from the size that is asked for, by the one up to which some classes bill more than there is.
_GROUPS: Final = f"""
SELECT {EXTENSION}, coalesce(storage_class, '{STANDARD}'), size < ?, size < {MIN_SIZE}, count(*), sum(size)
FROM {FILES} WHERE {_THERE} GROUP BY 1, 2, 3, 4
"""
_STORED: Final = f"""
SELECT coalesce(storage_class, '{STANDARD}'), count(*) FROM {FILES} WHERE uploaded_at BETWEEN ? AND ? GROUP BY 1
"""
_HAS_CLASS: Final = f"SELECT EXISTS (SELECT 1 FROM {FILES} WHERE storage_class = ?)"


def read_costs(path: Path, min_size: int) -> CostFacts | None:
    """What there is to be priced, cut at this size; None where nothing was ever backed up. Raises ManifestError."""
    if not os.path.lexists(path):
        return None
    with sqlite.translating(path):
        sqlite.check_header(path)

    def read(connection: sqlite3.Connection) -> CostFacts:
        connection.execute("BEGIN")  # one look: a run may be writing
        check_version(path, connection)
        groups = _read_groups(connection, min_size)
        last = next(iter(read_runs(connection, f"kind = '{RunKind.SYNC.value}' AND finished_at IS NOT NULL")), None)
        return CostFacts(groups, last, {} if last is None else _stored_by(connection, last))

    return sqlite.read_only(path, read)


def has_class(path: Path, storage_class: str) -> bool:
    """Whether anything was stored in this class (not STANDARD) by now. Raises ManifestError."""
    if not os.path.lexists(path):
        return False
    return sqlite.read_only(path, lambda c: bool(c.execute(_HAS_CLASS, (storage_class,)).fetchone()[0]))


def _read_groups(connection: sqlite3.Connection, min_size: int) -> list[StoredGroup]:
    groups: dict[tuple[FileType, str, bool, bool], StoredGroup] = {}
    for extension, name, is_small, is_short, objects, size in connection.execute(_GROUPS, (min_size,)):
        place = (kind_of(f"x.{from_text(extension)}"), name, bool(is_small), bool(is_short))
        known = groups.get(place, StoredGroup(*place[:3], 0, 0))
        groups[place] = known._replace(objects=known.objects + objects, bytes=known.bytes + size)
    return list(groups.values())


def _stored_by(connection: sqlite3.Connection, run: RunInfo) -> dict[str, int]:
    return dict(connection.execute(_STORED, (run.started_at, run.finished_at)))
