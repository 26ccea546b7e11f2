"""Objects in an archive: what state they are in, what to do about one, and when to come back. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Final

HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS
MOST_DAYS: Final = 365
"""Longer than anybody restores; S3 itself takes much more, and bills every day of it."""


class Tier(Enum):
    """How fast an object is brought back from an archive, and at what price."""

    BULK = "bulk"
    STANDARD = "standard"
    EXPEDITED = "expedited"

    @property
    def s3_name(self) -> str:
        """What RestoreObject calls it."""
        return self.value.capitalize()


class Archive(Enum):
    """Where an object sleeps. The values are S3's names: of storage classes, and of HEAD's ArchiveStatus."""

    GLACIER = "GLACIER"
    DEEP_ARCHIVE = "DEEP_ARCHIVE"
    ARCHIVE_ACCESS = "ARCHIVE_ACCESS"
    DEEP_ARCHIVE_ACCESS = "DEEP_ARCHIVE_ACCESS"

    @property
    def is_tiering(self) -> bool:
        """Whether it is a tier of INTELLIGENT_TIERING: what is thawed there stays thawed, so no days are asked for."""
        return self in (Archive.ARCHIVE_ACCESS, Archive.DEEP_ARCHIVE_ACCESS)


_SHALLOW: Final = (Archive.GLACIER, Archive.ARCHIVE_ACCESS)
_HOURS: Final[dict[tuple[bool, Tier], tuple[float, float]]] = {
    (True, Tier.EXPEDITED): (1 / 60, 5 / 60),
    (True, Tier.STANDARD): (3, 5),
    (True, Tier.BULK): (5, 12),
    (False, Tier.STANDARD): (9, 12),
    (False, Tier.BULK): (12, 48),
}
"""S3 user guide, "Understanding archive retrieval options": typical hours, from and to. Deep archives have no expedited
tier."""
EXPEDITED_LIMIT_BYTES: Final = 250_000_000
"""The same page: what is larger takes longer than the five minutes."""


class ThawState(Enum):
    """Whether an object can be read now."""

    AWAKE = "awake"
    """It lies in no archive."""
    ARCHIVED = "archived"
    ONGOING = "ongoing"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Thaw:
    """What HEAD says of an object's sleep. `until_ns`: a ready copy is there until then (nanoseconds)."""

    state: ThawState = ThawState.AWAKE
    archive: Archive | None = None
    until_ns: int | None = None

    @property
    def is_asleep(self) -> bool:
        """Whether it cannot be read now."""
        return self.state in (ThawState.ARCHIVED, ThawState.ONGOING)


AWAKE: Final = Thaw()
_EXPIRY: Final = re.compile(r'expiry-date="([^"]+)"')


def thaw_of(storage_class: str | None, archive_status: str | None, restore: str | None) -> Thaw:
    """The state that HEAD's headers tell: x-amz-storage-class, x-amz-archive-status and x-amz-restore.

    >>> thaw_of("GLACIER", None, 'ongoing-request="true"').state
    <ThawState.ONGOING: 'ongoing'>
    """
    archive = archive_of(archive_status) or archive_of(storage_class)
    if archive is None:
        return AWAKE
    told = restore or ""
    if 'ongoing-request="true"' in told:
        return Thaw(ThawState.ONGOING, archive)
    if 'ongoing-request="false"' in told:
        return Thaw(ThawState.READY, archive, _expiry(told))
    return Thaw(ThawState.ARCHIVED, archive)


def archive_of(name: str | None) -> Archive | None:
    """The archive of this name; None for a class whose objects can be read at once.

    >>> archive_of("DEEP_ARCHIVE"), archive_of("GLACIER_IR")
    (<Archive.DEEP_ARCHIVE: 'DEEP_ARCHIVE'>, None)
    """
    return Archive(name) if name in Archive._value2member_map_ else None


def _expiry(told: str) -> int | None:
    found = _EXPIRY.search(told)
    try:
        return None if found is None else int(parsedate_to_datetime(found[1]).timestamp()) * 1_000_000_000
    except ValueError:
        return None


# --- asking -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ThawWish:
    """What the user wants: a tier, or None for the cheapest that is done within twelve hours; and for how many days."""

    tier: Tier | None = None
    days: int = 7


CHEAPEST_TODAY: Final = ThawWish()


def tier_for(wish: ThawWish, archive: Archive) -> Tier | None:
    """The tier to ask for; None where this archive does not have the one that is wanted.

    Left open it is bulk where that is free and takes 12 hours at most, and standard for deep archives and for
    INTELLIGENT_TIERING, where it is free.
    """
    if wish.tier is None:
        return Tier.BULK if archive is Archive.GLACIER else Tier.STANDARD
    return wish.tier if (archive in _SHALLOW, wish.tier) in _HOURS else None


def hours_for(archive: Archive, tier: Tier) -> tuple[float, float]:
    """How many hours it typically takes, from and to. Raises KeyError for a tier that the archive does not have."""
    return _HOURS[archive in _SHALLOW, tier]


def ready_by(archive: Archive, tier: Tier, asked_ns: int, size: int) -> int:
    """When an object of so many bytes should be there (nanoseconds since the epoch)."""
    if tier is Tier.EXPEDITED and size > EXPEDITED_LIMIT_BYTES:
        # At 300 MB a second, as the same page says of large ones, beside the five minutes.
        return asked_ns + int(hours_for(archive, tier)[1] * HOUR_NS) + size * 1_000_000_000 // 300_000_000
    return asked_ns + int(hours_for(archive, tier)[1] * HOUR_NS)


# --- what was asked ---------------------------------------------------------------------------------------


class NoteState(Enum):
    """What is likely, without asking S3 again."""

    WAITING = "waiting"
    DUE = "due"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class ThawNote:
    """An object that was asked for, when (nanoseconds), and for how many days (None: it stays)."""

    key: str
    version_id: str | None
    path: str
    size: int
    archive: Archive
    tier: Tier
    days: int | None
    asked_ns: int

    @property
    def ready_ns(self) -> int:
        """When it should be there."""
        return ready_by(self.archive, self.tier, self.asked_ns, self.size)

    @property
    def gone_ns(self) -> int | None:
        """When its thawed copy goes again, at the earliest: S3 counts the days from when the copy is there."""
        return None if self.days is None else self.asked_ns + self.days * DAY_NS

    def state_at(self, now_ns: int) -> NoteState:
        """What is likely at a time."""
        if self.gone_ns is not None and now_ns >= max(self.gone_ns, self.ready_ns):
            return NoteState.EXPIRED
        return NoteState.DUE if now_ns >= self.ready_ns else NoteState.WAITING


@dataclass(slots=True)
class ThawGroup:
    """So many objects of one likely state. `next_ns`: when the first of them changes it, `last_ns` the last."""

    objects: int = 0
    bytes: int = 0
    next_ns: int | None = None
    last_ns: int | None = None

    def add(self, size: int, change_ns: int | None) -> None:
        """Count one more."""
        self.objects += 1
        self.bytes += size
        if change_ns is not None:
            self.next_ns = change_ns if self.next_ns is None else min(self.next_ns, change_ns)
            self.last_ns = change_ns if self.last_ns is None else max(self.last_ns, change_ns)


@dataclass(slots=True)
class ThawReport:
    """What was asked for, by what is likely of it now."""

    groups: dict[NoteState, ThawGroup] = field(default_factory=lambda: {state: ThawGroup() for state in NoteState})

    @property
    def objects(self) -> int:
        """All of them."""
        return sum(group.objects for group in self.groups.values())
