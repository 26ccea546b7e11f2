"""`lrsync rebuild-manifest`: parse, run, show."""

from __future__ import annotations

from typing import Any, Final

import click

from lrsync.ui.options import examples, load_config, place_options, source_options, talk_of, talk_options, work_options

_EXAMPLES: Final = examples(
    ("lrsync rebuild-manifest", "the manifest of this computer is lost or damaged"),
    (
        "lrsync rebuild-manifest --source-path /Volumes/New/Pictures --s3-bucket my-photos --s3-prefix Photos",
        "the library lives on a new drive now",
    ),
)


@click.command("rebuild-manifest", epilog=_EXAMPLES)
@place_options
@work_options
@source_options
@talk_options
def rebuild(**flags: Any) -> int:
    """Make a new manifest from the bucket.

    For when the manifest is lost or damaged, or the library moved to a new computer. Begins with the newest whole
    copy of the manifest in the bucket, keeps of it what the bucket's listing confirms, and asks about the rest. The
    old manifest is kept beside the new one. The bucket is only read, and so is the source, but for a lost marker.
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.core.runs import RunKind
    from lrsync.ui.running import run

    return run(RunKind.REBUILD, config, talk_of(flags), app.run_rebuild)
