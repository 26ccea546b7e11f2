"""What the trash's commands say at their end: as a report, and as the `--json` object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lrsync.core.model import Failed
from lrsync.core.runs import result_for
from lrsync.core.trash import TrashItem
from lrsync.errors import ExitCode
from lrsync.ui.answer import Answer, show
from lrsync.ui.jsons import Json
from lrsync.ui.report import Grid, Report, Tone, at_most
from lrsync.ui.text import clip, count, iso, local, printable, sentence, size

if TYPE_CHECKING:
    from lrsync.core.trash import TrashSummary

__all__ = ["listed", "purged", "restored", "show"]

PATH_CELLS = 48
MAX_ROWS = 200


def listed(library: str, found: TrashSummary) -> Answer:
    """`trash list`."""
    rows = tuple((local(i.trashed_ns), size(i.size), clip(printable(i.path), PATH_CELLS)) for i in found.items)
    more = (
        f" ({len(rows) - MAX_ROWS:,} more are not shown: name a folder, or use --json)" if len(rows) > MAX_ROWS else ""
    )
    what = count(len(found.items), "thing is", "things are")
    text = f"{what} in the trash, {size(found.bytes)}.{more}" if found.items else "There is nothing in the trash."
    grid = Grid(rows[:MAX_ROWS], ("In the trash since", "Size", "File"), frozenset({1}))
    report = Report(text, Tone.GOOD, (grid,), sentence_last=True)
    return Answer(ExitCode.OK, report, _object("trash list", library, found, ExitCode.OK))


def restored(library: str, done: TrashSummary) -> Answer:
    """`trash restore`."""
    code = _code(done)
    text = f"{count(len(done.items), 'file')} restored, {size(done.bytes)}"
    if done.unproven:
        text += f"; {done.unproven:,} had no recorded checksum to be compared with"
    return Answer(code, _report(text, done, code), _object("trash restore", library, done, code))


def purged(library: str, done: TrashSummary | None) -> Answer:
    """`trash purge`; None where whoever was asked said no."""
    if done is None:
        answer: Json = {"command": "trash purge", "library": library, "result": "ok", "exit_code": 0, "purged": 0}
        return Answer(ExitCode.OK, Report("Nothing was destroyed.", Tone.GOOD), answer)
    code = _code(done)
    verb = "would be destroyed" if done.dry_run else "destroyed"
    text = f"{count(len(done.items), 'version')} {verb}, {size(done.bytes)}"
    if done.foreign:
        text += f"; {count(done.foreign, 'old version')} left alone that lrsync did not write"
    return Answer(code, _report(text, done, code), _object("trash purge", library, done, code))


def _code(done: TrashSummary) -> ExitCode:
    return ExitCode.INCOMPLETE if done.errors else ExitCode.OK


def _report(text: str, done: TrashSummary, code: ExitCode) -> Report:
    if done.errors:
        text += f"; {count(len(done.errors), 'file')} could not be dealt with"
    tone = Tone.GOOD if code is ExitCode.OK else Tone.BAD
    return Report(sentence(text), tone, problems=at_most([_problem(e) for e in done.errors], " (--json has them all)"))


def _problem(error: Failed) -> str:
    line = sentence(f"failed: {printable(error.path)}: {printable(error.message)}")
    return f"{line} Hint: {sentence(error.hint)}" if error.hint else line


def _object(command: str, library: str, done: TrashSummary, code: ExitCode) -> Json:
    return {
        "command": command,
        "library": library,
        "result": result_for(code).value,
        "exit_code": int(code),
        "dry_run": done.dry_run,
        "count": len(done.items),
        "bytes": done.bytes,
        "foreign": done.foreign,
        **({"unproven": done.unproven} if command == "trash restore" else {}),
        "items": [_item(item) for item in done.items],
        "errors": [{"path": e.path, "message": e.message, "hint": e.hint} for e in done.errors],
    }


def _item(item: TrashItem) -> Json:
    return {
        "path": item.path,
        "size": item.size,
        "trashed_at": iso(item.trashed_ns),
        "key": item.source,
        "version_id": item.version_id,
    }
