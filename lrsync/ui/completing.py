"""What the shell may offer for an option or an argument: files, folders, libraries, past runs, changed originals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Offer = Callable[[click.Context], Iterable[tuple[str, str]]]
"""Values, each with a word about it."""


class Taken(click.types.StringParamType):
    """Text, and what may be offered for it: the shell's own `kind` of thing, or values that `offer` finds."""

    # A variable holds a list in lines, as in `settings`: a blank may be part of a folder's name.
    envvar_list_splitter = "\n"

    def __init__(self, kind: str = "plain", offer: Offer | None = None) -> None:
        self.kind = kind
        self.offer = offer

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """As click asks for it."""
        from click.shell_completion import CompletionItem

        if self.offer is None:
            return [CompletionItem(incomplete, type=self.kind)] if self.kind != "plain" else []
        found = self.offer(ctx)
        return [CompletionItem(value, help=about or None) for value, about in found if value.startswith(incomplete)]


def long_flag(option: click.Option) -> str:
    """The option as it is written out."""
    return next((flag for flag in option.opts if flag.startswith("--")), option.opts[0])


def teach(param: click.Parameter, path: str) -> None:
    """Let the shell complete this parameter of the command `path`."""
    if type(param.type) is not click.types.StringParamType:
        return  # a choice, a number: click knows
    taken = _BY_NAME.get((path, param.name or "")) or _BY_NAME.get(("", param.name or ""))
    param.type = taken or _BY_METAVAR.get((param.metavar or "").strip("[]."), _TEXT)


def _quietly(offer: Offer) -> Offer:
    """The same, with nothing to offer where it fails: an error line would end up in the middle of what is typed."""

    def offered(ctx: click.Context) -> Iterable[tuple[str, str]]:
        from lrsync.errors import LrsyncError

        try:
            return list(offer(ctx))
        except LrsyncError:
            return ()

    return offered


def _libraries(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from lrsync import settings
    from lrsync.ui.config_file import config_path

    return [(name, "") for name in settings.library_names(config_path(ctx.params.get("config_file")))]


def _runs(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from lrsync import app
    from lrsync.ui.text import local

    found = app.list_runs(_config(ctx), 50) or []
    # Without commas: at these click's script for fish ends a description.
    return [(str(run.id), f"{run.kind.value} {run.result.value} {local(run.started_at)}") for run in found]


def _decidable(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from lrsync import app
    from lrsync.core.findings import FindingKind
    from lrsync.ui.text import printable

    report = app.read_status(_config(ctx))
    wanted = (FindingKind.ORIGINAL_CHANGED, FindingKind.SUSPECT_ORIGINAL)
    for finding in report.findings if report is not None else ():
        if finding.kind in wanted and printable(finding.path) == finding.path:
            yield finding.path, finding.message


def _storage_classes(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from lrsync.config import STORAGE_CLASSES

    return [(name, "") for name in sorted(STORAGE_CLASSES)]


def _commands(ctx: click.Context) -> Iterable[tuple[str, str]]:
    root = ctx.find_root()
    assert isinstance(root.command, click.Group)
    return [(name, "") for name in root.command.list_commands(root)]


def _config(ctx: click.Context) -> Any:
    from lrsync.ui.options import load_config

    return load_config({"manifest": None, **ctx.params}, required=())


def _words(*words: str) -> Taken:
    return Taken(offer=lambda ctx: [(word, "") for word in words])


_TEXT: Final = Taken()
_FILE: Final = Taken("file")
_BY_METAVAR: Final = {"FILE": _FILE, "FILE.lrcat": _FILE, "PATH": _FILE, "DIR": Taken("dir")}
_BY_NAME: Final[dict[tuple[str, str], Taken]] = {
    ("", "library"): Taken(offer=_quietly(_libraries)),
    ("", "storage_class"): Taken(offer=_storage_classes),
    ("", "sse"): _words("AES256", "aws:kms", "aws:kms:dsse"),
    ("", "transport"): _words("curl", "boto3"),
    ("history", "what"): Taken(offer=_quietly(_runs)),
    ("man", "command"): Taken(offer=_commands),
    ("accept", "paths"): Taken(offer=_quietly(_decidable)),
}
