"""What lies in the trash, told from listings alone: trashed copies, old versions, delete markers. Pure.

Where the bucket keeps no versions, lrsync copies what it replaces or deletes below its own trash folder. Where it
does, the old versions are the trash: a version is in it since something newer took its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from lrsync.core.keys import (
    KeyProblem,
    key_for,
    listing_prefix,
    path_for,
    snapshot_owner,
    split_trash_key,
    time_of_stamp,
)
from lrsync.core.model import Failed
from lrsync.core.objects import ListedObject, ListedVersion

SNAPSHOT_VERSIONS_KEPT: Final = 10
"""Of the manifest's snapshot so many versions stay, however old: they are what a rebuild falls back to."""


@dataclass(frozen=True, slots=True)
class TrashItem:
    """One thing in the trash. `path` is relative, as it was; `key` where it belongs; its bytes lie under `source`.

    `version_id` is None where the bucket keeps no versions. Sizes in bytes, times in nanoseconds since the epoch.
    """

    path: str
    key: str
    source: str
    version_id: str | None
    size: int
    trashed_ns: int


@dataclass(frozen=True, slots=True)
class Doomed:
    """What a purge destroys of one key, in this order: a delete marker only once what it hides is gone.

    `is_own`: the key itself says that lrsync wrote it.
    """

    key: str
    versions: tuple[ListedVersion, ...]
    is_own: bool


@dataclass(slots=True)
class TrashSummary:
    """What a command found or did. `foreign`: versions that lrsync did not write, and so leaves alone.

    `unproven`: files that came back whole by their length, and of whose bytes nothing is recorded.
    """

    dry_run: bool = False
    items: list[TrashItem] = field(default_factory=list)
    bytes: int = 0
    foreign: int = 0
    unproven: int = 0
    errors: list[Failed] = field(default_factory=list)


def of_object(prefix: str, listed: ListedObject) -> TrashItem | None:
    """The item that an object below the trash folder is; None for what lrsync did not put there."""
    return _trashed(prefix, listed.key, None, listed.size)


def of_versions(prefix: str, versions: Sequence[ListedVersion]) -> Iterator[TrashItem]:
    """The items among one key's versions, the newest first (as `versions` are)."""
    key = versions[0].key
    if key.startswith(f"{listing_prefix(prefix)}.lrsync/"):
        own = (_trashed(prefix, key, v.version_id, v.size) for v in versions if not v.is_marker)
        yield from (item for item in own if item is not None)
        return
    try:
        path = path_for(prefix, key)
    except KeyProblem:
        return  # not a name that a file could have: nothing that lrsync ever put there
    for version, trashed_ns in _with_times(versions):
        if not (version.is_marker or version.is_current):
            yield TrashItem(path, key, key, version.version_id, version.size, trashed_ns)


def _trashed(prefix: str, key: str, version_id: str | None, size: int) -> TrashItem | None:
    found = split_trash_key(prefix, key)
    if found is None:
        return None
    try:
        trashed_ns, own_key = time_of_stamp(found[0]), key_for(prefix, found[1])
        path_for(prefix, own_key)
    except ValueError:
        return None
    return TrashItem(found[1], own_key, key, version_id, size, trashed_ns)


def _with_times(versions: Sequence[ListedVersion]) -> Iterator[tuple[ListedVersion, int]]:
    """Each version and since when it is not the current one (nanoseconds): since the next newer one was written."""
    newer_ns = 0
    for version in versions:
        yield version, (version.last_modified_ns if version.is_current else newer_ns)
        newer_ns = version.last_modified_ns


def doomed_versions(prefix: str, versions: Sequence[ListedVersion], before_ns: int) -> Doomed | None:
    """What a purge may destroy of one key: what is in the trash since before a time (nanoseconds); None for nothing.

    The current object never goes, nor the newest snapshots. A current delete marker goes only with all that it
    hides, and after it: without it the newest old version would be there again.
    """
    key = versions[0].key
    if split_trash_key(prefix, key) is not None:
        item = _trashed(prefix, key, None, 0)
        whole = item is not None and item.trashed_ns < before_ns
        return Doomed(key, tuple(reversed(versions)), is_own=True) if whole else None
    is_snapshot = snapshot_owner(prefix, key) is not None
    if is_snapshot:
        old = [v for v in versions[SNAPSHOT_VERSIONS_KEPT:] if v.last_modified_ns < before_ns and not v.is_current]
    else:
        try:
            path_for(prefix, key)
        except KeyProblem:
            return None
        old = [v for v, since in _with_times(versions) if since < before_ns and not v.is_current]
        marker = versions[0]
        if marker.is_marker and marker.is_current and marker.last_modified_ns < before_ns:
            old = [marker, *old] if len(old) == len(versions) - 1 else old
    return Doomed(key, tuple(reversed(old)), is_own=is_snapshot) if old else None


def matches(path: str, pattern: str) -> bool:
    """Whether a path is meant: by itself, by a folder above it, by a pattern of either, or by its name's pattern.

    >>> matches("2024/Iceland/a.nef", "2024"), matches("2024/Iceland/a.nef", "*.nef")
    (True, True)
    >>> matches("2024/Iceland/a.nef", "Iceland"), matches("2024/a.nef", "2024/*.jpg")
    (False, False)
    """
    pattern = pattern.strip("/")
    if pattern in ("", "."):
        return True
    name = path.rpartition("/")[2]
    if "/" not in pattern and (name == pattern or fnmatchcase(name, pattern)):
        return True
    parts = path.split("/")
    above = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return any(folder == pattern or fnmatchcase(folder, pattern) for folder in above)


def newest_of_each(items: Iterable[TrashItem]) -> list[TrashItem]:
    """Of each path the item that was trashed last, by path."""
    newest: dict[str, TrashItem] = {}
    for item in items:
        other = newest.get(item.path)
        if other is None or item.trashed_ns > other.trashed_ns:
            newest[item.path] = item
    return [newest[path] for path in sorted(newest)]
