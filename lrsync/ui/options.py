"""The options that commands share. All of them are taken as text: `config` says what each may be."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from lrsync.config import Config

C = TypeVar("C", bound=Callable[..., Any])

UNVERIFIED: Final = (
    "the server's certificate is NOT verified (--no-verify-ssl): whoever is on the way can read and change everything"
)

_LIBRARY: Final = (
    click.option("--library", metavar="NAME", envvar="LRSYNC_LIBRARY", help="The library in the config file."),
    click.option("--config", "config_file", metavar="FILE", envvar="LRSYNC_CONFIG", help="Another config file."),
)
_PLACE: Final = (
    click.option("--source-path", metavar="DIR", help="The folder with the photos."),
    click.option("--s3-bucket", metavar="NAME", help="The bucket."),
    click.option("--s3-prefix", metavar="PREFIX", help="The folder in the bucket; none is its root."),
    click.option("--endpoint-url", metavar="URL", help="An S3-compatible store that is not AWS."),
    click.option("--region", metavar="NAME", help="The bucket's region."),
    click.option("--profile", metavar="NAME", help="The profile in AWS's own configuration."),
    click.option("--manifest", metavar="FILE", help="The manifest's place, if not the usual one."),
    click.option(
        "--no-verify-ssl", is_flag=True, default=None, help="Trust whoever answers: anybody could read and change all."
    ),
)
_SELECTION: Final = (
    click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out what matches (as in .gitignore)."),
    click.option("--include", multiple=True, metavar="PATTERN", help="Bring back what an exclude left out."),
    click.option(
        "--no-default-excludes/--default-excludes",
        "no_default_excludes",
        default=None,
        help="Also back up previews, caches and the system's own files.",
    ),
)
_SOURCE: Final = (
    click.option(
        "--no-marker/--marker",
        "no_marker",
        default=None,
        help="Write nothing to the source: know it by its file system instead of a marker.",
    ),
)
_WORK: Final = (
    click.option("--threads", metavar="N", help="Files at once, 1 to 256. [default: 8]"),
    click.option("--batch-size", metavar="N", help="Files to one manifest transaction. [default: 2000]"),
    click.option("--transport", metavar="NAME", help="What sends files: curl or boto3. [default: the best there is]"),
)
_SYNC: Final = (
    click.option("--storage-class", metavar="CLASS", help="STANDARD, STANDARD_IA, GLACIER_IR, DEEP_ARCHIVE, ..."),
    click.option("--sse", metavar="KIND", help="Encryption in the bucket: AES256, aws:kms or aws:kms:dsse."),
    click.option("--sse-kms-key-id", metavar="ID", help="The KMS key, with --sse aws:kms."),
    click.option("--bwlimit", metavar="SPEED", help="At most so many bytes a second: 5M, 500K; off."),
    click.option("--dry-run", is_flag=True, default=None, help="Say what would be done, and change nothing."),
    click.option("--delete/--no-delete", default=None, help="Move to the trash what is gone from the source."),
    click.option(
        "--max-delete", metavar="N|N%", help="Delete nothing if it were more. [default: the larger of 10 and 10%]"
    ),
    click.option(
        "--accept-mass-change", is_flag=True, default=None, help="Overwrite although far more changed than ever."
    ),
    click.option(
        "--accept-source", is_flag=True, default=None, help="Take this folder for the library's, though it looks new."
    ),
    click.option("--full", is_flag=True, default=None, help="Compare the whole bucket with the manifest now."),
    click.option("--full-every", metavar="TIME", help="Compare it this often: 12h, 7d, never. [default: 7d]"),
    click.option(
        "--catalog",
        "catalogs",
        multiple=True,
        metavar="FILE",
        help="A Lightroom catalog outside of the source that is to be snapshotted, too.",
    ),
    click.option("--keep-catalogs", metavar="N", help="Snapshots of a catalog to keep, and one a week. [default: 10]"),
    click.option("--catalog-wait", metavar="TIME", help="Wait so long for Lightroom to pause: 30s, 5m. [default: 1m]"),
    click.option("--settle", metavar="TIME", help="Leave files for the next run that were written within it: 2m, off."),
)
_JSON: Final = (
    click.option("--json", "as_json", is_flag=True, envvar="LRSYNC_JSON", help="One JSON object on stdout."),
)
_TALK: Final = (
    *_JSON,
    click.option("-q", "--quiet", is_flag=True, envvar="LRSYNC_QUIET", help="Say nothing unless something is wrong."),
    click.option("-v", "--verbose", is_flag=True, envvar="LRSYNC_VERBOSE", help="Name every file that is dealt with."),
    click.option("--log-file", metavar="FILE", help="The log's place, if not the usual one."),
)


@dataclass(frozen=True, slots=True)
class Talk:
    """How a command speaks."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    dry_run: bool = False


