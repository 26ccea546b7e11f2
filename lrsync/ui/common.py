"""What every command has: --color, a variable for each of its options, and completion of what they take.

Put on a command when it is loaded, so that no command can lack it.
"""

from __future__ import annotations

from typing import Final

import click

from lrsync.ui import completing
from lrsync.ui.color import CHOICES, VARIABLE

SETTING_NAMES: Final = frozenset(
    (
        "source_path",
        "s3_bucket",
        "s3_prefix",
        "endpoint_url",
        "region",
        "profile",
        "threads",
        "batch_size",
        "exclude",
        "include",
        "no_default_excludes",
        "storage_class",
        "sse",
        "sse_kms_key_id",
        "bwlimit",
        "no_marker",
        "transport",
        "delete",
        "max_delete",
        "full_every",
        "keep_catalogs",
        "catalog_wait",
        "catalogs",
        "settle",
        "manifest",
        "log_file",
        "prices",
        "full",
        "accept_mass_change",
        "accept_source",
        "dry_run",
        "no_verify_ssl",
    )
)
"""As `lrsync.settings` has them, which reads their variables itself; written out, since the help must not load it."""


def finish(command: click.Command, path: str) -> click.Command:
    """The command, and those below it, with all that is common. `path` is how it is called, after `lrsync`."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            finish(below, f"{path} {name}")
    for param in command.params:
        completing.teach(param, path)
        if isinstance(param, click.Option) and param.envvar is None and param.name not in SETTING_NAMES:
            param.envvar = variable_of(path, param)
    command.params.append(color_option())
    return command


def variable_of(path: str, option: click.Option) -> str | None:
    """LRSYNC_STATUS_MAX_AGE for `status --max-age`: other commands have a --max-age of their own."""
    if option.is_eager:
        return None  # --help
    words = f"lrsync {path} {completing.long_flag(option).lstrip('-')}"
    return words.replace("-", "_").replace(" ", "_").upper()


def color_option() -> click.Option:
    """--color. Only its value is looked at here: `color.choose` has taken it, before anything could go wrong."""
    return click.Option(
        ["--color"],
        type=click.Choice(CHOICES),
        envvar=VARIABLE,
        expose_value=False,
        default="auto",
        show_default=True,
        help="When to use colours.",
    )
