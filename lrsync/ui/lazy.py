"""A click group that knows its commands' names and help, and imports a command only to run it.

`lrsync --help` must answer at once: importing the commands would load what they need.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click

from lrsync.ui import output


class LazyCommand(NamedTuple):
    """Where a command is (`module:attribute`) and what it does, in one line."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Import it."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """`lazy` maps names to commands, in the order of the help."""

    def __init__(self, *args: Any, lazy: Mapping[str, LazyCommand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a user's first days rather than of the alphabet."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None where there is none of that name."""
        entry = self.lazy.get(cmd_name)
        return None if entry is None else entry.load()

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but only the loss of stdout's reader is one.

        click takes every EPIPE for that and ends without a word: a run that lost a connection would look finished.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as problem:
            if output.reader_is_gone(sys.stdout):
                raise
            raise RuntimeError("a connection broke") from problem

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but the suggestion comes from names that are not loaded yet."""
        name = args[0]
        if name not in self.lazy and not name.startswith("-") and not ctx.resilient_parsing:
            import difflib

            close = difflib.get_close_matches(name, self.lazy, n=1)
            problem = click.UsageError(f"there is no command '{name}'", ctx)
            problem.hint = f"did you mean '{close[0]}'?" if close else ""  # type: ignore[attr-defined]
            raise problem
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.lazy.items()])