def examples(*lines: tuple[str, str]) -> str:
    """The epilog of a command: command lines that can be copied, each below what it is for."""
    shown = [text for command, why in lines for text in (f"  # {why}", f"  {command}")]
    return "\b\nExamples:\n" + "\n".join(shown)  # \b: click leaves its lines as they are


def place_options(command: C) -> C:
    """Which library, by name or by flags."""
    return _apply(command, _LIBRARY + _PLACE)


def work_options(command: C) -> C:
    """What of the source, and how many at once."""
    return _apply(command, _SELECTION + _WORK)


def source_options(command: C) -> C:
    """How the source is told from another one."""
    return _apply(command, _SOURCE)


def speed_options(command: C) -> C:
    """How many at once."""
    return _apply(command, _WORK)


def sync_options(command: C) -> C:
    """What only `sync` does."""
    return _apply(command, _SYNC)


def talk_options(command: C) -> C:
    """How a run speaks, and where it logs."""
    return _apply(command, _TALK)


def json_option(command: C) -> C:
    """`--json` alone, for commands that only answer."""
    return _apply(command, _JSON)


def _apply(command: C, options: tuple[Callable[[Any], Any], ...]) -> C:
    for option in reversed(options):  # decorators apply from the bottom, and the help lists them from the top
        command = option(command)
    return command


def load_config(flags: dict[str, Any], *, required: tuple[str, ...] = ("source_path", "s3_bucket")) -> Config:
    """The Config of a command's flags (all of them: what is not a setting is taken out). Raises UsageError."""
    from lrsync import settings

    config_file = flags.get("config_file")
    config = settings.load(
        explicit(flags),
        os.environ,
        library=flags.get("library"),
        config_file=Path(config_file).expanduser() if config_file else None,
        required=required,
    )
    if not config.verify_ssl:
        from lrsync.ui import output

        # Here, where no command gets past it, and whatever --quiet says.
        output.warning(UNVERIFIED)
    return config


@contextmanager
def naming(flag: str) -> Iterator[None]:
    """Let what is wrong with a value say which option it was given to."""
    from lrsync.errors import UsageError

    try:
        yield
    except UsageError as problem:
        raise UsageError(f"{flag}: {problem.message}", hint=problem.hint) from problem


def parse_age(flag: str, text: str) -> float:
    """An age in seconds, such as 36h or 2d. Raises UsageError, also for `never`."""
    from lrsync.config import parse_period
    from lrsync.errors import UsageError

    hint = "write it as 36h, 90d or 2w"
    try:
        seconds = parse_period(text)
    except UsageError as problem:
        raise UsageError(f"{flag}: {problem.message}", hint=hint) from problem
    if math.isinf(seconds):
        raise UsageError(f"{flag}: 'never' is no age", hint=hint)
    return seconds


def explicit(flags: dict[str, Any]) -> dict[str, Any]:
    """Those of a command's flags that are settings."""
    from lrsync.settings import SETTINGS

    names = {setting.name for setting in SETTINGS}
    return {name: value for name, value in flags.items() if name in names}


def talk_of(flags: dict[str, Any]) -> Talk:
    """How the command was asked to speak."""
    return Talk(flags["as_json"], flags["quiet"], flags["verbose"])
