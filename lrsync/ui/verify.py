"""`lrsync verify`: parse, run, show."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import click

from lrsync.ui.options import (
    examples,
    load_config,
    naming,
    parse_age,
    place_options,
    talk_of,
    talk_options,
    work_options,
)

_EXAMPLES: Final = examples(
    ("lrsync verify --sample 2%", "ask S3 about what was proven longest ago; every night, all of it in 50 days"),
    ("lrsync verify --local --max-age 90d", "read the disk again: look for rot"),
    ("lrsync verify --download --sample 100", "read objects back, byte by byte"),
)


@click.command(epilog=_EXAMPLES)
@place_options
@work_options
@click.option("--local", is_flag=True, help="Read the disk again: the same size and time with other bytes is rot.")
@click.option("--remote", is_flag=True, help="Ask S3 for each object's size and checksum. [default]")
@click.option("--download", is_flag=True, help="Read the objects' bytes back. Costs what the store asks for it.")
@click.option("--sample", metavar="N|N%", help="Only so many files, the least recently verified first.")
@click.option("--max-age", metavar="TIME", help="Only what was last verified longer ago: 12h, 90d, 2w.")
@talk_options
def verify(**flags: Any) -> int:
    """Prove that disk and bucket still hold every byte.

    Compares with the manifest; changes neither the disk nor the bucket. What is wrong in the bucket is sent again
    by the next sync. What went bad on the disk is never sent: 'restore --in-place' brings the good bytes back.
    Interrupted, or with --sample, the next verification goes on with what was not looked at for longest.
    """
    config = load_config(flags)

    from lrsync import app
    from lrsync.core.runs import RunKind
    from lrsync.ui.running import run

    runner = partial(app.run_verify, request=_request(flags))
    return run(RunKind.VERIFY, config, talk_of(flags), runner)


def _request(flags: dict[str, Any]) -> Any:
    from lrsync.config import parse_sample
    from lrsync.core.requests import VerifyRequest

    local, remote, download = flags["local"], flags["remote"], flags["download"]
    sample, age = flags["sample"], flags["max_age"]
    with naming("--sample"):
        wanted = None if sample is None else parse_sample(sample)
    return VerifyRequest(
        local=local,
        remote=remote or not (local or download),
        download=download,
        sample=wanted,
        max_age_ns=None if age is None else int(parse_age("--max-age", age) * 1e9),
    )
