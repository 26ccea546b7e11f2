"""stdout and stderr: the one place that writes to them. Never fails a run because nobody reads."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from lrsync.ui.color import Style, is_colored, painted
from lrsync.ui.text import sentence, wrap


def make_streams_safe() -> None:
    """Let every character be printed in any locale: what the encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def result(text: str) -> None:
    """A line (or lines) of the command's result, on stdout."""
    _write(sys.stdout, text)


def note(text: str) -> None:
    """A line on stderr."""
    _write(sys.stderr, text)


def error(message: str, hint: str = "") -> None:
    """The one form of an error: `error: what. hint: how.` on one line; on a terminal the hint has its own."""
    parts = [_labelled("error:", sentence(message), Style.BAD_HEAD)]
    if hint:
        parts.append(_labelled("hint:", sentence(hint), Style.COMMAND))
    note(("\n" if is_terminal(sys.stderr) else " ").join(parts))


def warning(message: str) -> None:
    """Something that does not stop the run."""
    note(_labelled("warning:", sentence(message), Style.WARN_HEAD))


def _labelled(label: str, text: str, style: Style) -> str:
    """Text after a label, which alone is coloured; on a terminal its lines end at words."""
    shown = text
    if is_terminal(sys.stderr):
        width = terminal_width()
        shown = "\n".join(wrap(text, width - len(label) - 1, width))
    return f"{painted(label, style) if is_colored(sys.stderr) else label} {shown}"


def terminal_width() -> int:
    """In cells, as COLUMNS or the terminal says; 80 where neither does."""
    import shutil

    return max(20, shutil.get_terminal_size((80, 24)).columns)


def can_print(text: str, stream: TextIO | None) -> bool:
    """Whether the stream's encoding has these characters: what it lacks would be escaped."""
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


_problems: list[OSError] = []


def take_problem() -> OSError | None:
    """Why stdout took not all of the result, a reader that went away aside; once."""
    return _problems.pop() if _problems else None


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # started with the descriptor closed, as `>&-` does
        return
    try:
        stream.write(text + "\n")
        stream.flush()
    except OSError as problem:
        close_quietly(stream)
        if stream is sys.stdout and not isinstance(problem, BrokenPipeError):
            _problems[:] = [problem]


def close_quietly(stream: TextIO) -> None:
    """Turn a stream that takes no more into a sink: the exit code still tells how the run went.

    Without it Python complains once more when it flushes at its end, and ends with 120.
    """
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, number)
    os.close(sink)


def reader_is_gone(stream: TextIO | None) -> bool:
    """Whether this stream is a pipe that nobody reads any more; True also where the system cannot tell."""
    import select

    if stream is None or not hasattr(select, "poll"):
        return True
    poll = select.poll()
    try:
        poll.register(stream.fileno(), 0)
    except (OSError, ValueError):
        return False
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person watches this stream on a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
