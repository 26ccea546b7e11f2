"""`lrsync status`: parse, read the manifest, show."""

from __future__ import annotations

import time
from typing import Any

import click

from lrsync.ui.options import json_option, load_config, place_options


@click.command()
@place_options
@json_option
@click.option("--cost", is_flag=True, help="Say what the objects cost a month, by a dated list of prices.")
@click.option("--prices", metavar="FILE", help="A list of prices of your own: another region, another store.")
def status(cost: bool, **flags: Any) -> int:
    """Say what is safe, what is not, and since when.

    Reads only the manifest: no network. Ends with 0 when everything is safe, 3 when files wait for a backup,
    4 when something needs a person.
    """
    config = load_config(flags, required=_needed(flags))

    from lrsync import app

    report = app.read_status(config)
    quote = app.quote_storage(config) if cost and report is not None else None

    from lrsync.ui import cost_view, output, status_view
    from lrsync.ui.render import show

    now_ns = time.time_ns()
    code = status_view.exit_code(report)
    if flags["as_json"]:
        from lrsync.ui.jsons import status_object, to_text

        state = status_view.sentence_of(report, now_ns)
        told = status_object(config.library, report, code, state)
        output.result(to_text({**told, **cost_view.json_of(quote)} if cost else told))
    else:
        show(status_view.build(report, now_ns))
        if cost and report is not None:
            output.result(cost_view.line(quote))
        if report is None:
            output.note("hint: run 'lrsync sync' to back it up.")
    return int(code)


def _needed(flags: dict[str, Any]) -> tuple[str, ...]:
    # The manifest's usual place follows from source and bucket; a given one needs neither.
    return () if flags["manifest"] else ("source_path", "s3_bucket")
