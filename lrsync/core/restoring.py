"""What can be restored, and what to do about a file that is there already. Touches no disk, network or clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from lrsync.core.model import Drift, ManifestEntry
from lrsync.core.scan import Stat


@dataclass(frozen=True, slots=True)
class RestoreItem:
    """One file to bring back, whoever knows of it: the manifest, a snapshot, a listing, or a point in time.

    `mtime_ns` and `sha256` are None where only the object itself can tell them; `version_id` is None for the current
    object. `drift`: the bucket was found to have lost or altered it.
    """

    path: str
    key: str
    size: int
    mtime_ns: int | None
    sha256: bytes | None
    storage_class: str = "STANDARD"
    version_id: str | None = None
    drift: Drift | None = None


class Backup(Protocol):
    """Everything that can be restored. May be gone through more than once, each time the same."""

    @property
    def has_folders(self) -> bool:
        """Whether `folder` looks into one folder, rather than through everything."""

    def items(self) -> Iterator[RestoreItem]:
        """Every file, sorted by its path. Flat memory: a library may have 2,000,000."""

    def has(self, path: str) -> bool:
        """Whether a file of this very path is there."""

    def folder(self, path: str) -> Sequence[RestoreItem]:
        """The files directly in a folder ('' is the root), sorted by name."""


def item_of(entry: ManifestEntry) -> RestoreItem:
    """The item of a row. Of its object always the current version: what its bytes must be, the row tells."""
    return RestoreItem(
        entry.path, entry.key, entry.size, entry.mtime_ns, entry.sha256, entry.storage_class, drift=entry.drift
    )


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do: `files` of `bytes` are wanted, of which `fetch_files` of `fetch_bytes` are not there.

    `needed_bytes`: what these take on the disk. `classes`: files and bytes to fetch, by storage class.
    """

    files: int = 0
    bytes: int = 0
    fetch_files: int = 0
    fetch_bytes: int = 0
    needed_bytes: int = 0
    classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)


class Overwrite(Enum):
    """Which files that are there already may be replaced."""

    NEVER = "never"
    IF_CHANGED = "if-changed"
    IF_NEWER = "if-newer"
    ALWAYS = "always"


class Step(Enum):
    """What to do about one file."""

    FETCH = "fetch"
    INTACT = "intact"
    """It is there, with these bytes."""
    COMPARE = "compare"
    """Only its bytes can tell."""
    LEAVE = "leave"
    """Another file is there, and nobody asked for this one by name or wants it replaced."""
    OCCUPIED = "occupied"
    """Another file is there: the user must know that this one did not come back."""


_GRAINS_NS: Final = (1, 100, 10_000_000, 1_000_000_000, 2_000_000_000)
"""How finely file systems keep times: most, NTFS, exFAT, HFS+, FAT."""


def is_as_set(item: RestoreItem, there: Stat) -> bool:
    """Whether the file there has the size and the time that a restore gives it, as a disk of some kind keeps it."""
    if item.mtime_ns is None or there.size != item.size:
        return False
    return any(there.mtime_ns == item.mtime_ns - item.mtime_ns % grain for grain in _GRAINS_NS)


def first_step(item: RestoreItem, there: Stat | None, policy: Overwrite, *, named: bool, quiet: bool) -> Step:
    """What the stat of what is there tells.

    `named`: the user asked for this very file, and doubts its bytes: its stat does not count. `quiet`: where nobody
    wants anything replaced (in place, everything that is missing) other files are no news.
    """
    if there is None or policy is Overwrite.ALWAYS:
        return Step.FETCH
    if policy is Overwrite.IF_NEWER:
        return Step.INTACT if is_as_set(item, there) else step_for_other_bytes(item, there, policy)
    if policy is Overwrite.NEVER and not named and is_as_set(item, there):
        return Step.INTACT
    if quiet and policy is Overwrite.NEVER:
        return Step.LEAVE
    if there.size == item.size and item.sha256 is not None:
        return Step.COMPARE
    return step_for_other_bytes(item, there, policy)


def step_for_other_bytes(item: RestoreItem, there: Stat, policy: Overwrite) -> Step:
    """What to do once the file there is known to have other bytes (or nothing tells that they are the same)."""
    match policy:
        case Overwrite.ALWAYS:
            return Step.FETCH
        case Overwrite.IF_CHANGED:
            return Step.INTACT if item.sha256 is None and is_as_set(item, there) else Step.FETCH
        case Overwrite.IF_NEWER:
            return Step.FETCH if item.mtime_ns is not None and item.mtime_ns > there.mtime_ns else Step.LEAVE
        case Overwrite.NEVER:
            return Step.INTACT if item.sha256 is None and is_as_set(item, there) else Step.OCCUPIED
