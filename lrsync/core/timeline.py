"""What was under a path, and when: told from listings, trash copies and recorded facts. Pure; asks no bucket.

A bucket with versions knows exactly what was current at a time: from when a version was stored until something newer
took its place. A bucket without them keeps in the trash what was replaced, with the time when that happened; since
when it had been there, only a snapshot of the manifest tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from lrsync.core.keys import KeyProblem, is_reserved, listing_prefix, path_for
from lrsync.core.model import ManifestEntry
from lrsync.core.objects import ListedObject, ListedVersion, ObjectInfo
from lrsync.core.parts import parse_mtime
from lrsync.core.proof import sha256_of
from lrsync.core.trash import of_object


class Place(Enum):
    """Where the bytes of a version of a file lie."""

    CURRENT = "current"
    VERSION = "version"
    TRASH = "trash"
    DELETED = "deleted"
    """A delete marker: there are no bytes, and nothing was there until something was stored again."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """What a path's content was, from `since_ns` (None: unknown) until `until_ns` (None: it still is).

    Its bytes lie under `key`. `sha256` and `mtime_ns` are None until the object or a snapshot told them. Sizes in
    bytes, times in nanoseconds since the epoch.
    """

    path: str
    key: str
    version_id: str | None
    size: int
    etag: str
    since_ns: int | None
    until_ns: int | None
    place: Place
    storage_class: str = "STANDARD"
    sha256: bytes | None = None
    mtime_ns: int | None = None

    @property
    def knows_its_bytes(self) -> bool:
        """Whether it was told what the bytes are, and of when."""
        return self.sha256 is not None and self.mtime_ns is not None


@dataclass(frozen=True, slots=True)
class FileHistory:
    """Everything that the bucket has of one path, the newest first. `unread`: what could not be asked about."""

    path: str
    versions: tuple[FileVersion, ...]
    unread: int = 0


class Recorded(NamedTuple):
    """What a snapshot of the manifest recorded of a path's object."""

    size: int
    etag: str
    version_id: str | None
    sha256: bytes | None
    mtime_ns: int
    uploaded_ns: int

    @classmethod
    def of(cls, entry: ManifestEntry) -> Recorded:
        """From the snapshot's row."""
        return cls(entry.size, entry.etag, entry.version_id, entry.sha256, entry.mtime_ns, entry.uploaded_at)


@dataclass(frozen=True, slots=True)
class Lost:
    """A file that was there, and whose bytes of then the bucket does not have any more under this path.

    `fact`: what was recorded of it, where a snapshot tells.
    """

    path: str
    why: str
    fact: Recorded | None = None


Ask = Callable[[FileVersion], FileVersion]
"""Asks the object itself what it is: the same version, with its sha256 and mtime as far as it knows them."""


def told_by(version: FileVersion, info: ObjectInfo) -> FileVersion:
    """The version with what the object says of itself."""
    mtime_ns = parse_mtime(info.metadata.get("mtime", ""))
    return replace(
        version,
        sha256=sha256_of(info),
        mtime_ns=info.last_modified_ns if mtime_ns is None else mtime_ns,
        storage_class=info.storage_class,
    )


def recorded_by(version: FileVersion, fact: Recorded) -> FileVersion:
    """The version with what a manifest recorded of it."""
    return replace(version, sha256=fact.sha256, mtime_ns=fact.mtime_ns)


# --- from listings ----------------------------------------------------------------------------------------


def versions_of(prefix: str, versions: Sequence[ListedVersion]) -> Iterator[FileVersion]:
    """One key's versions (the newest first) as versions of a file; none for what is no file's key."""
    path = _path_of(prefix, versions[0].key) if versions else None
    if path is None:
        return
    until_ns: int | None = None
    for version in versions:
        yield FileVersion(
            path,
            version.key,
            version.version_id,
            version.size,
            version.etag,
            version.last_modified_ns,
            until_ns,
            _place_of(version),
            version.storage_class,
        )
        until_ns = version.last_modified_ns


def _place_of(version: ListedVersion) -> Place:
    if version.is_marker:
        return Place.DELETED
    return Place.CURRENT if version.is_current else Place.VERSION


def of_listed(prefix: str, listed: ListedObject) -> FileVersion | None:
    """An object of a plain listing as a version of a file: current, or in the trash; None for anything else."""
    item = of_object(prefix, listed)
    if item is not None:
        return _in_trash(item.path, listed, item.trashed_ns)
    path = _path_of(prefix, listed.key)
    if path is None:
        return None
    return FileVersion(
        path,
        listed.key,
        None,
        listed.size,
        listed.etag,
        listed.last_modified_ns,
        None,
        Place.CURRENT,
        listed.storage_class,
    )


def trashed_versions(prefix: str, versions: Sequence[ListedVersion]) -> Iterator[FileVersion]:
    """What lies under a key of the trash of a bucket that keeps versions now, and did not when it was put there."""
    for v in versions:
        if v.is_current and not v.is_marker:
            listed = ListedObject(v.key, v.size, v.etag, v.storage_class, v.last_modified_ns)
            found = of_listed(prefix, listed)
            if found is not None and found.place is Place.TRASH:
                yield replace(found, version_id=v.version_id)


def _in_trash(path: str, listed: ListedObject, trashed_ns: int) -> FileVersion:
    return FileVersion(
        path, listed.key, None, listed.size, listed.etag, None, trashed_ns, Place.TRASH, listed.storage_class
    )


