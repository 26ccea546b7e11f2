"""`lrsync demo`: show the whole life of a backup without an account."""

from __future__ import annotations

from pathlib import Path

import click

from lrsync.ui.text import printable


@click.command()
@click.option(
    "--source-path",
    envvar="LRSYNC_DEMO_SOURCE_PATH",
    type=click.Path(path_type=Path),
    help="Work on a copy of some of these photos, instead of a small library made up for the demo.",
)
def demo(source_path: Path | None) -> int:
    """Try everything in a minute on a server of its own: no account, no cost, nothing of yours is changed."""
    from lrsync.demo import run_demo

    run_demo(source_path, lambda line: click.echo(printable(line)))
    return 0
