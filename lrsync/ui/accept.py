"""`lrsync accept`: parse, run, show."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import click

from lrsync.ui.options import examples, load_config, place_options, talk_of, talk_options, work_options

_EXAMPLES: Final = examples(
    ("lrsync accept 2024/Iceland/IMG_0042.NEF", "the change of this RAW is meant"),
    ("lrsync accept --all --dry-run", "what would be accepted"),
)


@click.command(epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--all", "everything", is_flag=True, help="Accept every changed original that waits for a decision.")
@click.option("--storage-class", metavar="CLASS", help="STANDARD, STANDARD_IA, GLACIER_IR, DEEP_ARCHIVE, ...")
@click.option("--dry-run", is_flag=True, default=None, help="Say what would be done, and change nothing.")
@place_options
@work_options
@talk_options
def accept(paths: tuple[str, ...], everything: bool, **flags: Any) -> int:
    """Take the new bytes of a changed original on purpose.

    An original is a RAW or a video: its bytes should never change, so a sync keeps the good object and asks you.
    This uploads just the bytes that were found; the old object goes to the trash, or stays as a version.
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.core.requests import AcceptRequest
    from lrsync.core.runs import RunKind
    from lrsync.errors import UsageError
    from lrsync.ui.running import run

    if bool(paths) == everything:
        raise UsageError("name the files to accept, or give --all", hint="lrsync status names them")
    runner = partial(app.run_accept, request=AcceptRequest(paths, everything))
    return run(RunKind.ACCEPT, config, talk_of(flags), runner)
