"""What the manifest knows about safety. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lrsync.core.runs import RunKind

if TYPE_CHECKING:
    from lrsync.core.findings import Finding
    from lrsync.core.library import LibraryRow
    from lrsync.core.runs import RunInfo


@dataclass(slots=True)
class Tally:
    """So many files and bytes."""

    files: int = 0
    bytes: int = 0
    safe: int = 0

    def add(self, files: int, size: int, safe: int = 0) -> None:
        """Count some more; negative numbers take them back."""
        self.files += files
        self.bytes += size
        self.safe += safe


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What the manifest knows about safety. A file is in exactly one of safe, pending, quarantined, drifted, unproven;
    missing files are not on the disk any more and are counted beside them.

    `files` and `bytes`: on the disk at the last scan. `pending`: seen there but not (or not in this state) in the
    bucket. `drifted`: the bucket lost or altered the object. `unproven`: an object is there, its content is not proven.
    """

    library: LibraryRow
    files: int
    bytes: int
    safe: int
    safe_bytes: int
    pending: int
    pending_bytes: int
    missing: int
    missing_bytes: int
    quarantined: int
    drifted: int
    unproven: int
    by_type: Mapping[str, Tally]
    by_folder: Mapping[str, Tally]
    by_proof: Mapping[str, int]
    last_run: RunInfo | None
    last_good_run: RunInfo | None
    findings: tuple[Finding, ...]
    rotten: int = 0
    """Of `quarantined`: those whose bytes went bad on the disk."""
    verified: Mapping[str, Tally] = field(default_factory=dict)
    """How long ago the objects of the files on the disk were last proven, by the names in `PROOF_AGES`."""
    last_drill: RunInfo | None = None
    """The last restore drill that came to its end."""
    was_seen_whole: bool = True
    """Whether a backup ever came to the end of the source. An adoption, a verification and a restore count only what
    has a row: what has none is in no other number here."""
    recent: tuple[RunInfo, ...] = ()
    """The last RECENT runs of whatever kind, the oldest first."""

    @property
    def last_backup(self) -> RunInfo | None:
        """The last one, however it ended; the last good one where it was more than RECENT runs ago."""
        return next((run for run in reversed(self.recent) if run.kind is RunKind.SYNC), self.last_good_run)


RECENT: Final = 30

PROOF_AGES: Final = {"within_7_days": 7, "within_30_days": 30, "within_90_days": 90, "older": None, "never": None}
"""Each file is in one of them: the first whose days it meets. `never` holds also those with drift."""
