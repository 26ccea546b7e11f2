"""What a person should look at. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from lrsync.core.scan import Stat


@dataclass(frozen=True, slots=True)
class QuarantinedContent:
    """The bytes of a changed original, as they were when it was quarantined, and what was said of them."""

    path: str
    stat: Stat
    sha256: bytes
    told: str = field(default="", compare=False)


class FindingKind(Enum):
    """Something a person should look at."""

    ORIGINAL_CHANGED = "original-changed"
    DELETE_GUARD = "delete-guard"
    UNREADABLE = "unreadable"
    DRIFT = "drift"
    UNKNOWN_OBJECT = "unknown-object"
    MASS_CHANGE = "mass-change"
    SUSPECT_ORIGINAL = "suspect-original"
    SNAPSHOT_FAILED = "snapshot-failed"
    CATALOG_BUSY = "catalog-busy"
    CATALOG_DAMAGED = "catalog-damaged"
    CATALOG_MISSING = "catalog-missing"
    UNPROVEN = "unproven-objects"
    FAILED = "failed"
    RACED = "raced"
    HELD = "held"
    SETTLING = "settling"
    """Written so shortly before the run that it waits for the next one: nothing is wrong with it."""
    ROT = "rot"
    """Only `verify --local` sees it, so only what settles the file takes it back, never a later sync."""

    @property
    def needs_person(self) -> bool:
        """Whether it alone makes the run end with exit code 4."""
        return self in (
            FindingKind.ORIGINAL_CHANGED,
            FindingKind.DELETE_GUARD,
            FindingKind.DRIFT,
            FindingKind.MASS_CHANGE,
            FindingKind.SUSPECT_ORIGINAL,
            FindingKind.CATALOG_BUSY,
            FindingKind.CATALOG_DAMAGED,
            FindingKind.CATALOG_MISSING,
            FindingKind.ROT,
            FindingKind.UNPROVEN,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding, as it is shown and stored.

    `quarantined` is set for a changed original, `stat` for a file that failed: what is not safe has a size.
    """

    kind: FindingKind
    path: str
    message: str
    hint: str = ""
    quarantined: QuarantinedContent | None = None
    stat: Stat | None = None