def _path_of(prefix: str, key: str) -> str | None:
    if is_reserved(key[len(listing_prefix(prefix)) :]):
        return None
    try:
        return path_for(prefix, key)
    except KeyProblem:
        return None


def newest_first(versions: Sequence[FileVersion]) -> list[FileVersion]:
    """The versions of one path: the current one, then by when they ended."""
    return sorted(versions, key=lambda v: (v.until_ns is not None, -(v.until_ns or 0), -(v.since_ns or 0)))


# --- at a time --------------------------------------------------------------------------------------------


def version_at(versions: Iterable[FileVersion], moment_ns: int) -> FileVersion | None:
    """Which of one key's versions (they come the newest first) was current at a time; a deletion is one too.

    Not by intervals: S3 dates an object that came in parts from when its upload began, so two may overlap.
    """
    return next((version for version in versions if (version.since_ns or 0) <= moment_ns), None)


@dataclass(frozen=True, slots=True)
class PathState:
    """What is known of one path: its versions in the bucket, and its row in a snapshot taken at `recorded_ns`.

    The snapshot is the last one before the time in question, else the first one after it; None where there is none.
    """

    path: str
    versions: tuple[FileVersion, ...]
    fact: Recorded | None = None
    recorded_ns: int | None = None


def content_at(state: PathState, moment_ns: int, ask: Ask) -> FileVersion | Lost | None:
    """What the path's content was at a time; None where it was not there.

    What a listing of versions dates exactly is believed. Else the snapshot's row says what it was, and where those
    bytes lie now is found by their proofs. `ask` is used only where nothing else tells; it raises ObjectError.
    """
    exact = version_at((v for v in newest_first(state.versions) if v.place is not Place.TRASH), moment_ns)
    if exact is not None and exact.place is Place.DELETED:
        return None
    if exact is not None and exact.version_id is not None:
        return _with_fact(exact, state.fact)
    later = [v for v in newest_first(state.versions)[::-1] if v.place is Place.TRASH and (v.until_ns or 0) > moment_ns]
    fact, recorded_ns = state.fact, state.recorded_ns
    if fact is not None and recorded_ns is not None and min(recorded_ns, fact.uploaded_ns) <= moment_ns:
        return _of_fact(state, fact, later, exact, moment_ns, ask)
    if exact is not None:
        # Had anything gone to the trash since then, the current object would be younger.
        return exact
    if recorded_ns is not None:
        # What went to the trash after a snapshot that does not tell of it came after that snapshot too.
        later = [v for v in later if (v.until_ns or 0) <= recorded_ns]
    return _oldest_written_by_then(later, moment_ns, ask)


def _with_fact(version: FileVersion, fact: Recorded | None) -> FileVersion:
    return recorded_by(version, fact) if fact is not None and _is_same(version, fact) else version


def _is_same(version: FileVersion, fact: Recorded) -> bool:
    """Whether a listing alone shows that a version is the recorded object."""
    if version.version_id is not None and version.version_id == fact.version_id:
        return True
    return version.size == fact.size and bool(version.etag) and version.etag == fact.etag


def _oldest_written_by_then(later: Sequence[FileVersion], moment_ns: int, ask: Ask) -> FileVersion | None:
    """Where no snapshot tells, the file's own time alone says whether it was there before it was trashed."""
    if not later:
        return None
    told = ask(later[0])
    return told if told.mtime_ns is None or told.mtime_ns <= moment_ns else None


def _of_fact(
    state: PathState,
    fact: Recorded,
    later: Sequence[FileVersion],
    exact: FileVersion | None,
    moment_ns: int,
    ask: Ask,
) -> FileVersion | Lost | None:
    """Where the bytes of the row that held at that time, or just before it, are now."""
    candidates = [*later, *(v for v in state.versions if v.place is Place.CURRENT)]
    found = _find(candidates, fact, ask)
    if found is not None:
        return recorded_by(found, fact)
    trashed_before = [
        v
        for v in state.versions
        if v.place is Place.TRASH and (state.recorded_ns or 0) < (v.until_ns or 0) <= moment_ns
    ]
    if _find(trashed_before, fact, ask) is not None:
        # It was replaced or deleted between the snapshot and the time that is asked for.
        return exact or _oldest_written_by_then(later, moment_ns, ask)
    why = "its bytes of then are not in the bucket any more: the trash was purged, or never had them"
    return Lost(state.path, why, fact)


def found_elsewhere(lost: Lost, twin: ManifestEntry) -> FileVersion | None:
    """A lost file as today's object of another path with its bytes: it was moved, and the trash purged since."""
    if lost.fact is None or twin.size != lost.fact.size or not twin.has_good_object:
        return None
    moved = FileVersion(lost.path, twin.key, None, twin.size, twin.etag, None, None, Place.CURRENT, twin.storage_class)
    return recorded_by(moved, lost.fact)


def _find(candidates: Sequence[FileVersion], fact: Recorded, ask: Ask) -> FileVersion | None:
    """The candidate that is the recorded object: by what the listing says, else by the sha256 that it tells."""
    for version in candidates:
        if _is_same(version, fact):
            return version
    if fact.sha256 is None:
        return None
    same_size = (version for version in candidates if version.size == fact.size)
    return next((version for version in same_size if ask(version).sha256 == fact.sha256), None)
