"""`lrsync sync`: parse, run, show."""

from __future__ import annotations

from typing import Any, Final

import click

from lrsync.ui.options import (
    examples,
    load_config,
    place_options,
    source_options,
    sync_options,
    talk_of,
    talk_options,
    work_options,
)

_EXAMPLES: Final = examples(
    ("lrsync sync --dry-run", "see what would be sent"),
    ("lrsync sync", "back the library 'default' of the config file up"),
    ("lrsync sync --library nas --quiet", "another one, from cron: silent when all is well"),
    ("lrsync sync --source-path ~/Pictures --s3-bucket my-photos --s3-prefix Photos", "without a config file"),
)


@click.command(epilog=_EXAMPLES)
@place_options
@work_options
@source_options
@sync_options
@talk_options
def sync(**flags: Any) -> int:
    """Back up what is new or changed.

    Uploads new and changed files, remembers what S3 acknowledged, and does only what changed the next time.
    Nothing in the bucket is ever deleted without --delete.
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.core.runs import RunKind
    from lrsync.ui.hooks import with_hooks
    from lrsync.ui.running import run

    return run(RunKind.SYNC, config, talk_of(flags), with_hooks(RunKind.SYNC, app.run_sync))
