"""What a command has to say at its end, as values; `render` makes it visible."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from lrsync.ui.color import Style

MAX_LINES: Final = 20


class Tone(Enum):
    """How good the news is. Only what is proven is GOOD."""

    GOOD = Style.GOOD_HEAD
    WARN = Style.WARN_HEAD
    BAD = Style.BAD_HEAD


class Span(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style | None = None


Cell: TypeAlias = str | tuple[Span, ...]


def plain_text(cell: Cell) -> str:
    """A cell without its styles."""
    return cell if isinstance(cell, str) else "".join(span.text for span in cell)


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of text. `right`: the columns that hold numbers; `headers` may be empty.

    Where it is too wide, the column `narrows` gives way: the last one by going on in the next line, another by leaving
    out its middle. None: the last one, and on a terminal only, as a program may read the lines.
    """

    rows: tuple[tuple[Cell, ...], ...]
    headers: tuple[str, ...] = ()
    right: frozenset[int] = frozenset()
    narrows: int | None = None


class Step(NamedTuple):
    """A command that settles something, and what for."""

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that wants doing: what it is, whom it is about (a line each), and the commands that settle it."""

    what: str
    names: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A sentence, grids, lines about what is wrong, and what to do about it.

    The sentence comes first, or last after a run's numbers.
    """

    sentence: str
    tone: Tone
    grids: tuple[Grid, ...] = ()
    problems: tuple[str, ...] = ()
    sentence_last: bool = False
    advice: tuple[Advice, ...] = ()


def at_most(lines: list[str], more: str, limit: int = MAX_LINES) -> tuple[str, ...]:
    """The first lines, and how many more there are: a library of unreadable files must not flood a mail."""
    if len(lines) <= limit:
        return tuple(lines)
    return (*lines[:limit], f"and {len(lines) - limit:,} more{more}")
