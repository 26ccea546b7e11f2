"""Wire a restore on a machine that knows nothing: a private manifest, made of what the bucket has.

Thrown away at the end: it is no library's manifest, and no sync may ever take it for one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

from lrsync.adapters.database import prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.scratch import scratch_folder
from lrsync.adapters.seals import Seals
from lrsync.adapters.snapshots import unpack_to_read
from lrsync.config import Config
from lrsync.core.events import EventSink, ignore
from lrsync.core.library import LibraryRow
from lrsync.core.model import Failed
from lrsync.core.ports import ObjectStore
from lrsync.core.requests import Knowledge
from lrsync.core.restoring import Backup
from lrsync.core.runs import SnapshotUse
from lrsync.core.selection import Selection
from lrsync.engine.backups import AskPorts, ListingBackup, ManifestBackup, with_times
from lrsync.engine.bare import Snapshots, choose_library, current_snapshots, older_snapshots
from lrsync.engine.pool import DaemonPool
from lrsync.engine.reconcile import ListingPorts, take_listing
from lrsync.engine.snapshot import StoredSnapshot, take_snapshot
from lrsync.errors import BucketError, ObjectError, UsageError

MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Bare:
    """What the bucket has, with a private manifest. `problems`: objects that cannot be restored, and why."""

    seals: Seals
    manifest: Manifest
    backup: Backup
    selection: Selection
    snapshot: SnapshotUse | None
    problems: Callable[[], list[Failed]]


Narrow = Callable[[Backup, str], Selection]
"""Works out what is wanted of a backup, of a library with this source; '' where that is not known."""


def open_bare(
    config: Config,
    store: ObjectStore,
    resources: ExitStack,
    sink: EventSink,
    stop: threading.Event,
    wanted: tuple[Knowledge, Narrow],
) -> Bare:
    """Look into the bucket. Raises BucketError, UsageError where there is no backup or nothing says which."""
    knowledge, narrow = wanted
    folder = resources.enter_context(scratch_folder("restore"))
    path = folder / "manifest.sqlite"
    used = None if knowledge is Knowledge.LISTING else _take_snapshot(config, store, path, sink)
    if used is None and knowledge is Knowledge.SNAPSHOT:
        raise UsageError("there is no snapshot that can be read", hint="leave --from out: the listing does as well")
    if used is None:
        prepare(path)
    seals = resources.enter_context(Seals(path))
    manifest = resources.enter_context(Manifest(path, config.prefix))
    if used is not None:
        recorded = ManifestBackup(manifest)
        return Bare(seals, manifest, recorded, narrow(recorded, seals.library().source), used, list)
    manifest.update_library(_nobody(config))
    take_listing(ListingPorts(store, manifest, DaemonPool, sink, stop.is_set), config.prefix, threads=config.threads)
    listing = ListingBackup(manifest, config.prefix)
    _demand_anything(listing, store, config)
    selection = narrow(listing, "")
    backup, failed = _timed(store, listing, selection, config, sink, stop)
    # A key that can be no file's is none that was asked for by name.
    named = selection.places or selection.photos is not None
    return Bare(seals, manifest, backup, selection, None, lambda: failed + ([] if named else _refused(listing)))


def _take_snapshot(config: Config, store: ObjectStore, path: Path, sink: EventSink) -> SnapshotUse | None:
    found = current_snapshots(store, config.prefix)

    @cache
    def name_of(uuid: str) -> str:
        return _name_of(store, found, uuid, path.with_name(f"{uuid}.sqlite"), config.prefix)

    uuid = choose_library(config.library, found, name_of)
    if uuid is None:
        return None

    def read(chunks: Iterator[bytes], sha256: bytes | None) -> None:
        unpack_to_read(chunks, sha256, path, config.prefix, uuid)

    candidates = chain(found[uuid], _lazily(lambda: older_snapshots(store, config.prefix, uuid, sink)))
    return take_snapshot(store, candidates, read, sink)


def _lazily(make: Callable[[], Sequence[StoredSnapshot]]) -> Iterator[StoredSnapshot]:
    yield from make()


def _name_of(store: ObjectStore, found: Snapshots, uuid: str, path: Path, prefix: str) -> str:
    """What the library calls itself; '?' where its snapshots cannot be read."""

    def read(chunks: Iterator[bytes], sha256: bytes | None) -> None:
        unpack_to_read(chunks, sha256, path, prefix, uuid)

    if take_snapshot(store, found[uuid], read, ignore) is None:
        return "?"
    with Seals(path) as seals:
        return seals.library().name


def _timed(
    store: ObjectStore,
    listing: ListingBackup,
    selection: Selection,
    config: Config,
    sink: EventSink,
    stop: threading.Event,
) -> tuple[Backup, list[Failed]]:
    if not selection.by_time:
        return listing, []
    with DaemonPool(config.threads) as pool:
        return with_times(AskPorts(store, pool, stop.is_set, sink), listing, selection)


def _demand_anything(listing: ListingBackup, store: ObjectStore, config: Config) -> None:
    if next(listing.items(), None) is None and not listing.refused:
        where = f"{config.bucket}/{config.prefix}" if config.prefix else config.bucket
        hint = "check --s3-bucket and --s3-prefix" + (_what_there_is(store) if config.prefix else "")
        raise UsageError(f"there is no backup in {where}", hint=hint)


def _what_there_is(store: ObjectStore) -> str:
    """The folders at the bucket's root, as a hint: on the worst day few remember how they spelt a prefix."""
    try:
        page = next(iter(store.list_folder("")), None)
    except (ObjectError, BucketError):
        return ""  # the credentials may be for one prefix alone
    names = [] if page is None else [folder.rstrip("/") for folder in page.folders]
    if not names:
        return ""
    more = ", ..." if len(names) > MOST_NAMED else ""
    return f"; the bucket has {', '.join(names[:MOST_NAMED])}{more}"


def _refused(listing: ListingBackup) -> list[Failed]:
    hint = "fetch it with another tool, if it is a file of yours"
    return [Failed(key, f"no file can be called so: {why}", hint) for key, why in listing.refused.items()]


def _nobody(config: Config) -> LibraryRow:
    return LibraryRow("", config.library, "", config.endpoint_url or "", config.bucket, config.prefix, created_at=0)
