"""The live display on a terminal: the one place that draws while a run goes on. Imports rich."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lrsync.core.events import Event
from lrsync.ui.color import is_colored
from lrsync.ui.meter import CurrentFile, Meter, Snapshot
from lrsync.ui.options import Talk
from lrsync.ui.progress import Progress, progress_words
from lrsync.ui.text import clip, printable, size

REFRESHES_PER_S: Final = 4
SHOWN_FILES: Final = 4
_BAR: Final = 24
_SHOW_CURSOR: Final = b"\x1b[?25h\n"


class LiveProgress(Progress):
    """A few lines at the bottom of the terminal, drawn by rich's own thread four times a second.

    The sink only counts: a hundred thousand events a second must not be slowed by drawing.
    """

    def __init__(self, talk: Talk) -> None:
        super().__init__(talk)
        self._meter = Meter()
        plain = not is_colored(sys.stderr)
        self._console = Console(file=sys.stderr, highlight=False, markup=False, emoji=False, no_color=plain)
        self._live = Live(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=REFRESHES_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveProgress:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the display off the screen."""
        self._live.stop()

    def sink(self, event: Event) -> None:
        """Count it; the next refresh shows it."""
        self._meter.apply(event)
        self._tell(event)

    def say(self, line: str) -> None:
        """A line above the display."""
        self._console.print(Text(line))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take the display off the screen for a while: a question under it would be drawn over."""
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def restore(self) -> None:
        """Bring the cursor back without any lock: the process ends in the next moment."""
        os.write(2, _SHOW_CURSOR)

    def _draw(self) -> Group:
        return draw(self._meter.snapshot(), self._console.width)


def draw(now: Snapshot, width: int) -> Group:
    """The display's lines at a terminal's width."""
    lines: list[Table | Text] = [_headline(now, width)]
    for file in now.current[:SHOWN_FILES]:
        lines.append(Text(f"  {_current(file, width - 4)}", style="dim", no_wrap=True))
    if len(now.current) > SHOWN_FILES:
        lines.append(Text(f"  and {len(now.current) - SHOWN_FILES:,} more", style="dim"))
    return Group(*lines)


def _headline(now: Snapshot, width: int) -> Table:
    name = now.phase.value if now.phase is not None else "starting"
    done, total = (now.phase_done, now.phase_total) if now.phase_total else (now.done_bytes, now.found_bytes)
    grid = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=total or None, completed=done, width=min(_BAR, width // 4), pulse=not total)
    grid.add_row(Text(name, style="bold"), bar, Text(progress_words(now), overflow="ellipsis", no_wrap=True))
    return grid


def _current(file: CurrentFile, cells: int) -> str:
    if file.size and file.sent:
        tail = f"  {size(file.sent)} of {size(file.size)}"
    else:
        tail = f"  {size(file.size or file.sent)}"
    return clip(printable(file.path), max(8, cells - len(tail))) + tail
