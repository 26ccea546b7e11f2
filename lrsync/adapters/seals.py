"""The little of the manifest that a quiet night needs: library, seals, runs, findings. Never a file's row.

Standard library only: importing SQLAlchemy would cost more than the rest of a night without changes.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from lrsync.adapters.folder_counts import recount
from lrsync.adapters.schema_names import (
    DIRECTORIES,
    FILES,
    FINDING_COLUMNS,
    FINDINGS,
    LIBRARY,
    LIBRARY_COLUMNS,
    MULTIPARTS,
    RUN_COLUMNS,
    RUNS,
    listed,
    placeholders,
)
from lrsync.adapters.sqlite import (
    REBUILD_HINT,
    connect,
    from_int,
    from_text,
    immediate,
    side_file,
    to_int,
    to_text,
    translating,
)
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.library import LibraryRow, RowCounts
from lrsync.core.runs import RunInfo, RunKind, RunResult, RunSummary
from lrsync.core.scan import Stat
from lrsync.errors import ExitCode, ManifestError

if TYPE_CHECKING:
    from lrsync.core.ports import Clock


def ensure_current(path: Path) -> None:
    """See that an existing manifest is sound and of this version, upgrading an older one. Raises ManifestError."""
    # Here, so that a quiet night has to know this module only.
    from lrsync.adapters.database import prepare

    prepare(path)


class Seals:
    """One connection to an existing manifest. Every write is one transaction. Methods raise ManifestError."""

    def __init__(self, path: Path, clock: Clock = time.time_ns) -> None:
        """Open the manifest, which must be there and of this version (see `database.prepare`)."""
        self.path = path
        self._clock = clock
        with translating(path):
            self._connection = connect(path)

    def close(self) -> None:
        """Let go of the file."""
        with translating(self.path):
            self._connection.close()

    def __enter__(self) -> Seals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def library(self) -> LibraryRow:
        """Which library this manifest is of. Raises ManifestError where it does not say."""
        found = self.find_library()
        if found is None:
            raise ManifestError(
                "the manifest does not say which library it is of", hint=REBUILD_HINT, path=str(self.path)
            )
        return found

    def find_library(self) -> LibraryRow | None:
        """Which library this manifest is of; None for a new one."""
        with translating(self.path):
            return read_library(self._connection)

    def seals(self) -> dict[str, bytes | None]:
        """Every known directory's digest by path; None where it is not sealed."""
        with translating(self.path):
            found = self._connection.execute(f"SELECT path, digest FROM {DIRECTORIES}")
            return {from_text(path): digest for path, digest in found}

    def counts(self) -> RowCounts:
        """How many rows are of missing files, how many have drift: told by two small indexes."""
        with translating(self.path):
            return RowCounts(missing=self._count("missing_since"), drifted=self._count("drift"))

    def _count(self, column: str) -> int:
        query = f"SELECT count(*) FROM {FILES} WHERE {column} IS NOT NULL"
        return int(self._connection.execute(query).fetchone()[0])

    def has_multiparts(self) -> bool:
        """Whether any multipart upload is noted as in progress."""
        with translating(self.path):
            return self._connection.execute(f"SELECT 1 FROM {MULTIPARTS} LIMIT 1").fetchone() is not None

    def begin_run(self, kind: RunKind, started_at: int) -> int:
        """A row for this run, as running; returns its id. Before it one for each that was refused since the last."""
        statement = f"INSERT INTO {RUNS} (kind, result, started_at, counts) VALUES (?, ?, ?, '{{}}')"
        refused = side_file(self.path, REFUSED)
        any_refused = os.path.lexists(refused)
        with translating(self.path):
            with immediate(self._connection):
                if any_refused:
                    from lrsync.adapters.refusals import insert_refusals  # here: most nights there are none

                    insert_refusals(self.path, self._connection)
                values = (kind.value, RunResult.RUNNING.value, started_at)
                run_id = self._connection.execute(statement, values).lastrowid
            if any_refused:
                with suppress(OSError):  # else they are met again, and known
                    refused.unlink()
        assert run_id is not None
        return run_id

    def finish_run(
        self, run_id: int, result: RunResult, summary: RunSummary, findings: Sequence[Finding], *, complete: bool
    ) -> None:
        """Write the run's end. `complete`: the findings replace all older ones (else they are added).

        A finding that was there before keeps the time when it was first seen.
        """
        now = self._clock()
        counts = json.dumps(counts_of(summary))
        rows = [_encode_finding(finding, run_id, now) for finding in _merged(findings)]
        update = f"UPDATE {RUNS} SET result = ?, exit_code = ?, finished_at = ?, counts = ? WHERE id = ?"
        with translating(self.path), immediate(self._connection):
            self._connection.executemany(_UPSERT_FINDING, rows)
            if complete:
                self._connection.execute(_FORGET_FINDINGS, (run_id,))
            if not summary.dry_run:
                recount(self._connection)
            self._connection.execute(update, (result.value, int(summary.exit_code), now, counts, run_id))

    def snapshot_due(self) -> bool:
        """Whether a run changed what is known of the bucket since a run last stored the manifest's snapshot."""
        with translating(self.path):
            return bool(self._connection.execute(_SNAPSHOT_DUE).fetchone()[0])

    def standing_findings(self) -> list[Finding]:
        """Findings that a sync may not make anew, and that stay until their file is settled."""
        kinds = f"kind IN {_STANDING} OR kind = '{FindingKind.ORIGINAL_CHANGED.value}'"
        query = f"SELECT {listed(FINDING_COLUMNS)} FROM {FINDINGS} WHERE {kinds} ORDER BY path"
        with translating(self.path):
            return [decode_finding(row) for row in self._connection.execute(query)]


