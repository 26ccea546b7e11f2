"""Wire the setting-up of a library: look for photos, at the bucket, make it, write the settings, take a first look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from lrsync.adapters.s3_bucket import S3Bucket
from lrsync.app.session import store_settings
from lrsync.config import Config
from lrsync.core.bucket import Access, Feature, FeatureFact, Reached
from lrsync.core.first_look import FirstLook
from lrsync.engine.first_look import first_look
from lrsync.errors import BucketError


def suggest_sources() -> list[tuple[Path, str]]:
    """Folders that likely hold the photos, and why, the likeliest first."""
    from lrsync.adapters import lightroom

    return [(one.path, one.why) for one in lightroom.suggest_sources(Path.home())]


def check_source(source: Path) -> None:
    """Raises SourceError where the folder is missing or cannot be read."""
    from lrsync.adapters import marker

    marker.check_source(source)


def reach_bucket(config: Config) -> Reached:
    """Whether the bucket is there. Raises BucketError where it cannot be used."""
    with open_bucket(config) as bucket:
        reached = bucket.reach()
    if reached.access is Access.DENIED:
        raise reached.refusal or BucketError(
            f"access to the bucket {config.bucket} is denied",
            hint="is the name yours? 'lrsync iam-policy' says what it needs",
        )
    if reached.access is Access.ELSEWHERE:
        where = f": {reached.region}" if reached.region else ""
        raise BucketError(f"the bucket {config.bucket} is in another region{where}", hint="give that as --region")
    return reached


def make_bucket(
    config: Config, features: tuple[Feature, ...], *, old_versions_days: int, tell: Callable[[FeatureFact], None]
) -> None:
    """Make the bucket and turn on what protects it; `tell` hears how each of it went. Raises BucketError."""
    with open_bucket(config) as bucket:
        bucket.create()
        for feature in features:
            tell(bucket.enable(feature, old_versions_days=old_versions_days))


def save_library(path: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write the library's settings into the config file. Raises UsageError."""
    from lrsync.adapters import configfile

    configfile.save_library(path, name, values)


def look_at_source(config: Config) -> FirstLook:
    """Count what a first backup would send, by name and size alone. Reads no file and asks no bucket."""
    from lrsync.adapters.ignore import IgnoreRules
    from lrsync.adapters.localfs import LocalTree

    assert config.source is not None
    rules = IgnoreRules(config.exclude, config.include, defaults=config.default_excludes)
    tree = LocalTree(config.source.resolve(), rules)
    return first_look(tree, bwlimit=config.bwlimit, storage=config.storage_rules)


@contextmanager
def open_bucket(config: Config) -> Iterator[S3Bucket]:
    """The bucket as a whole. Raises BucketError where boto3 finds no such profile."""
    with closing(S3Bucket(store_settings(config), config.prefix)) as bucket:
        yield bucket
