"""What the engine tells whoever listens. Values; nothing here draws, logs or waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lrsync.core.findings import Finding
    from lrsync.core.model import Failed, Outcome


class Phase(Enum):
    """What a run is busy with."""

    LISTING = "checking the bucket"
    SCANNING = "scanning"
    UPLOADING = "uploading"
    DELETING = "moving to trash"
    HEADING = "reading object metadata"
    SNAPSHOT = "saving the manifest"
    PURGING = "emptying the trash"
    VERIFYING = "verifying"
    PLANNING = "comparing with what is there"
    RESTORING = "restoring"
    READING_CATALOG = "reading the catalog"
    AUDITING = "auditing the catalog"
    CATALOGS = "saving catalogs"
    COMPARING = "comparing with the bucket"
    REWRITING = "adding metadata to objects"


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """A phase begins; `total` steps where known."""

    phase: Phase
    total: int | None = None


@dataclass(frozen=True, slots=True)
class PhaseAdvanced:
    """`done` steps of the phase are over, counted from its start."""

    phase: Phase
    done: int


@dataclass(frozen=True, slots=True)
class Scanned:
    """One directory was scanned: running totals."""

    directories: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class WorkFound:
    """A file will be looked at (hashed, perhaps sent): `size` in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class WorkPlanned:
    """So many files and bytes will be dealt with: said once, where it is known before the first."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class WorkStarted:
    """A worker took this file up."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class BytesSent:
    """So many bytes of this file were acknowledged, or arrived."""

    path: str
    count: int


@dataclass(frozen=True, slots=True)
class WorkFinished:
    """A file is dealt with. `size` as in WorkFound."""

    path: str
    size: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class FileBack:
    """A file was restored (`was_fetched`), was there already, or `failed`. `size` in bytes."""

    path: str
    size: int
    was_fetched: bool
    failed: Failed | None = None


@dataclass(frozen=True, slots=True)
class FindingRaised:
    """Something a person should look at."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for the user: nothing is wrong."""

    message: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """One line for the user: something beside the run's own work went wrong. Told with --quiet, too."""

    message: str


Event = (
    PhaseStarted
    | PhaseAdvanced
    | Scanned
    | WorkFound
    | WorkPlanned
    | WorkStarted
    | BytesSent
    | WorkFinished
    | FileBack
    | FindingRaised
    | Notice
    | Trouble
)
EventSink = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The sink of whoever does not care."""
