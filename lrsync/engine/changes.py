"""What a sync does about what differs: compare with the rows, hand out, take the outcomes, record, seal, delete.

Runs in the coordinating thread; `transfer` and `batch` run in the workers that it hands out to. Imported with the first
difference: a night without changes loads none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from lrsync.core.diff import diff_directory, is_settling
from lrsync.core.digest import is_settled
from lrsync.core.events import Notice, Phase, PhaseStarted, WorkFinished, WorkFound
from lrsync.core.filetypes import is_catalog
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import join_path, split_path, trash_stamp
from lrsync.core.model import Change, ChangeKind, Done, Failed, Held, MarkMissing, Outcome, Raced, Return, WorkResult
from lrsync.core.plan import MASS_CHANGE_FILES, is_mass_change, known_that_matter
from lrsync.core.ports import ManifestStore, ObjectStore, SourceTree
from lrsync.core.scan import ScannedDir
from lrsync.engine import reports, uploads
from lrsync.engine.gone import GoneFiles
from lrsync.engine.handout import Handout, HandoutPorts
from lrsync.engine.multipart import InflightBytes, MultipartUploader
from lrsync.engine.pool import DaemonPool
from lrsync.engine.recorder import Recorder, change_of
from lrsync.engine.stop import Patience
from lrsync.engine.tally import Tallier
from lrsync.engine.transfer import TransferPolicy, Transferrer
from lrsync.errors import BucketError

if TYPE_CHECKING:
    from lrsync.core.catalogs import OutsideCatalog
    from lrsync.engine.sync import SyncRun

MAX_FAILED_IN_A_ROW: Final = 50
"""So many transfers that the store failed, and none that it took: with two million files, to go on would take days."""


class Changes:
    """The differences of one run, from a folder's comparison to the last recorded outcome."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self.ports, self.options, self.summary = run.ports, run.options, run.summary
        self.tally = Tallier(run.summary)
        self.recorder = Recorder(lambda: self.manifest, run.options.batch_size, run.ports.clock)
        self.patience = Patience(run.ports.stopping)
        self.make_pool = run.ports.make_pool or DaemonPool
        self.handout = Handout(
            HandoutPorts(
                make_pool=self.make_pool,
                threads=run.options.threads,
                transferrer=lambda: self.transferrer,
                waiting=self._waiting,
                take=self._take_checked,
                rest=self.recorder.flush_if_due,
                clock=run.ports.clock,
                stopping=run.ports.stopping,
                check_stop=run.check_stop,
            )
        )
        self.held: list[Change] = []
        self.catalogs: list[Change] = []
        self.gone = GoneFiles()
        self.settling_sizes = set[int]()
        self.mass_change = False
        for line in run.ports.advice():
            run.ports.sink(Notice(line))

    # --- the world, when it is needed ---------------------------------------------------------------------

    @cached_property
    def manifest(self) -> ManifestStore:
        return self.ports.open_manifest()

    @cached_property
    def store(self) -> ObjectStore:
        return self.run.stores.opened(self.ports.open_store)

    def _waiting(self) -> float | None:
        # A dry run may need no store at all.
        return self.store.waiting if "store" in self.__dict__ else None

    @cached_property
    def policy(self) -> TransferPolicy:
        stamp = trash_stamp(self.run.started_ns)
        return TransferPolicy(self.options.prefix, stamp, self.options.storage, self.options.dry_run)

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
            pool=self.handout.part_pool,
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
        few = self.manifest.count(at_most=MASS_CHANGE_FILES + 1) <= MASS_CHANGE_FILES
        return (not few or self.summary.drift.checked) and not self.options.accept_mass_change

    # --- around the scan ----------------------------------------------------------------------------------

    def unless_stopped(self, step: Callable[[], object]) -> None:
        """Take a step that waits for S3, in a worker: a server that never answers must not hold up a stop."""
        self.patience.result_of(self.handout.queue.pool.submit(step))

    def abort_strays(self) -> None:
        """End multipart uploads whose ids nobody noted."""
        self.unless_stopped(
            lambda: uploads.abort_strays(self.store, self.manifest, self.options.prefix, self.ports.sink)
        )

    def abort_leftovers(self) -> None:
        """End multipart uploads that nothing will ever go on with."""
        self.unless_stopped(
            lambda: uploads.abort_leftovers(self.store, self.manifest, self.ports.tree, self.ports.sink)
        )

    def is_over(self, finding: Finding) -> bool:
        """Whether the file has other bytes by now, or is gone: what looked damaged is not there any more."""
        row, content = self.manifest.row(finding.path), finding.quarantined
        return row is None or content is None or row.missing_since is not None or row.sha256 != content.sha256

    def scan_is_over(self) -> None:
        """Nothing more will be found."""
        self.handout.send_small(now=True)
        if self.handout.is_busy:
            self.ports.sink(PhaseStarted(Phase.UPLOADING))

    def finish(self, outside: Sequence[OutsideCatalog]) -> None:
        """Do what is left: what is in flight, what had to wait for the scan's end, catalogs (also from `outside`)."""
        self._drain()
        self._release_held()
        self._keep_catalogs(outside)

    # --- compare ------------------------------------------------------------------------------------------

    def compare(self, scanned: ScannedDir, digest: bytes) -> None:
        """Compare a folder with its rows, and hand out what differs."""
        changes = list(self._changes(scanned))
        if scanned.colliding:
            changes = self._without_colliding(scanned, changes)
        ready = self._without_settling(changes)
        times = zip(scanned.columns.mtimes_ns, scanned.columns.ctimes_ns, strict=True)
        sealable = (
            scanned.complete
            and not scanned.colliding
            and len(ready) == len(changes)
            and all(is_settled(mtime_ns, ctime_ns, self.run.started_ns) for mtime_ns, ctime_ns in times)
        )
        self.recorder.begin(scanned, digest, waiting=len(ready), sealable=sealable)
        for change in ready:
            self._dispatch(change)
        self.recorder.flush_if_due()
        self.handout.send_small()
        self.handout.collect(wait=False)

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

    def _without_settling(self, changes: list[Change]) -> list[Change]:
        """Leave out what was written so short a time ago that it waits for the next run.

        By the time at which the folder is looked at: a scan may take hours, and files are written meanwhile.
        """
        if not self.options.settle_ns:
            return changes
        ready, now = [], self.ports.clock()
        for change in changes:
            if not self._settles(change, now):
                ready.append(change)
                continue
            assert change.new is not None
            self.tally.settling(change)
            self.settling_sizes.add(change.new.size)
        return ready

    def _settles(self, change: Change, now_ns: int) -> bool:
        # A catalog that is open is written to all day: it has a way of its own to come to a quiet moment.
        is_copied = self.ports.catalogs is not None and change.new is not None and is_catalog(change.new.name)
        return not is_copied and is_settling(change, now_ns, self.options.settle_ns)

    def take_gone(self) -> None:
        """The walk is over, and the source proven: what it did not meet in the folders that it met is missing."""
        for change in self.gone.changes(self.manifest) if self.gone else ():
            self.run.check_stop()
            self._dispatch(change)

    # --- hand out, and take what came of it ---------------------------------------------------------------

    def _dispatch(self, change: Change) -> None:
        if change.kind is ChangeKind.MISSING:
            assert change.old is not None
            if self.run.walking:
                self.gone.add(change)
                return
            gone = replace(change.old, missing_since=self.run.started_ns)
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
        self.handout.add(change, hold=hold, at_once=hold != self.holding)

    def _take_checked(self, result: WorkResult) -> None:
        self.take_result(result)
        self.check_store()

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
            self.run.report(finding)
        self.recorder.add(folder, outcome)

    def _release_held(self) -> None:
        """Overwrite what changed, now that the whole scan is known; or nothing, where too much did."""
        held, self.held = self.held, []
        changed = len(held) + self.summary.actions.quarantined
        known = self.manifest.count(at_most=known_that_matter(changed)) if changed else 0
        if not changed or self.options.accept_mass_change or not is_mass_change(changed, known):
            self._send_held(held)
            return
        self.mass_change = True
        self.run.report(reports.mass_change(changed))
        for change in held:
            self.tally.held(change)
            self.recorder.add(change.folder, Raced(change.path, change))
        self.recorder.flush()

    def _send_held(self, held: list[Change]) -> None:
        if held:
            self.run.demand_source()  # the uploads until here may have taken hours
        for change in held:
            self._hand_out(change, hold=False)
        self._drain()

    def _keep_catalogs(self, outside: Sequence[OutsideCatalog]) -> None:
        """Back up the catalogs that changed: last, since one in the bucket should name no photo that is not there."""
        if (self.catalogs or outside) and self.ports.catalogs is not None:
            from lrsync.engine.catalog_night import CatalogNight  # here: a night without one does not pay for it

            CatalogNight(self, self.ports.catalogs()).keep(self.catalogs, outside)

    def _drain(self) -> None:
        self.handout.drain()
        self.recorder.flush()

    def check_store(self) -> None:
        """Give up on a store that takes nothing any more. Raises BucketError."""
        if self.tally.failed_in_a_row >= MAX_FAILED_IN_A_ROW:
            last = self.summary.errors[-1]
            message = f"{self.tally.failed_in_a_row} files in a row could not be stored; the last one: {last.message}"
            raise BucketError(message, hint="what was acknowledged is recorded; run again when the store is well")

    def close(self) -> None:
        """Let what is in flight end, and record it: it was acknowledged, whatever ended the run."""
        self.handout.close(self.patience.is_over, self.take_result)
        self.recorder.flush()

    # --- delete -------------------------------------------------------------------------------------------

    def delete(self) -> None:
        """Move the objects of missing files to the trash, when every guard agrees."""
        from lrsync.engine.deletion import Deleter, ScanFacts, plan_deletes

        run = self.run
        scan = ScanFacts(
            started_ns=run.started_ns,
            now_ns=self.ports.clock(),
            complete=not run.incomplete,
            files=self.summary.scan.files,
            source_proven=run.proven,
            transfers_failed=self.summary.actions.failed + self.summary.actions.raced,
            mass_change=self.mass_change,
            settling_sizes=self.settling_sizes,
        )
        doomed, refused = plan_deletes(self.manifest, scan, self.options.max_delete, self.ports.tree)
        if refused is not None:
            run.report(refused)
        if doomed:
            deleter = Deleter(
                self.store, self.policy, self.handout.queue.pool, self.ports.sink, self.ports.stopping, self.patience
            )
            for outcome in deleter.delete(doomed):
                self._record("", outcome)
                self.check_store()
            self.recorder.flush()
            self.manifest.forget_empty_directories()
            run.check_stop()
