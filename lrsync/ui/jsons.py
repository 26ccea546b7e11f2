"""The `--json` objects. Their keys, nesting and order are a promise to scripts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lrsync.core.findings import Finding
from lrsync.core.runs import RunInfo, RunKind, RunSummary, SnapshotUse, result_for
from lrsync.errors import ExitCode
from lrsync.ui.text import iso

if TYPE_CHECKING:
    from lrsync.core.counts import CatalogUse

Json = dict[str, Any]


def to_text(value: Json) -> str:
    """One line of ASCII: bytes of a name that are not UTF-8 stay valid JSON as escaped surrogates."""
    return json.dumps(value, ensure_ascii=True)


def failure(command: str, library: str, code: ExitCode, *, message: str, hint: str) -> Json:
    """The object of a command that ended with an error."""
    return {
        "command": command,
        "library": library,
        "result": result_for(code).value,
        "exit_code": int(code),
        "error": {"message": message, "hint": hint},
    }


def run_object(kind: RunKind, library: str, summary: RunSummary) -> Json:
    """The object of `sync --json` and of the other commands that may write."""
    if kind is RunKind.VERIFY:
        return verify_object(library, summary)
    if kind is RunKind.RESTORE:
        return restore_object(library, summary)
    if kind is RunKind.DRILL:
        return drill_object(library, summary)
    if kind is RunKind.ADOPT:
        from lrsync.ui.adopt_view import adopt_json

        return {
            **_head(kind, library, summary),
            **adopt_json(summary),
            "snapshot": _snapshot(summary.snapshot),
            **_tail(summary),
        }
    return {
        "command": kind.value,
        "library": library,
        "run_id": summary.run_id,
        "result": result_for(summary.exit_code).value,
        "exit_code": int(summary.exit_code),
        "dry_run": summary.dry_run,
        "scan": pick(summary.scan, "files directories bytes excluded unreadable special"),
        "changes": pick(summary.changes, "added modified touched missing unchanged settling"),
        "actions": pick(summary.actions, "uploaded copied adopted restated trashed quarantined failed raced"),
        "bytes": pick(summary.bytes, "uploaded copied hashed"),
        "s3_requests": pick(summary.requests, "total put list head copy delete other"),
        "drift": pick(summary.drift, "checked missing altered unknown repaired"),
        "seconds": {"total": round(summary.seconds_total, 3), "scan": round(summary.seconds_scan, 3)},
        "findings": [finding_object(finding) for finding in summary.findings],
        "errors": [{"path": e.path, "message": e.message, "hint": e.hint} for e in summary.errors],
        **({"snapshot": _snapshot(summary.snapshot)} if kind is RunKind.REBUILD else {}),
        **({"catalogs": pick(summary.catalogs, "changed snapshots waiting")} if summary.catalogs is not None else {}),
    }


def _snapshot(used: SnapshotUse | None) -> Json | None:
    return None if used is None else {"key": used.key, "taken_at": iso(used.taken_at), "rows": used.rows}


def verify_object(library: str, summary: RunSummary) -> Json:
    """The object of `verify --json`."""
    from lrsync.core.counts import VerifyCounts

    counts = summary.verified or VerifyCounts()
    return {
        **_head(RunKind.VERIFY, library, summary),
        **pick(counts, "checked proven bytes"),
        "failed": len(summary.errors),
        **pick(counts, "rotten changed gone archived unproven"),
        "drift": pick(summary.drift, "checked missing altered"),
        **_tail(summary),
    }


def restore_object(library: str, summary: RunSummary) -> Json:
    """The object of `restore --json`."""
    from lrsync.core.counts import RestoreCounts
    from lrsync.ui import cost_view

    counts = summary.restored or RestoreCounts()
    return {
        **_head(RunKind.RESTORE, library, summary),
        "dry_run": summary.dry_run,
        **pick(counts, "selected selected_bytes restored bytes intact existing skipped replaced unproven"),
        **pick(counts, "thawing thawing_bytes asked"),
        "ready_by": iso(counts.ready_ns),
        "price": cost_view.restore_json(summary.quote),
        "failed": len(summary.errors),
        "renamed": [pick(renamed, "path local") for renamed in summary.renamed],
        "snapshot": _snapshot(summary.snapshot),
        "catalog": _catalog(summary.catalog),
        **_tail(summary),
    }


def _catalog(used: CatalogUse | None) -> Json | None:
    if used is None:
        return None
    roots = [{"root": old, "folder": new, "by": by, "photos": photos} for old, new, by, photos in used.roots]
    return {**pick(used, "catalog snapshot photos"), "taken_at": iso(used.taken_ns), "roots": roots}


def drill_object(library: str, summary: RunSummary) -> Json:
    """The object of `drill --json`."""
    from lrsync.core.counts import DrillCounts

    counts = summary.drilled or DrillCounts()
    return {
        **_head(RunKind.DRILL, library, summary),
        **pick(counts, "sample good bytes compared archived unproven"),
        "failed": len(summary.errors),
        **_tail(summary),
    }


def _head(kind: RunKind, library: str, summary: RunSummary) -> Json:
    return {
        "command": kind.value,
        "library": library,
        "run_id": summary.run_id,
        "result": result_for(summary.exit_code).value,
        "exit_code": int(summary.exit_code),
    }


def _tail(summary: RunSummary) -> Json:
    return {
        "findings": [finding_object(finding) for finding in summary.findings],
        "errors": [{"path": e.path, "message": e.message, "hint": e.hint} for e in summary.errors],
        "seconds": {"total": round(summary.seconds_total, 3)},
        "s3_requests": pick(summary.requests, "total put list head copy delete other"),
    }


def pick(source: object, names: str) -> Json:
    return {name: getattr(source, name) for name in names.split()}


def finding_object(finding: Finding) -> Json:
    return {"kind": finding.kind.value, "path": finding.path, "message": finding.message}


def run_row(run: RunInfo) -> Json:
    """One past run."""
    return {
        "run_id": run.id,
        "kind": run.kind.value,
        "result": run.result.value,
        "exit_code": run.exit_code,
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "counts": dict(run.counts),
    }
