"""What a run has to say at its end: numbers, what is wrong, and one plain sentence that is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from lrsync.core.findings import FindingKind
from lrsync.core.runs import RunKind, RunSummary
from lrsync.errors import ExitCode
from lrsync.ui.progress import finding_line
from lrsync.ui.report import Grid, Report, Tone, at_most
from lrsync.ui.text import count, duration, printable, sentence, size

if TYPE_CHECKING:
    from lrsync.core.counts import CatalogCounts

_TONES = {ExitCode.OK: Tone.GOOD, ExitCode.NEEDS_PERSON: Tone.WARN}
SEE_LOG = ": 'lrsync log' has them all"


def build(kind: RunKind, summary: RunSummary) -> Report:
    """The report of a run."""
    if kind is RunKind.ADOPT:
        from lrsync.ui import adopt_view

        return adopt_view.build(summary, _TONES.get(summary.exit_code, Tone.BAD), problems_of(summary))
    return Report(
        sentence=sentence_of(kind, summary),
        tone=_TONES.get(summary.exit_code, Tone.BAD),
        grids=(Grid(tuple(_rows_of(kind, summary))),),
        problems=problems_of(summary),
        sentence_last=True,
    )


def _rows_of(kind: RunKind, summary: RunSummary) -> list[tuple[str, str]]:
    if kind in (RunKind.SYNC, RunKind.REBUILD):
        return _rows(kind, summary)
    from lrsync.ui import proofs  # here: it has all that other commands count

    return proofs.rows_of(kind, summary) or _rows(kind, summary)


def sentence_of(kind: RunKind, summary: RunSummary) -> str:
    """Whether every photo is safe, in one sentence."""
    if summary.exit_code is ExitCode.INTERRUPTED:
        return "Interrupted: what was acknowledged is recorded. Run the same command again to go on."
    match kind:
        case RunKind.REBUILD:
            return _rebuild_sentence(summary)
        case RunKind.SYNC:
            return _dry_sentence(summary) if summary.dry_run else _sync_sentence(summary)
        case RunKind.VERIFY | RunKind.ACCEPT | RunKind.RESTORE | RunKind.DRILL:
            from lrsync.ui import proofs

            return proofs.sentence_of(kind, summary)
        case RunKind.ADOPT:
            from lrsync.ui import adopt_view

            return adopt_view.sentence_of(summary)
        case _:
            assert_never(kind)


def _rebuild_sentence(summary: RunSummary) -> str:
    known = f"The manifest knows {count(summary.actions.adopted, 'file')} again"
    if summary.actions.failed:
        return f"{known}; {count(summary.actions.failed, 'object')} could not be read."
    return f"{known}; the next sync compares them with the source."


def _sync_sentence(summary: RunSummary) -> str:
    total, wrong = summary.scan.files, wrong_clauses(summary)
    waiting = _settling(summary)
    if wrong or waiting:
        safe = max(0, total - unsafe_files(summary))
        text = "; ".join([*wrong, *waiting, f"{safe:,} {'is' if safe == 1 else 'are'} safe"])
        return f"{text[0].upper()}{text[1:]}."
    if total == 0:
        return "There are no files to back up."
    if not _did_anything(summary):
        return f"Nothing changed: {count(total, 'file')} {'is' if total == 1 else 'are'} safe."
    return "The one file is backed up." if total == 1 else f"All {total:,} files are backed up."


def _dry_sentence(summary: RunSummary) -> str:
    done = _done(summary)
    text = f"Would be done: {done}." if done else f"Nothing to do for {count(summary.scan.files, 'file')}."
    wrong = wrong_clauses(summary)
    trouble = f" Not possible: {'; '.join(wrong)}." if wrong else ""
    waits = "".join(f" {clause}." for clause in _settling(summary))
    return f"{text}{trouble}{waits} This was a dry run: nothing was changed."


def unsafe_files(summary: RunSummary) -> int:
    """How many of the scanned files are not safe in their present state."""
    spoilt = _quarantined(summary) + _rotten(summary) + _waiting_catalogs(summary, scanned=True)
    spoilt += _without_object(summary) + summary.changes.held
    return summary.actions.failed + summary.actions.raced + spoilt + summary.changes.settling


def wrong_clauses(summary: RunSummary) -> list[str]:
    """What is not as it should be, a clause each; empty only when every scanned file is safe."""
    failed, kinds = summary.actions.failed + summary.actions.raced, [f.kind for f in summary.findings]
    clauses = []
    if failed:
        clauses.append(f"{count(failed, 'file')} could not be backed up")
    if summary.scan.unreadable:
        clauses.append(f"{count(summary.scan.unreadable, 'file or folder', 'files or folders')} could not be read")
    if others := len(summary.errors) - failed - summary.scan.unreadable:
        clauses += [f"{count(others, 'error')} came up"] if others > 0 else []
    if held := summary.changes.held:
        verb = "was" if held == 1 else "were"
        clauses.append(f"{count(held, 'changed file')} {verb} not sent, as too many changed")
    if changed := _quarantined(summary):
        needs = "needs" if changed == 1 else "need"
        clauses.append(f"{count(changed, 'changed original')} {needs} your decision")
    if rotten := _rotten(summary):
        clauses.append(f"{count(rotten, 'file')} went bad on the disk")
    if drifted := _unrepaired(summary):
        clauses.append(f"{count(drifted, 'object')} in the bucket could not be repaired")
    if waiting := _waiting_catalogs(summary):
        clauses.append(f"{count(waiting, 'catalog')} {'is' if waiting == 1 else 'are'} not backed up as of now")
    if FindingKind.DELETE_GUARD in kinds:
        clauses.append("nothing was deleted, as a guard refused")
    return clauses


def _settling(summary: RunSummary) -> list[str]:
    """What waits for the next run, and is nothing wrong."""
    waiting = summary.changes.settling
    verb = "was written just now and waits" if waiting == 1 else "were written just now and wait"
    return [f"{count(waiting, 'file')} {verb} for the next run"] if waiting else []


def _quarantined(summary: RunSummary) -> int:
    found = sum(finding.kind is FindingKind.ORIGINAL_CHANGED for finding in summary.findings)
    return max(found, summary.actions.quarantined)


def _rotten(summary: RunSummary) -> int:
    """Files that went bad on the disk, but for those that count as changed originals already."""
    changed = {finding.path for finding in summary.findings if finding.kind is FindingKind.ORIGINAL_CHANGED}
    return sum(finding.kind is FindingKind.ROT and finding.path not in changed for finding in summary.findings)


_WAITING: Final = (FindingKind.CATALOG_BUSY, FindingKind.CATALOG_DAMAGED, FindingKind.CATALOG_MISSING)


def _waiting_catalogs(summary: RunSummary, *, scanned: bool = False) -> int:
    """Catalogs that are not in the bucket as they are now; with `scanned`, those in the source alone."""
    waiting = [finding for finding in summary.findings if finding.kind in _WAITING]
    if not waiting:
        return 0
    from lrsync.core.lightroom import is_absolute  # here: most nights have none

    return sum(not (scanned and is_absolute(finding.path)) for finding in waiting)


def _unrepaired(summary: RunSummary) -> int:
    return sum(finding.kind is FindingKind.DRIFT for finding in summary.findings)


def _without_object(summary: RunSummary) -> int:
    """Files on the disk whose object could not be repaired, but for those that count as something else already."""
    told = {error.path for error in summary.errors}
    told.update(finding.path for finding in summary.findings if finding.kind is FindingKind.ORIGINAL_CHANGED)
    drifted = sum(finding.kind is FindingKind.DRIFT and finding.path not in told for finding in summary.findings)
    return max(0, drifted - summary.drift.lost)


def _did_anything(summary: RunSummary) -> bool:
    a, c = summary.actions, summary.changes
    return bool(a.uploaded + a.copied + a.adopted + a.trashed + c.added + c.modified + summary.drift.repaired)


def problems_of(summary: RunSummary) -> tuple[str, ...]:
    """Errors and findings, a line each, at most twenty of each."""
    errors = [_line(f"failed: {printable(e.path)}: {printable(e.message)}", e.hint) for e in summary.errors]
    told = {error.path for error in summary.errors}
    findings = [
        _line(finding_line(finding), finding.hint)
        for finding in summary.findings
        if not (finding.kind is FindingKind.UNREADABLE and finding.path in told)
    ]
    renamed = [f"renamed: {printable(r.path)} is called {printable(r.local)} there." for r in summary.renamed]
    way = ("'lrsync status' has the commands that settle it.",) if _is_stored(summary) else ()
    return at_most(findings, SEE_LOG) + at_most(renamed, ": see --json") + at_most(errors, SEE_LOG) + way


def _is_stored(summary: RunSummary) -> bool:
    """Whether there is something for a person that a library's manifest knows now: a dry run tells and forgets."""
    return summary.is_kept and not summary.dry_run and any(finding.kind.needs_person for finding in summary.findings)


