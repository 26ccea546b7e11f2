"""What is safe, told from the manifest alone. Standard library only; writes and creates nothing.

Counts in SQL, in one pass over the rows; then corrects for the few files that a finding speaks of.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from lrsync.adapters import sqlite
from lrsync.adapters.database import newer
from lrsync.adapters.folder_counts import DAY_NS, NEVER, STATE, State, totals
from lrsync.adapters.refusals import with_refusals
from lrsync.adapters.schema_names import (
    DIRECTORIES,
    FILES,
    FINDING_COLUMNS,
    FINDINGS,
    PROOFS,
    SCHEMA_VERSION,
    listed,
)
from lrsync.adapters.seals import decode_finding, read_library, read_runs
from lrsync.adapters.sqlite import from_text, to_text
from lrsync.core.filetypes import extension_of
from lrsync.core.findings import FindingKind
from lrsync.core.keys import split_path
from lrsync.core.runs import RunKind, RunResult
from lrsync.core.status import PROOF_AGES, RECENT, StatusReport, Tally
from lrsync.errors import ManifestError

if TYPE_CHECKING:
    from lrsync.core.ports import Clock

ROOT: Final = "."
"""What `by_folder` calls the files that lie in no folder."""

NO_EXTENSION: Final = "no extension"
"""What `by_type` calls the files without one."""

NO_PROOF: Final = "none"
"""What `by_proof` calls objects of which the store reported no checksum."""


class _State(IntEnum):
    """What a file on the disk is; the first three as its row tells them."""

    SAFE = State.SAFE
    UNPROVEN = State.UNPROVEN
    DRIFTED = State.DRIFTED
    PENDING = 3
    QUARANTINED = 4


_ROW: Final = f"""
SELECT size, proof, {STATE}, missing_since
FROM {FILES} WHERE dir_id = (SELECT id FROM {DIRECTORIES} WHERE path = ?) AND name = ?
"""

# Of a file that is gone the bucket has the only copy: where that has drift the two together are no "missing".
_GONE: Final = f"SELECT drift IS NOT NULL, size FROM {FILES} WHERE missing_since IS NOT NULL"


_ENDED: Final = f"result IN ('{RunResult.OK.value}', '{RunResult.INCOMPLETE.value}', '{RunResult.ATTENTION.value}')"
_BACKUP: Final = f"kind = '{RunKind.SYNC.value}'"
_DRILLED: Final = f"kind = '{RunKind.DRILL.value}' AND {_ENDED}"


_CLASSES: Final = f"""
SELECT coalesce(storage_class, 'STANDARD'), count(*), sum(size) FROM {FILES}
WHERE drift IS NULL OR drift <> ? GROUP BY 1
"""


class _Place(NamedTuple):
    """What a file is counted under."""

    folder: str
    extension: str
    proof: int


@dataclass(slots=True)
class _Counts:
    files: dict[_State, int] = field(default_factory=lambda: dict.fromkeys(_State, 0))
    bytes: dict[_State, int] = field(default_factory=lambda: dict.fromkeys(_State, 0))
    by_type: dict[str, Tally] = field(default_factory=dict)
    by_folder: dict[str, Tally] = field(default_factory=dict)
    by_proof: dict[int, int] = field(default_factory=dict)
    verified: dict[str, Tally] = field(default_factory=lambda: {age: Tally() for age in PROOF_AGES})
    missing: int = 0
    missing_bytes: int = 0
    lost: int = 0

    def add(self, place: _Place, state: _State, files: int, size: int) -> None:
        """Count some files; a negative number takes them back."""
        self.files[state] += files
        self.bytes[state] += size
        safe = files if state is _State.SAFE else 0
        for tallies, name in ((self.by_type, place.extension), (self.by_folder, place.folder)):
            tallies.setdefault(name, Tally()).add(files, size, safe)
        if safe:
            self.by_proof[place.proof] = self.by_proof.get(place.proof, 0) + safe


def read_status(path: Path, clock: Clock = time.time_ns) -> StatusReport | None:
    """What the manifest knows about safety; None where nothing was ever backed up. No network, no disk but this file.

    `clock` says how long ago the proofs are.
    Reads it while a run writes to it as well. Raises ManifestError for what is damaged or of another version.
    """
    if not os.path.lexists(path):
        return None
    with sqlite.translating(path):
        sqlite.check_header(path)
    return sqlite.read_only(path, lambda connection: _read(path, connection, clock()))


def _read(path: Path, connection: sqlite3.Connection, now_ns: int) -> StatusReport | None:
    connection.execute("BEGIN")  # one look: a run may be writing
    check_version(path, connection)
    library = read_library(connection)
    if library is None:
        return None
    findings = connection.execute(f"SELECT {listed(FINDING_COLUMNS)} FROM {FINDINGS} ORDER BY kind, path").fetchall()
    counts = _count(connection, now_ns)
    _correct(connection, counts, findings)
    # Of those that back up: a good verification is no backup.
    ok = f"result = '{RunResult.OK.value}' AND {_BACKUP}"
    recent = with_refusals(path, connection, read_runs(connection, limit=RECENT), RECENT)
    return StatusReport(
        library=library,
        files=sum(counts.files.values()),
        bytes=sum(counts.bytes.values()),
        safe=counts.files[_State.SAFE],
        safe_bytes=counts.bytes[_State.SAFE],
        pending=counts.files[_State.PENDING],
        pending_bytes=counts.bytes[_State.PENDING],
        missing=counts.missing,
        missing_bytes=counts.missing_bytes,
        quarantined=counts.files[_State.QUARANTINED],
        drifted=counts.files[_State.DRIFTED] + counts.lost,
        unproven=counts.files[_State.UNPROVEN],
        by_type=_largest_first(counts.by_type),
        by_folder=_largest_first(counts.by_folder),
        by_proof=_proofs(counts.by_proof),
        last_run=recent[0] if recent else None,
        last_good_run=next(iter(read_runs(connection, ok)), None),
        findings=tuple(decode_finding(row) for row in findings),
        rotten=len({path for kind, path, *_ in findings if kind == FindingKind.ROT.value}),
        verified=counts.verified,
        was_seen_whole=bool(read_runs(connection, f"{_BACKUP} AND {_ENDED}")),
        last_drill=next(iter(read_runs(connection, _DRILLED)), None),
        recent=tuple(reversed(recent)),
    )


def read_classes(path: Path) -> dict[str, tuple[int, int]]:
    """Objects and bytes by storage class, as far as the manifest knows: the current ones. Raises ManifestError."""

    from lrsync.core.model import Drift  # here: `status` does without all that a sync knows of files

    def read(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
        check_version(path, connection)
        found = connection.execute(_CLASSES, (Drift.MISSING.value,))
        return {name: (objects, size) for name, objects, size in found}

    return sqlite.read_only(path, read)


def check_version(path: Path, connection: sqlite3.Connection) -> None:
    """Raises ManifestError where the manifest is of another version than this lrsync reads."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise newer(path)
    if version < SCHEMA_VERSION:
        hint = "run 'lrsync sync' once: it upgrades the manifest and keeps a copy"
        raise ManifestError("the manifest was made by an older lrsync", hint=hint, path=str(path))


