"""Keep a run's counts, findings and errors. Adds up what others report; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import assert_never

from lrsync.core.filetypes import is_original
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import (
    Adopt,
    Change,
    Content,
    Done,
    Failed,
    MarkMissing,
    Outcome,
    Quarantine,
    Raced,
    Restat,
    Return,
    ServerCopy,
    Trash,
    Upload,
)
from lrsync.core.runs import RunSummary
from lrsync.core.scan import Stat
from lrsync.engine import reports

FileAction = Upload | ServerCopy | Adopt | Restat | Quarantine


@dataclass(slots=True)
class Tallier:
    """Adds outcomes up into a RunSummary."""

    summary: RunSummary
    new_originals: set[str] = field(default_factory=set)
    """The folders in which originals were stored for the first time."""
    transfers_failed: int = 0
    failed_in_a_row: int = 0
    """Transfers that failed by the store since the last one that it acknowledged."""
    _newly_missing: int = 0
    _returned: int = 0
    unsafe: list[Finding] = field(default_factory=list)
    """Every file that is not safe yet: told in the counts, and kept in the manifest."""

    def finding(self, finding: Finding) -> None:
        """Take a finding."""
        self.summary.findings.append(finding)

    def error(self, failed: Failed) -> None:
        """Take the failure of one file or folder."""
        self.summary.errors.append(failed)

    def outcome(self, outcome: Outcome) -> Finding | None:
        """Count an outcome; returns the finding that it gives rise to, if any."""
        match outcome:
            case Done(action):
                if isinstance(action, Upload | ServerCopy | Adopt | Trash):
                    self.failed_in_a_row = 0
                return self._done(outcome)
            case Failed():
                self._failed(outcome)
            case Raced(gone=True):
                pass
            case Raced():
                self._raced(outcome)
            case _:
                assert_never(outcome)
        return None

    @property
    def more_missing(self) -> int:
        """By how many files more are missing than were before."""
        return self._newly_missing - self._returned

    def _done(self, outcome: Done) -> Finding | None:
        action, actions = outcome.action, self.summary.actions
        match action:
            case MarkMissing():
                self._newly_missing += 1
                return None
            case Return():
                self._returned += 1
                return None
            case Trash():
                actions.trashed += 1
                return None
            case Upload():
                self._uploaded(action)
            case ServerCopy():
                actions.copied += 1
                self.summary.bytes.copied += action.content.stat.size
            case Adopt():
                actions.adopted += 1
            case Restat():
                actions.restated += action.changed
            case Quarantine():
                actions.quarantined += 1
            case _:
                assert_never(action)
        self._count_content(action, action.content)
        if isinstance(action, Upload) and action.suspicion is not None:
            return reports.suspect_original(action.change.path, action.suspicion, action.content)
        return reports.quarantined(action) if isinstance(action, Quarantine) else None

    def _uploaded(self, action: Upload) -> None:
        self.summary.actions.uploaded += 1
        self.summary.bytes.uploaded += action.content.stat.size
        if action.change.old is None and is_original(action.change.path):
            self.new_originals.add(action.change.folder)

    def _count_content(self, action: FileAction, content: Content) -> None:
        """What kind of change the bytes turned out to be: new, other, the same under a new stat, or sent to mend."""
        old, changes = action.change.old, self.summary.changes
        self.summary.bytes.hashed += content.stat.size if content.was_read else 0
        self._returned += old is not None and old.missing_since is not None
        if old is None:
            changes.added += 1
        elif content.sha256 == old.sha256:
            changes.touched += isinstance(action, Restat) and action.changed
            self.summary.drift.repaired += old.drift is not None
        elif old.sha256 is not None:
            changes.modified += 1

    def _failed(self, failed: Failed) -> None:
        self.summary.actions.failed += 1
        self._count_unknown(failed.change)
        self.transfers_failed += failed.transfer
        self.failed_in_a_row += failed.by_store
        self.error(failed)
        self._keep_unsafe(FindingKind.FAILED, failed)

    def _raced(self, raced: Raced) -> None:
        self.summary.actions.raced += 1
        self._count_unknown(raced.change)
        hint = "it will be tried again in the next run"
        failed = Failed(raced.path, "was being written while it was read", hint, raced.change)
        self.error(failed)
        self._keep_unsafe(FindingKind.RACED, failed)

    def held(self, change: Change) -> None:
        """A changed file that the mass change alarm kept from overwriting its object."""
        self.summary.changes.modified += 1
        self.summary.changes.held += change.old is None or change.old.drift is None
        failed = Failed(change.path, "changed, and was not sent because so many files did", "", change)
        self._keep_unsafe(FindingKind.HELD, failed)

    def settling(self, change: Change) -> None:
        """A file that was written a moment ago: it is no failure, and not safe as it is now either."""
        self.summary.changes.settling += 1
        # It is there: whatever its row says, nobody should call it missing tonight.
        self._returned += change.old is not None and change.old.missing_since is not None
        message = "was written just before the run, and may not be finished: it waits for the next one"
        self._keep_unsafe(FindingKind.SETTLING, Failed(change.path, message, "", change))

    def waits(self, finding: Finding, change: Change) -> None:
        """A changed catalog that stays in the bucket as it was; the finding says why."""
        self._count_unknown(change)
        self.finding(finding)

    def lost_outside(self, failed: Failed, stat: Stat | None) -> None:
        """A catalog outside of the source that could not be kept: a file that is not safe, though no scan saw it."""
        self.error(failed)
        self.unsafe.append(Finding(FindingKind.FAILED, failed.path, failed.message, failed.hint, stat=stat))

    def _count_unknown(self, change: Change | None) -> None:
        """A change that could not be dealt with: it is one all the same."""
        if change is not None and change.new is not None:
            self.summary.changes.added += change.old is None
            self.summary.changes.modified += change.old is not None

    def _keep_unsafe(self, kind: FindingKind, failed: Failed) -> None:
        change = failed.change
        if change is None or change.new is None:
            return
        stat = Stat(change.new.size, change.new.mtime_ns, change.new.ctime_ns)
        self.unsafe.append(Finding(kind, failed.path, failed.message, failed.hint, stat=stat))