REFUSED: Final = ".refused"
"""What the notes of `adapters/refusals.py` add to the manifest's name."""

# Of a run that was killed nobody knows what it did. A touched or missing file is no reason: the disk tells it again.
_SNAPSHOT_DUE = f"""
SELECT EXISTS (
    SELECT 1 FROM {RUNS}
    WHERE id > coalesce((
        SELECT max(id) FROM {RUNS}
        WHERE kind <> '{RunKind.REBUILD.value}' AND json_extract(counts, '$.snapshot.key') IS NOT NULL
    ), 0) AND (
        kind = '{RunKind.REBUILD.value}' OR result = '{RunResult.RUNNING.value}'
        OR json_extract(counts, '$.actions.uploaded') OR json_extract(counts, '$.actions.copied')
        OR json_extract(counts, '$.actions.adopted') OR json_extract(counts, '$.actions.trashed')
        OR json_extract(counts, '$.drift.missing') OR json_extract(counts, '$.drift.altered')
    )
)
"""
_STANDING = f"('{FindingKind.ROT.value}', '{FindingKind.SUSPECT_ORIGINAL.value}')"
"""A sync does not read what has the recorded stat: that it found no rot, and looked at no old file, says nothing."""
_FORGET_FINDINGS = f"DELETE FROM {FINDINGS} WHERE run_id <> ? AND kind NOT IN {_STANDING}"
_UPSERT_FINDING = (
    f"INSERT INTO {FINDINGS} ({listed(FINDING_COLUMNS)}) VALUES ({placeholders(FINDING_COLUMNS)}) "
    "ON CONFLICT (kind, path) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in FINDING_COLUMNS[2:-1])
)


def _merged(findings: Sequence[Finding]) -> list[Finding]:
    """One finding for each kind and path: two about the library as a whole share the empty path."""
    merged: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        place = (finding.kind.value, finding.path)
        other = merged.setdefault(place, finding)
        if finding.message not in other.message:  # a message has semicolons of its own
            merged[place] = replace(other, message=f"{other.message}; {finding.message}")
    return list(merged.values())