def _count(connection: sqlite3.Connection, now_ns: int) -> _Counts:
    counts = _Counts()
    for total in totals(connection):
        place = _Place(total.top or ROOT, total.extension.lower() or NO_EXTENSION, total.proof)
        counts.add(place, _State(total.state), total.files, total.bytes)
        counts.verified[_age(total.proven_day, now_ns)].add(total.files, total.bytes)
    for drifted, size in connection.execute(_GONE):
        _count_gone(counts, bool(drifted), 1, size)
    return counts


def _age(proven_day: int, now_ns: int) -> str:
    """The first of PROOF_AGES whose days it meets, in whole days."""
    if proven_day == NEVER:
        return "never"
    days = now_ns // DAY_NS - proven_day
    return next((name for name, most in PROOF_AGES.items() if most is not None and days <= most), "older")


def _count_gone(counts: _Counts, drifted: bool, files: int, size: int) -> None:
    if drifted:
        counts.lost += files
    else:
        counts.missing += files
        counts.missing_bytes += files * size


def _correct(connection: sqlite3.Connection, counts: _Counts, findings: Sequence[Any]) -> None:
    """Move the files that findings speak of from what their rows say to what they are."""
    states = {
        FindingKind.FAILED.value: _State.PENDING,
        FindingKind.RACED.value: _State.PENDING,
        FindingKind.HELD.value: _State.PENDING,
        FindingKind.SETTLING.value: _State.PENDING,
        FindingKind.CATALOG_BUSY.value: _State.PENDING,
        FindingKind.CATALOG_DAMAGED.value: _State.PENDING,
        FindingKind.ORIGINAL_CHANGED.value: _State.QUARANTINED,
        FindingKind.ROT.value: _State.QUARANTINED,
    }
    found: dict[str | bytes, tuple[_State, int | None]] = {}
    for kind, path, _, _, size, *_ in findings:
        state = states.get(kind)
        # Of two findings about one file the graver one counts: a file is in one state only.
        if state is not None and (path not in found or state > found[path][0]):
            found[path] = (state, size)
    for stored, (state, size) in found.items():
        _move(connection, counts, from_text(stored), state, size)


def _move(connection: sqlite3.Connection, counts: _Counts, path: str, state: _State, size: int | None) -> None:
    folder, name = split_path(path)
    extension = extension_of(name) or NO_EXTENSION
    row = connection.execute(_ROW, (to_text(folder), to_text(name))).fetchone()
    old_size, proof, old_state, missing_since = row if row is not None else (0, 0, 0, None)
    place = _Place(_top(folder), extension, proof)
    on_disk = row is not None and missing_since is None
    if not on_disk and (size is None or (row is not None and state is _State.QUARANTINED)):
        return  # an object that could not be removed, say, or a file that was moved: none was seen here
    if on_disk:
        counts.add(place, _State(old_state), -1, -old_size)
    elif row is not None:  # it came back, and could not be backed up as it is now
        _count_gone(counts, old_state == _State.DRIFTED, -1, old_size)
    counts.add(place, state, 1, old_size if size is None else size)


def _top(folder: str) -> str:
    return folder.partition("/")[0] or ROOT


def _largest_first(tallies: dict[str, Tally]) -> dict[str, Tally]:
    return dict(sorted(tallies.items(), key=lambda item: (-item[1].files, item[0])))


def _proofs(counts: dict[int, int]) -> dict[str, int]:
    named = {PROOFS[code]: files for code, files in sorted(counts.items()) if files}
    return {NO_PROOF if kind is None else kind.value: files for kind, files in named.items()}
