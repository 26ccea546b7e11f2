"""The manual as roff, in the macros of man(7), out of the commands' own help. Pure: commands in, text out.

click-man was tried: it leaves out examples and commands that are not loaded, and does not escape a line that begins
with a quote or a dot, which roff takes for a request.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import click

_SHARED_BY: Final = 8
"""An option of so many commands is described once, for all of them."""


class Edition(NamedTuple):
    """What every page says besides: the version, a date (2026-03-01), and what exit codes mean."""

    version: str
    date: str
    exits: Mapping[int, str]


class Entry(NamedTuple):
    """One command as the manual sees it: how it is called, after `lrsync`."""

    path: str
    command: click.Command
    context: click.Context


def all_entries(root: click.Group, context: click.Context, path: str = "") -> Iterator[Entry]:
    """Every command below a group that does something itself, in the help's order."""
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from all_entries(command, below, f"{path}{name} ")
        else:
            yield Entry(f"{path}{name}", command, below)


def whole_manual(root: click.Group, context: click.Context, edition: Edition) -> str:
    """lrsync(1): every command in one page."""
    entries = list(all_entries(root, context))
    shared = _shared_options(entries)
    lines = [_title("LRSYNC", edition), ".SH NAME", f"lrsync \\- {escape(_first_line(root))}"]
    lines += [".SH SYNOPSIS", ".B lrsync", "command [options]", ".SH DESCRIPTION", *_prose(root.epilog or "")]
    lines.append(".SH COMMANDS")
    for entry in entries:
        lines += [f".SS {escape(_usage(entry))}", *_prose(entry.command.help or "")]
        own = [record for record in _records(entry) if record[0] not in shared]
        lines += _options(own)
        if entry.command.epilog:
            lines += [".PP", *_prose(entry.command.epilog)]
    lines += [
        ".SH OPTIONS OF MANY COMMANDS",
        *_options(shared.items()),
        *_exits(edition.exits),
        *_environment(),
        *_see_also(),
    ]
    return "\n".join(lines) + "\n"


def one_page(entry: Entry, edition: Edition) -> str:
    """lrsync-sync(1) and its like: one command with all of its options."""
    name = f"lrsync-{entry.path.replace(' ', '-')}"
    lines = [_title(name.upper(), edition), ".SH NAME", f"{escape(name)} \\- {escape(_first_line(entry.command))}"]
    lines += [".SH SYNOPSIS", escape(_usage(entry)), ".SH DESCRIPTION", *_prose(entry.command.help or "")]
    lines += [".SH OPTIONS", *_options(_records(entry))]
    if entry.command.epilog:
        lines += [".SH EXAMPLES", *_prose(entry.command.epilog.replace("Examples:\n", ""))]
    return "\n".join([*lines, *_exits(edition.exits), *_environment(), *_see_also()]) + "\n"


def escape(text: str) -> str:
    r"""Text that roff shows as it is.

    >>> escape("'--x' is\n.TH")
    "\\&'\\-\\-x' is\n\\&.TH"
    """
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("\u2019", "'")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in plain.split("\n"))


def _title(name: str, edition: Edition) -> str:
    return f'.TH {escape(name)} 1 "{edition.date}" "lrsync {escape(edition.version)}" "lrsync"'


def _first_line(command: click.Command) -> str:
    return " ".join(inspect.cleandoc(command.help or "").partition("\n\n")[0].split()).rstrip(".")


def _usage(entry: Entry) -> str:
    return f"lrsync {entry.path} {' '.join(entry.command.collect_usage_pieces(entry.context))}"


def _prose(text: str) -> Iterator[str]:
    """Paragraphs; what click is told to leave as it is (a lone \\b before it) keeps its lines."""
    for number, paragraph in enumerate(filter(str.strip, inspect.cleandoc(text).split("\n\n"))):
        if number:
            yield ".PP"  # not after a heading, which mandoc complains of
        if paragraph.startswith("\b\n"):
            yield from (".nf", escape(paragraph[2:]), ".fi")
        else:
            yield escape(" ".join(paragraph.split()))


def _records(entry: Entry) -> list[tuple[str, str]]:
    params = (param for param in entry.command.get_params(entry.context) if isinstance(param, click.Option))
    found = (param.get_help_record(entry.context) for param in params)
    return [(record[0], record[1]) for record in found if record is not None]


def _shared_options(entries: Iterable[Entry]) -> dict[str, str]:
    told = [record for entry in entries for record in _records(entry)]
    counts = Counter(name for name, _ in told)
    return {name: text for name, text in told if counts[name] >= _SHARED_BY}


def _options(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in records:
        yield from (".TP", f"\\fB{escape(name)}\\fR", escape(" ".join(text.split())))


def _exits(exits: Mapping[int, str]) -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code, meaning in exits.items():
        yield from (".TP", f"\\fB{int(code)}\\fR", escape(meaning))


def _environment() -> Iterator[str]:
    yield from (
        ".SH ENVIRONMENT",
        ".TP",
        "\\fBLRSYNC_S3_BUCKET\\fR and the like",
        escape("Each setting; an option wins over its variable."),
        ".TP",
        "\\fBLRSYNC_STATUS_MAX_AGE\\fR and the like",
        escape("Each option of a single command, with the command's name before it."),
        ".TP",
        "\\fBNO_COLOR\\fR, \\fBFORCE_COLOR\\fR, \\fBCOLUMNS\\fR",
        escape("No colours, colours also in a pipe, and how wide the text may be."),
        ".TP",
        "\\fBAWS_PROFILE\\fR, \\fBAWS_ACCESS_KEY_ID\\fR and the like",
        escape("Where credentials come from, as for every AWS tool."),
    )


def _see_also() -> Iterator[str]:
    yield from (".SH SEE ALSO", ".BR rclone (1),", ".BR crontab (1)")
