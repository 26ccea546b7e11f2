"""What `verify`, `accept`, `restore` and `drill` have to say at their end."""

from __future__ import annotations

from lrsync.core.counts import DrillCounts, RestoreCounts, VerifyCounts
from lrsync.core.findings import FindingKind
from lrsync.core.runs import RunKind, RunSummary
from lrsync.ui.text import count, duration, local, size


def sentence_of(kind: RunKind, summary: RunSummary) -> str:
    """What was proven or done, in one sentence that is true."""
    match kind:
        case RunKind.VERIFY:
            return _verified(summary, summary.verified or VerifyCounts())
        case RunKind.RESTORE:
            return _restored(summary, summary.restored or RestoreCounts())
        case RunKind.DRILL:
            return _drilled(summary, summary.drilled or DrillCounts())
        case _:
            return _accepted(summary)


def _verified(summary: RunSummary, counts: VerifyCounts) -> str:
    wrong = [
        (counts.rotten, "went bad on the disk"),
        (summary.drift.missing, "lost in the bucket"),
        (summary.drift.altered, "altered in the bucket"),
        (len(summary.errors), "could not be looked at"),
    ]
    told = _clauses(*wrong)
    if told:
        return f"{counts.proven:,} of {count(counts.checked, 'file')} proven: {told}."
    if counts.checked == 0:
        return "There was nothing to verify."
    others = _others(counts)
    if others:
        if not counts.proven:
            return f"Nothing was proven: {others}."
        what = f"{counts.proven:,} of {count(counts.checked, 'file')} proven"
        return f"All that could be compared is good: {what} ({others})."
    return "The one file is proven." if counts.checked == 1 else f"All {counts.checked:,} files are proven."


def _others(counts: VerifyCounts) -> str:
    return _clauses(
        (counts.changed, "changed since the last sync"),
        (counts.gone, "gone from the disk"),
        (counts.archived, "archived, not read"),
        (counts.unproven, "with nothing to compare with"),
    )


def _restored(summary: RunSummary, counts: RestoreCounts) -> str:
    would = "would be restored" if summary.dry_run else "restored"
    text = f"{count(counts.restored, 'file')} {would}"
    if counts.intact:
        text += f", {counts.intact:,} there already"
    if counts.skipped:
        text += f", {counts.skipped:,} left as they are"
    if summary.errors:
        text += f"; {count(len(summary.errors), 'file')} could not be"
    if counts.thawing:
        text += f"; {_thawing(counts)}"
    if counts.unproven:
        text += f"; {counts.unproven:,} had no recorded checksum to be compared with"
    return text + (". This was a dry run: nothing was changed." if summary.dry_run else ".")


def _thawing(counts: RestoreCounts) -> str:
    what = f"{count(counts.thawing, 'archived object')} ({size(counts.thawing_bytes)})"
    back = "later" if counts.ready_ns is None else f"after {local(counts.ready_ns)}"
    verb = "is" if counts.thawing == 1 else "are"
    return f"{what} {verb} being thawed: come back {back} and run the same command again"


def _drilled(summary: RunSummary, counts: DrillCounts) -> str:
    others = _clauses((counts.archived, "archived, left out"), (counts.unproven, "with nothing to compare with"))
    told = f" ({others})" if others else ""
    tried = counts.sample - counts.archived - counts.unproven
    if tried == 0:
        return f"Nothing was restored{told}: this drill proves nothing."
    rotten = sum(finding.kind is FindingKind.ROT for finding in summary.findings)
    text = f"{counts.good:,} of {count(tried, 'file')} came back good{told}"
    lost = tried - counts.good
    if lost:
        text += f"; {count(lost, 'file')} did not"
    if unread := len(summary.errors) - lost:
        text += f"; {count(unread, 'file')} could not be compared"
    return f"{text}; {count(rotten, 'file')} went bad on the disk." if rotten else f"{text}."


def _accepted(summary: RunSummary) -> str:
    would = "would be accepted" if summary.dry_run else "accepted"
    text = f"{count(summary.actions.uploaded + summary.actions.restated, 'changed original')} {would}"
    if summary.errors:
        text += f"; {count(len(summary.errors), 'file')} could not be"
    return text + (". This was a dry run: nothing was changed." if summary.dry_run else ".")


def rows_of(kind: RunKind, summary: RunSummary) -> list[tuple[str, str]]:
    """The numbers; empty for the commands that scan."""
    match kind:
        case RunKind.VERIFY:
            rows = _verify_rows(summary, summary.verified or VerifyCounts())
        case RunKind.RESTORE:
            counts = summary.restored or RestoreCounts()
            rows = _restore_rows(summary, counts)
        case RunKind.DRILL:
            drilled = summary.drilled or DrillCounts()
            rows = [
                ("Restored", f"{count(drilled.good, 'file')}, {size(drilled.bytes)}, and thrown away again"),
                ("On the disk", f"{count(drilled.compared, 'file')} compared with what came back"),
            ]
        case RunKind.ACCEPT:
            rows = [("Accepted", f"{count(summary.actions.uploaded, 'file')}, {size(summary.bytes.uploaded)}")]
        case _:
            return []
    return [*rows, ("S3 requests", f"{summary.requests.total:,}"), ("Time", duration(summary.seconds_total))]


def _restore_rows(summary: RunSummary, counts: RestoreCounts) -> list[tuple[str, str]]:
    rows = [("Selected", f"{count(counts.selected, 'file')}, {size(counts.selected_bytes)}")]
    rows.append(("Would restore" if summary.dry_run else "Restored", _files(counts.restored, counts.bytes)))
    others = _clauses(
        (counts.replaced, "in the place of another"),
        (counts.intact, "there already"),
        (counts.skipped, "left as they are"),
        (counts.existing, "in the way of which another file is"),
    )
    if others:
        rows.append(("Of these", others))
    if summary.renamed:
        rows.append(("Renamed", f"{count(len(summary.renamed), 'name')} that this disk cannot hold"))
    return rows


def _files(files: int, bytes_: int) -> str:
    return f"{count(files, 'file')}, {size(bytes_)}"


def _verify_rows(summary: RunSummary, counts: VerifyCounts) -> list[tuple[str, str]]:
    rows = [("Checked", f"{count(counts.checked, 'file')}, {size(counts.bytes)} read")]
    drift = sum(finding.kind is FindingKind.DRIFT for finding in summary.findings)
    found = _clauses((counts.proven, "proven"), (counts.rotten, "rotten"), (drift, "wrong in the bucket"))
    rows.append(("Found", found or "nothing"))
    if others := _others(counts):
        rows.append(("Others", others))
    return rows


def _clauses(*parts: tuple[int, str]) -> str:
    return ", ".join(f"{number:,} {what}" for number, what in parts if number)
