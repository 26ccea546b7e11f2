"""`lrsync drill`: parse, run, show."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import click

from lrsync.ui.options import examples, load_config, naming, place_options, talk_of, talk_options, work_options

_EXAMPLES: Final = examples(
    ("lrsync drill", "twenty files at random"),
    ("lrsync drill --sample 200", "more of them"),
)


@click.command(epilog=_EXAMPLES)
@click.option("--sample", metavar="N|N%", default="20", show_default=True, help="So many files, chosen at random.")
@place_options
@work_options
@talk_options
def drill(sample: str, **flags: Any) -> int:
    """Rehearse a restore: bring a few files back for real, check them, and throw them away.

    They go into a temporary folder (TMPDIR names another place) the way a restore goes, are compared with what is
    recorded and with the files on the disk, and leave nothing behind. 'status' says how long ago the last drill was.
    Archived objects are left out: they cost money and hours.
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.config import parse_sample
    from lrsync.core.runs import RunKind
    from lrsync.ui.running import run

    with naming("--sample"):
        wanted = parse_sample(sample)
    return run(RunKind.DRILL, config, talk_of(flags), partial(app.run_drill, sample=wanted))
