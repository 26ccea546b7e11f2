"""The command `lrsync`: which commands there are. Loads none of them before it is called for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Final

import click

from lrsync import __version__
from lrsync.ui.boundary import guarded
from lrsync.ui.common import color_option
from lrsync.ui.garbage import rarely_collected
from lrsync.ui.lazy import LazyCommand, LazyGroup

SECTIONS: Final = {
    "Every day": {
        "sync": LazyCommand("lrsync.ui.sync:sync", "Back up what is new or changed: the nightly job."),
        "watch": LazyCommand("lrsync.ui.watch:watch", "Keep running, and sync a few minutes after a change."),
        "status": LazyCommand("lrsync.ui.status:status", "Say what is safe and what is not; needs no network."),
        "report": LazyCommand("lrsync.ui.report_page:report", "Write all that is known as one web page, with plots."),
        "history": LazyCommand("lrsync.ui.history:history", "List past runs, or the versions of a file."),
        "cost": LazyCommand("lrsync.ui.cost:cost", "Say what the library costs, and would in other storage classes."),
        "log": LazyCommand("lrsync.ui.log:log", "Show what the last run said."),
        "accept": LazyCommand("lrsync.ui.accept:accept", "Take the new bytes of a changed original on purpose."),
    },
    "Get it back": {
        "restore": LazyCommand("lrsync.ui.restore:restore", "Bring files back from the bucket."),
        "trash": LazyCommand("lrsync.ui.trash:trash", "List, bring back or destroy what was deleted.", is_group=True),
        "rebuild-manifest": LazyCommand("lrsync.ui.rebuild:rebuild", "Make a new manifest from the bucket."),
    },
    "Be sure": {
        "verify": LazyCommand("lrsync.ui.verify:verify", "Prove that disk and bucket still hold every byte."),
        "drill": LazyCommand("lrsync.ui.drill:drill", "Rehearse a restore with a few files."),
        "catalog": LazyCommand(
            "lrsync.ui.catalog:catalog", "Audit Lightroom catalogs; their snapshots.", is_group=True
        ),
        "metrics": LazyCommand("lrsync.ui.metrics:metrics", "Write what status knows as Prometheus metrics."),
    },
    "Set up": {
        "init": LazyCommand("lrsync.ui.init:init", "Set a library up: source, bucket, config file."),
        "doctor": LazyCommand("lrsync.ui.doctor:doctor", "Examine a library and its bucket; say what to mend."),
        "schedule": LazyCommand("lrsync.ui.schedule:schedule", "Run every night, by the system.", is_group=True),
        "config": LazyCommand("lrsync.ui.config_file:config", "Show, check or edit the config file.", is_group=True),
        "iam-policy": LazyCommand("lrsync.ui.iam_policy:iam_policy", "Print the least IAM policy that it needs."),
        "adopt": LazyCommand("lrsync.ui.adopt:adopt", "Take over a bucket that another tool filled."),
        "completion": LazyCommand("lrsync.ui.completion:completion", "Let the shell complete commands and names."),
        "man": LazyCommand("lrsync.ui.man:man", "Print the manual page."),
        "demo": LazyCommand("lrsync.ui.demo:demo", "Try everything on a server of its own, without an account."),
    },
}
COMMANDS: Final = {name: entry for commands in SECTIONS.values() for name, entry in commands.items()}
EPILOG: Final = (
    "Every setting is also a variable (--s3-bucket is LRSYNC_S3_BUCKET) and a line of the config file "
    "(s3_bucket under [libraries.default]). Options win over variables, and those over the file. "
    "'lrsync COMMAND --help' has examples."
)
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=LazyGroup, sections=SECTIONS, context_settings=_SETTINGS, epilog=EPILOG)
@click.version_option(__version__, "-V", "--version", prog_name="lrsync", message="%(prog)s %(version)s")
def cli() -> None:
    """Back up a Lightroom photo library to S3 every night, and prove that every photo is safe."""


cli.params.append(color_option())


def main(argv: Sequence[str] | None = None) -> int:
    """`lrsync ...`; returns the exit code."""
    return _run(sys.argv[1:] if argv is None else argv, is_program=argv is None)


def main_sync(argv: Sequence[str] | None = None) -> int:
    """`lightroom-s3-sync ...`, the old name: the same as `lrsync sync ...`."""
    args = list(sys.argv[1:] if argv is None else argv)
    named = args if args in (["--version"], ["-V"]) else ["sync", *args]
    return _run(named, is_program=argv is None)


def _run(args: Sequence[str], *, is_program: bool) -> int:
    with rarely_collected() if is_program else nullcontext():
        return guarded(cli, "lrsync", args, is_program=is_program)