def _encode_finding(finding: Finding, run_id: int, now: int) -> tuple[Any, ...]:
    content = finding.quarantined
    stat: Stat | None = content.stat if content is not None else finding.stat
    facts = (None, None, None) if stat is None else (stat.size, to_int(stat.mtime_ns), to_int(stat.ctime_ns))
    texts = (finding.kind.value, to_text(finding.path), to_text(finding.message), to_text(finding.hint))
    return (*texts, *facts, None if content is None else content.sha256, run_id, now)


def decode_finding(row: Sequence[Any]) -> Finding:
    """The finding of a row in the order of FINDING_COLUMNS."""
    kind, stored, message, hint, size, mtime_ns, ctime_ns, sha256, _, _ = row
    path = from_text(stored)
    stat = None if size is None else Stat(size, from_int(mtime_ns), from_int(ctime_ns))
    content = None if stat is None or sha256 is None else QuarantinedContent(path, stat, sha256)
    return Finding(FindingKind(kind), path, from_text(message), from_text(hint), content, None if content else stat)


PROBLEMS_KEPT = 20
"""Of a run so many findings and errors stay in its row: the next complete sync replaces the findings themselves."""


def _problems(summary: RunSummary) -> dict[str, object]:
    found = [("error", error.path, error.message) for error in summary.errors]
    found += [(finding.kind.value, finding.path, finding.message) for finding in summary.findings]
    if not found:
        return {}
    kept = [{"kind": kind, "path": path, "message": message} for kind, path, message in found[:PROBLEMS_KEPT]]
    return {"problems": {"count": len(found), "first": kept}}


def counts_of(summary: RunSummary) -> dict[str, object]:
    """A run's counts in the shape of `lrsync sync --json`; what only some commands count only where they do.

    `problems`: the first of its findings and errors, where it had any. `failure`: what ended it, where something did.
    """
    special = {
        "verified": summary.verified,
        "restored": summary.restored,
        "drilled": summary.drilled,
        "adopted": summary.adopted,
        "snapshot": summary.snapshot,
        "catalogs": summary.catalogs,
    }
    return {
        "scan": asdict(summary.scan),
        "changes": asdict(summary.changes),
        "actions": asdict(summary.actions),
        "bytes": asdict(summary.bytes),
        "s3_requests": {"total": summary.requests.total, **asdict(summary.requests)},
        "drift": asdict(summary.drift),
        "seconds": {"total": summary.seconds_total, "scan": summary.seconds_scan},
        **{name: asdict(counts) for name, counts in special.items() if counts is not None},
        **_problems(summary),
        **({"failure": summary.failure} if summary.failure else {}),
    }


def read_library(connection: sqlite3.Connection) -> LibraryRow | None:
    """The library's row; None for a new manifest. Raises sqlite3.Error.

    Also of an older version's, which a rebuild looks at as it is: that one lacks the latest columns.
    """
    found = connection.execute(f"SELECT * FROM {LIBRARY}")
    row = found.fetchone()
    if row is None:
        return None
    named: dict[str, Any] = dict(zip((column[0] for column in found.description), row, strict=True))
    values: Mapping[str, Any] = {name: named[name] for name in LIBRARY_COLUMNS if name in named}
    return LibraryRow(**{**values, "source": from_text(values["source"]), "has_marker": bool(values["has_marker"])})


def read_runs(connection: sqlite3.Connection, condition: str = "1", limit: int = 1) -> list[RunInfo]:
    """Past runs that meet an SQL condition, the latest first. Raises sqlite3.Error."""
    query = f"SELECT {listed(RUN_COLUMNS)} FROM {RUNS} WHERE {condition} ORDER BY id DESC LIMIT ?"
    return [_decode_run(row) for row in connection.execute(query, (limit,))]


def _decode_run(row: Sequence[Any]) -> RunInfo:
    run_id, kind, result, exit_code, started_at, finished_at, counts = row
    return RunInfo(
        id=run_id,
        kind=RunKind(kind),
        result=RunResult(result),
        # A run that never ended said nothing: cut off is the nearest word for it.
        exit_code=int(ExitCode.INTERRUPTED) if exit_code is None else exit_code,
        started_at=started_at,
        finished_at=finished_at,
        counts=json.loads(counts),
    )
