"""What `lrsync restore --status` says: as a report, and as the `--json` object."""

from __future__ import annotations

from typing import Final

from lrsync.core.thaw import NoteState, ThawGroup, ThawReport
from lrsync.errors import ExitCode
from lrsync.ui.answer import Answer, show
from lrsync.ui.jsons import Json
from lrsync.ui.report import Grid, Report, Tone
from lrsync.ui.text import count, iso, local, size

__all__ = ["show", "status"]

_WORDS: Final = {
    NoteState.WAITING: "on their way",
    NoteState.DUE: "should be there",
    NoteState.EXPIRED: "have gone back to the archive",
}


def status(library: str, found: ThawReport) -> Answer:
    """What was asked for, by what is likely of it now."""
    groups = {state: group for state, group in found.groups.items() if group.objects}
    rows = tuple(
        (_WORDS[state], f"{group.objects:,}", size(group.bytes), _when(state, group)) for state, group in groups.items()
    )
    report = Report(
        _sentence(found),
        Tone.WARN if groups.keys() - {NoteState.DUE} else Tone.GOOD,
        (Grid(rows, ("State", "Objects", "Size", "When"), frozenset({1, 2})) if rows else Grid(()),),
    )
    return Answer(ExitCode.OK, report, _object(library, found))


def _sentence(found: ThawReport) -> str:
    waiting, due = found.groups[NoteState.WAITING], found.groups[NoteState.DUE]
    if not found.objects:
        return "Nothing is being thawed."
    if due.objects:
        return f"{count(due.objects, 'object')} should be thawed: run the same restore again."
    if waiting.objects:
        return f"{count(waiting.objects, 'object')} on their way: come back after {local(waiting.last_ns or 0)}."
    return "What was thawed has gone back to the archive: the same restore asks for it again."


def _when(state: NoteState, group: ThawGroup) -> str:
    if group.next_ns is None or group.last_ns is None:
        return ""
    if state is NoteState.WAITING:
        return f"by {local(group.last_ns)}"
    return f"until {local(group.next_ns)}" if state is NoteState.DUE else f"since {local(group.next_ns)}"


def _object(library: str, found: ThawReport) -> Json:
    return {
        "command": "restore",
        "library": library,
        "result": "ok",
        "exit_code": 0,
        "thaws": {
            state.value: {
                "objects": group.objects,
                "bytes": group.bytes,
                "next": iso(group.next_ns),
                "last": iso(group.last_ns),
            }
            for state, group in found.groups.items()
        },
    }
