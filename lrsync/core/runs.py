"""What a run has to say: its counts, its result, and a past run as its row tells it. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from lrsync.errors import ExitCode

if TYPE_CHECKING:  # named, never made: a quiet night counts nothing of these
    from lrsync.core.adoption import AdoptCounts
    from lrsync.core.counts import CatalogCounts, CatalogUse, DrillCounts, Renamed, RestoreCounts, VerifyCounts
    from lrsync.core.findings import Finding
    from lrsync.core.model import Failed
    from lrsync.core.prices import Quote
    from lrsync.core.scan import ScannedDir


@dataclass(slots=True)
class ScanCounts:
    """What the walk saw."""

    files: int = 0
    directories: int = 0
    bytes: int = 0
    excluded: int = 0
    unreadable: int = 0
    special: int = 0

    def add(self, scanned: ScannedDir) -> None:
        """Count one directory."""
        self.directories += 1
        self.files += len(scanned.columns.names)
        self.bytes += sum(scanned.columns.sizes)
        self.excluded += scanned.excluded
        self.special += scanned.special
        self.unreadable += len(scanned.problems)


@dataclass(slots=True)
class ChangeCounts:
    """How the scan differs from the manifest. `settling`: written so shortly before that they wait for the next run.

    `held`: not sent, because far too many changed; of those whose object is lost or altered the drift is told.
    """

    added: int = 0
    modified: int = 0
    touched: int = 0
    missing: int = 0
    unchanged: int = 0
    settling: int = 0
    held: int = 0


@dataclass(slots=True)
class ActionCounts:
    """What was done about it (in a dry run: would be done)."""

    uploaded: int = 0
    copied: int = 0
    adopted: int = 0
    restated: int = 0
    trashed: int = 0
    quarantined: int = 0
    failed: int = 0
    raced: int = 0


@dataclass(slots=True)
class ByteCounts:
    """Bytes sent, copied by the server, and read for hashing."""

    uploaded: int = 0
    copied: int = 0
    hashed: int = 0


@dataclass(slots=True)
class RequestCounts:
    """HTTP requests to S3, retries included."""

    put: int = 0
    list: int = 0
    head: int = 0
    copy: int = 0
    delete: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.put + self.list + self.head + self.copy + self.delete + self.other


def sum_requests(counts: Iterable[RequestCounts]) -> RequestCounts:
    """The requests of several connections together."""
    total = RequestCounts()
    for each in counts:
        for name in ("put", "list", "head", "copy", "delete", "other"):
            setattr(total, name, getattr(total, name) + getattr(each, name))
    return total


@dataclass(slots=True)
class DriftCounts:
    """What a full pass found. `lost`: objects that nothing can repair, as their file is not on the disk either."""

    checked: bool = False
    missing: int = 0
    altered: int = 0
    unknown: int = 0
    repaired: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotUse:
    """A snapshot of the manifest in the bucket: one that a run stored, or that a rebuild began with.

    `taken_at` in nanoseconds since the epoch; `rows`: how many of its rows a rebuild could keep.
    """

    key: str
    taken_at: int
    rows: int = 0


class RunKind(Enum):
    """Commands that may write."""

    SYNC = "sync"
    REBUILD = "rebuild-manifest"
    VERIFY = "verify"
    ACCEPT = "accept"
    RESTORE = "restore"
    DRILL = "drill"
    ADOPT = "adopt"


class RunResult(Enum):
    """How a run ended, in one word; each goes with one exit code."""

    OK = "ok"
    INCOMPLETE = "incomplete"
    ATTENTION = "attention"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"


_RESULTS: Final = {
    ExitCode.OK: RunResult.OK,
    ExitCode.INCOMPLETE: RunResult.INCOMPLETE,
    ExitCode.NEEDS_PERSON: RunResult.ATTENTION,
    ExitCode.INTERRUPTED: RunResult.INTERRUPTED,
}


def result_for(code: ExitCode) -> RunResult:
    """The word that goes with an exit code."""
    return _RESULTS.get(code, RunResult.FAILED)


@dataclass(slots=True)
class RunSummary:
    """Everything a run has to say; `--json` is this, spelled out."""

    dry_run: bool = False
    is_kept: bool = True
    """Whether a library's manifest knows of it afterwards: not where the bucket alone was asked."""
    run_id: int | None = None
    exit_code: ExitCode = ExitCode.OK
    scan: ScanCounts = field(default_factory=ScanCounts)
    changes: ChangeCounts = field(default_factory=ChangeCounts)
    actions: ActionCounts = field(default_factory=ActionCounts)
    bytes: ByteCounts = field(default_factory=ByteCounts)
    requests: RequestCounts = field(default_factory=RequestCounts)
    drift: DriftCounts = field(default_factory=DriftCounts)
    seconds_total: float = 0.0
    seconds_scan: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    errors: list[Failed] = field(default_factory=list)
    verified: VerifyCounts | None = None
    restored: RestoreCounts | None = None
    renamed: list[Renamed] = field(default_factory=list)
    drilled: DrillCounts | None = None
    adopted: AdoptCounts | None = None
    snapshot: SnapshotUse | None = None
    quote: Quote | None = None
    """What a restore costs, as far as prices are known."""
    catalogs: CatalogCounts | None = None
    catalog: CatalogUse | None = None
    """By which catalog a restore chose its photos."""
    failure: str = ""
    """What kept it from coming to its end, or from beginning."""

    def settle_exit_code(self) -> None:
        """Set the exit code from what was found: some files failed (3) wins over needs a person (4)."""
        if self.errors or (self.restored is not None and self.restored.thawing):
            self.exit_code = ExitCode.INCOMPLETE
        elif any(finding.kind.needs_person for finding in self.findings):
            self.exit_code = ExitCode.NEEDS_PERSON
        else:
            self.exit_code = ExitCode.OK


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One past run, as its row tells it. Times in nanoseconds since the epoch; `counts` is the `--json` object."""

    id: int
    kind: RunKind
    result: RunResult
    exit_code: int
    started_at: int
    finished_at: int | None
    counts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One past run, and those of its findings that still stand."""

    run: RunInfo
    findings: tuple[Finding, ...]
