"""`lrsync demo`: show the whole life of a backup without an account."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from lrsync.ui.options import examples
from lrsync.ui.text import printable

_EXAMPLES: Final = examples(
    ("lrsync demo", "with made-up photos"),
    ("lrsync demo --source-path ~/Pictures/2024", "with a copy of some of yours"),
)


@click.command(epilog=_EXAMPLES)
@click.option(
    "--source-path",
    envvar="LRSYNC_DEMO_SOURCE_PATH",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Work on a copy of some of these photos, instead of a small library made up for the demo.",
)
def demo(source_path: Path | None) -> int:
    """Try everything in a minute on a server of its own: no account, no cost, nothing of yours is changed."""
    from lrsync.demo import run_demo

    run_demo(source_path, lambda line: click.echo(printable(line)))
    return 0
