"""Wire the manifest's snapshots: packing one after a run, beginning a rebuild with one."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lrsync.adapters.marker import read_marker
from lrsync.adapters.seals import Seals
from lrsync.app.source_proof import goes_without_marker, try_marker
from lrsync.core.events import EventSink, Notice
from lrsync.core.library import LibraryRow
from lrsync.errors import ManifestError

if TYPE_CHECKING:
    from lrsync.app.session import Session
    from lrsync.core.ports import ManifestPacker, PackedManifest
    from lrsync.core.runs import SnapshotUse


def manifest_packer(path: Path, resources: ExitStack) -> ManifestPacker:
    """What packs this manifest; imported when it is called, which a quiet night never does.

    To be made before the manifest is opened into `resources`: what it leaves there is closed last.
    """
    return partial(_packed, path, resources.enter_context(ExitStack()))


def _packed(path: Path, late: ExitStack) -> AbstractContextManager[PackedManifest]:
    from lrsync.adapters.snapshots import packed

    return packed(path, late=late)


def begin_with_snapshot(session: Session, path: Path, sink: EventSink) -> SnapshotUse | None:
    """Make the manifest at `path` of the best snapshot that the bucket has of this library.

    None where there is none, and where an interrupted rebuild left a manifest there to go on with.
    Raises BucketError, UsageError (nothing says which of several libraries this is), ManifestError.
    """
    from lrsync.adapters.snapshots import unpack
    from lrsync.engine.snapshot import choose_owner, find_snapshots, take_snapshot

    if os.path.lexists(path):
        sink(Notice("going on where an interrupted rebuild stopped"))
        return None
    store, prefix = session.open_store(), session.config.prefix
    found = find_snapshots(store, prefix)
    marker = read_marker(session.source)
    uuid = choose_owner(marker or _uuid_in(session.manifest_path, session, sink), found)
    if uuid is None:
        return take_snapshot(store, (), lambda chunks, sha256: None, sink)
    if marker is None and not goes_without_marker(session.config):
        # Before anything else: also without a whole snapshot it stays the library that it was.
        try_marker(session.source, uuid, sink)
    expected = _library_row(session, uuid)
    return take_snapshot(
        store, found.get(uuid, []), lambda chunks, sha256: unpack(chunks, sha256, path, expected), sink
    )


def _library_row(session: Session, uuid: str) -> LibraryRow:
    place = session.place
    return LibraryRow(uuid, place.name, place.source, place.endpoint, place.bucket, place.prefix, created_at=0)


def _uuid_in(path: Path, session: Session, sink: EventSink) -> str | None:
    """Which library the manifest that is to be replaced says that it is of, as far as it can be read."""
    if not os.path.lexists(path):
        return None
    try:
        with Seals(path) as seals:
            row = seals.find_library()
    except ManifestError as error:
        sink(Notice(f"the old manifest cannot be read: {error.message}"))
        return None
    if row is None or (row.bucket, row.prefix) != (session.place.bucket, session.place.prefix):
        return None
    return row.uuid
