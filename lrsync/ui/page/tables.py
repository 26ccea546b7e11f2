"""The page's tables: what is where, how old its proof is, catalogs, drills, runs. Pure: values in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from lrsync.core.audit import FileState
from lrsync.core.library_report import CatalogAudit, LibraryReport
from lrsync.core.prices import StorageQuote
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.status import Tally
from lrsync.ui.cost_view import amount_of
from lrsync.ui.run_words import ENDED, SHORT, as_dict, sent_bytes
from lrsync.ui.status_view import TOP
from lrsync.ui.text import ago, clip, count, duration, local, printable, size

MAX_ROWS: Final = 20
MAX_RUNS: Final = 30
MAX_DRILLS: Final = 12
NAME_CELLS: Final = 120
_AGES: Final = {
    "within_7_days": "in the last 7 days",
    "within_30_days": "in the last 30 days",
    "within_90_days": "in the last 90 days",
    "older": "longer ago",
    "never": "never",
}
_TONES: Final = {RunResult.OK: "good", RunResult.INCOMPLETE: "warn", RunResult.ATTENTION: "warn"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One row with a bar: `share` in per cent of all, `unsafe` files, `note` in words."""

    name: str
    files: int
    bytes: int
    share: float
    unsafe: int = 0
    note: str = ""

    @property
    def shown_bytes(self) -> str:
        """The size for people."""
        return size(self.bytes)


def by_tally(tallies: Mapping[str, Tally], names: Mapping[str, str] | None = None) -> list[Bar]:
    """The largest by bytes, and the rest as one."""
    names = names or {}
    ranked = sorted(tallies.items(), key=lambda item: (-item[1].bytes, item[0]))
    all_bytes = sum(tally.bytes for tally in tallies.values()) or 1
    shown, rest = (ranked, []) if len(ranked) <= MAX_ROWS + 1 else (ranked[:MAX_ROWS], ranked[MAX_ROWS:])
    bars = [_bar(names.get(name, shown_name(name)), tally, all_bytes) for name, tally in shown]
    if rest:
        total = Tally()
        for _, tally in rest:
            total.add(tally.files, tally.bytes, tally.safe)
        bars.append(_bar(f"{len(rest):,} more", total, all_bytes))
    return bars


def _bar(name: str, tally: Tally, all_bytes: int) -> Bar:
    return Bar(name, tally.files, tally.bytes, tally.bytes / all_bytes * 100, max(0, tally.files - tally.safe))


def by_class(classes: Mapping[str, tuple[int, int]], quote: StorageQuote | None) -> list[Bar]:
    """The objects by storage class, with what each costs a month."""
    all_bytes = sum(bytes_ for _, bytes_ in classes.values()) or 1
    ranked = sorted(classes.items(), key=lambda item: (-item[1][1], item[0]))
    return [
        Bar(shown_name(name), objects, bytes_, bytes_ / all_bytes * 100, note=_cost(name, quote))
        for name, (objects, bytes_) in ranked
    ]


def _cost(name: str, quote: StorageQuote | None) -> str:
    amount = None if quote is None else quote.by_class.get(name)
    return "" if amount is None or quote is None else f"{amount_of(amount)} {quote.currency}"


def by_age(verified: Mapping[str, Tally]) -> list[Bar]:
    """The files by how long ago their objects were last proven."""
    all_files = sum(tally.files for tally in verified.values()) or 1
    return [Bar(_AGES[age], tally.files, tally.bytes, tally.files / all_files * 100) for age, tally in verified.items()]


def shown_name(name: str) -> str:
    """A name in one line of bounded length."""
    return clip(printable(name), NAME_CELLS)


# --- catalogs -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CatalogRow:
    """One catalog: when it was last stored, and what its last audit found ('' where there was none)."""

    name: str
    place: str
    stored: str
    audited: str = ""
    coverage: str = ""
    tone: str = "none"
    rest: str = ""


def catalogs(report: LibraryReport, now_ns: int) -> list[CatalogRow]:
    """Those that are backed up or were audited, by name."""
    rows: dict[str, CatalogRow] = {}
    root = PurePath(report.status.library.source)
    for stored in report.catalogs:
        when = f"{size(stored.size)}" + ("" if stored.stored_ns is None else f", {ago(stored.stored_ns, now_ns)}")
        path = PurePath(stored.path)
        rows[str(root / path)] = CatalogRow(shown_name(path.name), _folder(path), when)
    for audit in report.audits:
        row = rows.get(audit.catalog)
        path = PurePath(audit.catalog)
        known = row or CatalogRow(shown_name(path.name), _folder(path), "not backed up")
        rows[audit.catalog] = _audited(known, audit, now_ns)
    return sorted(rows.values(), key=lambda row: (row.name, row.place))


def _folder(path: PurePath) -> str:
    return TOP if str(path.parent) == "." else shown_name(str(path.parent))


def _audited(row: CatalogRow, audit: CatalogAudit, now_ns: int) -> CatalogRow:
    safe = f"{audit.safe:,} of {count(audit.files, 'file')} safe"
    others = (f"{number:,} {state.value}" for state, number in audit.states.items() if state is not FileState.SAFE)
    tone = "good" if audit.safe == audit.files else "bad"
    return CatalogRow(row.name, row.place, row.stored, ago(audit.audited_ns, now_ns), safe, tone, ", ".join(others))


# --- runs ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunRow:
    """One past run."""

    number: int
    command: str
    started: str
    tone: str
    ended: str
    took: str
    sent: str


def last_runs(runs: Sequence[RunInfo]) -> list[RunRow]:
    """The last runs, the newest first."""
    return [_run_row(run) for run in reversed(runs[-MAX_RUNS:])]


def _run_row(run: RunInfo) -> RunRow:
    ended = ENDED[run.result] if run.kind is RunKind.SYNC else SHORT[run.result]
    took = "" if run.finished_at is None else duration(max(0, run.finished_at - run.started_at) / 1e9)
    sent = sent_bytes(run)
    tone = _TONES.get(run.result, "bad")
    return RunRow(run.id, run.kind.value, local(run.started_at), tone, ended, took, size(sent) if sent else "")


@dataclass(frozen=True, slots=True)
class DrillRow:
    """One restore drill, or one verification: so many of so many files were as they should be."""

    when: str
    tone: str
    what: str


def drills(runs: Iterable[RunInfo], now_ns: int) -> list[DrillRow]:
    """The last restore drills, the newest first."""
    return _proofs(runs, RunKind.DRILL, "drilled", now_ns)


def verifications(runs: Iterable[RunInfo], now_ns: int) -> list[DrillRow]:
    """The last verifications, the newest first."""
    return _proofs(runs, RunKind.VERIFY, "verified", now_ns)


def _proofs(runs: Iterable[RunInfo], kind: RunKind, group: str, now_ns: int) -> list[DrillRow]:
    found = [run for run in runs if run.kind is kind][-MAX_DRILLS:]
    return [
        DrillRow(
            f"{local(run.started_at)}, {ago(run.started_at, now_ns)}",
            _TONES.get(run.result, "bad"),
            _proven(as_dict(run.counts.get(group)), run),
        )
        for run in reversed(found)
    ]


def _proven(counts: Mapping[str, int], run: RunInfo) -> str:
    if not counts:
        return SHORT[run.result]
    tried = counts.get("sample", counts.get("checked", 0))
    good = counts.get("good", counts.get("proven", 0))
    return f"{good:,} of {count(tried, 'file')} good"
