"""The nightly job: scan, compare, transfer, record, seal, and last of all delete.

The coordinator: it walks, and goes no further where a folder's digest is the sealed one. What differs it hands to
`Changes`, which is imported, as all that it needs, only when something does. It knows no screen (it emits events), no
S3 and no SQL (it is handed ports).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from lrsync.core.amounts import BATCH_FILES, MaxDelete
from lrsync.core.digest import absent_digest, directory_digest
from lrsync.core.events import FindingRaised, Phase, PhaseStarted, Scanned
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import split_path
from lrsync.core.runs import RunKind, RunSummary
from lrsync.core.scan import ScannedDir, ScanProblem
from lrsync.core.storage import StorageRules
from lrsync.engine.runs import RunRow, Stores
from lrsync.engine.stop import StoppedError
from lrsync.errors import SourceError

if TYPE_CHECKING:  # named, never made: a night without changes loads none of it
    from concurrent.futures import Executor

    from lrsync.core.events import EventSink
    from lrsync.core.ports import (
        Clock,
        ManifestPacker,
        ManifestStore,
        ObjectStore,
        OutsideCatalogs,
        SealStore,
        SourceTree,
    )
    from lrsync.engine.catalogs import CatalogPorts
    from lrsync.engine.changes import Changes
    from lrsync.engine.full_pass import FullPass


@dataclass(frozen=True, slots=True)
class SyncPorts:
    """The world, as this run meets it. Manifest and store are opened only when something needs them."""

    tree: SourceTree
    seals: SealStore
    open_manifest: Callable[[], ManifestStore]
    open_store: Callable[[], ObjectStore]
    prove_source: Callable[[], bool]
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    make_pool: Callable[[int], Executor] | None = None
    """What makes worker pools; without it they are of daemon threads (`engine.pool`)."""
    pack_manifest: ManifestPacker | None = None
    """What the manifest's snapshot is made with; without it none is stored."""
    catalogs: Callable[[], CatalogPorts] | None = None
    """How Lightroom's catalogs are copied; without it they are files like any others."""
    outside: OutsideCatalogs | None = None
    """Catalogs that are kept although they lie outside of the source."""
    advice: Callable[[], Sequence[str]] = tuple
    """What the user should know before anything is stored, a line each."""


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What this run was asked to do. Times in nanoseconds.

    `dry_run`: S3 is only read. The manifest is written all the same, so that the run foretells itself truly:
    whoever asks for a dry run hands in a scratch copy.
    """

    prefix: str
    threads: int = 8
    batch_size: int = BATCH_FILES
    storage: StorageRules = field(default_factory=StorageRules)
    delete: bool = False
    accept_mass_change: bool = False
    max_delete: MaxDelete = field(default_factory=MaxDelete)
    full: bool = False
    full_every_ns: int | None = 7 * 86_400 * 1_000_000_000
    dry_run: bool = False
    use_digests: bool = True
    keep_catalogs: int = 10
    settle_ns: int = 0
    """Files that were written to within this time wait for the next run."""


def run_sync(ports: SyncPorts, options: SyncOptions) -> RunSummary:
    """Back the library up and say what was done.

    Raises LrsyncError where the run cannot go on; what was acknowledged until then is recorded, and the run's
    row says how it ended.
    """
    return SyncRun(ports, options).execute()


class SyncRun:
    """One run's state. Every method runs in the coordinating thread."""

    def __init__(self, ports: SyncPorts, options: SyncOptions) -> None:
        self.ports = ports
        self.options = options
        self.started_ns = ports.clock()
        self.summary = RunSummary(dry_run=options.dry_run)
        self.stores = Stores()
        self.incomplete: set[str] = set()
        self.proven = False
        self.walking = False

    # --- what only some nights need -----------------------------------------------------------------------

    @cached_property
    def changes(self) -> Changes:
        from lrsync.engine.changes import Changes

        return Changes(self)

    @property
    def has_changes(self) -> bool:
        """Whether anything was handed to `changes`, or will have been."""
        return "changes" in self.__dict__

    @cached_property
    def full_pass(self) -> FullPass:
        from lrsync.engine.full_pass import FullPass

        return FullPass(self.changes)

    # --- the run ------------------------------------------------------------------------------------------

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.SYNC,
            summary=self.summary,
            clock=lambda: self.started_ns,
            requests=self.stores.requests,
            settle=self._settle,
            findings=self._stored_findings,
            is_whole=True,
            left="what was acknowledged is recorded",
        )
        with row.around() as run_id:
            self._run()
        if self._keep_snapshot():
            row.write_end(run_id)
        return self.summary

    def _settle(self) -> None:
        if self.has_changes:
            self.changes.close()

    def _stored_findings(self) -> list[Finding]:
        """What the manifest keeps of this run: the findings, and every file that is not safe yet."""
        return [*self.summary.findings, *(self.changes.tally.unsafe if self.has_changes else ())]

    def _run(self) -> None:
        self.proven = self.ports.prove_source()
        missing_before = self.ports.seals.counts().missing
        unfinished = self.ports.seals.has_multiparts() and not self.options.dry_run
        full = self._full_pass_due()
        if unfinished:
            self.changes.abort_strays()
        if full:
            self.full_pass.find_drift()
        began = time.monotonic()
        self._scan()
        self.summary.seconds_scan = time.monotonic() - began
        outside = () if self.ports.outside is None else self.ports.outside.changed()
        if outside or self.has_changes:
            self.changes.finish(outside)
        if full:
            self.full_pass.report_unknown()
        if self.options.delete:
            self._delete()
        if unfinished:
            self.changes.abort_leftovers()
        if full:
            self.full_pass.finish()
        if self.ports.seals.counts().drifted:
            self.full_pass.report_unrepaired()
        self._raise_standing()
        self._settle_counts(missing_before)

    def _full_pass_due(self) -> bool:
        last, every = self.ports.seals.library().last_full_pass, self.options.full_every_ns
        if self.options.full or last is None:
            return True  # without ever having looked, nothing is known of what lies there already
        # A last pass in the future was made under a clock that ran ahead: to wait for it could take years.
        return every is not None and not 0 <= self.started_ns - last < every

    def _raise_standing(self) -> None:
        """Say again what this scan could not see: rot has the recorded stat, and a known file is not looked into."""
        raised = {(finding.kind, finding.path) for finding in self.summary.findings}
        any_missing = self.ports.seals.counts().missing > 0
        for finding in self.ports.seals.standing_findings():
            if (finding.kind, finding.path) in raised:
                continue  # its object is lost too: then the file was looked into, and its rot seen again
            standing = self._standing(finding, any_missing)
            if standing is not None:
                self.report(standing)
            elif finding.kind is not FindingKind.ORIGINAL_CHANGED:  # that goes by itself, not being said again
                self.changes.manifest.clear_findings([finding.kind], [finding.path])

    def _standing(self, finding: Finding, any_missing: bool) -> Finding | None:
        """The finding as it is tonight; None where it is over. `any_missing`: without one, no file was moved."""
        if finding.kind is FindingKind.SUSPECT_ORIGINAL:
            return None if self.changes.is_over(finding) else finding
        if not any_missing:
            return finding if finding.kind is FindingKind.ROT else None
        from lrsync.engine.moved_bad import standing  # here: most nights nothing is wrong

        return standing(self.changes.manifest, finding)

    def _settle_counts(self, missing_before: int) -> None:
        """Set the counts that need the whole run. `missing_before`: rows of missing files when it began."""
        counts = self.summary.changes
        counts.missing = max(0, missing_before + (self.changes.tally.more_missing if self.has_changes else 0))
        changed = counts.added + counts.modified + counts.touched + counts.settling
        counts.unchanged = max(0, self.summary.scan.files - changed)

    def _keep_snapshot(self) -> bool:
        """Store the manifest's snapshot where one is due; whether there is now more to say.

        Of a run that is written as ended: so it is in the snapshot too.
        """
        pack = self.ports.pack_manifest
        if pack is None or self.options.dry_run or self.ports.stopping() or not self.ports.seals.snapshot_due():
            return False
        from lrsync.engine.snapshot import SnapshotKeeper

        keeper = SnapshotKeeper(
            seals=self.ports.seals,
            open_manifest=lambda: self.changes.manifest,
            open_store=self.stores.lazily(self.ports.open_store),
            pack=pack,
            prefix=self.options.prefix,
            clock=self.ports.clock,
            sink=self.ports.sink,
            stopping=self.ports.stopping,
        )
        failed = keeper.after_run(self.summary)
        if failed is not None:
            self.summary.findings.append(failed)
        return failed is not None or self.summary.snapshot is not None

    # --- scan ---------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        self.ports.sink(PhaseStarted(Phase.SCANNING))
        unseen = self.ports.seals.seals()
        self.walking = True
        for scanned in self.ports.tree.walk():
            self.check_stop()
            self._take(scanned, unseen.pop(scanned.path, None))
        self.walking = False
        self.demand_source()
        if self.has_changes:
            self.changes.take_gone()
        self._take_vanished(unseen)
        if self.has_changes:
            self.changes.scan_is_over()

    def _take(self, scanned: ScannedDir, sealed: bytes | None) -> None:
        counts = self.summary.scan
        counts.add(scanned)
        for problem in scanned.problems:
            self._report_problem(problem)
        if not scanned.complete:
            self.incomplete.add(scanned.path)
        digest = directory_digest(self.ports.tree.fingerprint, scanned.columns)
        if sealed != digest or not self.options.use_digests or not scanned.complete:
            self.changes.compare(scanned, digest)
        self.ports.sink(Scanned(counts.directories, counts.files, counts.bytes))

    def demand_source(self) -> None:
        """See that the source is still the one that it was proven to be when the run began. Raises SourceError.

        Of a drive that was unmounted or exchanged meanwhile nothing that is not there may count as missing.
        """
        if self.proven and not self.ports.prove_source():
            raise SourceError(
                "the source went away, or another took its place, while it was scanned",
                hint="mount the right drive and run the same command again: what was acknowledged is recorded",
            )

    def _take_vanished(self, unseen: dict[str, bytes | None]) -> None:
        """Directories that the manifest knows and the walk did not meet: their files are missing or excluded."""
        absent = absent_digest(self.ports.tree.fingerprint)
        for path, sealed in unseen.items():
            if sealed == absent and self.options.use_digests:
                continue
            if not self._is_unknown(path):
                self.changes.compare(ScannedDir(path), absent)

    def _is_unknown(self, path: str) -> bool:
        """Whether a folder above could not be read whole: then nothing is known of what is below."""
        while path:
            path = split_path(path)[0]
            if path in self.incomplete:
                return True
        return "" in self.incomplete

    def _report_problem(self, problem: ScanProblem) -> None:
        from lrsync.core.model import Failed

        self.summary.errors.append(Failed(problem.path, problem.message, problem.hint))
        self.report(Finding(FindingKind.UNREADABLE, problem.path, problem.message, problem.hint))

    def report(self, finding: Finding) -> None:
        """Take a finding, and tell of it."""
        self.summary.findings.append(finding)
        self.ports.sink(FindingRaised(finding))

    def check_stop(self) -> None:
        """Raises StoppedError once the user wants to stop."""
        if self.ports.stopping():
            raise StoppedError("interrupted")

    # --- delete -------------------------------------------------------------------------------------------

    def _delete(self) -> None:
        if not self.ports.seals.counts().missing:
            return
        self.demand_source()
        self.changes.delete()
