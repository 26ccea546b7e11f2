"""Look into the trash, bring files back from it, and empty it. Touches no current object.

Destroys only what has been in the trash for long enough: copies below lrsync's own trash folder, and where the bucket
keeps versions, old versions that lrsync wrote and the delete markers that hide nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, islice
from typing import NamedTuple

from lrsync.core.digest import is_settled
from lrsync.core.etags import EtagWatch
from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.keys import KeyProblem, key_for, listing_prefix, may_be_digest, noted_path, path_for, trash_folder
from lrsync.core.model import Adopt, Change, ChangeKind, Content, Done, Failed, ManifestEntry
from lrsync.core.objects import ListedVersion, ObjectInfo
from lrsync.core.parts import parse_mtime, sha256_in
from lrsync.core.ports import Clock, Damaged, ManifestStore, ObjectStore, Placing, TargetFolder
from lrsync.core.proof import sha256_of
from lrsync.core.scan import ScannedFile, Stat
from lrsync.core.trash import (
    Doomed,
    TrashItem,
    TrashSummary,
    doomed_versions,
    matches,
    newest_of_each,
    of_object,
    of_versions,
)
from lrsync.engine.pool import DaemonPool
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectError, ObjectMissingError

BATCH = 500


@dataclass(frozen=True, slots=True)
class TrashPorts:
    """The world of the trash's commands."""

    store: ObjectStore
    prefix: str
    sink: EventSink
    clock: Clock
    stopping: Callable[[], bool]
    threads: int = 8
    make_pool: Callable[[int], Executor] = DaemonPool


def list_trash(ports: TrashPorts, pattern: str = "") -> TrashSummary:
    """What lies in the trash and matches, by path and the newest first. Raises BucketError."""
    found = [item for item in _items(ports) if matches(item.path, pattern)]
    found.sort(key=lambda item: (item.path, -item.trashed_ns))
    return TrashSummary(items=found, bytes=sum(item.size for item in found))


def _items(ports: TrashPorts) -> Iterator[TrashItem]:
    for item in _raw_items(ports):
        yield _with_own_path(ports, item) if may_be_digest(item.path) and item.source != item.key else item


def _raw_items(ports: TrashPorts) -> Iterator[TrashItem]:
    ports.sink(PhaseStarted(Phase.LISTING))
    if ports.store.is_versioned():
        for versions in _by_key(ports):
            yield from of_versions(ports.prefix, versions)
        return
    for page in ports.store.list(trash_folder(ports.prefix)):
        _check_stop(ports)
        yield from (item for listed in page if (item := of_object(ports.prefix, listed)) is not None)


def _by_key(ports: TrashPorts) -> Iterator[Sequence[ListedVersion]]:
    """The versions below the prefix, those of one key together."""
    for page in ports.store.list_versions(listing_prefix(ports.prefix)):
        _check_stop(ports)
        for _, versions in groupby(page, key=lambda version: version.key):
            yield list(versions)


def _with_own_path(ports: TrashPorts, item: TrashItem) -> TrashItem:
    """The item by the path that its metadata tells, where its name in the trash is only a digest of it."""
    try:
        path = noted_path(_head(ports, item).metadata)
        if path is None:
            return item  # a file that is really called so
        key = key_for(ports.prefix, path)
        return replace(item, path=path_for(ports.prefix, key), key=key)
    except (KeyProblem, ObjectError):
        return item


def _head(ports: TrashPorts, item: TrashItem) -> ObjectInfo:
    if item.version_id is None:
        return ports.store.head(item.source)
    return ports.store.head(item.source, version_id=item.version_id)


def _check_stop(ports: TrashPorts) -> None:
    if ports.stopping():
        raise StoppedError("interrupted")


# --- purge ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge would destroy. `count` versions or copies of `bytes`; delete markers are not counted."""

    doomed: tuple[Doomed, ...]
    count: int
    bytes: int
    foreign: int


def plan_purge(ports: TrashPorts, before_ns: int) -> PurgePlan:
    """What is in the trash since before this time (nanoseconds since the epoch). Raises BucketError."""
    groups = list(_doomed(ports, before_ns))
    own, foreign = [], 0
    with ports.make_pool(ports.threads) as pool:
        for group, is_own in zip(groups, pool.map(partial(_is_own, ports), groups), strict=True):
            if is_own:
                own.append(group)
            else:
                foreign += len(group.versions)
    versions = [v for group in own for v in group.versions if not v.is_marker]
    return PurgePlan(tuple(own), len(versions), sum(v.size for v in versions), foreign)


