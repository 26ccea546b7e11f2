"""What became of one file, in one line: for the progress and the log."""

from __future__ import annotations

from typing import Final, assert_never

from lrsync.core.events import FileBack, WorkFinished
from lrsync.core.model import (
    Action,
    Adopt,
    Done,
    Failed,
    MarkMissing,
    Outcome,
    Quarantine,
    Raced,
    Restat,
    Return,
    ServerCopy,
    Trash,
    Upload,
)
from lrsync.ui.text import printable, size


def line_of(event: WorkFinished | FileBack, *, verbose: bool, dry_run: bool = False) -> str:
    """What is worth a line of its own, '' where nothing is: failures, and with `verbose` all that was done.

    Of a dry run each line says that it is one: nothing was sent, and nothing came back.
    """
    mark = "dry run: " if dry_run else ""
    match event:
        case WorkFinished(path, size_, Done() as outcome):
            return mark + outcome_line(path, size_, outcome) if verbose else ""
        case WorkFinished(path, size_, outcome):
            return outcome_line(path, size_, outcome)
        case FileBack(path, size_, failed=Failed() as failed):
            return back_line(path, size_, failed)
        case FileBack(path, size_, was_fetched):
            return mark + back_line(path, size_, None) if was_fetched and verbose else ""
        case _:
            assert_never(event)


def outcome_line(path: str, size_: int, outcome: Outcome) -> str:
    """What became of a file, in one line."""
    name = printable(path)
    match outcome:
        case Done(action):
            return f"{_VERBS[type(action)]} {name} ({size(size_)})"
        case Failed(message=message):
            return f"failed {name}: {printable(message)}"
        case Raced(gone=True):
            return f"gone {name}"
        case Raced():
            return f"skipped {name}: it was being written"
        case _:
            assert_never(outcome)


def back_line(path: str, size_: int, failed: Failed | None) -> str:
    """What became of a file that was to come back, in one line."""
    if failed is not None:
        return f"failed {printable(path)}: {printable(failed.message)}"
    return f"restored {printable(path)} ({size(size_)})"


_VERBS: Final[dict[type[Action], str]] = {
    Upload: "uploaded",
    ServerCopy: "copied",
    Adopt: "adopted",
    Restat: "unchanged",
    Quarantine: "quarantined",
    MarkMissing: "missing",
    Return: "returned",
    Trash: "moved to trash",
}
