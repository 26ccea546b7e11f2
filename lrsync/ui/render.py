"""Put a Report on stdout: plain aligned text, or through rich where a person watches."""

from __future__ import annotations

import sys

from lrsync.ui import output
from lrsync.ui.report import Grid, Report
from lrsync.ui.text import pad, width_of


def show(report: Report) -> None:
    """Print it in the form that fits stdout."""
    if output.is_terminal(sys.stdout):
        from lrsync.ui.rich_report import print_report

        print_report(report)
    else:
        output.result(plain(report))


def plain(report: Report) -> str:
    """The whole report as text."""
    blocks = ["\n".join(_grid_lines(grid)) for grid in report.grids if grid.rows]
    if report.problems:
        blocks.append("\n".join(report.problems))
    blocks = [*blocks, report.sentence] if report.sentence_last else [report.sentence, *blocks]
    return "\n\n".join(blocks)


def _grid_lines(grid: Grid) -> list[str]:
    rows = [grid.headers, *grid.rows] if grid.headers else list(grid.rows)
    widths = [max(width_of(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [pad(cell, widths[i], right=i in grid.right) for i, cell in enumerate(row)]
        lines.append("  ".join(cells).rstrip())
    return lines
