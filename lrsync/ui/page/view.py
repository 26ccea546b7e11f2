"""What the page shows, as values: from all that is known of a library. Pure, but for the time zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lrsync import __version__
from lrsync.core.library_report import LibraryReport
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.status import StatusReport
from lrsync.ui import cost_view, status_view
from lrsync.ui.decisions import Decision, decisions_of
from lrsync.ui.page import nights, tables
from lrsync.ui.page.plot import Plot, Point, plot
from lrsync.ui.report import Step, Tone
from lrsync.ui.text import ago, local_second, printable, size

MAX_NAMES: Final = 10
MAX_HIDDEN: Final = 200
MAX_MESSAGE: Final = 400
_COMPLETE: Final = (RunResult.OK, RunResult.ATTENTION, RunResult.INCOMPLETE)
_TONES: Final = {Tone.GOOD: "good", Tone.WARN: "warn", Tone.BAD: "bad"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number: `value` as `status --json` has it (None: none), and as people read it."""

    key: str
    label: str
    shown: str
    value: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that wants doing. `names` are told at once, `hidden` on demand, `left_out` more are in the JSON."""

    what: str
    message: str
    hint: str
    is_grave: bool
    names: tuple[str, ...]
    hidden: tuple[str, ...]
    left_out: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """How one number grew: a plot (None: too little is known), and by the month as a table."""

    key: str
    title: str
    now: str
    plot: Plot | None
    months: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page."""

    library: str
    tone: str
    sentence: str
    made: str
    version: str
    source: str
    bucket: str
    figures: tuple[Figure, ...] = ()
    tasks: tuple[Task, ...] = ()
    months: tuple[nights.Month, ...] = ()
    night_counts: tuple[tuple[nights.Night, str, int], ...] = ()
    growth: tuple[Growth, ...] = ()
    by_type: tuple[tables.Bar, ...] = ()
    by_class: tuple[tables.Bar, ...] = ()
    by_folder: tuple[tables.Bar, ...] = ()
    cost: str = ""
    by_age: tuple[tables.Bar, ...] = ()
    verifications: tuple[tables.DrillRow, ...] = ()
    catalogs: tuple[tables.CatalogRow, ...] = ()
    drills: tuple[tables.DrillRow, ...] = ()
    runs: tuple[tables.RunRow, ...] = ()


def empty_page(library: str, now_ns: int, place: str) -> Page:
    """Where nothing was ever backed up."""
    step = Step(f"lrsync sync{' ' + place if place else ''}", "the first backup; stop it whenever you like, it goes on")
    task = Task(status_view.sentence_of(None, now_ns), "", "", True, (), (), 0, (step,))
    sentence = status_view.sentence_of(None, now_ns)
    return Page(library, "warn", sentence, local_second(now_ns), __version__, "", "", tasks=(task,))


def page_of(report: LibraryReport, now_ns: int, place: str = "") -> Page:
    """The page. `place`: the flags that name the library, for the commands on it."""
    status, library = report.status, report.status.library
    counts = nights.tally(report.runs, now_ns)
    return Page(
        library=printable(library.name),
        tone=_TONES[status_view.tone_of(status, now_ns)],
        sentence=status_view.sentence_of(status, now_ns),
        made=local_second(now_ns),
        version=__version__,
        source=printable(library.source),
        bucket=status_view.where_of(library),
        figures=tuple(_figures(report, now_ns)),
        tasks=tuple(_task(decision) for decision in decisions_of(status, place)),
        months=tuple(nights.months_of(report.runs, now_ns)),
        night_counts=tuple((night, nights.WORDS[night], number) for night, number in counts.items()),
        growth=tuple(_growth(report.runs)),
        by_type=tuple(tables.by_tally(status.by_type)),
        by_class=tuple(tables.by_class(report.classes, report.quote)),
        by_folder=tuple(tables.by_tally(status.by_folder, {".": status_view.TOP})),
        cost=cost_view.line(report.quote),
        by_age=tuple(tables.by_age(status.verified)),
        verifications=tuple(tables.verifications(report.runs, now_ns)),
        catalogs=tuple(tables.catalogs(report, now_ns)),
        drills=tuple(tables.drills(report.runs, now_ns)),
        runs=tuple(tables.last_runs(report.runs)),
    )


