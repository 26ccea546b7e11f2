"""The statements that the manifest is read and written with, made once. Knows the tables; opens nothing.

Those that run for every file of a batch are plain text with their values in the order of the question marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, delete, null, select, text, update
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.sql import ClauseElement

from lrsync.adapters.schema import directories, files, findings
from lrsync.adapters.sqlite import to_text
from lrsync.core.findings import FindingKind
from lrsync.core.keys import split_path

PATH: Final = "CASE d.path WHEN '' THEN f.name ELSE d.path || '/' || f.name END"
"""A file's relative path, of `directories d` and `files f`."""


def _sql(statement: ClauseElement) -> str:
    """The statement's text, compiled once: SQLAlchemy's own way with parameters costs more than SQLite's insert."""
    return str(statement.compile(dialect=sqlite_dialect.dialect()))


def _upsert() -> str:
    insert = sqlite_dialect.insert(files).values({column.name: bindparam(column.name) for column in files.columns})
    keys = (files.c.dir_id, files.c.name)
    others = {column.name: insert.excluded[column.name] for column in files.columns if not column.primary_key}
    return _sql(insert.on_conflict_do_update(index_elements=keys, set_=others))


def _set_digest() -> str:
    insert = sqlite_dialect.insert(directories).values(path=bindparam("path"), digest=bindparam("digest"))
    return _sql(insert.on_conflict_do_update(index_elements=["path"], set_={"digest": insert.excluded.digest}))


_ONE_FILE: Final = and_(files.c.dir_id == bindparam("d"), files.c.name == bindparam("n"))
UPSERT: Final = _upsert()
"""Values: a row in the order of FILE_COLUMNS."""
SET_DIGEST: Final = _set_digest()
"""Values: path, digest."""
DELETE: Final = _sql(delete(files).where(_ONE_FILE))
"""Values: directory's id, name."""
UNSEAL: Final = _sql(
    update(directories)
    .where(directories.c.path == bindparam("p"), directories.c.digest.is_not(None))
    .values(digest=null())
)
"""Values: path."""
SET_DRIFT: Final = (
    f"UPDATE {files.name} SET drift = ? WHERE dir_id = (SELECT id FROM {directories.name} WHERE path = ?) AND name = ?"
)
"""Values: drift, folder, name."""
_PASSING: Final = (FindingKind.FAILED, FindingKind.RACED, FindingKind.SETTLING)
PASSING_KINDS: Final = tuple(kind.value for kind in _PASSING)
"""Findings that are over once their file is not there any more."""
RESOLVED_KINDS: Final = tuple(kind.value for kind in (*_PASSING, FindingKind.ORIGINAL_CHANGED, FindingKind.ROT))
"""Findings that are over once their file was dealt with."""


def _clearing(kinds: Sequence[str]) -> str:
    of_path = findings.c.path == bindparam("p")
    return _sql(delete(findings).where(findings.c.kind.in_([bindparam(kind) for kind in kinds]), of_path))


CLEAR_FINDINGS: Final = _clearing(RESOLVED_KINDS)
"""Values: RESOLVED_KINDS, path."""
CLEAR_PASSING: Final = _clearing(PASSING_KINDS)
"""Values: PASSING_KINDS, path."""
ROWS: Final = select(files, directories.c.path.label("folder")).join(directories)


def one_row(path: str) -> Select[Any]:
    """The row of one file, with its folder's path."""
    folder, name = split_path(path)
    return ROWS.where(directories.c.path == to_text(folder), files.c.name == to_text(name))


def twins(sha256: bytes) -> Select[Any]:
    """Good rows with these bytes. The index holds the first eight, as an expression that must be spelled alike."""
    head = text("substr(files.sha256, 1, 8) = :head").bindparams(head=sha256[:8])
    return ROWS.where(head, files.c.sha256 == sha256, files.c.drift.is_(None))


def with_twins(count: int) -> str:
    """Those of `count` sha256s that a good row has. Of many rows with the same bytes no more than one is looked at."""
    values = ", ".join(["(?)"] * count)
    return (
        f"WITH wanted(sha256) AS (VALUES {values}) SELECT w.sha256 FROM wanted w WHERE EXISTS ("
        f"SELECT 1 FROM {files.name} f WHERE substr(f.sha256, 1, 8) = substr(w.sha256, 1, 8) "
        "AND f.sha256 = w.sha256 AND f.sha256 IS NOT NULL AND f.drift IS NULL)"
    )
