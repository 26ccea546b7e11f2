"""Snapshots of catalogs in the bucket: store one when it differs from the newest, keep the right ones, find them.

A snapshot is its note's: the note is written last and deleted first, so that no crash leaves half a snapshot that
looks whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

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
from lrsync.core.keys import composed, split_path, stamp_of, time_of_stamp, trash_stamp
from lrsync.core.model import Content
from lrsync.core.ports import CatalogCopy, CatalogPart, Clock, ManifestStore, ObjectStore
from lrsync.core.scan import Stat
from lrsync.engine.packed import PackedWriter, put_packed
from lrsync.errors import ObjectError, UsageError

MAX_NOTE_BYTES = 1 << 20
MOST_NAMED = 5


@dataclass(slots=True)
class _Found:
    """One snapshot's objects and bytes, as a listing tells them."""

    objects: dict[str, int] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return NOTE in self.objects


class _Whole(NamedTuple):
    """A snapshot that has its note. `size`: its bytes in the bucket."""

    name: str
    stamp: str
    size: int


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
        """Store a snapshot of this copy; None where the newest one has the same content, or is newer than a backup.

        Raises ObjectError, BucketError, StoppedError and OSError.
        """
        name = snapshot_name(path)
        store = self.open_store()
        found = _list(store, self.prefix, f"{catalogs_folder(self.prefix)}{name}/")
        newest = self._newest_note(store, found)
        if newest is not None and newest.digests == frozenset((p.object, p.digest.hex()) for p in copy.parts):
            return None
        if newest is not None and origin is Origin.BACKUP and newest.taken_ns >= copy.stat.mtime_ns:
            # As the newest snapshot it would hide a later state: whoever restores takes the newest.
            return None
        note = self._put(store, SnapshotId(name, trash_stamp(self.clock())), path, copy, origin)
        self._prune(store, name, found)
        return note

    def has(self, path: str) -> bool:
        """Whether a whole snapshot of this catalog is there. Raises ObjectError, BucketError."""
        found = _list(self.open_store(), self.prefix, f"{catalogs_folder(self.prefix)}{snapshot_name(path)}/")
        return any(objects.is_whole for objects in found.values())

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
        taken_ns = copy.stat.mtime_ns if origin is Origin.BACKUP else now_ns
        note = SnapshotNote(printable, origin, taken_ns, facts.db_version, facts.files, parts)
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
    for snapshots in _by_catalog(store, prefix).values():
        yield from _readable(store, prefix, sink, snapshots)


def matching(snapshots: Iterable[StoredSnapshot], name: str) -> list[StoredSnapshot]:
    """Those of the catalogs that are called so: by path, by file name, or by their name among the snapshots."""
    return [snapshot for snapshot in snapshots if _is_called(snapshot, name)]


def _is_called(snapshot: StoredSnapshot, name: str) -> bool:
    file = split_path(snapshot.note.catalog.replace("\\", "/"))[1]
    names = (snapshot.id.name, snapshot.note.catalog, file, file.rpartition(".")[0])
    return not name or composed(name) in map(composed, names)


class SnapshotWish(NamedTuple):
    """Which snapshot: of the catalog that is called so ('' is the only one), whose time begins with `stamp`, and that
    was there at `until_ns` (nanoseconds since the epoch); of those the newest.
    """

    name: str = ""
    stamp: str = ""
    until_ns: int | None = None

    def takes(self, snapshot: _Whole) -> bool:
        """Whether its time fits."""
        in_time = self.until_ns is None or time_of_stamp(snapshot.stamp) <= self.until_ns
        return in_time and snapshot.stamp.startswith(self.stamp)


def choose_snapshot(
    store: ObjectStore, prefix: str, sink: EventSink, wish: SnapshotWish, *, how: str = "name one"
) -> StoredSnapshot:
    """The newest snapshot that is meant. Reads one note of each catalog. `how` a user says which catalog it is.

    Raises UsageError where there is none, or those of several catalogs; ObjectError, BucketError.
    """
    by_catalog = _by_catalog(store, prefix)
    if not by_catalog:
        hint = "sync stores one when a catalog in the source, or one that --catalog names, has changed"
        raise UsageError("no snapshot of a catalog is in the bucket", hint=hint)
    newest = [
        found
        for snapshots in by_catalog.values()
        if (found := next(_readable(store, prefix, sink, filter(wish.takes, snapshots)), None)) is not None
    ]
    called = matching(newest, wish.name)
    if not called:
        raise _none_such(wish)
    if len(called) > 1:
        paths = ", ".join(sorted(each.note.catalog for each in called))
        raise UsageError(f"{len(called)} catalogs have snapshots", hint=f"{how}: {paths}")
    return called[0]


def none_called(name: str, found: Iterable[StoredSnapshot]) -> UsageError:
    """What to say of a name that no catalog has, where there are others."""
    names = sorted({each.note.catalog for each in found})
    more = f", and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return UsageError(
        f"no snapshot of '{name}' is in the bucket", hint=f"there are of: {', '.join(names[:MOST_NAMED])}{more}"
    )


def _none_such(wish: SnapshotWish) -> UsageError:
    what = f"no snapshot of '{wish.name}'" if wish.name else "no snapshot of a catalog"
    when = f" from {wish.stamp}" if wish.stamp else ""
    then = "" if wish.until_ns is None else f" that was there at {stamp_of(wish.until_ns)}"
    hint = "'lrsync catalog list' names them all" + ("; --catalog-snapshot takes a later one" if then else "")
    return UsageError(f"{what} is in the bucket{when}{then}", hint=hint)


def _by_catalog(store: ObjectStore, prefix: str) -> dict[str, list[_Whole]]:
    """The whole snapshots of each catalog, the newest first."""
    found = _list(store, prefix, catalogs_folder(prefix))
    whole = [_Whole(*snapshot, sum(f.objects.values())) for snapshot, f in found.items() if f.is_whole]
    by_catalog: dict[str, list[_Whole]] = {}
    for each in sorted(whole, key=lambda each: (each.name, -time_of_stamp(each.stamp), each.stamp)):
        by_catalog.setdefault(each.name, []).append(each)
    return by_catalog


def _readable(
    store: ObjectStore, prefix: str, sink: EventSink, snapshots: Iterable[_Whole]
) -> Iterator[StoredSnapshot]:
    for name, stamp, size in snapshots:
        try:
            yield StoredSnapshot(SnapshotId(name, stamp), read_note(store, prefix, SnapshotId(name, stamp)), size)
        except ValueError as problem:
            sink(Notice(f"the snapshot {name} of {stamp} cannot be read: {problem}"))


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
