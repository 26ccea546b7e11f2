"""A Report on a terminal, through rich. Every text is a Text: a name with [brackets] is no markup."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lrsync.ui.report import Grid, Report


def print_report(report: Report, console: Console | None = None) -> None:
    """Print it on stdout."""
    console = console or Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    headline = Text(report.sentence, style=f"bold {report.tone.value}")
    if not report.sentence_last:
        console.print(headline)
    for grid in report.grids:
        if grid.rows:
            console.print()
            console.print(_table(grid))
    if report.problems:
        console.print()
    for line in report.problems:
        console.print(Text(line, style="yellow"))
    if report.sentence_last:
        console.print()
        console.print(headline)


def _table(grid: Grid) -> Table:
    table = Table(box=None, show_header=bool(grid.headers), header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for index in range(len(grid.rows[0])):
        header = grid.headers[index] if grid.headers else ""
        table.add_column(Text(header), justify="right" if index in grid.right else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*[Text(cell) for cell in row])
    return table
