"""`lrsync log`: parse, read the log, show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

if TYPE_CHECKING:
    from lrsync.log_read import LogRecord

_EXAMPLES: Final = examples(
    ("lrsync log", "what the last run said"),
    ("lrsync log --lines 200", "the end of the log, whatever wrote it"),
    ("lrsync log --follow", "and what is written from now on"),
)


@click.command(epilog=_EXAMPLES)
@click.option("--lines", type=click.IntRange(1), metavar="N", help="The last N entries, instead of the last run's.")
@click.option("--follow", is_flag=True, help="Go on with what is written from now on; Ctrl-C ends it.")
@click.option("--path", "only_path", is_flag=True, help="Say where the log is, and no more.")
@place_options
@click.option("--log-file", metavar="FILE", help="The log's place, if not the usual one.")
@json_option
def log(lines: int | None, follow: bool, only_path: bool, **flags: Any) -> int:
    """Show what the last run said.

    The log holds every run of the last weeks, of all libraries: when it began, what went wrong, and how it ended.
    """
    config = load_config(flags, required=())

    from lrsync import log_read, logs
    from lrsync.errors import UsageError
    from lrsync.ui import output
    from lrsync.ui.text import printable

    if follow and flags["as_json"]:
        raise UsageError("--follow and --json do not go together", hint="choose one")
    path = config.log_file or logs.default_log_file()
    name = printable(config.library)
    found = [] if only_path else log_read.last_lines(path, lines) if lines else log_read.last_run(path, name)
    if flags["as_json"]:
        output.result(_as_json(config.library, path, found))
    elif only_path:
        output.result(printable(str(path)))
    else:
        _show(path, found, follow=follow)
    return 0


def _as_json(library: str, path: Path, found: list[LogRecord]) -> str:
    from lrsync.ui.jsons import to_text

    told = [{"time": one.time, "level": one.level, "message": one.message} for one in found]
    head = {"command": "log", "library": library, "result": "ok", "exit_code": 0}
    return to_text({**head, "path": str(path), "entries": told})


def _show(path: Path, found: list[LogRecord], *, follow: bool) -> None:
    from lrsync import log_read
    from lrsync.ui import output

    for record in found:
        output.result(_line(record.text, record.level))
    if not found and not follow:
        output.note(f"no run of this library is in the log {path}")
    if follow:
        for line in log_read.follow(path):
            output.result(_line(line, line.split(" ", 2)[1] if line.count(" ") > 1 else ""))


def _line(text: str, level: str) -> str:
    from lrsync.ui.color import Style, is_colored, painted
    from lrsync.ui.text import printable

    shown = "\n".join(printable(line) for line in text.split("\n"))
    style = {"WARNING": Style.WARN, "ERROR": Style.BAD}.get(level)
    return painted(shown, style) if style is not None and is_colored(sys.stdout) else shown