def _figures(report: LibraryReport, now_ns: int) -> list[Figure]:
    status, quote = report.status, report.quote
    unsafe = status.files - status.safe
    found = [
        Figure("files", "Files", f"{status.files:,}", status.files),
        Figure("bytes", "Size", size(status.bytes), status.bytes),
        Figure("safe", "Safe", f"{status.safe:,}", status.safe, size(status.safe_bytes)),
        Figure("unsafe", "Not safe", f"{unsafe:,}", unsafe, _unsafe_note(status)),
    ]
    if status.missing:
        note = f"{size(status.missing_bytes)}, kept in the bucket"
        found.append(Figure("missing", "Gone from the disk", f"{status.missing:,}", status.missing, note))
    if quote is not None:
        found.append(
            Figure("cost", "A month", f"{cost_view.amount_of(quote.total)} {quote.currency}", None, "by list prices")
        )
    found.append(_when("last-backup", "Last good backup", _ended(status.last_good_run), now_ns))
    found.append(_when("full-pass", "Bucket compared", status.library.last_full_pass, now_ns))
    found.append(_when("drill", "Restore drill", _ended(status.last_drill), now_ns))
    return found


def _unsafe_note(status: StatusReport) -> str:
    parts = ((status.pending, "pending"), (status.quarantined, "quarantined"), (status.drifted, "drifted"))
    return ", ".join(f"{number:,} {word}" for number, word in parts if number)


def _ended(run: RunInfo | None) -> int | None:
    return None if run is None else run.finished_at or run.started_at


def _when(key: str, label: str, at_ns: int | None, now_ns: int) -> Figure:
    return Figure(key, label, "never" if at_ns is None else ago(at_ns, now_ns))


def _task(decision: Decision) -> Task:
    message, hint = decision.shared_message, decision.shared_hint
    names = [_name(finding.path, "" if message else finding.message) for finding in decision.findings if finding.path]
    shown = names[:MAX_NAMES] if len(names) > MAX_NAMES + 1 else names
    hidden = names[len(shown) : MAX_HIDDEN]
    return Task(
        what=decision.what,
        message=_short(message),
        hint=_short(hint),
        is_grave=decision.needs_person,
        names=tuple(shown),
        hidden=tuple(hidden),
        left_out=len(names) - len(shown) - len(hidden),
        steps=decision.steps,
    )


def _name(path: str, message: str) -> str:
    shown = tables.shown_name(path)
    return f"{shown}: {_short(message)}" if message else shown


def _short(text: str) -> str:
    shown = printable(text)
    return shown if len(shown) <= MAX_MESSAGE else shown[:MAX_MESSAGE] + "..."


def _growth(runs: Sequence[RunInfo]) -> list[Growth]:
    """From what each backup counted; one that did not end, or saw another's part only, counted too little."""
    complete = [run for run in runs if run.kind is RunKind.SYNC and run.result in _COMPLETE]
    kinds: tuple[tuple[str, str, Callable[[int], str]], ...] = (
        ("files", "Files", lambda number: f"{number:,}"),
        ("bytes", "Size", size),
    )
    found = []
    for key, title, label in kinds:
        points = [Point(run.started_at, value) for run in complete if (value := _scanned(run, key)) is not None]
        if points:
            grown = Growth(key, title, label(points[-1].value), plot(points, label), _by_month(points, label))
            found.append(grown)
    return found


def _scanned(run: RunInfo, key: str) -> int | None:
    scan = run.counts.get("scan")
    value = scan.get(key) if isinstance(scan, dict) else None
    return value if isinstance(value, int) and value > 0 else None


def _by_month(points: Sequence[Point], label: Callable[[int], str]) -> tuple[tuple[str, str], ...]:
    """The last value of each month, the newest first."""
    months: dict[str, str] = {}
    for point in points:
        month = datetime.fromtimestamp(point.at_ns / 1e9).strftime("%B %Y")  # noqa: DTZ006 - the user's own month
        months[month] = label(point.value)
    return tuple(reversed(months.items()))
