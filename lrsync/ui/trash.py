"""`lrsync trash list`, `restore`, `purge`: parse, call, render, exit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from lrsync.ui.options import examples, json_option, load_config, parse_age, place_options

if TYPE_CHECKING:
    import threading

    from lrsync.core.events import EventSink
    from lrsync.ui.progress import Progress

T = TypeVar("T")


_LIST_EXAMPLES: Final = examples(
    ("lrsync trash list", "all of it"),
    ("lrsync trash list '2024/*.nef'", "what matches"),
)
_RESTORE_EXAMPLES: Final = examples(
    ("lrsync trash restore 2024/Iceland", "a folder, to its place"),
    ("lrsync trash restore . --to ~/Desktop/back", "everything, elsewhere"),
)
_PURGE_EXAMPLES: Final = examples(
    ("lrsync trash purge --older-than 90d --dry-run", "see what would go"),
    ("lrsync trash purge --older-than 90d", "destroy it"),
)


@click.group()
def trash() -> None:
    """List, bring back or destroy what was deleted or replaced.

    Where the bucket keeps versions, the trash is its old versions; elsewhere it is lrsync's own folder in the bucket.
    """


@trash.command("list", epilog=_LIST_EXAMPLES)
@click.argument("pattern", default="")
@place_options
@json_option
def list_(pattern: str, **flags: Any) -> int:
    """List what is in the trash: all of it, or what PATTERN names.

    PATTERN is a file, a folder, or a pattern in quotes such as '2024/*.nef'. Only the bucket is read.
    """
    config = load_config(flags, required=("s3_bucket",))

    from lrsync import app

    found = _watched(flags, lambda sink, stop: app.list_trash(config, sink, stop, pattern))

    from lrsync.ui import trash_view

    return trash_view.show(trash_view.listed(config.library, found), as_json=flags["as_json"])


@trash.command(epilog=_RESTORE_EXAMPLES)
@click.argument("pattern")
@click.option("--to", metavar="DIR", help="Into this folder, which may be new; the bucket is then only read.")
@place_options
@json_option
def restore(pattern: str, to: str | None, **flags: Any) -> int:
    """Bring back what PATTERN names ('.' is everything): of each file what was deleted or replaced last.

    A file comes back to its place, and its object to its key; neither ever replaces what is there.
    """
    config = load_config(flags, required=("s3_bucket",) if to else ("source_path", "s3_bucket"))

    from lrsync import app
    from lrsync.config import parse_path
    from lrsync.errors import UsageError

    folder = None if to is None else parse_path(to)
    done = _watched(flags, lambda sink, stop: app.restore_trash(config, sink, stop, pattern, folder))
    if not (done.items or done.errors):
        raise UsageError(f"nothing in the trash is called '{pattern}'", hint="'lrsync trash list' names all that is")

    from lrsync.ui import trash_view

    return trash_view.show(trash_view.restored(config.library, done), as_json=flags["as_json"])


@trash.command(epilog=_PURGE_EXAMPLES)
@click.option("--older-than", metavar="TIME", default="30d", show_default=True, help="Longer in the trash than this.")
@click.option("--dry-run", is_flag=True, default=None, help="Say what would be destroyed, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@place_options
@json_option
def purge(older_than: str, yes: bool, **flags: Any) -> int:
    """Destroy for good what has been in the trash for long.

    Asks first. Touches no file, no current object, and nothing that another program wrote.
    """
    config = load_config(flags, required=("s3_bucket",))

    from lrsync import app
    from lrsync.ui import trash_view

    older_than_ns = int(parse_age("--older-than", older_than) * 1_000_000_000)
    displays: list[Progress] = []
    ask: Callable[[int, int], bool] = (lambda count, size: True) if yes else partial(_ask, displays)
    purging = partial(app.purge_trash, config, older_than_ns=older_than_ns, confirm=ask)
    done = _watched(flags, purging, shown=displays.append)
    return trash_view.show(trash_view.purged(config.library, done), as_json=flags["as_json"])


def _ask(displays: Sequence[Progress], count: int, size: int) -> bool:
    """Ask whoever is at the terminal. Raises UsageError where nobody is.

    `displays` ends with the one that is on the screen: it would be drawn over the question.
    """
    from lrsync.errors import UsageError
    from lrsync.ui import output, text
    from lrsync.ui.asking import question_to

    if not output.is_terminal(sys.stdin):
        raise UsageError("nobody is there to be asked", hint="add --yes to destroy it, or --dry-run to see what")
    question = f"Destroy {text.count(count, 'version')} of deleted or replaced files ({text.size(size)}) for good?"
    with question_to(displays[-1]):
        return click.confirm(question, err=True)


def _watched(
    flags: dict[str, Any],
    run: Callable[[EventSink, threading.Event], T],
    shown: Callable[[Progress], None] = lambda p: None,
) -> T:
    from lrsync.ui.running import watched

    return watched(run, as_json=flags["as_json"], shown=shown)
