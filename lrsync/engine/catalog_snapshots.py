"""Snapshots of catalogs in the bucket: store one when it differs from the newest, keep the right ones, find them.

A snapshot is its note's: the note is written last and deleted first, so that no crash leaves half a snapshot that
looks whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from lrsync.core.catalogs import (
    KEPT,
    NOTE,
    Origin,
    SnapshotId,
    SnapshotNote,
    SnapshotPart,
    StoredSnapshot,
    catalogs_folder,
    decode_note,
    encode_note,
    snapshot_name,
    snapshot_object,
    split_snapshot_key,
    to_prune,
)
from lrsync.core.events import EventSink, Notice
from lrsync.core.keys import split_path, stamp_of, time_of_stamp, trash_stamp
from lrsync.core.model import Content
from lrsync.core.ports import CatalogCopy, CatalogPart, Clock, ManifestStore, ObjectStore
from lrsync.core.scan import Stat
from lrsync.engine.packed import PackedWriter, put_packed
from lrsync.errors import ObjectError, UsageError

MAX_NOTE_BYTES = 1 << 20


@dataclass(slots=True)
class _Found:
    """One snapshot's objects and bytes, as a listing tells them."""

    objects: dict[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return NOTE in self.objects


@dataclass(frozen=True, slots=True)
class SnapshotShelf:
    """Stores snapshots below one prefix. `make_content` has the digests of a few bytes (the note's)."""

    prefix: str
    open_store: Callable[[], ObjectStore]
    open_manifest: Callable[[], ManifestStore]
    make_content: Callable[[bytes, int], Content]
    clock: Clock
    sink: EventSink
    stopping: Callable[[], bool]
    keep: int = KEPT

    def store(self, path: str, copy: CatalogCopy, origin: Origin) -> SnapshotNote | None:
        """Store a snapshot of this copy; None where the newest one has the same content.

        Raises ObjectError, BucketError, StoppedError and OSError.
        """
        name = snapshot_name(path)
        store = self.open_store()
        found = _list(store, self.prefix, f"{catalogs_folder(self.prefix)}{name}/")
        newest = self._newest_note(store, found)
        if newest is not None and newest.digests == frozenset((p.object, p.digest.hex()) for p in copy.parts):
            return None
        note = self._put(store, SnapshotId(name, trash_stamp(self.clock())), path, copy, origin)
        self._prune(store, name, found)
        return note

    def _newest_note(self, store: ObjectStore, found: dict[SnapshotId, _Found]) -> SnapshotNote | None:
        whole = [snapshot for snapshot, objects in found.items() if objects.is_whole]
        if not whole:
            return None
        newest = max(whole, key=lambda snapshot: snapshot.stamp)
        try:
            return read_note(store, self.prefix, newest)
        except (ValueError, ObjectError) as problem:
            self.sink(Notice(f"the catalog's snapshot of {newest.stamp} cannot be read: {problem}"))
            return None

    def _put(
        self, store: ObjectStore, snapshot: SnapshotId, path: str, copy: CatalogCopy, origin: Origin
    ) -> SnapshotNote:
        now_ns = self.clock()
        parts = tuple(self._put_part(store, snapshot, copy, part, now_ns) for part in copy.parts)
        facts = copy.facts
        printable = path.encode("utf-8", "backslashreplace").decode()
        note = SnapshotNote(printable, origin, now_ns, facts.db_version, facts.files, parts)
        store.put(snapshot_object(self.prefix, snapshot, NOTE), self.make_content(encode_note(note), now_ns))
        return note

    def _put_part(
        self, store: ObjectStore, snapshot: SnapshotId, copy: CatalogCopy, part: CatalogPart, now_ns: int
    ) -> SnapshotPart:
        key = snapshot_object(self.prefix, snapshot, part.object)
        with copy.pack(part) as packed:
            size = packed.content.stat.size
            content = replace(packed.content, stat=Stat(size, now_ns, now_ns))
            put_packed(PackedWriter(store, self.open_manifest, self.clock, self.stopping), key, packed, content)
            sha256 = packed.content.sha256.hex()
        return SnapshotPart(part.name, part.object, part.digest.hex(), part.size, size, sha256)

    def _prune(self, store: ObjectStore, name: str, found: dict[SnapshotId, _Found]) -> None:
        """Take away what need not be kept, and what a crash left unfinished. Not being able to is no failure."""
        whole = [snapshot.stamp for snapshot, objects in found.items() if objects.is_whole]
        # The one that was just stored counts among the newest.
        doomed = set(to_prune(whole, self.clock(), max(self.keep - 1, 0)))
        doomed |= {snapshot.stamp for snapshot, objects in found.items() if not objects.is_whole}
        try:
            for stamp in sorted(doomed):
                snapshot = SnapshotId(name, stamp)
                for object_name in sorted(found[snapshot].objects, key=lambda each: each != NOTE):
                    store.delete(snapshot_object(self.prefix, snapshot, object_name))
        except ObjectError as error:
            self.sink(Notice(f"old snapshots of the catalog {name} could not be taken away: {error.message}"))


def read_note(store: ObjectStore, prefix: str, snapshot: SnapshotId) -> SnapshotNote:
    """A snapshot's note. Raises ValueError where it is none, ObjectError, BucketError."""
    data = b""
    with store.get(snapshot_object(prefix, snapshot, NOTE)) as chunks:
        for chunk in chunks:
            data += chunk
            if len(data) > MAX_NOTE_BYTES:
                raise ValueError("its note is too long")
    return decode_note(data)


def find_snapshots(store: ObjectStore, prefix: str, sink: EventSink) -> Iterator[StoredSnapshot]:
    """Every whole snapshot, by catalog, the newest first. Raises ObjectError, BucketError."""
    found = _list(store, prefix, catalogs_folder(prefix))
    for snapshot in sorted(found, key=lambda s: (s.name, -time_of_stamp(s.stamp), s.stamp)):
        if not found[snapshot].is_whole:
            continue
        try:
            note = read_note(store, prefix, snapshot)
        except ValueError as problem:
            sink(Notice(f"the snapshot {snapshot.name} of {snapshot.stamp} cannot be read: {problem}"))
            continue
        yield StoredSnapshot(snapshot, note, sum(found[snapshot].objects.values()))


def matching(snapshots: Iterable[StoredSnapshot], name: str) -> list[StoredSnapshot]:
    """Those of the catalogs that are called so: by path, by file name, or by their name among the snapshots."""
    return [snapshot for snapshot in snapshots if not name or name in _names(snapshot)]


def _names(snapshot: StoredSnapshot) -> tuple[str, ...]:
    file = split_path(snapshot.note.catalog)[1]
    return snapshot.id.name, snapshot.note.catalog, file, file.rpartition(".")[0]


def choose_snapshot(snapshots: Iterable[StoredSnapshot], name: str, stamp: str) -> StoredSnapshot:
    """The newest snapshot of that name whose time begins with `stamp`. Raises UsageError where that is not one."""
    hint = "'lrsync catalog list' names them all"
    found = [each for each in matching(snapshots, name) if each.id.stamp.startswith(stamp)]
    if not found:
        what = f"no snapshot of '{name}'" if name else "no snapshot of a catalog"
        raise UsageError(f"{what} is in the bucket" + (f" from {stamp}" if stamp else ""), hint=hint)
    if len(catalogs := sorted({each.id.name for each in found})) > 1:
        raise UsageError(f"{len(catalogs)} catalogs have snapshots", hint=f"name one: {', '.join(catalogs)}")
    return max(found, key=lambda each: each.id.stamp)


def _list(store: ObjectStore, prefix: str, folder: str) -> dict[SnapshotId, _Found]:
    found: dict[SnapshotId, _Found] = {}
    for page in store.list(folder):
        for listed in page:
            split = split_snapshot_key(prefix, listed.key)
            if split is not None:
                found.setdefault(split[0], _Found()).objects[split[1]] = listed.size
    return found


def stored_words(note: SnapshotNote) -> str:
    """A stored snapshot, in words."""
    what = f"{note.catalog}: snapshot of {stamp_of(note.taken_ns)} stored ({note.photos:,} photos"
    return f"{what}, version {note.db_version})" if note.db_version else f"{what})"
