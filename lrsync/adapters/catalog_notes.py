"""What is noted of catalogs, for a report: audits, and which are backed up. Standard library only; writes nothing."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lrsync.adapters import sqlite
from lrsync.adapters.outside_catalogs import read_noted
from lrsync.adapters.schema_names import DIRECTORIES, FILES
from lrsync.adapters.sqlite import from_text, side_file
from lrsync.core.audit import FileState
from lrsync.core.keys import join_path
from lrsync.core.library_report import CatalogAudit, StoredCatalog

_AUDITS: Final = "SELECT catalog, audited_ns, states FROM results ORDER BY catalog"
_HAS_RESULTS: Final = "SELECT count(*) FROM sqlite_master WHERE name = 'results'"
_CATALOGS: Final = f"""
SELECT d.path, f.name, f.size, f.uploaded_at FROM {FILES} f JOIN {DIRECTORIES} d ON d.id = f.dir_id
WHERE f.name LIKE '%.lrcat' AND f.missing_since IS NULL ORDER BY 1, 2
"""


def read_audits(manifest: Path) -> list[CatalogAudit]:
    """The last audit of each catalog. Raises ManifestError."""
    path = side_file(manifest, ".audits")
    if not os.path.lexists(path):
        return []
    return sqlite.read_only(path, lambda connection: list(_audits(connection)))


def _audits(connection: sqlite3.Connection) -> Iterator[CatalogAudit]:
    if not connection.execute(_HAS_RESULTS).fetchone()[0]:
        return  # of an older lrsync, which kept only what the next audit needs
    known = {state.value: state for state in FileState}
    for catalog, audited_ns, states in connection.execute(_AUDITS):
        found = {known[name]: files for name, files in json.loads(states).items() if name in known}
        yield CatalogAudit(from_text(catalog), audited_ns, found)


def read_catalogs(manifest: Path) -> list[StoredCatalog]:
    """The catalogs that are backed up: in the source, and outside of it. Raises ManifestError."""
    inside = sqlite.read_only(manifest, lambda connection: connection.execute(_CATALOGS).fetchall())
    outside = [StoredCatalog(path, stat.size) for path, stat in sorted(read_noted(manifest).items())]
    return [
        *(StoredCatalog(join_path(from_text(folder), from_text(name)), size, at) for folder, name, size, at in inside),
        *outside,
    ]
