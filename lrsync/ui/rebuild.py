"""`lrsync rebuild-manifest`: parse, run, show."""

from __future__ import annotations

from typing import Any

import click

from lrsync.ui.options import load_config, place_options, source_options, talk_of, talk_options, work_options


@click.command("rebuild-manifest")
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
