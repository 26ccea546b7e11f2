"""Keep the manifest's snapshot in the bucket, and find the best one again. Packs and reads nothing itself.

At every moment, also after a crash, at least one whole snapshot lies in the bucket once there was one: where the
bucket keeps no versions, a new one first gets a key of its own, and only then becomes the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from lrsync.core.events import EventSink, FindingRaised, Notice, Phase, PhaseStarted
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import MARKER, snapshot_copies, snapshot_folder, snapshot_key, snapshot_owner, stamp_of
from lrsync.core.objects import ListedObject, ListedVersion
from lrsync.core.parts import parse_mtime, sha256_in
from lrsync.core.ports import (
    Clock,
    ManifestPacker,
    ManifestStore,
    ObjectStore,
    SealStore,
    SnapshotDamagedError,
    SnapshotReader,
)
from lrsync.core.runs import RunSummary, SnapshotUse
from lrsync.core.scan import Stat
from lrsync.engine.packed import PackedWriter, put_packed
from lrsync.engine.stop import StoppedError
from lrsync.errors import LrsyncError, ObjectError, UsageError

KEPT: Final = 10
"""So many snapshots are kept by their time, the newest among them."""

MAX_SNAPSHOT_BYTES: Final = 8 << 30
"""The largest snapshot that is read: a manifest of 2,000,000 files packs to a few hundred MB."""


@dataclass(frozen=True, slots=True)
class SnapshotKeeper:
    """Stores the manifest's snapshot at the end of a run."""

    seals: SealStore
    open_manifest: Callable[[], ManifestStore]
    open_store: Callable[[], ObjectStore]
    pack: ManifestPacker
    prefix: str
    clock: Clock
    sink: EventSink
    stopping: Callable[[], bool]

    def after_run(self, summary: RunSummary) -> Finding | None:
        """Store a snapshot where one is due; the finding that says why that failed. Never ends the run.

        To be called once the run's row is written as ended: the snapshot should say so too. A snapshot that could
        not be stored stays due.
        """
        if self.stopping() or not self.seals.snapshot_due():
            return None
        self.sink(PhaseStarted(Phase.SNAPSHOT))
        try:
            summary.snapshot = self._store()
        except StoppedError:
            return None
        except (LrsyncError, ObjectError) as error:
            finding = _failed(error)
            self.sink(FindingRaised(finding))
            return finding
        return None

    def _store(self) -> SnapshotUse:
        uuid, now_ns = self.seals.library().uuid, self.clock()
        newest, copies = snapshot_key(self.prefix, uuid), snapshot_copies(self.prefix, uuid)
        store = self.open_store()
        self._abort_leftovers(store)
        versioned = store.is_versioned()
        key = newest if versioned else f"{copies}{stamp_of(now_ns)}.sqlite.zst"
        with self.pack() as packed:
            size = packed.content.stat.size
            content = replace(packed.content, stat=Stat(size, now_ns, now_ns))
            put_packed(PackedWriter(store, self.open_manifest, self.clock, self.stopping), key, packed, content)
        if not versioned:
            store.keep(key, newest)
            _prune(store, copies, key)
        return SnapshotUse(newest, now_ns)

    def _abort_leftovers(self, store: ObjectStore) -> None:
        """End what an earlier snapshot's upload left: it was of a manifest that is another one now."""
        manifest = self.open_manifest()
        for record in manifest.multiparts():
            if record.upload_id and snapshot_owner(self.prefix, record.key) is not None:
                store.abort_multipart(record.key, record.upload_id)
                manifest.forget_multipart(record.key)


def _failed(error: LrsyncError | ObjectError) -> Finding:
    return Finding(
        FindingKind.SNAPSHOT_FAILED,
        "",
        f"the manifest's own copy could not be stored in the bucket: {error.message}",
        error.hint or "the photos are safe; the next run tries it again",
    )


def _prune(store: ObjectStore, copies: str, written: str) -> None:
    """Delete all but the newest copies; the one that was just written stays, whatever the store's clock says."""
    found = [listed for page in store.list(copies) for listed in page if listed.key != written]
    found.sort(key=lambda listed: (listed.last_modified_ns, listed.key), reverse=True)
    for listed in found[KEPT - 1 :]:
        store.delete(listed.key)


# --- finding one again ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot in the bucket. `version_id` is None for the current object; sizes in bytes, times in nanoseconds."""

    key: str
    size: int
    stored_ns: int
    version_id: str | None = None


