"""`lrsync adopt`: parse, ask, run, show."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.ui.options import (
    examples,
    load_config,
    place_options,
    source_options,
    talk_of,
    talk_options,
    work_options,
)

if TYPE_CHECKING:
    from lrsync.ui.progress import Progress

_CHOICES: Final = ("ask", "leave", "trust", "download", "upload")


_EXAMPLES: Final = examples(
    ("lrsync adopt --dry-run", "what could be proven, and what it would take"),
    ("lrsync adopt", "take over what is proven; then run lrsync sync"),
    ("lrsync adopt --unproven download", "read back the objects that nothing else proves"),
)


@click.command(epilog=_EXAMPLES)
@click.option(
    "--unproven",
    type=click.Choice(_CHOICES),
    default="ask",
    show_default=True,
    help="What of objects that have a file's size, and nothing that proves more. Unasked they are left to sync.",
)
@click.option(
    "--rewrite-metadata",
    is_flag=True,
    help="Copy each proven object onto itself, in the bucket, with its file's time and sha256 as metadata.",
)
@click.option("--yes", is_flag=True, help="Do not ask before objects are rewritten.")
@click.option("--dry-run", is_flag=True, default=None, help="Say what would be found and done, and change nothing.")
@place_options
@work_options
@source_options
@click.option("--storage-class", metavar="CLASS", help="Of what --unproven upload sends: STANDARD, STANDARD_IA, ...")
@click.option("--bwlimit", metavar="SPEED", help="At most so many bytes a second: 5M, 500K; off.")
@click.option("--prices", metavar="FILE", help="A list of prices of your own: another region, another store.")
@talk_options
def adopt(unproven: str, rewrite_metadata: bool, yes: bool, **flags: Any) -> int:
    """Take over a bucket that another tool filled, without uploading it again.

    For photos that aws s3 sync, s5cmd, rclone or a script put there under their relative paths. Reads each file once
    and compares it with what S3 knows of its object: a sha256 or another checksum, the MD5 of a single upload, the
    ETag of an upload in parts. What is proven counts as backed up from then on.

    Uploads, replaces and deletes nothing by itself: run 'lrsync sync' afterwards, it does the rest. Begin with
    --dry-run, which reads only a few files. Stopped, the same command goes on where it was.

    \b
    --unproven leave     the next sync sends these files again, and keeps the old objects
    --unproven download  read each object once, and compare (the store may charge for that)
    --unproven upload    send these files again now; the old objects are kept in the trash or as versions
    --unproven trust     take them as they are: they never count as safe, and are never deleted
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.core.requests import AdoptRequest, Unproven
    from lrsync.core.runs import RunKind
    from lrsync.ui.adopt_asking import Manner, agree_to_rewrite, choose_unproven
    from lrsync.ui.running import run

    talk = talk_of(flags)
    displays: list[Progress] = []
    manner = Manner(silent=talk.as_json or talk.quiet, yes=yes)
    request = AdoptRequest(None if unproven == "ask" else Unproven(unproven), rewrite_metadata)
    runner = partial(
        app.run_adopt,
        request=request,
        choose=partial(choose_unproven, displays, manner),
        agree=partial(agree_to_rewrite, displays, manner),
    )
    return run(RunKind.ADOPT, config, talk, runner, shown=displays.append)
