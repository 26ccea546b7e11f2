"""Is every photo in a catalog safe? What each file's state is, and what that comes to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from lrsync.core.lightroom import CatalogFacts
from lrsync.errors import ExitCode


class FileState(Enum):
    """What is known of one file that a catalog names, or that should be in one."""

    SAFE = "safe"
    PENDING = "pending"
    CHANGED = "changed"
    MISSING = "missing"
    RESTORABLE = "restorable"
    OUTSIDE = "outside"
    UNMOUNTED = "unmounted"
    PLACEHOLDER = "placeholder"
    NOT_IN_CATALOG = "not-in-catalog"
    """The reverse: on the disk, and no catalog file of this name there."""
    VANISHED = "vanished"
    """The last audit found it in the catalog, this one did not."""

    # Enum's own is Python code, and states are counted for each of 200,000 files.
    __hash__ = object.__hash__


NAMED_STATES: Final = tuple(state for state in FileState if state.value not in ("not-in-catalog", "vanished"))
"""The states of files that the catalog names: each is in exactly one."""

WAITING: Final = (FileState.PENDING, FileState.CHANGED, FileState.PLACEHOLDER)
"""A backup would see to these, or could not: the files are not safe as they are now."""

NEEDS_PERSON: Final = (
    FileState.MISSING,
    FileState.RESTORABLE,
    FileState.OUTSIDE,
    FileState.UNMOUNTED,
    FileState.VANISHED,
)
"""No backup mends these: a file to find or restore, a folder or drive to bring in, a loss to look into."""


class DiskFacts(NamedTuple):
    """A file as it lies on the disk: bytes, and times in nanoseconds."""

    size: int
    mtime_ns: int
    ctime_ns: int


class Recorded(NamedTuple):
    """What the manifest knows of a file: first its name, size and times, in the order of `ScannedFile`.

    `good`: the bucket holds proven bytes, last proven at `proven_ns` (None: never). `rotten`: a verification found
    that the disk's went bad.
    """

    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    good: bool
    proven_ns: int | None
    rotten: bool = False

    @property
    def facts(self) -> DiskFacts:
        """The file as it lay there at the backup."""
        return DiskFacts(self.size, self.mtime_ns, self.ctime_ns)


def judge(disk: DiskFacts | None, row: Recorded | None) -> FileState:
    """The state of a file inside the source, whose drive is there. Only what is proven is SAFE."""
    good = row is not None and row.good
    if disk is None:
        return FileState.RESTORABLE if good else FileState.MISSING
    if row is None or not good:
        return FileState.PENDING
    return FileState.SAFE if row.facts == disk and not row.rotten else FileState.CHANGED


class AuditedFile(NamedTuple):
    """One file of an audit. `path` as the catalog spells it (absolute), or as the disk does for what it does not name.

    Sizes in bytes, times in nanoseconds since the epoch.
    """

    state: FileState
    path: str
    root: str
    is_sidecar: bool = False
    size: int | None = None
    proven_ns: int | None = None
    note: str = ""


@dataclass(slots=True)
class RootTally:
    """One root folder of a catalog: where it is on this machine, and how many of its files are in which state."""

    mapped_to: str
    states: dict[FileState, int] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """All of them."""
        return sum(self.states.values())


class SizeWitness(NamedTuple):
    """A RAW or video whose size is not the one it had when it was imported: it was cut off, or written to."""

    path: str
    imported_bytes: int
    found_bytes: int


@dataclass(frozen=True, slots=True)
class ZipState:
    """The newest backup that Lightroom made itself. `problem` is '' where it is sound."""

    path: str
    made_ns: int
    problem: str = ""


@dataclass(slots=True)
class AuditReport:
    """What an audit found. `listed` holds only the files of the states that were asked for."""

    catalog: str
    facts: CatalogFacts
    audited_ns: int
    states: dict[FileState, int] = field(default_factory=dict)
    roots: dict[str, RootTally] = field(default_factory=dict)
    photos: int = 0
    sidecars: int = 0
    oldest_proof_ns: int | None = None
    listed: list[AuditedFile] = field(default_factory=list)
    witnesses: list[SizeWitness] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    """The paths of those that the last audit found in the catalog: an alarm that names nobody helps nobody."""
    previous_ns: int | None = None
    previous_photos: int = 0
    unused_mappings: list[str] = field(default_factory=list)
    """Folders that the user says are elsewhere, and that no root of the catalog is or lies in."""
    zip_backup: ZipState | None = None
    source_missing: str = ""
    """Why the source could not be looked at; '' where it could."""

    @property
    def files(self) -> int:
        """Files that the catalog names, sidecars among them."""
        return sum(self.states.get(state, 0) for state in NAMED_STATES)

    @property
    def exit_code(self) -> ExitCode:
        """0 only where every file is safe; 3 where a backup is due, 4 where a person is."""
        if _any(self.states, WAITING):
            return ExitCode.INCOMPLETE
        if _any(self.states, NEEDS_PERSON) or self.witnesses:
            return ExitCode.NEEDS_PERSON
        return ExitCode.OK

    def count(self, file: AuditedFile) -> None:
        """Take a file into the totals. What is not in the catalog, or not any more, belongs to no root."""
        if not file.root and file.state not in NAMED_STATES:
            self.states[file.state] = self.states.get(file.state, 0) + 1
            return
        if file.is_sidecar:
            self.count_many(file.root, file.state, sidecars=1)
        else:
            self.count_many(file.root, file.state, photos=1)
        if file.state is FileState.SAFE:
            self.take_proof(file.proven_ns)

    def count_many(self, root: str, state: FileState, *, photos: int = 0, sidecars: int = 0) -> None:
        """Take so many files of one root that are all in one state into the totals."""
        if not photos + sidecars:
            return
        self.photos += photos
        self.sidecars += sidecars
        for states in (self.states, self.roots[root].states):
            states[state] = states.get(state, 0) + photos + sidecars

    def take_proof(self, proven_ns: int | None) -> None:
        """A safe file was last proven then."""
        if proven_ns is not None and (self.oldest_proof_ns is None or proven_ns < self.oldest_proof_ns):
            self.oldest_proof_ns = proven_ns


def _any(states: Mapping[FileState, int], wanted: tuple[FileState, ...]) -> bool:
    return any(states.get(state) for state in wanted)