def find_snapshots(store: ObjectStore, prefix: str) -> dict[str, list[StoredSnapshot]]:
    """All snapshots below the prefix by their library's UUID, the newest first; older versions are among them."""
    found: dict[str, list[StoredSnapshot]] = {}
    for snapshot in _all_snapshots(store, prefix):
        owner = snapshot_owner(prefix, snapshot.key)
        if owner is not None:
            found.setdefault(owner, []).append(snapshot)
    for uuid, snapshots in found.items():
        # Of two of one time the newest's own key first: its copy is the same, and is there should it be damaged.
        snapshots.sort(key=lambda s: (s.stored_ns, s.key == snapshot_key(prefix, uuid)), reverse=True)
    return found


def _all_snapshots(store: ObjectStore, prefix: str) -> Iterator[StoredSnapshot]:
    folder = snapshot_folder(prefix)
    if store.is_versioned():
        yield from _of_versions(version for page in store.list_versions(folder) for version in page)
    else:
        yield from _of_objects(listed for page in store.list(folder) for listed in page)


def _of_objects(objects: Iterable[ListedObject]) -> Iterator[StoredSnapshot]:
    return (StoredSnapshot(listed.key, listed.size, listed.last_modified_ns) for listed in objects)


def _of_versions(versions: Iterable[ListedVersion]) -> Iterator[StoredSnapshot]:
    for version in versions:
        if not version.is_marker:
            yield StoredSnapshot(version.key, version.size, version.last_modified_ns, version.version_id)


def snapshot_owners(store: ObjectStore, prefix: str) -> frozenset[str]:
    """The UUIDs of the libraries that keep a snapshot below the prefix."""
    pages = store.list(snapshot_folder(prefix))
    owners = (snapshot_owner(prefix, listed.key) for page in pages for listed in page)
    return frozenset(owner for owner in owners if owner is not None)


def choose_owner(known: str | None, owners: Collection[str]) -> str | None:
    """Which library's snapshots to begin with: the one that the source or an old manifest names, else the only one.

    None where there is none at all. Raises UsageError where there are several, and nothing says which.
    """
    if known is not None or not owners:
        return known
    if len(owners) == 1:
        return next(iter(owners))
    raise UsageError(
        f"{len(owners)} libraries are backed up to this prefix, and nothing says which of them this source is",
        hint=f"bring back the source's file {MARKER}: it needs a line 'library: ...' with one of "
        + ", ".join(sorted(owners)),
    )


def take_snapshot(
    store: ObjectStore, snapshots: Iterable[StoredSnapshot], read: SnapshotReader, sink: EventSink
) -> SnapshotUse | None:
    """Read the first snapshot that is whole; None where none is. Says which was used, and what is wrong with others.

    Raises BucketError.
    """
    for snapshot in snapshots:
        try:
            taken_at = _read(store, snapshot, read)
        except (SnapshotDamagedError, ObjectError) as error:
            why = error.message if isinstance(error, ObjectError) else str(error)
            sink(Notice(f"the manifest's snapshot {_named(snapshot)} cannot be used: {why}"))
            continue
        sink(Notice(f"beginning with the manifest's snapshot {_named(snapshot)}"))
        return SnapshotUse(snapshot.key, taken_at)
    sink(Notice("there is no snapshot of the manifest to begin with: every object is asked about"))
    return None


def _read(store: ObjectStore, snapshot: StoredSnapshot, read: SnapshotReader) -> int:
    if not 0 < snapshot.size <= MAX_SNAPSHOT_BYTES:
        raise SnapshotDamagedError(f"it has {snapshot.size:,} bytes")
    info = store.head(snapshot.key, version_id=snapshot.version_id)
    with store.get(snapshot.key, version_id=snapshot.version_id) as chunks:
        read(_bounded(chunks, info.size), sha256_in(dict(info.metadata)))
    taken_at = parse_mtime(info.metadata.get("mtime", ""))
    return snapshot.stored_ns if taken_at is None else taken_at


def _bounded(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The chunks, as long as they are no more than was announced: a store must not fill the disk."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > size:
            raise SnapshotDamagedError("it is longer than the bucket says")
        yield chunk


def _named(snapshot: StoredSnapshot) -> str:
    name = snapshot.key.rpartition(".lrsync/")[2]
    return f"{name} of {stamp_of(snapshot.stored_ns)}"
