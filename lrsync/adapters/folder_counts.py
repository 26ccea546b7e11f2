"""How many files of each kind every folder has, kept beside the rows: `status` need not count a million of them.

A folder's counts are made anew after its rows were written to, at the end of the run that did so; until then, or where
that run died, the rows themselves are counted. Standard library only, as `status` and a quiet night are.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from lrsync.adapters.schema_names import DIRECTORIES, FILES, FOLDER_COUNT_COLUMNS, FOLDER_COUNTS, UNCOUNTED, listed
from lrsync.adapters.sqlite import from_text

DAY_NS: Final = 86_400 * 1_000_000_000
NEVER: Final = 0
"""The day on which a file was proven that never was."""


class State(IntEnum):
    """What a row alone says of its file."""

    SAFE = 0
    UNPROVEN = 1
    DRIFTED = 2


STATE: Final = f"CASE WHEN drift IS NOT NULL THEN {State.DRIFTED:d} ELSE sha256 IS NULL END"
"""SQL for what a row says of its file."""

# As `filetypes.extension_of`, but for upper case. Most names have three letters: those go the short way.
EXTENSION: Final = """
CASE WHEN length(name) > 4 AND substr(name, -4, 1) = '.' AND instr(substr(name, -3), '.') = 0 THEN substr(name, -3)
     WHEN instr(substr(name, 2), '.') = 0 THEN ''
     ELSE substr(name, length(rtrim(name, replace(name, '.', ''))) + 1) END
"""

# What has drift was proven wrong since, and what has no sha256 was never proven.
_DAY: Final = f"""
CASE WHEN verified_at IS NULL OR drift IS NOT NULL OR sha256 IS NULL THEN {NEVER} ELSE verified_at / {DAY_NS} END
"""

_COUNT: Final = f"""
SELECT dir_id, {EXTENSION}, proof, {STATE}, {_DAY}, count(*), sum(size) FROM {FILES}
WHERE missing_since IS NULL AND dir_id IN (SELECT dir_id FROM {UNCOUNTED}) GROUP BY 1, 2, 3, 4, 5
"""

# The first folder of a path; a path that is not UTF-8 is stored as bytes, and cut where it is decoded.
_TOP: Final = "CASE typeof(d.path) WHEN 'text' THEN substr(d.path, 1, instr(d.path || '/', '/') - 1) ELSE d.path END"

_TOTALS: Final = f"""
SELECT {_TOP}, extension, proof, state, proven_day, sum(files), sum(bytes) FROM (
    SELECT {listed(FOLDER_COUNT_COLUMNS)} FROM {FOLDER_COUNTS} WHERE dir_id NOT IN (SELECT dir_id FROM {UNCOUNTED})
    UNION ALL {_COUNT}
) JOIN {DIRECTORIES} d ON d.id = dir_id GROUP BY 1, 2, 3, 4, 5
"""


def _watch(event: str, row: str) -> str:
    return f"""
CREATE TEMP TRIGGER uncounted_by_{event.lower()} AFTER {event} ON main.{FILES}
WHEN NOT EXISTS (SELECT 1 FROM main.{UNCOUNTED} WHERE dir_id = {row}.dir_id)
BEGIN INSERT INTO {UNCOUNTED} VALUES ({row}.dir_id); END
"""


WATCH: Final = (_watch("INSERT", "NEW"), _watch("UPDATE", "NEW"), _watch("DELETE", "OLD"))
"""What every connection that writes rows begins with, so that no write is forgotten. They are not in the file: a
manifest holds no code that a stranger's snapshot could bring along."""


class Total(NamedTuple):
    """Files of one kind, below one of the source's own folders ('' is the source itself).

    `extension` as it is written; `proven_day`: days since the epoch.
    """

    top: str
    extension: str
    proof: int
    state: State
    proven_day: int
    files: int
    bytes: int


def recount(connection: sqlite3.Connection) -> None:
    """Count the folders whose rows were written to. Inside the caller's transaction. Raises sqlite3.Error."""
    if connection.execute(f"SELECT 1 FROM {UNCOUNTED} LIMIT 1").fetchone() is None:
        return
    connection.execute(f"DELETE FROM {FOLDER_COUNTS} WHERE dir_id IN (SELECT dir_id FROM {UNCOUNTED})")
    connection.execute(f"INSERT INTO {FOLDER_COUNTS} ({listed(FOLDER_COUNT_COLUMNS)}) {_COUNT}")
    connection.execute(f"DELETE FROM {UNCOUNTED}")


def totals(connection: sqlite3.Connection) -> Iterator[Total]:
    """All files that are on the disk, as far as the manifest knows. Raises sqlite3.Error."""
    for top, extension, proof, state, day, files, size in connection.execute(_TOTALS):
        folder = from_text(top).partition("/")[0]
        yield Total(folder, extension, proof, State(state), day, files, size)