def _line(what: str, hint: str) -> str:
    return sentence(what) + (f" Hint: {sentence(hint)}" if hint else "")


def _rows(kind: RunKind, summary: RunSummary) -> list[tuple[str, str]]:
    scan, requests = summary.scan, summary.requests
    folders = count(scan.directories, "folder")
    rows = [("Scanned", f"{count(scan.files, 'file')}, {size(scan.bytes)}, in {folders}")]
    if left_out := _named((scan.excluded, "excluded"), (scan.special, "special"), (scan.unreadable, "unreadable")):
        rows.append(("Left out", left_out))
    if kind is RunKind.SYNC:
        rows.append(("Changed", _changed(summary) or "nothing"))
    rows.append(("Would do" if summary.dry_run else "Done", _done(summary) or "nothing"))
    if moved := _bytes(summary):
        rows.append(("Bytes", moved))
    if summary.catalogs is not None:
        rows.append(("Catalogs", _catalogs(summary.catalogs)))
    if summary.drift.checked:
        rows.append(("Bucket check", _drift(summary)))
    kinds = _named(*((getattr(requests, name), name) for name in ("put", "list", "head", "copy", "delete", "other")))
    rows.append(("S3 requests", f"{requests.total:,}" + (f" ({kinds})" if kinds else "")))
    rows.append(("Time", f"{duration(summary.seconds_total)} (scan {duration(summary.seconds_scan)})"))
    return rows


