"""What a command has to say at its end, as values; `render` and `rich_report` make it visible."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

MAX_LINES: Final = 20


class Tone(Enum):
    """How good the news is. Only what is proven is GOOD."""

    GOOD = "green"
    WARN = "yellow"
    BAD = "red"


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of text. `right`: the columns that hold numbers; `headers` may be empty."""

    rows: tuple[tuple[str, ...], ...]
    headers: tuple[str, ...] = ()
    right: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Report:
    """A sentence, grids, and lines about what is wrong. The sentence comes first, or last after a run's numbers."""

    sentence: str
    tone: Tone
    grids: tuple[Grid, ...] = ()
    problems: tuple[str, ...] = ()
    sentence_last: bool = False


def at_most(lines: list[str], more: str, limit: int = MAX_LINES) -> tuple[str, ...]:
    """The first lines, and how many more there are: a library of unreadable files must not flood a mail."""
    if len(lines) <= limit:
        return tuple(lines)
    return (*lines[:limit], f"and {len(lines) - limit:,} more{more}")