def _doomed(ports: TrashPorts, before_ns: int) -> Iterator[Doomed]:
    ports.sink(PhaseStarted(Phase.LISTING))
    if ports.store.is_versioned():
        found = (doomed_versions(ports.prefix, versions, before_ns) for versions in _by_key(ports))
        yield from (doomed for doomed in found if doomed is not None)
        return
    for page in ports.store.list(trash_folder(ports.prefix)):
        _check_stop(ports)
        for listed in page:
            item = of_object(ports.prefix, listed)
            if item is not None and item.trashed_ns < before_ns:
                copy = ListedVersion(listed.key, "", listed.size, listed.etag, listed.last_modified_ns, is_current=True)
                yield Doomed(listed.key, (copy,), is_own=True)


def _is_own(ports: TrashPorts, group: Doomed) -> bool:
    """Whether lrsync wrote every version that is to go: another program's are none of its business."""
    if group.is_own:
        return True
    _check_stop(ports)
    try:
        heads = (ports.store.head(v.key, version_id=v.version_id) for v in group.versions if not v.is_marker)
        return all(sha256_in(dict(info.metadata)) is not None for info in heads)
    except ObjectError:
        return False


def foretold(plan: PurgePlan) -> TrashSummary:
    """What purging by this plan would come to."""
    items = [_item(version) for group in plan.doomed for version in group.versions if not version.is_marker]
    return TrashSummary(dry_run=True, items=items, bytes=plan.bytes, foreign=plan.foreign)


def purge(ports: TrashPorts, plan: PurgePlan) -> TrashSummary:
    """Destroy what the plan names, for good. Raises BucketError, StoppedError."""
    done = TrashSummary(foreign=plan.foreign)
    ports.sink(PhaseStarted(Phase.PURGING, len(plan.doomed)))
    groups, count = iter(plan.doomed), 0
    with ports.make_pool(ports.threads) as pool:
        while batch := list(islice(groups, BATCH)):
            _check_stop(ports)  # also before the first: a stop while the user was asked is a no
            for gone, failed in pool.map(partial(_purge_one, ports), batch):
                done.items += gone
                done.errors += [] if failed is None else [failed]
            count += len(batch)
            ports.sink(PhaseAdvanced(Phase.PURGING, count))
    done.bytes = sum(item.size for item in done.items)
    return done


def _purge_one(ports: TrashPorts, group: Doomed) -> tuple[list[TrashItem], Failed | None]:
    gone: list[TrashItem] = []
    for version in group.versions:
        try:
            if version.version_id:
                ports.store.delete_version(version.key, version.version_id)
            else:
                ports.store.delete(version.key)
        except ObjectError as error:
            # What comes after it in the order hides it: that must stay as well.
            return gone, Failed(version.key, f"could not be deleted: {error.message}", error.hint, transfer=True)
        if not version.is_marker:
            gone.append(_item(version))
    return gone, None


def _item(version: ListedVersion) -> TrashItem:
    return TrashItem(version.key, version.key, version.key, version.version_id, version.size, version.last_modified_ns)


# --- restore ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestoreTo:
    """Where files come back to. `manifest` is None where that is not the source: then the bucket is only read."""

    target: TargetFolder
    manifest: ManifestStore | None


def restore_trash(ports: TrashPorts, to: RestoreTo, pattern: str) -> TrashSummary:
    """Bring back, of each path that matches, what was trashed last. Raises BucketError, StoppedError.

    Back in the source, the object first gets its key again; nothing that is there, in the bucket or on the disk, is
    ever replaced. The rows are written, so that the next sync finds everything as it should be.
    """
    wanted = newest_of_each(item for item in _items(ports) if matches(item.path, pattern))
    done, count = TrashSummary(), 0
    ports.sink(PhaseStarted(Phase.RESTORING, len(wanted)))
    remaining = iter(wanted)
    with ports.make_pool(ports.threads) as pool:
        while batch := list(islice(remaining, BATCH)):
            results = list(pool.map(partial(_restore_unless_stopping, ports, to), batch))
            _take(done, to, results, ports.clock())
            count += len(batch)
            ports.sink(PhaseAdvanced(Phase.RESTORING, count))
            _check_stop(ports)
    return done


class _Back(NamedTuple):
    """A file that is back. `sha256`: of its bytes, as they came. `is_proven`: they are the ones that were stored."""

    item: TrashItem
    info: ObjectInfo
    stat: Stat
    sha256: bytes
    is_proven: bool


