"""Make `commands.md` of what the commands themselves say with --help: `uv run python docs/make_commands.py [FILE]`.

A test fails where the page is not what this makes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lrsync.ui.main import cli

PAGE = Path(__file__).with_name("commands.md")
WIDTH = 100
HEAD = """\
# All commands

Made of what each command says with `--help`, by `docs/make_commands.py`: do not edit it here. What they are for is in
the [index](README.md).
"""


def page() -> str:
    """The page's text."""
    return "\n".join([HEAD, *_sections(cli, "lrsync", None)])


def _sections(command: click.Command, path: str, above: click.Context | None) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, info_name=path.rpartition(" ")[2], parent=above, **settings)
    yield f"## {path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _sections(inner, f"{path} {name}", context)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(page(), encoding="utf-8")
