"""Open a library that was backed up before, for a command that cannot begin one. Needs its drive only where told."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lrsync.adapters.database import copy_manifest
from lrsync.adapters.lock import library_lock
from lrsync.adapters.scratch import scratch_folder
from lrsync.adapters.seals import Seals, ensure_current
from lrsync.app.manifest_place import manifest_path
from lrsync.app.session import Session, open_library, open_rows, open_session, open_store, working_manifest
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.library import LibraryRow
from lrsync.errors import UsageError

if TYPE_CHECKING:
    from lrsync.adapters.manifest import Manifest
    from lrsync.core.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class Existing:
    """One library that has a manifest, locked for one command. `session` is None where its drive is not needed."""

    session: Session | None
    seals: Seals
    manifest: Manifest
    open_store: Callable[[], ObjectStore]


def open_with_source(config: Config, resources: ExitStack, sink: EventSink, *, command: str) -> Existing:
    """The library with its drive, proven to be the right one. In a dry run its manifest is a private copy.

    Raises UsageError, SourceError, LockedError and ManifestError.
    """
    session = open_session(config, resources)
    _demand_manifest(config)
    path = working_manifest(session)
    if not config.dry_run:
        resources.enter_context(library_lock(path, command=command))
    seals = open_library(session, path, sink)
    return Existing(session, seals, _manifest(config, resources, seals), session.open_store)


def open_without_source(config: Config, resources: ExitStack, *, command: str) -> Existing:
    """The library without its drive, which may be dead. Raises UsageError, LockedError and ManifestError."""
    _demand_manifest(config)
    path = _scratch_copy(config, resources) if config.dry_run else manifest_path(config)
    if not config.dry_run:
        resources.enter_context(library_lock(path, command=command))
    ensure_current(path)
    seals = resources.enter_context(Seals(path))
    _demand_place(seals.library(), config)
    return Existing(None, seals, _manifest(config, resources, seals), _store_opener(config, resources))


def _scratch_copy(config: Config, resources: ExitStack) -> Path:
    folder = resources.enter_context(scratch_folder("dry-run"))
    scratch = folder / "manifest.sqlite"
    copy_manifest(manifest_path(config), scratch)
    return scratch


def _demand_manifest(config: Config) -> None:
    # Made here, a manifest would be empty, and every answer from it wrong.
    if not os.path.lexists(manifest_path(config)):
        raise UsageError(
            "this library was never backed up from this machine",
            hint="check the source, bucket and prefix; or run rebuild-manifest, which makes its manifest anew",
        )


def _demand_place(row: LibraryRow, config: Config) -> None:
    if row.address != (config.endpoint_url or "", config.bucket, config.prefix):
        raise UsageError(
            f"this manifest is of the bucket {row.bucket}, prefix '{row.prefix}'",
            hint="leave out --manifest to use this bucket's own, or correct the bucket, prefix or endpoint",
        )


def _manifest(config: Config, resources: ExitStack, seals: Seals) -> Manifest:
    return resources.enter_context(open_rows(seals.path, config.prefix))


def _store_opener(config: Config, resources: ExitStack) -> Callable[[], ObjectStore]:
    @cache
    def opened() -> ObjectStore:
        return resources.enter_context(closing(open_store(config)))

    return opened
