"""See to archived objects: ask S3 to bring them back, once, and know what was asked. Downloads nothing.

What S3 says counts, by HEAD; the notes only spare questions, and tell when to come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lrsync.core.model import Failed
from lrsync.core.objects import ObjectInfo
from lrsync.core.ports import Clock, ObjectStore
from lrsync.core.thaw import NoteState, ThawNote, ThawReport, ThawState, ThawWish, ready_by, tier_for
from lrsync.errors import ObjectError


class ThawNotes(Protocol):
    """What was asked for. Thread-safe; one for each bucket and prefix."""

    def add(self, notes: Iterable[ThawNote]) -> None:
        """Keep these; an older note of the same object goes."""

    def find(self, key: str, version_id: str | None) -> ThawNote | None:
        """What was asked for of this object."""

    def forget(self, objects: Iterable[tuple[str, str | None]]) -> None:
        """These came back: (key, version id)."""

    def all(self) -> Iterator[ThawNote]:
        """Every note, by path."""


class NoNotes:
    """Where nothing is kept: every question goes to S3."""

    def add(self, notes: Iterable[ThawNote]) -> None:
        """Forget them at once."""

    def find(self, key: str, version_id: str | None) -> ThawNote | None:
        """Nobody knows."""

    def forget(self, objects: Iterable[tuple[str, str | None]]) -> None:
        """There is nothing to forget."""

    def all(self) -> Iterator[ThawNote]:
        """None."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Asleep:
    """An archived object of a file. `version_id` is None for the current one."""

    path: str
    key: str
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The object is being thawed. `note` is what to keep; None where somebody else asked, and nobody knows how."""

    path: str
    size: int
    ready_ns: int | None
    note: ThawNote | None
    is_new: bool


class ReadyNow:
    """It can be read after all: try again."""


READY_NOW = ReadyNow()


@dataclass(frozen=True, slots=True)
class Thawer:
    """Asks for objects one by one; one for all workers of a run. `wish` is None where nothing is to be asked for."""

    store: Callable[[], ObjectStore]
    notes: ThawNotes
    wish: ThawWish | None
    clock: Clock

    def see_to(self, asleep: Asleep) -> Asked | ReadyNow | Failed:
        """Find out what state the object is in, and ask for it where nobody has. Raises BucketError."""
        try:
            info = self._head(asleep)
            match info.thaw.state:
                case ThawState.AWAKE | ThawState.READY:
                    return READY_NOW
                case ThawState.ONGOING:
                    return self._waiting(asleep, info)
                case ThawState.ARCHIVED:
                    return self._ask(asleep, info)
        except ObjectError as error:
            hint = error.hint or "run the same command again"
            return Failed(asleep.path, f"could not be thawed: {error.message}", hint, transfer=True)

    def _head(self, asleep: Asleep) -> ObjectInfo:
        if asleep.version_id is None:
            return self.store().head(asleep.key)
        return self.store().head(asleep.key, version_id=asleep.version_id)

    def _waiting(self, asleep: Asleep, info: ObjectInfo) -> Asked:
        note = self.notes.find(asleep.key, asleep.version_id)
        return Asked(asleep.path, info.size, None if note is None else note.ready_ns, note, is_new=False)

    def _ask(self, asleep: Asleep, info: ObjectInfo) -> Asked | Failed:
        archive = info.thaw.archive
        assert archive is not None, "what sleeps lies in an archive"
        if self.wish is None:
            return Failed(asleep.path, f"lies in {archive.value}", "leave out --thaw none to have it thawed")
        tier = tier_for(self.wish, archive)
        if tier is None:
            hint = "ask with --thaw standard (12 hours) or --thaw bulk (48 hours)"
            return Failed(asleep.path, f"{archive.value} has no expedited thaw", hint)
        days = None if archive.is_tiering else self.wish.days
        now_ns = self.clock()
        self.store().thaw(asleep.key, tier, days=days, version_id=asleep.version_id)
        note = ThawNote(asleep.key, asleep.version_id, asleep.path, info.size, archive, tier, days, now_ns)
        return Asked(asleep.path, info.size, ready_by(archive, tier, now_ns, info.size), note, is_new=True)


def thaw_report(notes: ThawNotes, now_ns: int) -> ThawReport:
    """What is likely now, without a request to S3."""
    report = ThawReport()
    for note in notes.all():
        state = note.state_at(now_ns)
        change_ns = note.ready_ns if state is NoteState.WAITING else note.gone_ns
        report.groups[state].add(note.size, change_ns)
    return report
