"""Prove files: re-read the disk, ask S3, read objects back, and compare with the manifest.

Uploads, overwrites and repairs nothing: what is wrong becomes a finding, and a mark on the row for the next sync.
What was proven is recorded as it goes, so that a verification that is cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from lrsync.core.counts import VerifyCounts
from lrsync.core.events import EventSink, FindingRaised, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Drift, ManifestEntry, VerifyScope
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, SealStore, SourceTree
from lrsync.core.requests import VerifyRequest
from lrsync.core.runs import RunKind, RunSummary
from lrsync.engine.checks import Check, Checker
from lrsync.engine.runs import LazyStore, RunRow
from lrsync.engine.stop import StoppedError

FLUSH_AFTER_NS = 2_000_000_000
"""What is proven waits at most this long to be recorded: a crash forgets little, of slow downloads too."""


@dataclass(frozen=True, slots=True)
class VerifyPorts:
    """The world of a verification. `tree` is needed only to look at the disk, `open_store` for the rest."""

    tree: SourceTree | None
    seals: SealStore
    manifest: ManifestStore
    open_store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    make_pool: Callable[[int], Executor] = ThreadPoolExecutor


def run_verify(ports: VerifyPorts, request: VerifyRequest, *, threads: int = 8, batch_size: int = 500) -> RunSummary:
    """Verify what the request asks for, and say what was proven.

    Raises BucketError and InterruptedRun with everything proven so far recorded.
    """
    return _Verification(ports, request, threads, batch_size).execute()


@dataclass(slots=True)
class _Proven:
    """What is to be recorded next."""

    objects: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    images: list[tuple[str, bytes]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.objects) + len(self.files)


class _Verification:
    """One run's state. Every method runs in the coordinating thread."""

    def __init__(self, ports: VerifyPorts, request: VerifyRequest, threads: int, batch_size: int) -> None:
        self.ports = ports
        self.request = request
        self.threads = threads
        self.batch_size = batch_size
        self.counts = VerifyCounts()
        self.summary = RunSummary(verified=self.counts)
        self.store = LazyStore(ports.open_store)
        self.proven = _Proven()
        self.flushed_at = ports.clock()

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        self.summary.drift.checked = self.request.remote or self.request.download
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.VERIFY,
            summary=self.summary,
            clock=self.ports.clock,
            requests=self.store.requests,
            settle=self._flush,
        )
        with row.around():
            self._run()
        return self.summary

    def _run(self) -> None:
        scope = self._scope()
        self.ports.sink(PhaseStarted(Phase.VERIFYING, self.ports.manifest.count_to_verify(scope)))
        if self.request.remote or self.request.download:
            self.store()  # here, not in several workers at once
        checker = Checker(self.request, self.ports.tree, self.store, self.ports.stopping)
        due = self.ports.manifest.to_verify(scope)
        with self.ports.make_pool(self.threads) as pool:
            while batch := list(islice(due, self.batch_size)):
                self._take_all(pool.map(checker.check, batch))
                self._check_stop()

    def _scope(self) -> VerifyScope:
        request = self.request
        before = None if request.max_age_ns is None else self.ports.clock() - request.max_age_ns
        sample = request.sample
        limit = None if sample is None else sample.limit(self.ports.manifest.count())
        return VerifyScope(request.remote or request.download, request.local, before, limit)

    def _take_all(self, checks: Iterator[Check | None]) -> None:
        for check in checks:
            if check is None:
                continue  # the user wants to stop: this one was not looked at to its end
            self._take(check)
            self.ports.sink(PhaseAdvanced(Phase.VERIFYING, self.counts.checked))
            if len(self.proven) >= self.batch_size or self.ports.clock() - self.flushed_at > FLUSH_AFTER_NS:
                self._flush()

    def _take(self, check: Check) -> None:
        self._count(check)
        self._note_object(check)
        if check.rot is not None:
            self._raise(check.rot)
        elif check.disk_proven:
            self.proven.files.append(check.entry.path)
            if check.learned is not None:
                self.proven.images.append((check.entry.path, check.learned))
        self.summary.errors.extend(check.failures)

    def _count(self, check: Check) -> None:
        counts = self.counts
        counts.checked += 1
        counts.bytes += check.bytes_read
        counts.proven += check.is_proven(self.request)
        counts.rotten += check.rot is not None
        counts.changed += check.changed
        counts.gone += check.gone
        counts.archived += check.archived
        counts.unproven += check.unproven

    def _note_object(self, check: Check) -> None:
        """Record what is known of the object now: marked where it is not the row's, the mark gone where it is."""
        entry, drift, manifest = check.entry, check.drift, self.ports.manifest
        if check.new_etag is not None:
            manifest.update_object(entry.path, etag=check.new_etag, version_id=check.new_version)
        if drift is not None:
            self.summary.drift.missing += drift is drift.MISSING
            self.summary.drift.altered += drift is drift.ALTERED
            if drift is not entry.drift:
                manifest.set_drift([(entry.path, drift)])
            self._raise(drift_finding(entry, drift, check.why))
        elif check.object_proven:
            self.proven.objects.append(entry.path)
            if entry.drift is not None:
                manifest.set_drift([(entry.path, None)])
                self.proven.mended.append(entry.path)

    def _raise(self, finding: Finding) -> None:
        self.summary.findings.append(finding)
        self.ports.sink(FindingRaised(finding))

    def _flush(self) -> None:
        proven, self.proven = self.proven, _Proven()
        now = self.flushed_at = self.ports.clock()
        manifest = self.ports.manifest
        manifest.mark_verified(proven.objects, now)
        manifest.mark_verified(proven.files, now, disk=True)
        manifest.set_images(proven.images)
        manifest.clear_findings([FindingKind.ROT], proven.files)
        manifest.clear_findings([FindingKind.DRIFT], proven.mended)

    def _check_stop(self) -> None:
        if self.ports.stopping():
            raise StoppedError("verifying")


def drift_finding(entry: ManifestEntry, drift: Drift, why: str) -> Finding:
    """What to say of a file whose object is not the row's; `why` may be ''."""
    message = f"its object in the bucket is {drift.value}" + (f": {why}" if why else "")
    if entry.missing_since is None:
        return Finding(FindingKind.DRIFT, entry.path, message, "run sync: it sends the file again")
    hint = "look for an older version of the object, or another copy of the file"
    return Finding(FindingKind.DRIFT, entry.path, f"{message}, and the file is not on the disk either", hint)
