"""What `lrsync status` says: is everything safe, and since when. Never green for what was not proven."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lrsync.core.findings import FindingKind
from lrsync.core.library import LibraryRow
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.status import StatusReport, Tally
from lrsync.errors import ExitCode
from lrsync.ui.color import Style
from lrsync.ui.decisions import advice_of, decisions_of
from lrsync.ui.report import Cell, Grid, Report, Span, Tone
from lrsync.ui.run_words import BLOCKS, ENDED, Marks, as_dict, in_words, row_of_marks, unfinished
from lrsync.ui.text import ago, count, local, printable, size

MAX_FOLDERS: Final = 12
MAX_TYPES: Final = 8
OLD_NS: Final = 7 * 86_400 * 1_000_000_000
"""After so long without a good backup, that all recorded files are safe is no reason to be calm."""
TOP: Final = "(top folder)"
"""What lies in no folder of the source; by_folder calls it '.'."""
_NOTHING: Final = "Nothing is backed up yet."


def exit_code(report: StatusReport | None) -> ExitCode:
    """3 where files wait for a backup, 4 where something needs a person, else 0."""
    if report is None or (report.files == 0 and report.last_good_run is None):
        return ExitCode.INCOMPLETE
    if report.pending or report.drifted or report.unproven or _is_cut_off(report) or _unread(report):
        return ExitCode.INCOMPLETE
    if report.quarantined or any(finding.kind.needs_person for finding in report.findings):
        return ExitCode.NEEDS_PERSON
    return ExitCode.OK


def _is_cut_off(report: StatusReport) -> bool:
    """Whether no backup ever saw the whole source: what the first one did not come to, nobody has counted.

    A verification or an adoption since then ends well and counts no more: it does not make it whole.
    """
    if report.last_good_run is not None:
        return False
    return not report.was_seen_whole or report.last_run is None or unfinished(report) is not None


def sentence_of(report: StatusReport | None, now_ns: int, *, age_is_told: bool = False) -> str:
    """The answer in a line or two: what is safe, and how old this knowledge is, unless that stands beside it."""
    if report is None:
        return _NOTHING
    parts = (_state(report), _unseen(report), _age(report, now_ns, told=age_is_told))
    return " ".join(part for part in parts if part)


def _state(report: StatusReport) -> str:
    unsafe = _unsafe(report)
    if unsafe:
        files = sum(number for number, _ in unsafe)
        which = ", ".join(f"{number:,} {what}" for number, what in unsafe)
        verb, be = ("is" if number == 1 else "are" for number in (files, report.safe))
        text = f"{count(files, 'file')} {verb} not safe: {which}. {report.safe:,} of {report.files:,} {be} safe."
        return f"{text} Others may wait." if _is_cut_off(report) else text
    if report.files == 0:
        return "No files are in the source." if report.last_good_run else _NOTHING
    safe = "The one file is safe." if report.files == 1 else f"All {report.files:,} files are safe."
    if _is_cut_off(report):
        safe = f"{count(report.files, 'file')} recorded so far, all safe; others may wait."
    guard = any(finding.kind is FindingKind.DELETE_GUARD for finding in report.findings)
    return f"{safe} Nothing was deleted, as a guard refused." if guard else safe


def _unread(report: StatusReport) -> int:
    """How many folders or files the last scan could not read: what is new in them, nobody has counted."""
    return sum(finding.kind is FindingKind.UNREADABLE for finding in report.findings)


def _unseen(report: StatusReport) -> str:
    unread = _unread(report)
    if not unread:
        return ""
    what, them = ("folder or file", "it") if unread == 1 else ("folders or files", "them")
    return f"{unread:,} {what} could not be read: what is new in {them} is not backed up."


def _unsafe(report: StatusReport) -> list[tuple[int, str]]:
    changed = max(0, report.quarantined - report.rotten)
    parts = [
        (report.pending, "not backed up yet"),
        (changed, "changed original" if changed == 1 else "changed originals"),
        (report.quarantined - changed, "gone bad on the disk"),
        (report.drifted, "lost or altered in the bucket"),
        (report.unproven, "with content that is not proven"),
    ]
    return [(number, what) for number, what in parts if number]


def _age(report: StatusReport, now_ns: int, *, told: bool) -> str:
    last, good, bad = report.last_run, report.last_good_run, unfinished(report)
    words = []
    if told:
        pass
    elif good is not None:
        is_hidden = bad is not None and bad != last
        which = "Last good backup" if is_hidden or _ended_worse_since(report, good) else "Last backup"
        words.append(f"{which} {ago(good.finished_at or good.started_at, now_ns)}.")
    elif last is not None:
        # One that left files out, or waits for a person, was finished, and was no good one.
        words.append("No backup ended well yet." if report.was_seen_whole else "No backup was finished yet.")
    if bad is not None:
        which = "run" if bad == last else "backup"
        if bad.kind is not RunKind.SYNC:
            which = bad.kind.value  # a restore that was declined is no backup
        words.append(f"The last {which} ({ago(bad.started_at, now_ns)}) {_stale_verb(bad)}.")
    return " ".join(words)


def _ended_worse_since(report: StatusReport, good: RunInfo) -> bool:
    """Whether a backup came to its end since, and left something: then the good one is not the last."""
    worse = (RunResult.INCOMPLETE, RunResult.ATTENTION)
    return any(run.kind is RunKind.SYNC and run.result in worse and run.id > good.id for run in report.recent)


def _stale_verb(run: RunInfo) -> str:
    match run.result:
        case RunResult.FAILED:
            return f"failed with exit code {run.exit_code}"
        case RunResult.INTERRUPTED:
            return "was interrupted"
        case _:
            return "goes on, or was killed"


@dataclass(frozen=True, slots=True)
class Manner:
    """How to show it: with which marks, all folders or the largest, and which flags name the library."""

    marks: Marks = BLOCKS
    everything: bool = False
    place: str = ""


def build(report: StatusReport | None, now_ns: int, manner: Manner | None = None) -> Report:
    """The whole answer."""
    manner = manner or Manner()
    if report is None:
        return Report(_NOTHING, Tone.WARN)
    return Report(
        sentence=sentence_of(report, now_ns),
        tone=tone_of(report, now_ns),
        grids=(
            _tally_grid("Folder", report.by_folder, None if manner.everything else MAX_FOLDERS),
            _tally_grid("Type", report.by_type, None if manner.everything else MAX_TYPES),
            Grid(tuple(_facts(report, now_ns, manner.marks)), narrows=1),
        ),
        advice=tuple(advice_of(decision) for decision in decisions_of(report, manner.place)),
    )


def tone_of(report: StatusReport, now_ns: int) -> Tone:
    """Green only where all is safe, a run came to its end last, and that was not long ago."""
    code = exit_code(report)
    if code is not ExitCode.OK:
        return Tone.BAD if code is ExitCode.INCOMPLETE else Tone.WARN
    # What a run that did not end would have found, nobody knows.
    stale = report.last_run is None or unfinished(report) is not None
    good = report.last_good_run
    is_old = good is not None and now_ns - (good.finished_at or good.started_at) > OLD_NS
    return Tone.WARN if stale or is_old else Tone.GOOD


def _tally_grid(title: str, tallies: Mapping[str, Tally], most: int | None) -> Grid:
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].bytes, item[0]))
    shown = ranked if most is None or len(ranked) <= most + 1 else ranked[:most]
    rows = [_tally_row(name, tally) for name, tally in shown]
    if rest := [tally for _, tally in ranked[len(shown) :]]:
        total = Tally(sum(t.files for t in rest), sum(t.bytes for t in rest), sum(t.safe for t in rest))
        rows.append(_tally_row(f"{len(rest):,} more (--all)", total))
    return Grid(tuple(rows), (title, "Files", "Size", "Safe", ""), frozenset({1, 2, 3}), narrows=0)


def _tally_row(name: str, tally: Tally) -> tuple[Cell, ...]:
    unsafe = tally.files - tally.safe
    mark: Cell = (Span(f"{unsafe:,} not safe", Style.BAD),) if unsafe > 0 else ""
    shown = TOP if name == "." else printable(name)
    return shown, f"{tally.files:,}", size(tally.bytes), f"{tally.safe:,}", mark


def _facts(report: StatusReport, now_ns: int, marks: Marks) -> Iterator[tuple[Cell, ...]]:
    if len(report.recent) > 1:
        yield (_label(f"Last {count(len(report.recent), 'run')}"), row_of_marks(report.recent, marks))
        yield ("", in_words(report.recent))
    yield from ((_label(name), text) for name, text in _facts_in_words(report, now_ns))


def _label(text: str) -> Cell:
    return (Span(text, Style.DIM),)


def _facts_in_words(report: StatusReport, now_ns: int) -> Iterator[tuple[str, str]]:
    library, full = report.library, report.library.last_full_pass
    yield "Last run", _last_run(report.last_run, now_ns)
    yield "Safe", f"{count(report.safe, 'file')}, {size(report.safe_bytes)}"
    if report.pending:
        yield "Not backed up", f"{count(report.pending, 'file')}, {size(report.pending_bytes)}"
    if report.missing:
        yield "Gone", f"{count(report.missing, 'file')}, {size(report.missing_bytes)}: kept in the bucket"
    if report.verified:
        yield "Last proven", _proven(report.verified)
    if report.by_proof:
        # "none" is no checksum of the store's, not no proof: these are safe by an ETag, or were read back.
        kept = sorted(report.by_proof.items(), key=lambda item: item[0] == "none")
        yield "Checksums", ", ".join(f"{name} {n:,}" for name, n in kept)
    yield "Bucket check", "never" if full is None else f"{local(full)}, {ago(full, now_ns)}"
    yield "Restore drill", _last_drill(report.last_drill, now_ns)
    yield "Library", printable(f"{library.name}: {library.source}")
    yield "Bucket", where_of(library)


def where_of(library: LibraryRow) -> str:
    """The bucket, the prefix and the store, in a line."""
    at = f" at {library.endpoint}" if library.endpoint else ""
    return printable(f"s3://{library.bucket}/{library.prefix}{at}")


def _last_drill(run: RunInfo | None, now_ns: int) -> str:
    if run is None:
        return "never (see 'lrsync drill')"
    drilled = as_dict(run.counts.get("drilled"))
    tried = drilled.get("sample", 0) - drilled.get("archived", 0) - drilled.get("unproven", 0)
    return f"{ago(run.finished_at or run.started_at, now_ns)}, {drilled.get('good', 0):,} of {tried:,} good"


def _proven(verified: Mapping[str, Tally]) -> str:
    """How long ago the objects were last proven to be what the manifest says."""
    return ", ".join(f"{age.replace('_', ' ')} {t.files:,}" for age, t in verified.items() if t.files) or "nothing"


def _last_run(run: RunInfo | None, now_ns: int) -> str:
    if run is None:
        return "none"
    ended = ENDED[run.result] if run.kind is RunKind.SYNC else f"{run.kind.value}, {run.result.value}"
    return f"{local(run.started_at)}, {ago(run.started_at, now_ns)}: {ended}"
