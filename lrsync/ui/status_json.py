"""The object of `lrsync status --json`. Its keys, nesting and order are a promise to scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lrsync.core.runs import RunInfo, result_for
from lrsync.core.status import PROOF_AGES, StatusReport, Tally
from lrsync.errors import ExitCode
from lrsync.ui.decisions import Decision, decisions_of
from lrsync.ui.jsons import Json, finding_object, pick, run_row
from lrsync.ui.text import iso

MAX_PATHS: Final = 20
"""Of each decision: `findings` has them all."""


def status_object(library: str, report: StatusReport | None, code: ExitCode, state: str, place: str = "") -> Json:
    """The object of `status --json`. `report` is None where nothing was ever backed up; `state` is the sentence.

    `place`: the flags that name the library, for the commands in it.
    """
    head: Json = {
        "command": "status",
        "library": library,
        "result": result_for(code).value,
        "exit_code": int(code),
        "state": state,
    }
    return head | (_status_body(report, place) if report is not None else _no_status())


def _status_body(report: StatusReport, place: str) -> Json:
    names = "files bytes safe safe_bytes pending pending_bytes missing missing_bytes quarantined drifted unproven"
    return {
        **pick(report, names),
        "rotten": report.rotten,
        "last_run": _told_run(report.last_run),
        "last_good_run": _told_run(report.last_good_run),
        "last_full_pass": iso(report.library.last_full_pass),
        "last_drill": _drill(report.last_drill),
        "recent_runs": [_told_run(run) for run in report.recent],
        "by_type": _tallies(report.by_type),
        "by_folder": _tallies(report.by_folder),
        "by_proof": dict(report.by_proof),
        "verified": {age: pick(tally, "files bytes") for age, tally in report.verified.items()},
        "findings": [finding_object(finding) for finding in report.findings],
        "decisions": [_decision(decision) for decision in decisions_of(report, place)],
    }


def _no_status() -> Json:
    names = "files bytes safe safe_bytes pending pending_bytes missing missing_bytes quarantined drifted unproven"
    return {
        **dict.fromkeys(names.split(), 0),
        "rotten": 0,
        "last_run": None,
        "last_good_run": None,
        "last_full_pass": None,
        "last_drill": None,
        "recent_runs": [],
        "by_type": {},
        "by_folder": {},
        "by_proof": {},
        "verified": {age: {"files": 0, "bytes": 0} for age in PROOF_AGES},
        "findings": [],
        "decisions": [],
    }


def _drill(run: RunInfo | None) -> Json | None:
    told = _told_run(run)
    if run is None or told is None:
        return None
    counts = run.counts.get("drilled")
    return {**told, **(counts if isinstance(counts, dict) else {})}


def _tallies(tallies: Mapping[str, Tally]) -> Json:
    return {name: pick(tally, "files bytes safe") for name, tally in tallies.items()}


def _told_run(run: RunInfo | None) -> Json | None:
    if run is None:
        return None
    told = run_row(run)
    del told["counts"]
    return told


def _decision(decision: Decision) -> Json:
    return {
        "kind": decision.kind,
        "what": decision.what,
        "needs_person": decision.needs_person,
        "paths": [finding.path for finding in decision.findings if finding.path][:MAX_PATHS],
        "commands": [{"command": step.command, "why": step.why} for step in decision.steps],
    }