def _take(done: TrashSummary, to: RestoreTo, results: Iterable[_Back | Failed | None], now_ns: int) -> None:
    outcomes = []
    for result in results:
        if isinstance(result, Failed):
            done.errors.append(result)
        elif result is not None:
            done.items.append(result.item)
            done.bytes += result.stat.size
            done.unproven += not result.is_proven
            if result.is_proven:  # else there is no row: the next sync looks into it, and sends it
                outcomes.append(_adopted(_row(result, now_ns)))
    if to.manifest is not None and outcomes:
        to.manifest.record(outcomes)


def _restore_unless_stopping(ports: TrashPorts, to: RestoreTo, item: TrashItem) -> _Back | Failed | None:
    if ports.stopping():
        return None
    try:
        return _restore(ports, to, item)
    except FileExistsError:
        return Failed(item.path, "a file is there already", "restore it elsewhere with --to DIR")
    except OSError as error:
        return Failed(item.path, f"cannot be written: {error.strerror or error}", "check the folder's permissions")
    except ObjectError as error:
        return Failed(item.path, error.message, error.hint, transfer=True)


def _restore(ports: TrashPorts, to: RestoreTo, item: TrashItem) -> _Back | Failed:
    if to.target.stat(item.path) is not None:
        raise FileExistsError(item.path)
    info = _head(ports, item)
    sha256 = sha256_of(info)
    if to.manifest is not None:
        current = _put_back(ports, item, info)
        if current is None:
            hint = "restore it elsewhere with --to DIR, and compare"
            return Failed(item.path, "another object is under its key in the bucket", hint)
    else:
        current = info
    mtime_ns = parse_mtime(info.metadata.get("mtime", ""))
    # Of an object that another program wrote, and `adopt` took over, its ETag may be all that tells.
    watch = EtagWatch(info.etag, info.size) if sha256 is None else None
    with ports.store.get(item.source, version_id=item.version_id) as body:
        placing = Placing(info.last_modified_ns if mtime_ns is None else mtime_ns)
        chunks = body if watch is None else _watched(body, watch, info.size)
        placed = to.target.write(item.path, iter(chunks), sha256, placing)
    if isinstance(placed, Damaged):
        return Failed(item.path, f"what came is not what was stored; it lies at {placed.kept_as}", "try it again")
    found = placed.sha256 or sha256
    assert found is not None, "a file that is written whole was hashed"
    return _Back(item, current, placed.stat, found, watch is None or watch.agrees())


def _watched(chunks: Iterable[bytes], watch: EtagWatch, size: int) -> Iterator[bytes]:
    """The same, of just this length: an answer that was cut off is told from nothing else."""
    came = 0
    for chunk in chunks:
        watch.update(chunk)
        came += len(chunk)
        yield chunk
    if came != size:
        raise ObjectError(f"the store sent {came:,} bytes of {size:,}", code="Truncated", hint="try it again")


def _put_back(ports: TrashPorts, item: TrashItem, info: ObjectInfo) -> ObjectInfo | None:
    """See that the object is under its key again; None where another one is."""
    try:
        current = ports.store.head(item.key)
    except ObjectMissingError:
        ports.store.keep(item.source, item.key, version_id=item.version_id)
        return ports.store.head(item.key)
    if sha256_of(info) is None:
        same = bool(info.etag) and current.etag == info.etag
    else:
        same = sha256_of(current) == sha256_of(info)
    return current if same and current.size == info.size else None


def _row(back: _Back, now_ns: int) -> ManifestEntry:
    item, info, stat = back.item, back.info, back.stat
    return ManifestEntry(
        path=item.path,
        size=stat.size,
        mtime_ns=stat.mtime_ns,
        ctime_ns=stat.ctime_ns,
        key=item.key,
        sha256=back.sha256,
        checksum=info.checksum,
        etag=info.etag,
        version_id=info.version_id,
        storage_class=info.storage_class,
        uploaded_at=info.last_modified_ns,
        verified_at=now_ns,
        settled=is_settled(stat.mtime_ns, stat.ctime_ns, now_ns),
    )


def _adopted(entry: ManifestEntry) -> Done:
    folder, _, name = entry.path.rpartition("/")
    scanned = ScannedFile(name, entry.size, entry.mtime_ns, entry.ctime_ns)
    info = ObjectInfo(entry.key, entry.size, entry.etag, {}, entry.checksum)
    content = Content(entry.stat, entry.sha256 or b"", crc32=0, was_read=False)
    return Done(Adopt(Change(ChangeKind.ADDED, folder, scanned, None), content, info), entry)
