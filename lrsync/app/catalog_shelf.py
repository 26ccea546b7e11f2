"""Wire `lrsync catalog list` and `restore`: they need the bucket, and neither the source nor the manifest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeVar

from lrsync.adapters.catalog_place import Fetch, place_catalog, place_database
from lrsync.adapters.catalog_read import CatalogReader
from lrsync.adapters.scratch import scratch_folder
from lrsync.app.session import open_store
from lrsync.config import Config
from lrsync.core.catalogs import CatalogRestored, SnapshotPart, StoredSnapshot, snapshot_object
from lrsync.core.events import EventSink, Phase, PhaseStarted
from lrsync.core.ports import ObjectStore, SnapshotDamagedError
from lrsync.engine.catalog_snapshots import SnapshotWish, choose_snapshot, find_snapshots, matching, none_called
from lrsync.engine.stop import StoppedError
from lrsync.errors import BucketError, CatalogError, InterruptedRun, ObjectError, UsageError

T = TypeVar("T")


def list_snapshots(config: Config, sink: EventSink, stop: threading.Event, name: str) -> list[StoredSnapshot]:
    """The snapshots of the catalogs that are called so, or of all. Raises LrsyncError."""
    with closing(open_store(config)) as store, explained():
        found = list(_until_stopped(find_snapshots(store, config.prefix, sink), stop))
    called = matching(found, name)
    if found and not called:
        raise none_called(name, found)
    return called


def restore_snapshot(
    config: Config, sink: EventSink, stop: threading.Event, name: str, stamp: str, to: Path
) -> CatalogRestored:
    """Bring one snapshot back into the folder `to`. Raises LrsyncError."""
    with closing(open_store(config)) as store, explained():
        chosen = choose_snapshot(store, config.prefix, sink, SnapshotWish(name, stamp))
        sink(PhaseStarted(Phase.RESTORING))
        written = _place(store, config.prefix, chosen, to, stop)
    return CatalogRestored(chosen.id, chosen.note, tuple(str(path) for path in written))


def open_snapshot(
    store: ObjectStore, prefix: str, chosen: StoredSnapshot, stop: threading.Event, resources: ExitStack
) -> CatalogReader:
    """A snapshot's catalog to be read: a private copy, gone when `resources` are closed. Raises LrsyncError."""
    folder = resources.enter_context(scratch_folder("catalog"))
    with explained(), _told(chosen, "the folder for temporary files"):
        database = place_database(chosen.note, _fetch(store, prefix, chosen, stop), folder)
    return resources.enter_context(CatalogReader(database))


def _place(store: ObjectStore, prefix: str, chosen: StoredSnapshot, to: Path, stop: threading.Event) -> list[Path]:
    with _told(chosen, str(to)):
        return place_catalog(chosen.note, _fetch(store, prefix, chosen, stop), to)


def _fetch(store: ObjectStore, prefix: str, chosen: StoredSnapshot, stop: threading.Event) -> Fetch:
    @contextmanager
    def fetch(part: SnapshotPart) -> Iterator[Iterator[bytes]]:
        with store.get(snapshot_object(prefix, chosen.id, part.object)) as chunks:
            yield _until_stopped(chunks, stop)

    return fetch


@contextmanager
def _told(chosen: StoredSnapshot, where: str) -> Iterator[None]:
    """What goes wrong while a snapshot is unpacked, in the user's words."""
    try:
        yield
    except FileExistsError as error:
        raise UsageError(f"{error.filename} is there already", hint="restore into an empty folder") from None
    except SnapshotDamagedError as error:
        hint = "take an older one; 'lrsync catalog list' names them"
        raise CatalogError(f"the snapshot of {chosen.id.stamp} is damaged: {error}", hint=hint) from error
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "check its permissions and free space"
        raise CatalogError(f"{where} cannot be written: {reason}", hint=hint) from error


def _until_stopped(items: Iterator[T], stop: threading.Event) -> Iterator[T]:
    for item in items:
        if stop.is_set():
            raise StoppedError("catalog")
        yield item


@contextmanager
def explained() -> Iterator[None]:
    """What goes wrong with a snapshot's objects, as what ends a command."""
    try:
        yield
    except StoppedError:
        raise InterruptedRun("interrupted: nothing was changed") from None
    except ObjectError as error:
        raise BucketError(f"a snapshot cannot be read: {error.message}", hint=error.hint) from error
