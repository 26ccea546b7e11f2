"""What `lrsync history` says: as a report, and as the `--json` object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from lrsync.core.runs import RunInfo, RunRecord, RunResult
from lrsync.core.timeline import FileHistory, FileVersion, Place
from lrsync.errors import ExitCode
from lrsync.ui.answer import Answer, show
from lrsync.ui.jsons import Json, run_row
from lrsync.ui.report import Grid, Report, Span, Tone, at_most
from lrsync.ui.run_words import STYLES, as_dict, failure_of
from lrsync.ui.text import count, duration, iso, local, printable, sentence, size

__all__ = ["file", "one_run", "runs", "show"]

_NO_COUNTS: Final = ("bytes", "_ns")
_TONES: Final = {RunResult.OK: Tone.GOOD, RunResult.ATTENTION: Tone.WARN, RunResult.RUNNING: Tone.WARN}
_WHERE: Final = {
    Place.CURRENT: "current",
    Place.VERSION: "older version",
    Place.TRASH: "trash",
    Place.DELETED: "deleted",
}


def runs(library: str, found: list[RunInfo] | None) -> Answer:
    """The list of runs."""
    listed = found or []
    rows = tuple(
        (
            str(run.id),
            local(run.started_at),
            run.kind.value,
            (Span(run.result.value, STYLES[run.result]),),
            _time(run),
            _did(run.counts),
        )
        for run in listed
    )
    grid = Grid(rows, ("Run", "Started", "Command", "Result", "Time", "Did"), frozenset({0}))
    text = f"The last {count(len(rows), 'run')}." if rows else "Nothing was run on this library yet."
    report = Report(text, Tone.GOOD, (grid,), sentence_last=True)
    return Answer(ExitCode.OK, report, {**_head(library), "runs": [run_row(run) for run in listed]})


def one_run(library: str, found: RunRecord) -> Answer:
    """One run in detail."""
    run = found.run
    rows = [
        ("Started", local(run.started_at)),
        ("Ended", "never" if run.finished_at is None else f"{local(run.finished_at)}, after {_time(run)}"),
        ("Result", f"{run.result.value}, exit code {run.exit_code}"),
        *((name.replace("_", " ").capitalize(), text) for name, text in _facts(run.counts)),
    ]
    problems = as_dict(run.counts.get("problems"))
    lines = [_problem(each) for each in problems.get("first", ())]
    more = problems.get("count", 0) - len(lines)
    if more > 0:
        lines.append(f"and {more:,} more")
    if found.findings:
        lines.append(f"{count(len(found.findings), 'of its findings still stands', 'of its findings still stand')}.")
    if why := failure_of(run):
        lines.insert(0, sentence(f"It ended early: {printable(why)}"))
    report = Report(
        f"Run {run.id}: {run.kind.value}, {run.result.value}.",
        _TONES.get(run.result, Tone.BAD),
        (Grid(tuple(rows)),),
        problems=at_most(lines, "", limit=40),
    )
    standing = [{"kind": f.kind.value, "path": f.path, "message": f.message} for f in found.findings]
    return Answer(ExitCode.OK, report, {**_head(library), "run": run_row(run), "findings": standing})


def file(library: str, found: FileHistory) -> Answer:
    """A file's versions."""
    rows = tuple(
        (
            "unknown" if v.since_ns is None else local(v.since_ns),
            "" if v.until_ns is None else local(v.until_ns),
            _WHERE[v.place],
            "" if v.place is Place.DELETED else size(v.size),
            "" if v.sha256 is None else v.sha256.hex()[:12],
        )
        for v in found.versions
    )
    held = [v for v in found.versions if v.place is not Place.DELETED]
    text = f"{printable(found.path)}: {count(len(held), 'version')} in the bucket."
    lines = [f"{_when(v)}: {_how(found.path, v)}" for v in held if v.place is not Place.CURRENT]
    if found.unread:
        lines.append(
            f"{count(found.unread, 'version')} could not be asked about: what is shown is what a listing told."
        )
    grid = Grid(rows, ("Stored", "Until", "Where", "Size", "SHA-256"), frozenset({3}))
    report = Report(text, Tone.WARN if found.unread else Tone.GOOD, (grid,), problems=at_most(lines, " (see --json)"))
    return Answer(
        ExitCode.OK,
        report,
        {**_head(library), "path": found.path, "versions": [_version(found.path, v) for v in found.versions]},
    )


def _head(library: str) -> Json:
    return {"command": "history", "library": library, "result": "ok", "exit_code": 0}


def _when(version: FileVersion) -> str:
    if version.since_ns is not None:
        return f"stored {local(version.since_ns)}"
    return f"in the trash since {local(version.until_ns or 0)}"


def _how(path: str, version: FileVersion) -> str:
    quoted = printable(path).replace("'", "'\\''")
    moment = moment_of(version)
    at = f" --at {moment}" if moment is not None else ""
    return f"lrsync restore '{quoted}'{at} --to DIR"


def moment_of(version: FileVersion) -> str | None:
    """A time at which this version was current, as `--at` takes it; None for the current one."""
    if version.place is Place.CURRENT:
        return None
    if version.since_ns is None:
        return iso((version.until_ns or 0) - 1_000_000_000)
    whole_ns = -(-version.since_ns // 1_000_000_000) * 1_000_000_000
    if version.until_ns is None or whole_ns < version.until_ns:
        return iso(whole_ns)
    # Replaced within the same second: then the microsecond tells, rounded up so that it is not before the version.
    micros = -(-version.since_ns // 1000)
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{micros % 1_000_000:06}Z"


def _version(path: str, version: FileVersion) -> Json:
    return {
        "where": version.place.value,
        "since": iso(version.since_ns),
        "until": iso(version.until_ns),
        "size": version.size,
        "sha256": None if version.sha256 is None else version.sha256.hex(),
        "mtime": iso(version.mtime_ns),
        "key": version.key,
        "version_id": version.version_id,
        "storage_class": version.storage_class,
        "at": None if version.place is Place.DELETED else moment_of(version),
    }


def _time(run: RunInfo) -> str:
    return "" if run.finished_at is None else duration(max(0, run.finished_at - run.started_at) / 1e9)


def _problem(each: Mapping[str, Any]) -> str:
    path = f" {printable(each['path'])}" if each.get("path") else ""
    return sentence(f"{each['kind']}{path}: {printable(each['message'])}")


def _did(counts: Mapping[str, object]) -> str:
    """What a run did, in a few words; whatever an older lrsync counted."""
    names = ("actions", "verified", "restored", "drilled")
    found = [
        f"{number:,} {name}"
        for group in names
        for name, number in as_dict(counts.get(group)).items()
        if not name.endswith(_NO_COUNTS) and isinstance(number, int) and number
    ]
    return ", ".join(found) or "nothing"


def _facts(counts: Mapping[str, object]) -> list[tuple[str, str]]:
    facts = []
    for group, values in counts.items():
        if group == "problems":
            continue
        named = ((name, number) for name, number in as_dict(values).items() if not name.endswith(("_ns", "_at")))
        told = [f"{_number(number)} {name.replace('_', ' ')}" for name, number in named if _is_told(number)]
        if told:
            facts.append((group, ", ".join(told)))
    return facts


def _is_told(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and bool(number)


def _number(number: float) -> str:
    return f"{number:,.2f}" if isinstance(number, float) else f"{number:,}"
