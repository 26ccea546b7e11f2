"""`lrsync man`: print the manual, made of the commands' own help."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Final

import click

from lrsync.ui.options import examples

_EXAMPLES: Final = examples(
    ("lrsync man | man -l -", "read it"),
    ("lrsync man restore | man -l -", "one command alone"),
    ("lrsync man > ~/.local/share/man/man1/lrsync.1", "for 'man lrsync'"),
)


@click.command(epilog=_EXAMPLES)
@click.argument("command", nargs=-1, metavar="[COMMAND]...")
def man(command: tuple[str, ...]) -> int:
    """Print the manual page, as roff for man(1).

    All commands in one page, or one of them.
    """
    from lrsync import __version__
    from lrsync.ui import output
    from lrsync.ui.exit_words import MEANINGS
    from lrsync.ui.roff import Edition, all_entries, one_page, whole_manual

    context = click.get_current_context().find_root()
    root = context.command
    assert isinstance(root, click.Group)
    edition = Edition(__version__, _date(), {int(code): text for code, text in MEANINGS.items()})
    if not command:
        output.result(whole_manual(root, context, edition).rstrip("\n"))
        return 0
    known = {entry.path: entry for entry in all_entries(root, context)}
    entry = known.get(" ".join(command))
    if entry is None:
        raise click.exceptions.NoSuchCommand(" ".join(command), possibilities=known, ctx=context)
    output.result(one_page(entry, edition).rstrip("\n"))
    return 0


def _date() -> str:
    """Today, or what a reproducible build says (reproducible-builds.org)."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(given), UTC) if given.isdigit() else datetime.now(UTC)
    return moment.date().isoformat()
