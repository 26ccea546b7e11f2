"""`lrsync restore`: parse, run, show."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from lrsync.ui.options import load_config, place_options, talk_of, talk_options, work_options


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--in-place", is_flag=True, help="Bring the good bytes back to where they belong.")
@click.option("--to", metavar="DIR", help="Restore into this folder, which may be new; nothing in it is replaced.")
@click.option("--dry-run", is_flag=True, default=None, help="Say what would be done, and change nothing.")
@place_options
@work_options
@talk_options
def restore(paths: tuple[str, ...], in_place: bool, to: str | None, **flags: Any) -> int:
    """Bring files back from the bucket.

    With --in-place each PATH is one file: a changed original, one that went bad on the disk, or one that is gone.
    Only bytes that a finding calls bad are replaced, and they are kept beside the file as .lrsync-replaced-...
    With --to a PATH may also be a folder, or a pattern in quotes such as '2024/*.nef' ('.' is everything).
    A file takes its name only when all its bytes came and are the recorded ones.
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.config import parse_path
    from lrsync.core.model import RunKind
    from lrsync.core.requests import RestoreRequest
    from lrsync.errors import UsageError
    from lrsync.ui.running import run

    if in_place == (to is not None):
        raise UsageError("say where to restore to", hint="give --in-place, or --to and a folder")
    request = RestoreRequest(paths, None if to is None else str(parse_path(to)))
    return run(RunKind.RESTORE, config, talk_of(flags), partial(app.run_restore, request=request))
