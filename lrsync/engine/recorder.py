"""Write outcomes in batches and seal directories. Owns the order: acknowledged, then recorded, then sealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lrsync.core.diff import same_facts
from lrsync.core.model import Adopt, Change, Done, Outcome, Quarantine, Restat, ServerCopy, Upload
from lrsync.core.parts import SINGLE_PUT_LIMIT
from lrsync.core.ports import Clock, ManifestStore
from lrsync.core.scan import ScannedDir

FLUSH_AFTER_NS = 2_000_000_000
"""Outcomes wait at most this long for their batch to fill: what a crash forgets is small on a slow line too."""


@dataclass(slots=True)
class _Folder:
    """A directory with work under way."""

    digest: bytes
    waiting: int
    sealable: bool


@dataclass(slots=True)
class Recorder:
    """Collects outcomes and writes them. Used by the coordinating thread only."""

    open_manifest: Callable[[], ManifestStore]
    batch_size: int
    clock: Clock
    _folders: dict[str, _Folder] = field(default_factory=dict)
    _outcomes: list[Outcome] = field(default_factory=list)
    _ready: dict[str, bytes] = field(default_factory=dict)
    _first_at: int = 0

    def begin(self, scanned: ScannedDir, digest: bytes, *, waiting: int, sealable: bool) -> None:
        """A directory has `waiting` changes under way; with none it can be sealed at once."""
        if waiting:
            self._folders[scanned.path] = _Folder(digest, waiting, sealable)
        elif sealable:
            self._ready[scanned.path] = digest

    def add(self, folder: str, outcome: Outcome) -> None:
        """Take one outcome; writes the batch when it is full."""
        if not self._outcomes:
            self._first_at = self.clock()
        self._outcomes.append(_without_bytes(outcome))
        self._finish_one(folder, outcome)
        if len(self._outcomes) >= self.batch_size:
            self.flush()

    def flush_if_due(self) -> None:
        """Write what has waited long enough."""
        waiting = len(self._outcomes) + len(self._ready)
        if waiting >= self.batch_size or (self._outcomes and self.clock() - self._first_at > FLUSH_AFTER_NS):
            self.flush()

    def flush(self) -> None:
        """Write everything that is here."""
        outcomes, self._outcomes = self._outcomes, []
        ready, self._ready = self._ready, {}
        if not (outcomes or ready):
            return
        try:
            self._write(outcomes, ready)
        except BaseException:
            # What was not recorded must never be sealed over by what comes in after it.
            self._folders.clear()
            raise

    def _write(self, outcomes: list[Outcome], ready: dict[str, bytes]) -> None:
        manifest = self.open_manifest()
        if outcomes:
            manifest.record(outcomes)
            self._forget_multiparts(manifest, outcomes)
        if ready:
            manifest.seal(ready)

    def _finish_one(self, path: str, outcome: Outcome) -> None:
        folder = self._folders.get(path)
        if folder is None:
            return
        folder.waiting -= 1
        folder.sealable = folder.sealable and _can_seal(outcome)
        if folder.waiting == 0:
            del self._folders[path]
            if folder.sealable:
                self._ready[path] = folder.digest

    @staticmethod
    def _forget_multiparts(manifest: ManifestStore, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            # Only what completed it: forgotten for a file that was put back, its parts would lie there for good.
            if not isinstance(outcome, Done) or not isinstance(outcome.action, Upload) or outcome.entry is None:
                continue
            if outcome.entry.size >= SINGLE_PUT_LIMIT:
                manifest.forget_multipart(outcome.entry.key)


def _can_seal(outcome: Outcome) -> bool:
    """Whether the row now says just what the scan saw, so that the directory's digest may stand for it."""
    if not isinstance(outcome, Done) or isinstance(outcome.action, Quarantine) or outcome.entry is None:
        return False
    change = change_of(outcome)
    if change is None or change.new is None:
        return True  # a missing file: the scan does not have it, the row says since when
    new, entry = change.new, outcome.entry
    return entry.settled and same_facts(new, entry)


def _without_bytes(outcome: Outcome) -> Outcome:
    """The same without the bytes that were read: two thousand photos of a batch would be gigabytes."""
    match outcome:
        case Done(action=Upload() | ServerCopy() | Restat() | Adopt() | Quarantine() as action):
            if action.content.data is not None:
                return replace(outcome, action=replace(action, content=replace(action.content, data=None)))
    return outcome


def change_of(outcome: Outcome) -> Change | None:
    """The change that an outcome is of; None for a trash."""
    if isinstance(outcome, Done):
        return getattr(outcome.action, "change", None)
    return outcome.change
