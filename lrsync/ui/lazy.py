"""A click group that knows its commands' names and help, and imports a command only to run it.

`lrsync --help` must answer at once: importing the commands would load what they need.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lrsync.ui import output

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class LazyCommand(NamedTuple):
    """Where a command is (`module:attribute`) and what it does, in one line; `is_group`: it has commands of its own."""

    target: str
    help: str
    is_group: bool = False

    def load(self) -> click.Command:
        """Import it."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """`sections` hold the commands, by the titles under which the help lists them, in its order."""

    def __init__(self, *args: Any, sections: Mapping[str, Mapping[str, LazyCommand]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        self.lazy = {name: entry for commands in sections.values() for name, entry in commands.items()}
        self._loaded: dict[str, click.Command] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a user's first days rather than of the alphabet."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None where there is none of that name."""
        entry = self.lazy.get(cmd_name)
        if entry is not None and cmd_name not in self._loaded:
            from lrsync.ui.common import finish

            self._loaded[cmd_name] = finish(entry.load(), cmd_name)
        return self._loaded.get(cmd_name)

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
            raise click.exceptions.NoSuchCommand(name, possibilities=self.lazy, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The lists of commands, from the table alone."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                # As wide in every section, so that all of them read as one list.
                rows = [(f"{name:<{max(map(len, self.lazy))}}", entry.help) for name, entry in commands.items()]
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The names that begin so, from the table alone: loading all commands would be slower than typing."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(n, help=entry.help) for n, entry in self.lazy.items() if n.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]
