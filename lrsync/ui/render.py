"""Put a Report on stdout: aligned text, as wide as the terminal, in colours where they are wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TextIO

from lrsync.ui import output
from lrsync.ui.color import Style, is_colored, painted
from lrsync.ui.report import Advice, Cell, Grid, Report, Span, plain_text
from lrsync.ui.text import clip, pad, width_of, wrap

USUAL_WIDTH: Final = 80
_LEAST_CELLS: Final = 12
_GAP: Final = "  "
_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is written on: `width` in cells; `wraps`: long lines end at a word, as a person reads along."""

    width: int = USUAL_WIDTH
    wraps: bool = False
    colored: bool = False

    @classmethod
    def of(cls, stream: TextIO | None) -> Canvas:
        """As the stream is. In a pipe a problem stays on one line, for whoever looks for it with grep."""
        return cls(output.terminal_width(), output.is_terminal(stream), is_colored(stream))

    def paint(self, text: str, style: Style | None) -> str:
        """The text in the style, where there are colours."""
        return painted(text, style) if self.colored and style is not None else text

    def lines(self, text: str, hang: str = "") -> list[str]:
        """The text as lines; all but the first begin with `hang`."""
        if not self.wraps:
            return [text]
        first, *rest = wrap(text, self.width, self.width - len(hang))
        return [first, *(hang + line for line in rest)]


def show(report: Report) -> None:
    """Print it in the form that fits stdout."""
    output.result(plain(report, Canvas.of(sys.stdout)))


def show_text(text: str) -> None:
    """Print lines that are no report: on a terminal they end at a word, but for indented ones, which are commands."""
    canvas = Canvas.of(sys.stdout)
    lines = ([line] if line.startswith(" ") else canvas.lines(line) for line in text.split("\n"))
    output.result("\n".join(piece for pieces in lines for piece in pieces))


def plain(report: Report, canvas: Canvas | None = None) -> str:
    """The whole report as text."""
    canvas = canvas or Canvas()
    headline = "\n".join(canvas.paint(line, report.tone.value) for line in canvas.lines(report.sentence))
    blocks = ["\n".join(_grid_lines(grid, canvas)) for grid in report.grids if grid.rows]
    if report.problems:
        lines = (line for problem in report.problems for line in canvas.lines(problem, _GAP))
        blocks.append("\n".join(canvas.paint(line, Style.WARN) for line in lines))
    blocks += ["\n".join(_advice_lines(advice, canvas)) for advice in report.advice]
    blocks = [*blocks, headline] if report.sentence_last else [headline, *blocks]
    return "\n\n".join(blocks)


def _advice_lines(advice: Advice, canvas: Canvas) -> Iterator[str]:
    yield from (canvas.paint(line, Style.WARN) for line in canvas.lines(advice.what))
    for name in advice.names:
        yield from canvas.lines(_GAP + name, _INDENT)
    for command, why in advice.steps:
        # Never broken: it is there to be copied.
        yield from (canvas.paint(f"{_INDENT}# {line}", Style.DIM) for line in canvas.lines(why))
        yield canvas.paint(_INDENT + command, Style.COMMAND)


# --- grids --------------------------------------------------------------------------------------------------


def _grid_lines(grid: Grid, canvas: Canvas) -> Iterator[str]:
    header: tuple[Cell, ...] = tuple((Span(text, Style.DIM),) for text in grid.headers)
    rows = [header, *grid.rows] if header else list(grid.rows)
    widths = [max(width_of(plain_text(row[column])) for row in rows) for column in range(len(rows[0]))]
    narrows = len(widths) - 1 if grid.narrows is None and canvas.wraps else grid.narrows
    if narrows is not None:
        over = sum(widths) + len(_GAP) * (len(widths) - 1) - canvas.width
        widths[narrows] = max(min(_LEAST_CELLS, widths[narrows]), widths[narrows] - max(0, over))
    for row in rows:
        for line in _row_lines(row, widths, narrows):
            yield _joined(line, widths, grid, canvas)


def _row_lines(row: tuple[Cell, ...], widths: Sequence[int], column: int | None) -> Iterator[tuple[Cell, ...]]:
    """The row, its one column that gives way made narrow: cut, or on several lines."""
    cell = "" if column is None else row[column]
    if column is None or not isinstance(cell, str) or width_of(cell) <= widths[column]:
        yield row
    elif column < len(row) - 1:
        yield (*row[:column], clip(cell, widths[column]), *row[column + 1 :])
    else:
        first, *rest = wrap(cell, widths[column], widths[column])
        yield (*row[:-1], first)
        yield from ((*("",) * column, line) for line in rest)


def _joined(row: tuple[Cell, ...], widths: Sequence[int], grid: Grid, canvas: Canvas) -> str:
    cells = [_cell(cell, widths[i], canvas, right=i in grid.right) for i, cell in enumerate(row)]
    return _GAP.join(cells).rstrip()


def _cell(cell: Cell, cells: int, canvas: Canvas, *, right: bool) -> str:
    if isinstance(cell, str):
        return pad(cell, cells, right=right)
    blanks = " " * max(0, cells - width_of(plain_text(cell)))
    text = "".join(canvas.paint(span.text, span.style) for span in cell)
    return blanks + text if right else text + blanks
