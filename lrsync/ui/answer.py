"""How a command that only answers ends: with an exit code, for people as a report, for scripts as one object."""

from __future__ import annotations

from typing import NamedTuple

from lrsync.errors import ExitCode
from lrsync.ui import output
from lrsync.ui.jsons import Json, to_text
from lrsync.ui.report import Report


class Answer(NamedTuple):
    """What there is to say, for people and for scripts."""

    code: ExitCode
    report: Report
    json: Json


def show(answer: Answer, *, as_json: bool) -> int:
    """Print it; returns the exit code."""
    if as_json:
        output.result(to_text(answer.json))
    else:
        from lrsync.ui.render import show as show_report

        show_report(answer.report)
    return int(answer.code)
