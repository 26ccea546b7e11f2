"""`lrsync init`: ask what is not given, make the bucket if told to, write the config file, take a first look."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.ui.options import examples, explicit, json_option, place_options

if TYPE_CHECKING:
    from lrsync.config import Config
    from lrsync.core.bucket import FeatureFact
    from lrsync.core.first_look import FirstLook
    from lrsync.ui.asking import Asker

DEFAULT_PREFIX: Final = "Photos"


@dataclass(frozen=True, slots=True)
class _Choices:
    """What the flags decide besides the settings."""

    library: str
    file: Path
    update: bool
    create: bool | None
    old_versions_days: int


_EXAMPLES: Final = examples(
    ("lrsync init", "be asked for what it needs"),
    ("lrsync init --yes --source-path ~/Pictures --s3-bucket my-photos --region eu-central-1", "without questions"),
    (
        "lrsync init --library nas --source-path /mnt/nas/photos --s3-bucket my-photos --s3-prefix NAS",
        "one more",
    ),
)


@click.command(epilog=_EXAMPLES)
@place_options
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out what matches (as in .gitignore).")
@click.option("--storage-class", metavar="CLASS", help="STANDARD, STANDARD_IA, GLACIER_IR, DEEP_ARCHIVE, ...")
@click.option("--sse", metavar="KIND", help="Encryption in the bucket: AES256, aws:kms or aws:kms:dsse.")
@click.option("--sse-kms-key-id", metavar="ID", help="The KMS key, with --sse aws:kms.")
@click.option("--bwlimit", metavar="SPEED", help="At most so many bytes a second: 5M, 500K.")
@click.option("--create-bucket/--no-create-bucket", "create", default=None, help="Make the bucket if it is not there.")
@click.option(
    "--old-versions-days",
    type=click.IntRange(0, 36_500),
    default=90,
    show_default=True,
    metavar="DAYS",
    help="In a new bucket: end replaced and deleted versions after this; 0 keeps them for ever.",
)
@click.option("--update", is_flag=True, help="Change a library that is in the config file already.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the flags, and yes where there is a question.")
@json_option
def init(create: bool | None, old_versions_days: int, update: bool, yes: bool, **flags: Any) -> int:
    """Set a library up.

    Asks for what no flag gives, makes the bucket if you like (with versions, encryption, no public access, and an end
    for unfinished uploads and old versions), and writes the config file. Never asks for a secret: credentials come
    from AWS's own configuration. Uploads nothing.
    """
    from lrsync.ui.asking import Asker
    from lrsync.ui.config_file import config_path

    library = flags["library"] or "default"
    choices = _Choices(library, config_path(flags["config_file"]), update, create, old_versions_days)
    asker = Asker(yes=yes)
    _refuse_known(choices)
    config, values = _settings(choices, flags, asker)
    facts = _prepare_bucket(choices, config, asker)

    from lrsync.app import init as wired

    wired.save_library(choices.file, library, values)
    look = wired.look_at_source(config)
    _report(choices, config, facts, look, as_json=flags["as_json"])
    return 0


def _refuse_known(choices: _Choices) -> None:
    from lrsync import settings
    from lrsync.errors import UsageError

    if choices.library in settings.library_names(choices.file) and not choices.update:
        raise UsageError(
            f"the library '{choices.library}' is in {choices.file} already",
            hint="add another with --library NAME, or change this one with --update",
        )


def _settings(choices: _Choices, flags: dict[str, Any], asker: Asker) -> tuple[Config, dict[str, object]]:
    """The library's settings, and those of them that go into the file."""
    from lrsync import settings
    from lrsync.app import init as wired

    given = explicit(flags)
    before = _before(choices)
    asker.ask_missing(given, before | set(settings.for_file({}, os.environ)))
    if not before and given.get("s3_prefix") is None and not os.environ.get("LRSYNC_S3_PREFIX"):
        # Never where there is a library already: that would be another place in the bucket, and all sent again.
        given["s3_prefix"] = DEFAULT_PREFIX
    config = settings.load(given, os.environ, library=choices.library, config_file=choices.file, may_be_new=True)
    assert config.source is not None
    wired.check_source(config.source)
    return config, settings.for_file(given, os.environ)


def _before(choices: _Choices) -> set[str]:
    """The settings that the library has in the file already."""
    from lrsync import settings

    if choices.library not in settings.library_names(choices.file):
        return set()
    return {one.name for one in settings.explain({}, {}, library=choices.library, config_file=choices.file)}


def _prepare_bucket(choices: _Choices, config: Config, asker: Asker) -> list[FeatureFact] | None:
    """How the new bucket is set up; None where it was there already. Raises BucketError."""
    from lrsync.app import init as wired
    from lrsync.core.bucket import Access, Feature
    from lrsync.errors import BucketError

    if wired.reach_bucket(config).access is Access.HERE:
        return None
    question = f"The bucket {config.bucket} does not exist. Make it, private, encrypted and with versions?"
    if not (asker.agrees(question) if choices.create is None else choices.create):
        raise BucketError(f"the bucket {config.bucket} does not exist", hint="make it, or let --create-bucket do so")
    facts: list[FeatureFact] = []
    wired.make_bucket(config, tuple(Feature), old_versions_days=choices.old_versions_days, tell=facts.append)
    return facts


def _report(
    choices: _Choices, config: Config, facts: list[FeatureFact] | None, look: FirstLook, *, as_json: bool
) -> None:
    from lrsync.app import costs
    from lrsync.ui import init_view, output
    from lrsync.ui.render import show_text

    quote = costs.quote_files(config, look.by_class)
    if as_json:
        from lrsync.ui.jsons import to_text

        output.result(to_text(init_view.as_object(config, choices.file, facts, look, quote)))
    else:
        show_text(init_view.as_text(config, choices.file, facts, look, quote))
