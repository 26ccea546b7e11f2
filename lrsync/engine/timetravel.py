"""Find what the library was at a time, and what one file ever was. Reads the bucket, and writes nothing into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, islice

from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.keys import (
    KeyProblem,
    key_for,
    listing_prefix,
    may_be_digest,
    noted_path,
    path_for,
    split_trash_key,
    trash_folder,
)
from lrsync.core.model import ManifestEntry
from lrsync.core.objects import ListedVersion
from lrsync.core.ports import ObjectStore, Shelf
from lrsync.core.runs import SnapshotUse
from lrsync.core.timeline import (
    FileHistory,
    FileVersion,
    Lost,
    PathState,
    Place,
    Recorded,
    content_at,
    found_elsewhere,
    newest_first,
    of_listed,
    told_by,
    trashed_versions,
    version_at,
    versions_of,
)
from lrsync.engine.pool import DaemonPool
from lrsync.engine.snapshot import StoredSnapshot
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectError

BATCH = 500
OpenSnapshot = Callable[[Sequence[StoredSnapshot]], tuple[SnapshotUse, Iterator[ManifestEntry]] | None]
"""Reads the first of these snapshots that is whole, and gives its rows; None where none is."""


@dataclass(frozen=True, slots=True)
class PastPorts:
    """The world of a look into the past. `snapshots`: the library's own, the newest first.

    `find_twin`: a row of today with these bytes, where there is a manifest to ask.
    """

    store: ObjectStore
    prefix: str
    shelf: Shelf
    snapshots: Sequence[StoredSnapshot]
    open_snapshot: OpenSnapshot
    sink: EventSink
    stopping: Callable[[], bool]
    threads: int = 8
    make_pool: Callable[[int], Executor] = DaemonPool
    find_twin: Callable[[bytes], ManifestEntry | None] = lambda sha256: None


@dataclass(slots=True)
class Past:
    """What the library was: so many files on the shelf, what cannot be had any more, and what it was told from."""

    files: int = 0
    bytes: int = 0
    lost: list[Lost] = field(default_factory=list)
    snapshot: SnapshotUse | None = None


def gather(ports: PastPorts, moment_ns: int) -> Past:
    """Put on the shelf what every path's content was at a time (nanoseconds since the epoch).

    Raises BucketError, StoppedError.
    """
    ports.sink(PhaseStarted(Phase.LISTING))
    for versions in _listed(ports, moment_ns):
        ports.shelf.add(_with_own_path(ports.store, ports.prefix, version) for version in versions)
        _check_stop(ports.stopping)
    past = Past()
    past.snapshot = _take_facts(ports, moment_ns)
    _choose_all(ports, past, moment_ns)
    _find_moved(ports, past)
    return past


def _listed(ports: PastPorts, moment_ns: int) -> Iterator[list[FileVersion]]:
    store, prefix = ports.store, ports.prefix
    if not store.is_versioned():
        for listed in store.list(listing_prefix(prefix)):
            yield [found for one in listed if (found := of_listed(prefix, one)) is not None]
        return
    for page in store.list_versions(listing_prefix(prefix)):
        yield [
            found
            for _, versions in groupby(page, key=lambda version: version.key)
            for found in _of_key(prefix, list(versions), moment_ns)
        ]


def _of_key(prefix: str, versions: Sequence[ListedVersion], moment_ns: int) -> Iterator[FileVersion]:
    if split_trash_key(prefix, versions[0].key) is not None:
        yield from trashed_versions(prefix, versions)
        return
    found = version_at(versions_of(prefix, versions), moment_ns)
    if found is not None:
        yield found


def _take_facts(ports: PastPorts, moment_ns: int) -> SnapshotUse | None:
    before = [snapshot for snapshot in ports.snapshots if snapshot.stored_ns <= moment_ns]
    after = [snapshot for snapshot in ports.snapshots if snapshot.stored_ns > moment_ns]
    # The first one after that time still tells when each object was uploaded.
    opened = ports.open_snapshot([*before, *reversed(after)])
    if opened is None:
        return None
    used, rows = opened
    ports.shelf.add_facts((entry.path, Recorded.of(entry)) for entry in rows)
    return used


def _choose_all(ports: PastPorts, past: Past, moment_ns: int) -> None:
    recorded_ns = None if past.snapshot is None else past.snapshot.taken_at
    ports.sink(PhaseStarted(Phase.HEADING))
    states, done = ports.shelf.states(recorded_ns), 0
    with ports.make_pool(ports.threads) as pool:
        while batch := list(islice(states, BATCH)):
            found = list(pool.map(partial(_choose, ports, moment_ns), batch))
            chosen = [version for version in found if isinstance(version, FileVersion)]
            ports.shelf.choose(chosen)
            past.files += len(chosen)
            past.bytes += sum(version.size for version in chosen)
            past.lost += [lost for lost in found if isinstance(lost, Lost)]
            done += len(batch)
            ports.sink(PhaseAdvanced(Phase.HEADING, done))
            _check_stop(ports.stopping)


def _find_moved(ports: PastPorts, past: Past) -> None:
    """What is not under its path of then may be under another one now."""
    missing, past.lost = past.lost, []
    for lost in missing:
        sha256 = None if lost.fact is None else lost.fact.sha256
        twin = None if sha256 is None else ports.find_twin(sha256)
        found = None if twin is None else found_elsewhere(lost, twin)
        if found is None:
            past.lost.append(lost)
            continue
        ports.shelf.choose([found])
        past.files, past.bytes = past.files + 1, past.bytes + found.size


def _choose(ports: PastPorts, moment_ns: int, state: PathState) -> FileVersion | Lost | None:
    try:
        return content_at(state, moment_ns, partial(ask, ports.store))
    except ObjectError as error:
        return Lost(state.path, f"its old object could not be looked at: {error.message}")


def ask(store: ObjectStore, version: FileVersion) -> FileVersion:
    """The version with what the object itself tells of it. Raises ObjectError, BucketError."""
    if version.knows_its_bytes:
        return version
    if version.version_id is None:
        return told_by(version, store.head(version.key))
    return told_by(version, store.head(version.key, version_id=version.version_id))


def _with_own_path(store: ObjectStore, prefix: str, version: FileVersion) -> FileVersion:
    """The version by the path that its metadata tells, where its name in the trash is only a digest of it."""
    if version.place is not Place.TRASH or not may_be_digest(version.path):
        return version
    try:
        noted = noted_path(store.head(version.key).metadata)
        return version if noted is None else replace(version, path=path_for(prefix, key_for(prefix, noted)))
    except (KeyProblem, ObjectError):
        return version


def _check_stop(stopping: Callable[[], bool]) -> None:
    if stopping():
        raise StoppedError("interrupted")


# --- one file ---------------------------------------------------------------------------------------------


def history_of(
    store: ObjectStore, prefix: str, paths: Iterable[str], stopping: Callable[[], bool]
) -> FileHistory | None:
    """The history of the first of these paths that has one; None where none has. Raises BucketError, StoppedError."""
    wanted = list(dict.fromkeys(paths))
    trashed = _in_trash(store, prefix, frozenset(wanted), stopping)
    for path in wanted:
        versions = [*_under_key(store, prefix, path), *trashed.get(path, ())]
        if versions:
            told, unread = _all_told(store, newest_first(versions))
            return FileHistory(path, tuple(told), unread)
    return None


def _under_key(store: ObjectStore, prefix: str, path: str) -> list[FileVersion]:
    try:
        key = key_for(prefix, path)
    except KeyProblem:
        return []
    if store.is_versioned():
        pages = store.list_versions(key)
        return list(versions_of(prefix, [v for page in pages for v in page if v.key == key]))
    # As a listing and not by HEAD: where the credentials may not list, HEAD answers 403 for what is not there.
    listed = next((one for page in store.list(key) for one in page if one.key == key), None)
    found = None if listed is None else of_listed(prefix, listed)
    return [] if found is None else [found]


def _in_trash(
    store: ObjectStore, prefix: str, wanted: frozenset[str], stopping: Callable[[], bool]
) -> dict[str, list[FileVersion]]:
    found: dict[str, list[FileVersion]] = {}
    for versions in _trash_pages(store, prefix):
        _check_stop(stopping)
        for version in versions:
            named = _with_own_path(store, prefix, version)
            if named.path in wanted:
                found.setdefault(named.path, []).append(named)
    return found


def _trash_pages(store: ObjectStore, prefix: str) -> Iterator[list[FileVersion]]:
    folder = trash_folder(prefix)
    if not store.is_versioned():
        for listed in store.list(folder):
            yield [found for one in listed if (found := of_listed(prefix, one)) is not None]
        return
    for page in store.list_versions(folder):
        groups = (list(versions) for _, versions in groupby(page, key=lambda version: version.key))
        yield [found for versions in groups for found in trashed_versions(prefix, versions)]


def _all_told(store: ObjectStore, versions: Sequence[FileVersion]) -> tuple[list[FileVersion], int]:
    told, unread = [], 0
    for version in versions:
        try:
            told.append(version if version.place is Place.DELETED else ask(store, version))
        except ObjectError:
            # Listed a moment ago: still worth showing with what the listing said.
            told.append(version)
            unread += 1
    return told, unread