def _changed(summary: RunSummary) -> str:
    c = summary.changes
    changed = ((c.added, "added"), (c.modified, "modified"), (c.touched, "touched"), (c.missing, "missing"))
    return _named(*changed, (c.settling, "just written"))


def _done(summary: RunSummary) -> str:
    a = summary.actions
    return _named(
        (a.uploaded, "uploaded"),
        (a.copied, "copied in the bucket"),
        (a.adopted, "found in the bucket"),
        (a.restated, "noted as touched"),
        (a.trashed, "moved to trash"),
        (a.quarantined, "quarantined"),
        (a.failed, "failed"),
        (a.raced, "written meanwhile"),
    )


def _bytes(summary: RunSummary) -> str:
    b = summary.bytes
    parts = ((b.uploaded, "uploaded"), (b.copied, "copied in the bucket"), (b.hashed, "hashed"))
    return ", ".join(f"{size(number)} {name}" for number, name in parts if number)


def _catalogs(counts: CatalogCounts) -> str:
    return f"{counts.changed:,} changed, " + (
        _named((counts.snapshots, "stored as a snapshot"), (counts.waiting, "waiting")) or "nothing new in it"
    )


def _drift(summary: RunSummary) -> str:
    d = summary.drift
    found = _named(
        (d.missing, "missing"), (d.altered, "altered"), (d.unknown, "unknown to the manifest"), (d.repaired, "repaired")
    )
    return found or "everything as it should be"


def _named(*parts: tuple[int, str]) -> str:
    return ", ".join(f"{number:,} {name}" for number, name in parts if number)
