"""Rehearse the worst day: restore a few files for real, look at what came, and throw it away again.

Goes the way that a restore goes. Changes neither the source nor the bucket; what was proven is noted in the manifest,
and so is an object that is not what its row says: no status may call that file safe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Protocol

from lrsync.core.amounts import Sample
from lrsync.core.counts import DrillCounts
from lrsync.core.events import EventSink, FindingRaised, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.findings import Finding
from lrsync.core.model import Drift, Failed, ManifestEntry
from lrsync.core.ports import Clock, Damaged, ManifestStore, ObjectStore, Placed, SealStore, SourceTree
from lrsync.core.requests import VerifyRequest
from lrsync.core.runs import RunKind, RunSummary
from lrsync.core.scan import Stat
from lrsync.engine.checks import ATTEMPTS, Checker, hash_file
from lrsync.engine.pool import DaemonPool
from lrsync.engine.runs import LazyStore, RunRow
from lrsync.engine.stop import StoppedError
from lrsync.engine.verify import drift_finding
from lrsync.errors import ObjectArchivedError, ObjectError, ObjectMissingError

BATCH = 50

Choose = Callable[[int, int], Sequence[int]]
"""Of so many rows, so many different ones: their places, counted from 0. The random source is behind it."""


class Rehearsal(Protocol):
    """Where files are restored to, and thrown away from."""

    @property
    def tree(self) -> SourceTree:
        """Reads what was restored."""

    def fetch(self, entry: ManifestEntry) -> Placed | Damaged:
        """Restore one file as a restore does. Raises ObjectError, BucketError, OSError, StoppedError."""

    def discard(self, path: str) -> None:
        """Throw away what was restored of this file, and what is left of it."""


@dataclass(frozen=True, slots=True)
class DrillPorts:
    """The world of a drill. `rehearse` makes room for it; `disk` is None where there is no source to compare with."""

    seals: SealStore
    manifest: ManifestStore
    open_store: Callable[[], ObjectStore]
    rehearse: Callable[[Callable[[], ObjectStore]], AbstractContextManager[Rehearsal]]
    disk: SourceTree | None
    choose: Choose
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    make_pool: Callable[[int], Executor] = DaemonPool


def run_drill(ports: DrillPorts, sample: Sample, *, threads: int = 8) -> RunSummary:
    """Restore a sample, check it, discard it. A file that does not come back good is an error of its own.

    Raises BucketError, InterruptedRun.
    """
    return _Drill(ports, sample, threads).execute()


@dataclass(frozen=True, slots=True)
class _Rehearsed:
    """What became of one file; `good`: it came back with its recorded bytes, size and time.

    `failed` is then about the file on the disk, which could not be compared. `drift`: what its object is, if not good.
    """

    entry: ManifestEntry
    good: bool = False
    compared: bool = False
    archived: bool = False
    unproven: bool = False
    failed: Failed | None = None
    drift: Drift | None = None
    rot: Finding | None = None


@dataclass(slots=True)
class _Drill:
    ports: DrillPorts
    sample: Sample
    threads: int
    counts: DrillCounts = field(default_factory=DrillCounts)
    summary: RunSummary = field(init=False)
    store: LazyStore = field(init=False)
    proven: list[str] = field(default_factory=list)
    drifted: list[tuple[str, Drift | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.summary = RunSummary(drilled=self.counts)
        self.store = LazyStore(self.ports.open_store)

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.DRILL,
            summary=self.summary,
            clock=self.ports.clock,
            requests=self.store.requests,
            settle=self._note,
        )
        with row.around():
            self._run()
        return self.summary

    def _run(self) -> None:
        total = self.ports.manifest.count()
        places = self.ports.choose(total, self.sample.limit(total))
        self.ports.sink(PhaseStarted(Phase.RESTORING, len(places)))
        remaining = iter(self.ports.manifest.rows_at(places))
        if places:
            self.store()  # here, not in several workers at once
        with self.ports.rehearse(self.store) as rehearsal, self.ports.make_pool(self.threads) as pool:
            worker = _Worker(self.ports, self.store, rehearsal)
            while batch := list(islice(remaining, BATCH)):
                for rehearsed in pool.map(partial(_unless_stopping, worker), batch):
                    if rehearsed is not None:
                        self._take(rehearsed)
                if self.ports.stopping():
                    raise StoppedError("drill")

    def _take(self, done: _Rehearsed) -> None:
        counts = self.counts
        counts.sample += 1
        counts.good += done.good
        counts.bytes += done.entry.size * done.good
        counts.compared += done.compared
        counts.archived += done.archived
        counts.unproven += done.unproven
        self.ports.sink(PhaseAdvanced(Phase.RESTORING, counts.sample))
        if done.good:
            self.proven.append(done.entry.path)
            if done.entry.drift is not None:
                self.drifted.append((done.entry.path, None))  # all of its bytes were read: nothing else takes it back
        if done.failed is not None:
            self.summary.errors.append(done.failed)
        if done.drift is not None:
            self.drifted.append((done.entry.path, done.drift))
            self._raise(drift_finding(done.entry, done.drift, "a restore drill found it"))
        if done.rot is not None:
            self._raise(done.rot)

    def _raise(self, finding: Finding) -> None:
        self.summary.findings.append(finding)
        self.ports.sink(FindingRaised(finding))

    def _note(self) -> None:
        self.ports.manifest.mark_verified(self.proven, self.ports.clock())
        self.ports.manifest.set_drift(self.drifted)


def _unless_stopping(worker: _Worker, entry: ManifestEntry) -> _Rehearsed | None:
    try:
        return worker.rehearse(entry)
    except StoppedError:
        return None


@dataclass(frozen=True, slots=True)
class _Worker:
    """Rehearses files one by one. One for all workers of a run."""

    ports: DrillPorts
    store: Callable[[], ObjectStore]
    rehearsal: Rehearsal

    def rehearse(self, entry: ManifestEntry) -> _Rehearsed:
        """Restore, check and discard one file. Raises StoppedError, BucketError."""
        if self.ports.stopping():
            raise StoppedError(entry.path)
        if entry.sha256 is None:
            return _Rehearsed(entry, unproven=True)
        drift = None
        try:
            placed = self._fetched(entry)
            if isinstance(placed, Damaged):
                drift = Drift.ALTERED
                problem: Failed | None = Failed(entry.path, "what came back are other bytes than the recorded ones", "")
            else:
                problem = self._read(entry, placed)
        except ObjectArchivedError:
            return _Rehearsed(entry, archived=True)
        except ObjectMissingError:
            drift = Drift.MISSING
            problem = Failed(entry.path, "its object is missing from the bucket", "")
        except ObjectError as error:
            problem = Failed(entry.path, f"its object could not be read: {error.message}", error.hint)
        except OSError as error:
            hint = "check the free space for temporary files; TMPDIR names another place"
            problem = Failed(entry.path, f"cannot be written: {error.strerror or error}", hint)
        finally:
            self.rehearsal.discard(entry.path)
        if problem is not None:
            return _Rehearsed(entry, failed=problem, drift=drift)
        return self._compared(entry)

    def _fetched(self, entry: ManifestEntry) -> Placed | Damaged:
        """The restored file; Damaged where it came so each time, as `verify` wants it."""
        placed = self.rehearsal.fetch(entry)
        for _ in range(ATTEMPTS - 1):
            if isinstance(placed, Damaged):
                placed = self.rehearsal.fetch(entry)
        return placed

    def _read(self, entry: ManifestEntry, placed: Placed) -> Failed | None:
        """What is wrong with the restored file; None where it is as it should be."""
        # Read again from the disk: what a restore promises is the file, not what went through its hands.
        if hash_file(self.rehearsal.tree, entry.path, placed.stat, self.ports.stopping) != entry.sha256:
            hint = "its object is good: check the drive for temporary files; TMPDIR names another place"
            return Failed(entry.path, "the restored file has other bytes than the recorded ones", hint)
        if not _same_facts(placed.stat, entry):
            return Failed(entry.path, "came back with another size or time than the recorded one", "")
        return None

    def _compared(self, entry: ManifestEntry) -> _Rehearsed:
        """Beside it the file on the disk, where it is there as it was recorded."""
        if self.ports.disk is None or entry.missing_since is not None:
            return _Rehearsed(entry, good=True)
        check = Checker(VerifyRequest(local=True), self.ports.disk, self.store, self.ports.stopping).check(entry)
        if check is None:
            raise StoppedError(entry.path)
        unread = next(iter(check.failures), None)
        return _Rehearsed(entry, good=True, compared=check.disk_proven, rot=check.rot, failed=unread)


def _same_facts(stat: Stat, entry: ManifestEntry) -> bool:
    # Some disks for temporary files keep times to two seconds only.
    return stat.size == entry.size and abs(stat.mtime_ns - entry.mtime_ns) <= 2_000_000_000
