"""`lrsync metrics`: parse, read the manifest, write."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from lrsync.ui.options import examples, load_config, place_options

_EXAMPLES: Final = examples(
    ("lrsync metrics", "look at them"),
    ("lrsync metrics --output /var/lib/node_exporter/textfile/lrsync.prom", "for Prometheus"),
)


@click.command(epilog=_EXAMPLES)
@place_options
@click.option("--output", "target", metavar="FILE", help="Into this file, whole or not at all, instead of stdout.")
def metrics(target: str | None, **flags: Any) -> int:
    """Write what 'lrsync status' knows as Prometheus metrics.

    Reads only the manifest: no network. For node_exporter's textfile collector: '--output
    /var/lib/node_exporter/lrsync.prom'. Ends with 0 wherever the metrics could be told, however the library is.
    """
    config = load_config(flags, required=() if flags["manifest"] else ("source_path", "s3_bucket"))

    from lrsync import app
    from lrsync.ui import metrics_text, output, status_view

    report = app.read_status(config)
    text = metrics_text.render(config.library, report, status_view.exit_code(report))
    if target is None:
        output.result(text.rstrip("\n"))
    else:
        from lrsync.app import metrics as wired

        wired.write_metrics(Path(target).expanduser(), text)
    return 0
