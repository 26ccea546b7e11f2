"""The nightly job: scan, compare, transfer, record, seal, and last of all delete.

The coordinator: it walks, hands changes to workers, takes their outcomes and keeps the counts. It knows no
screen (it emits events), no S3 and no SQL (it is handed ports).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lrsync.core.diff import absent_digest, diff_directory, directory_digest, is_settled
from lrsync.core.events import (
    EventSink,
    FindingRaised,
    Phase,
    PhaseStarted,
    Scanned,
    WorkFinished,
    WorkFound,
)
from lrsync.core.filetypes import is_catalog
from lrsync.core.keys import join_path, split_path, trash_stamp
from lrsync.core.model import (
    Change,
    ChangeKind,
    Done,
    Failed,
    Finding,
    FindingKind,
    Held,
    MarkMissing,
    Outcome,
    Raced,
    Return,
    RunKind,
    RunSummary,
    ScannedDir,
    ScanProblem,
    WorkResult,
    result_for,
    sum_requests,
)
from lrsync.core.plan import MASS_CHANGE_FILES, MaxDelete, is_mass_change
from lrsync.core.ports import (
    Clock,
    ManifestPacker,
    ManifestStore,
    ObjectStore,
    OutsideCatalogs,
    SealStore,
    SourceTree,
)
from lrsync.engine import reconcile, reports, uploads
from lrsync.engine.advice import advise
from lrsync.engine.batch import WORKERS, Batch, handle_batch
from lrsync.engine.deletion import Deleter, ScanFacts, plan_deletes
from lrsync.engine.gone import GoneFiles
from lrsync.engine.multipart import InflightBytes, MultipartUploader, StoppedError
from lrsync.engine.pool import DaemonPool, Patience
from lrsync.engine.recorder import Recorder, change_of
from lrsync.engine.snapshot import SnapshotKeeper
from lrsync.engine.tally import Tallier
from lrsync.engine.transfer import TransferPolicy, Transferrer
from lrsync.engine.work import Deliver, WorkQueue
from lrsync.errors import BucketError, ExitCode, InterruptedRun, LrsyncError, SourceError

if TYPE_CHECKING:
    from lrsync.engine.catalogs import CatalogPorts

MAX_FAILED_IN_A_ROW = 50
"""So many transfers that the store failed, and none that it took: with two million files, to go on would take days."""


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
    make_pool: Callable[[int], Executor] = DaemonPool
    open_plain_store: Callable[[], ObjectStore] | None = None
    """The bucket for the manifest's snapshot, where it must not go into the photos' storage class."""
    pack_manifest: ManifestPacker | None = None
    """What the manifest's snapshot is made with; without it none is stored."""
    catalogs: Callable[[], CatalogPorts] | None = None
    """How Lightroom's catalogs are copied; without it they are files like any others."""
    outside: OutsideCatalogs | None = None
    """Catalogs that are kept although they lie outside of the source."""


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What this run was asked to do. Times in nanoseconds.

    `dry_run`: S3 is only read. The manifest is written all the same, so that the run foretells itself truly:
    whoever asks for a dry run hands in a scratch copy.
    """

    prefix: str
    threads: int = 8
    batch_size: int = 200
    storage_class: str = "STANDARD"
    delete: bool = False
    accept_mass_change: bool = False
    max_delete: MaxDelete = field(default_factory=MaxDelete)
    full: bool = False
    full_every_ns: int | None = 7 * 86_400 * 1_000_000_000
    dry_run: bool = False
    use_digests: bool = True
    keep_catalogs: int = 10


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
        self.tally = Tallier(self.summary)
        self.recorder = Recorder(lambda: self.manifest, options.batch_size, ports.clock)
        self.held: list[Change] = []
        self.catalogs: list[Change] = []
        self.small = Batch()
        self.over = False
        self.mass_change = False
        self.incomplete: set[str] = set()
        self.proven = False
        self.walking = False
        self.gone = GoneFiles()
        self.stores: list[ObjectStore] = []
        self.patience = Patience(ports.stopping)

    # --- the world, when it is needed -------------------------------------------------------------------

    @cached_property
    def manifest(self) -> ManifestStore:
        return self.ports.open_manifest()

    @cached_property
    def store(self) -> ObjectStore:
        store = self.ports.open_store()
        self.stores.append(store)
        return store

    @cached_property
    def work(self) -> WorkQueue:
        return WorkQueue(self.ports.make_pool(self.options.threads), self.options.threads)

    @cached_property
    def small_pool(self) -> Executor:
        return self.ports.make_pool(min(WORKERS, self.options.threads))

    @property
    def work_began(self) -> bool:
        return "work" in self.__dict__

    @cached_property
    def part_pool(self) -> Executor:
        return self.ports.make_pool(self.options.threads)

    @cached_property
    def policy(self) -> TransferPolicy:
        stamp = trash_stamp(self.started_ns)
        return TransferPolicy(self.options.prefix, stamp, self.options.storage_class, self.options.dry_run)

    @cached_property
    def transferrer(self) -> Transferrer:
        return self.transferrer_on(self.ports.tree, lambda: self.store, lambda: self.multipart, self.policy)

    def transferrer_on(
        self,
        tree: SourceTree,
        open_store: Callable[[], ObjectStore],
        multipart: Callable[[], MultipartUploader],
        policy: TransferPolicy,
    ) -> Transferrer:
        """What handles changes of the files of this tree, with everything else as for all others."""
        return Transferrer(
            tree=tree,
            open_store=open_store,
            manifest=self.manifest,
            multipart=multipart,
            policy=policy,
            quarantined=self.manifest.quarantined(),
            known_sizes=self.manifest.sizes() if self.options.dry_run else None,
            clock=self.ports.clock,
            sink=self.ports.sink,
            rotten=self.manifest.quarantined(FindingKind.ROT),
        )

    @cached_property
    def multipart(self) -> MultipartUploader:
        return self.multipart_on(self.ports.tree, self.store)

    def multipart_on(self, tree: SourceTree, store: ObjectStore) -> MultipartUploader:
        """What sends large files of this tree."""
        return MultipartUploader(
            tree=tree,
            store=store,
            manifest=self.manifest,
            pool=self.part_pool,
            clock=self.ports.clock,
            sink=self.ports.sink,
            stopping=self.ports.stopping,
            inflight=InflightBytes(),
        )

    @cached_property
    def holding(self) -> bool:
        """Whether overwrites wait for the scan's end: in a library too small for a mass change they need not.

        A manifest that is as good as empty says nothing of the library's size where the bucket was listed.
        """
        known_many = self.manifest.count() > MASS_CHANGE_FILES or self.summary.drift.checked
        return known_many and not self.options.accept_mass_change

    # --- the run ----------------------------------------------------------------------------------------

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        began = time.monotonic()
        run_id = self.ports.seals.begin_run(RunKind.SYNC, self.started_ns)
        self.summary.run_id = None if self.options.dry_run else run_id
        complete = False
        try:
            self._run()
            complete = True
            self.summary.settle_exit_code()
        except StoppedError:
            self.summary.exit_code = ExitCode.INTERRUPTED
            raise InterruptedRun(
                "interrupted: what was acknowledged is recorded", hint="run the same command again to go on"
            ) from None
        except LrsyncError as error:
            self.summary.exit_code = error.exit_code
            raise
        except BaseException:
            self.summary.exit_code = ExitCode.BUG
            raise
        finally:
            self._close_pools()
            self.summary.seconds_total = time.monotonic() - began
            self._write_end(run_id, complete=complete)
        self._keep_snapshot(run_id)
        return self.summary

    def _write_end(self, run_id: int, *, complete: bool) -> None:
        if self.stores:
            # Two names of one store are counted once.
            self.summary.requests = sum_requests({id(store): store.requests for store in self.stores}.values())
        self.ports.seals.finish_run(
            run_id,
            result_for(self.summary.exit_code),
            self.summary,
            self.tally.stored_findings(),
            complete=complete,
        )

    def _open_plain_store(self) -> ObjectStore:
        if self.ports.open_plain_store is None:
            return self.store
        store = self.ports.open_plain_store()
        self.stores.append(store)
        return store

    def _keep_snapshot(self, run_id: int) -> None:
        """Store the manifest's snapshot, of a run that is written as ended: so it is in the snapshot too."""
        if self.ports.pack_manifest is None or self.options.dry_run:
            return
        keeper = SnapshotKeeper(
            seals=self.ports.seals,
            open_manifest=lambda: self.manifest,
            open_store=self._open_plain_store,
            pack=self.ports.pack_manifest,
            prefix=self.options.prefix,
            clock=self.ports.clock,
            sink=self.ports.sink,
            stopping=self.ports.stopping,
        )
        failed = keeper.after_run(self.summary)
        if failed is not None:
            self.tally.finding(failed)
        if failed is not None or self.summary.snapshot is not None:
            self._write_end(run_id, complete=True)

    def _run(self) -> None:
        self.proven = self.ports.prove_source()
        missing_before = self.ports.seals.counts().missing
        unfinished = self.ports.seals.has_multiparts() and not self.options.dry_run
        if unfinished:
            self._unless_stopped(self._abort_strays)
        if self._full_pass_due():
            self._unless_stopped(self._find_drift)
        began = time.monotonic()
        self._scan()
        self.summary.seconds_scan = time.monotonic() - began
        self._drain()
        self._release_held()
        self._keep_catalogs()
        self._report_unknown()
        if self.options.delete:
            self._delete()
        if unfinished:
            self._unless_stopped(self._abort_leftovers)
        self._finish_drift()
        self._raise_standing()
        self.tally.finish(missing_before)

    def _raise_standing(self) -> None:
        """Say again what this scan could not see: rot has the recorded stat, and a known file is not looked into."""
        raised = {(finding.kind, finding.path) for finding in self.summary.findings}
        for finding in self.ports.seals.standing_findings():
            if (finding.kind, finding.path) in raised:
                continue  # its object is lost too: then the file was looked into, and its rot seen again
            if finding.kind is FindingKind.SUSPECT_ORIGINAL and self._is_over(finding):
                self.manifest.clear_findings([finding.kind], [finding.path])
            else:
                self._raise(finding)

    def _is_over(self, finding: Finding) -> bool:
        """Whether the file has other bytes by now, or is gone: what looked damaged is not there any more."""
        row, content = self.manifest.row(finding.path), finding.quarantined
        return row is None or content is None or row.missing_since is not None or row.sha256 != content.sha256

    def _full_pass_due(self) -> bool:
        last, every = self.ports.seals.library().last_full_pass, self.options.full_every_ns
        if self.options.full or last is None:
            return True  # without ever having looked, nothing is known of what lies there already
        # A last pass in the future was made under a clock that ran ahead: to wait for it could take years.
        return every is not None and not 0 <= self.started_ns - last < every

    def _unless_stopped(self, step: Callable[[], None]) -> None:
        """Take a step that waits for S3, in a worker: a server that never answers must not hold up a stop."""
        self.patience.result_of(self.work.pool.submit(step))

    def _abort_strays(self) -> None:
        uploads.abort_strays(self.store, self.manifest, self.options.prefix, self.ports.sink)

    def _abort_leftovers(self) -> None:
        uploads.abort_leftovers(self.store, self.manifest, self.ports.tree, self.ports.sink)

    def _find_drift(self) -> None:
        ports = self.ports
        listing = reconcile.ListingPorts(self.store, self.manifest, ports.make_pool, ports.sink, ports.stopping)
        reconcile.take_listing(listing, self.options.prefix, threads=self.options.threads)
        self.summary.drift = reconcile.mark_drift(self.store, self.manifest)

    def _report_unknown(self) -> None:
        """Say what the listing had that no row explains; before a delete takes the rows of what this run removes."""
        if self.summary.drift.checked:
            for finding in reconcile.unknown_objects(self.manifest, self.summary.drift):
                self._raise(finding)

    def _finish_drift(self) -> None:
        """Remember that the bucket was looked over, and say what could not be repaired."""
        if self.summary.drift.checked:
            library = self.ports.seals.library()
            if library.last_full_pass is None and not self.options.dry_run:
                advise(self.store, self.ports.sink)
            self.manifest.update_library(replace(library, last_full_pass=self.started_ns))
        if self.ports.seals.counts().drifted:
            for finding in reconcile.unrepaired(self.manifest):
                self._raise(finding)

    # --- scan -------------------------------------------------------------------------------------------

    def _scan(self) -> None:
        self.ports.sink(PhaseStarted(Phase.SCANNING))
        unseen = self.ports.seals.seals()
        self.walking = True
        for scanned in self.ports.tree.walk():
            self.check_stop()
            self._take(scanned, unseen.pop(scanned.path, None))
        self.walking = False
        self._demand_source()
        self._take_gone()
        self._take_vanished(unseen)
        self._send_small(now=True)
        if self.work_began and self.work.inflight:
            self.ports.sink(PhaseStarted(Phase.UPLOADING))

    def _take(self, scanned: ScannedDir, sealed: bytes | None) -> None:
        self.tally.scanned(scanned)
        for problem in scanned.problems:
            self._report_problem(problem)
        if not scanned.complete:
            self.incomplete.add(scanned.path)
        digest = directory_digest(self.ports.tree.fingerprint, scanned.files)
        if sealed != digest or not self.options.use_digests or not scanned.complete:
            self._compare(scanned, digest)
        scan = self.summary.scan
        self.ports.sink(Scanned(scan.directories, scan.files, scan.bytes))

    def _compare(self, scanned: ScannedDir, digest: bytes) -> None:
        changes = list(self._changes(scanned))
        if scanned.colliding:
            changes = self._without_colliding(scanned, changes)
        sealable = (
            scanned.complete
            and not scanned.colliding
            and all(is_settled(f.mtime_ns, f.ctime_ns, self.started_ns) for f in scanned.files)
        )
        self.recorder.begin(scanned, digest, waiting=len(changes), sealable=sealable)
        for change in changes:
            self._dispatch(change)
        self.recorder.flush_if_due()
        self._send_small()
        self._collect(wait=False)

    def _changes(self, scanned: ScannedDir) -> Iterable[Change]:
        for change in diff_directory(scanned, self.manifest.rows(scanned.path)):
            # A file that the rules leave out now is not missing: it is still there, nobody looks at it.
            if change.kind is not ChangeKind.MISSING or not self.ports.tree.is_excluded(change.path):
                yield change

    def _without_colliding(self, scanned: ScannedDir, changes: list[Change]) -> list[Change]:
        """Report every file whose S3 key another file's name becomes too; only one with a row keeps the key."""
        changed = {change.new.name: change for change in changes if change.new is not None}
        owners = {split_path(row.path)[1] for row in self.manifest.rows(scanned.path)}
        for name in sorted(scanned.colliding):
            path = join_path(scanned.path, name)
            message = "another file's name becomes the same S3 key (they differ only in their Unicode form)"
            change = None if name in owners else changed.get(name)
            self._record("", Failed(path, message, "rename one of the two", change))
        lost = scanned.colliding - owners
        return [change for change in changes if change.new is None or change.new.name not in lost]

    def _demand_source(self) -> None:
        """See that the source is still the one that it was proven to be when the run began. Raises SourceError.

        Of a drive that was unmounted or exchanged meanwhile nothing that is not there may count as missing.
        """
        if self.proven and not self.ports.prove_source():
            raise SourceError(
                "the source went away, or another took its place, while it was scanned",
                hint="mount the right drive and run the same command again: what was acknowledged is recorded",
            )

    def _take_gone(self) -> None:
        for change in self.gone.changes(self.manifest) if self.gone else ():
            self.check_stop()
            self._dispatch(change)

    def _take_vanished(self, unseen: dict[str, bytes | None]) -> None:
        """Directories that the manifest knows and the walk did not meet: their files are missing or excluded."""
        absent = absent_digest(self.ports.tree.fingerprint)
        for path, sealed in unseen.items():
            if sealed == absent and self.options.use_digests:
                continue
            if not self._is_unknown(path):
                self._compare(ScannedDir(path, ()), absent)

    def _is_unknown(self, path: str) -> bool:
        """Whether a folder above could not be read whole: then nothing is known of what is below."""
        while path:
            path = split_path(path)[0]
            if path in self.incomplete:
                return True
        return "" in self.incomplete

    def _report_problem(self, problem: ScanProblem) -> None:
        self.tally.error(Failed(problem.path, problem.message, problem.hint))
        self._raise(Finding(FindingKind.UNREADABLE, problem.path, problem.message, problem.hint))

    def _raise(self, finding: Finding) -> None:
        self.tally.finding(finding)
        self.ports.sink(FindingRaised(finding))

    # --- work -------------------------------------------------------------------------------------------

    def _dispatch(self, change: Change) -> None:
        if change.kind is ChangeKind.MISSING:
            assert change.old is not None
            if self.walking:
                self.gone.add(change)
                return
            gone = replace(change.old, missing_since=self.started_ns)
            self._record(change.folder, Done(MarkMissing(change), gone))
            return
        if change.kind is ChangeKind.RETURNED:
            assert change.old is not None
            self._record(change.folder, Done(Return(change), replace(change.old, missing_since=None)))
            return
        assert change.new is not None
        if self.ports.catalogs is not None and is_catalog(change.new.name):
            self.catalogs.append(change)
            return
        self._hand_out(change, hold=self.holding)

    def _hand_out(self, change: Change, *, hold: bool) -> None:
        assert change.new is not None
        self.ports.sink(WorkFound(change.path, change.new.size))
        if hold == self.holding and Batch.takes(change):
            self.small.add(change, self.ports.clock())
            self._send_small()
            return
        self._make_room()
        self.work.submit(partial(_handle_one, self.transferrer, change, hold))

    def _send_small(self, *, now: bool = False) -> None:
        """Hand the batch of small files out, when it is due or nothing more will come to it."""
        if not self.small.is_due(self.ports.clock()) and not (now and self.small.changes):
            return
        batch, self.small = self.small.changes, Batch()
        self._make_room()
        self.work.submit(partial(handle_batch, self.transferrer, batch, self.holding, self._keep_on), self.small_pool)

    def _keep_on(self) -> bool:
        """Whether a batch that is under way should begin another file. Asked by its worker."""
        return not self.over and not self.ports.stopping()

    def _make_room(self) -> None:
        while self.work.is_full:
            self.check_stop()
            self._collect(wait=True)

    def _collect(self, *, wait: bool) -> None:
        """Take the results that are there; with `wait`, wait a moment for the first."""
        if self.work_began:
            for result in self.work.collect(wait=wait):
                self.take_result(result)
                self.check_store()
        self.recorder.flush_if_due()

    def take_result(self, result: WorkResult) -> None:
        """Count and record what came of one file."""
        if isinstance(result, Held):
            self.held.append(result.change)
            return
        change = change_of(result)
        assert change is not None
        assert change.new is not None
        self._record(change.folder, result)
        self.ports.sink(WorkFinished(change.path, change.new.size, result))

    def _record(self, folder: str, outcome: Outcome) -> None:
        finding = self.tally.outcome(outcome)
        if finding is not None:
            self._raise(finding)
        self.recorder.add(folder, outcome)

    def _release_held(self) -> None:
        """Overwrite what changed, now that the whole scan is known; or nothing, where too much did."""
        held, self.held = self.held, []
        changed = len(held) + self.summary.actions.quarantined
        if not changed or self.options.accept_mass_change or not is_mass_change(changed, self.manifest.count()):
            self._send_held(held)
            return
        self.mass_change = True
        self._raise(reports.mass_change(changed))
        for change in held:
            self.tally.held(change)
            self.recorder.add(change.folder, Raced(change.path, change))
        self.recorder.flush()

    def _send_held(self, held: list[Change]) -> None:
        if held:
            self._demand_source()  # the uploads until here may have taken hours
        for change in held:
            self._hand_out(change, hold=False)
        self._drain()

    def _keep_catalogs(self) -> None:
        """Back up the catalogs that changed: last, since one in the bucket should name no photo that is not there."""
        outside = () if self.ports.outside is None else self.ports.outside.changed()
        if (self.catalogs or outside) and self.ports.catalogs is not None:
            from lrsync.engine.catalog_night import CatalogNight  # here: a night without one does not pay for it

            CatalogNight(self, self.ports.catalogs()).keep(self.catalogs, outside)

    def _drain(self) -> None:
        self._send_small(now=True)
        while self.work_began and self.work.inflight:
            self.check_stop()
            self._collect(wait=True)
        self.recorder.flush()

    def check_store(self) -> None:
        """Give up on a store that takes nothing any more. Raises BucketError."""
        if self.tally.failed_in_a_row >= MAX_FAILED_IN_A_ROW:
            last = self.summary.errors[-1]
            message = f"{self.tally.failed_in_a_row} files in a row could not be stored; the last one: {last.message}"
            raise BucketError(message, hint="what was acknowledged is recorded; run again when the store is well")

    def check_stop(self) -> None:
        """Raises StoppedError once the user wants to stop."""
        if self.ports.stopping():
            raise StoppedError("interrupted")

    def _close_pools(self) -> None:
        """Let what is in flight end, and record it: it was acknowledged, whatever ended the run."""
        self.over = True
        if "small_pool" in self.__dict__:
            self.small_pool.shutdown(wait=False, cancel_futures=True)
        if self.work_began:
            for result in self.work.close(self.patience.is_over):
                self.take_result(result)
        if "part_pool" in self.__dict__:
            self.part_pool.shutdown(wait=False, cancel_futures=True)  # whoever waits for parts has ended by now
        self.recorder.flush()

    # --- delete -----------------------------------------------------------------------------------------

    def _delete(self) -> None:
        if not self.ports.seals.counts().missing:
            return
        self._demand_source()
        scan = ScanFacts(
            started_ns=self.started_ns,
            complete=not self.incomplete,
            files=self.summary.scan.files,
            source_proven=self.proven,
            transfers_failed=self.summary.actions.failed + self.summary.actions.raced,
            mass_change=self.mass_change,
        )
        doomed, refused = plan_deletes(self.manifest, scan, self.options.max_delete, self.ports.tree)
        if refused is not None:
            self._raise(refused)
        if doomed:
            deleter = Deleter(
                self.store, self.policy, self.work.pool, self.ports.sink, self.ports.stopping, self.patience
            )
            for outcome in deleter.delete(doomed):
                self._record("", outcome)
                self.check_store()
            self.recorder.flush()
            self.manifest.forget_empty_directories()
            self.check_stop()


def _handle_one(transferrer: Transferrer, change: Change, hold: bool, deliver: Deliver) -> None:
    deliver(transferrer.handle(change, hold))
