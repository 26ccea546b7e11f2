"""Open one library for one command: its source, manifest and bucket, proven to belong together.

Imports late: a quiet night opens neither SQLAlchemy nor boto3.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lrsync.adapters.catalog_tree import CatalogTree
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.marker import check_source, read_marker
from lrsync.adapters.seals import Seals
from lrsync.app.manifest_place import manifest_path
from lrsync.app.source_proof import goes_without_marker, identity_text, look, rules, try_marker
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.keys import listing_prefix
from lrsync.core.library import LibraryRow, Place, goes_by_identity, match_library
from lrsync.errors import SourceError, UsageError

if TYPE_CHECKING:
    from lrsync.adapters.manifest import Manifest
    from lrsync.adapters.s3 import S3Store
    from lrsync.adapters.s3_client import StoreSettings


@dataclass(frozen=True, slots=True)
class Session:
    """One library, opened for one command."""

    config: Config
    source: Path
    manifest_path: Path
    place: Place
    resources: ExitStack
    open_store: Callable[[], S3Store]


def open_session(config: Config, resources: ExitStack) -> Session:
    """The settings' library; its bucket is connected to when something first asks for it.

    Everything that is opened is closed with `resources`. Raises UsageError and SourceError.
    """
    if config.source is None:
        raise UsageError("no source folder is given", hint="use --source-path, or source_path in the config file")
    check_source(config.source)
    source = config.source.resolve()

    @cache
    def opened() -> S3Store:
        return resources.enter_context(closing(open_store(config)))

    return Session(config, source, manifest_path(config), place_of(config), resources, opened)


def place_of(config: Config) -> Place:
    """Where the settings say that the library is. They must name a source, which need not be there."""
    assert config.source is not None
    # SQLite takes UTF-8 only, a folder's name may be anything.
    named = os.fsencode(config.source.resolve()).decode("utf-8", "backslashreplace")
    return Place(config.library, named, config.endpoint_url or "", config.bucket, config.prefix)


def working_manifest(session: Session) -> Path:
    """The manifest to work on: in a dry run a private copy, so that whatever happens nothing is changed."""
    if not session.config.dry_run:
        return session.manifest_path
    from lrsync.adapters.database import copy_manifest
    from lrsync.adapters.scratch import scratch_folder

    folder = session.resources.enter_context(scratch_folder("dry-run"))
    scratch = folder / "manifest.sqlite"
    if os.path.lexists(session.manifest_path):
        copy_manifest(session.manifest_path, scratch)
    return scratch


def open_library(session: Session, path: Path, sink: EventSink, *, adopt_source: bool = False) -> Seals:
    """The manifest, made if there is none yet, and proven to be this source's and this bucket's."""
    marker = read_marker(session.source)
    if not os.path.lexists(path):
        if not adopt_source:
            _refuse_shared_prefix(session, marker)
        return _create_library(session, path, marker, sink)
    from lrsync.adapters.seals import ensure_current

    ensure_current(path)
    seals = session.resources.enter_context(Seals(path))
    row = seals.find_library()
    if row is None:  # the run that made the file died before it could say whose it is
        return _create_library(session, path, marker, sink)
    known = _adopted(session, row, sink) if adopt_source and marker is None else row
    seen = look(session.source, session.config, known)
    matched = match_library(known, session.place, seen, accept_source=session.config.accept_source)
    if matched != row:
        manifest_opener(session, path)().update_library(matched)
    return seals


def _adopted(session: Session, row: LibraryRow, sink: EventSink) -> LibraryRow:
    """The row of a library that takes this source without a marker for its own."""
    if goes_without_marker(session.config) or goes_by_identity(row, no_marker=False):
        return replace(row, has_marker=False, identity=identity_text(session.source, session.config, sink))
    return replace(row, has_marker=try_marker(session.source, row.uuid, sink))


def _refuse_shared_prefix(session: Session, marker: str | None) -> None:
    """Raises SourceError where other libraries than this source's are backed up to this very prefix.

    Two of them would each take the other's objects for damage and mend them with its own, night after night.
    """
    from lrsync.engine.snapshot import snapshot_owners

    owners = snapshot_owners(session.open_store(), session.config.prefix)
    if owners and marker not in owners:
        raise SourceError(
            f"another library is backed up to {session.config.bucket}/{session.config.prefix}",
            hint="give this one a --s3-prefix of its own; or, if it is that library on a new drive or computer, run "
            "'lrsync rebuild-manifest' first",
            path=str(session.source),
        )


def _create_library(session: Session, path: Path, marker: str | None, sink: EventSink) -> Seals:
    from lrsync.adapters.database import prepare

    without = goes_without_marker(session.config)
    identity = identity_text(session.source, session.config, sink) if without else None
    _probe_bucket(session)
    if not os.path.lexists(path):  # else it is current, and open: its header must not be looked at
        prepare(path)
    library_uuid = marker or str(uuid.uuid4())
    place = session.place
    row = LibraryRow(
        uuid=library_uuid,
        name=place.name,
        source=place.source,
        endpoint=place.endpoint,
        bucket=place.bucket,
        prefix=place.prefix,
        created_at=time.time_ns(),
        has_marker=marker is not None or (not without and _give_marker(session, library_uuid, sink)),
        identity=identity,
    )
    manifest_opener(session, path)().update_library(row)
    return session.resources.enter_context(Seals(path))


def _probe_bucket(session: Session) -> None:
    """Ask the bucket for one page, so that nothing is made on this side for a bucket that cannot be used."""
    next(iter(session.open_store().list(listing_prefix(session.config.prefix))), None)


def _give_marker(session: Session, library_uuid: str, sink: EventSink) -> bool:
    return session.config.dry_run or try_marker(session.source, library_uuid, sink)


def tree(session: Session) -> CatalogTree:
    """The source, seen through the ignore rules, each catalog with its companions as one file."""
    return CatalogTree(LocalTree(session.source, rules(session.config)), str(session.source))


def manifest_opener(session: Session, path: Path) -> Callable[[], Manifest]:
    """What opens the manifest's rows when they are first needed, once. The manifest is there, and of this version."""

    @cache
    def opened() -> Manifest:
        return session.resources.enter_context(open_rows(path, session.config.prefix))

    return opened


def open_rows(path: Path, prefix: str) -> Manifest:
    """The rows of a manifest that this process may have open already. Raises ManifestError.

    So its header is not looked at once more: on POSIX, to close any descriptor of a file gives up all the locks that
    the process has on it, and a program that had the manifest open meanwhile would take the log away from under a run.
    """
    from lrsync.adapters.database import make_engine
    from lrsync.adapters.manifest import Manifest

    return Manifest(make_engine(path), prefix, path=path)


def open_store(config: Config) -> S3Store:
    """The bucket of these settings. Raises BucketError where boto3 finds no credentials or no such profile."""
    from lrsync.adapters.s3 import S3Store

    return S3Store(store_settings(config))


def store_settings(config: Config) -> StoreSettings:
    """What the S3 adapters need of these settings."""
    from lrsync.adapters.s3_client import StoreSettings

    return StoreSettings(
        bucket=config.bucket,
        endpoint_url=config.endpoint_url,
        region=config.region,
        profile=config.profile,
        threads=config.threads,
        storage=config.storage_rules,
        sse=config.sse,
        sse_kms_key_id=config.sse_kms_key_id,
        bwlimit=config.bwlimit,
        verify_ssl=config.verify_ssl,
        transport=config.transport,
    )


def create_bucket(config: Config) -> None:
    """Make the bucket of these settings. Raises BucketError."""
    store = open_store(config)
    store.create_bucket()
    store.close()
