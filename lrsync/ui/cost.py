"""`lrsync cost`: parse, read the manifest and the prices, show."""

from __future__ import annotations

from typing import Any, Final

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

_EXAMPLES: Final = examples(
    ("lrsync cost", "what is paid a month, and what a restore would cost"),
    ("lrsync cost --what-if original=DEEP_ARCHIVE", "what another class for RAWs and videos would save"),
)


@click.command(epilog=_EXAMPLES)
@place_options
@click.option(
    "--what-if",
    "what_if",
    multiple=True,
    metavar="KIND=CLASS",
    help="Say what it would be with other classes: original=DEEP_ARCHIVE; also rewritable, sidecar, catalog, other.",
)
@click.option("--prices", metavar="FILE", help="A list of prices of your own: another region, another store.")
@json_option
def cost(what_if: tuple[str, ...], **flags: Any) -> int:
    """Say what the library costs: storage a month, the last run's requests, a restore.

    By a dated list of prices, without old versions and the trash. Reads only the manifest: no network, no bill.
    """
    from lrsync.errors import UsageError
    from lrsync.storage_settings import parse_changes

    try:
        changes = parse_changes(what_if)
    except UsageError as problem:
        raise UsageError(f"--what-if: {problem.message}", hint=problem.hint) from problem
    # The manifest's usual place follows from source and bucket; a given one needs neither.
    config = load_config(flags, required=() if flags["manifest"] else ("source_path", "s3_bucket"))

    from lrsync import app
    from lrsync.ui import cost_report, output
    from lrsync.ui.render import show

    report = app.report_costs(config, changes)
    if flags["as_json"]:
        from lrsync.ui.jsons import to_text

        output.result(to_text(cost_report.as_object(config.library, report)))
    elif report is None:
        output.result("Nothing is backed up yet, so it costs nothing.")
    else:
        show(cost_report.build(report))
    return 0
