"""A sync's work on the catalogs that changed. Runs in the coordinating thread; a worker does the copying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from lrsync.core.catalogs import OutsideCatalog
from lrsync.core.events import FindingRaised, Notice, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.model import CatalogCounts, Change, Held, Raced, Stat
from lrsync.core.ports import ObjectStore, SourceTree
from lrsync.engine.catalog_snapshots import SnapshotShelf
from lrsync.engine.catalogs import CatalogKeeper, CatalogPorts, Kept
from lrsync.engine.import_witness import ImportWitness
from lrsync.engine.outside_catalogs import OutsideKeeper
from lrsync.engine.transfer import Transferrer

if TYPE_CHECKING:
    from lrsync.engine.sync import SyncRun

T = TypeVar("T")


class CatalogNight:
    """Keeps the catalogs of one run."""

    def __init__(self, run: SyncRun, ports: CatalogPorts) -> None:
        self._run = run
        self._ports = ports
        self._counts = CatalogCounts()
        self._over = 0

    def keep(self, changes: Sequence[Change], outside: Sequence[OutsideCatalog] = ()) -> None:
        """Copy, check and store one after the other: each may have to wait for a quiet moment.

        Raises BucketError and StoppedError.
        """
        run = self._run
        run.ports.sink(PhaseStarted(Phase.CATALOGS, len(changes) + len(outside)))
        run.summary.catalogs = self._counts
        keeper = self._keeper() if changes else None
        for change in changes:
            assert keeper is not None
            kept = self._done(partial(keeper.keep, change, hold=run.mass_change))
            self._count(changed=True, stored=kept.stored, waits=self._take(change, kept))
        run.recorder.flush()
        if outside:
            self._keep_outside(outside)
        for finding in self._witness.findings.values():
            run.tally.finding(finding)
            run.ports.sink(FindingRaised(finding))

    def _keep_outside(self, catalogs: Sequence[OutsideCatalog]) -> None:
        run = self._run
        keeper = OutsideKeeper(self._ports.source, self._shelf, run.ports.sink, self._witness.look, run.options.dry_run)
        settled: dict[str, Stat] = {}
        for catalog in catalogs:
            kept = self._done(partial(keeper.keep, catalog))
            if kept.finding is not None:
                run.tally.finding(kept.finding)
                run.ports.sink(FindingRaised(kept.finding))
            if kept.failed is not None:
                run.tally.lost_outside(kept.failed, catalog.stat)
            if kept.kept is not None:
                settled[catalog.path] = kept.kept
            self._count(changed=catalog.stat is not None, stored=kept.stored, waits=kept.finding is not None)
        if settled and run.ports.outside is not None:
            try:
                run.ports.outside.settle(settled)
            except OSError as error:
                # They are in the bucket: the next run copies them once more, and finds that.
                run.ports.sink(Notice(f"what was kept of catalogs could not be noted: {error.strerror or error}"))

    def _done(self, work: Callable[[], T]) -> T:
        """What a worker made of it, unless the user wants to stop."""
        run = self._run
        run.check_stop()
        return run.patience.result_of(run.work.pool.submit(work))

    def _count(self, *, changed: bool, stored: bool, waits: bool) -> None:
        counts = self._counts
        counts.changed += changed
        counts.snapshots += stored
        counts.waiting += waits
        self._over += 1
        self._run.ports.sink(PhaseAdvanced(Phase.CATALOGS, self._over))
        self._run.check_store()

    def _take(self, change: Change, kept: Kept) -> bool:
        """Record what came of a catalog; returns whether it waits for another night."""
        run = self._run
        if kept.result is not None and not isinstance(kept.result, Held):
            run.take_result(kept.result)
            return False
        if kept.finding is None:
            run.tally.held(change)
        else:
            run.tally.waits(kept.finding, change)
            run.ports.sink(FindingRaised(kept.finding))
        run.recorder.add(change.folder, Raced(change.path, change))
        return True

    @cached_property
    def _store(self) -> ObjectStore:
        store = self._ports.open_store()
        self._run.stores.append(store)
        return store

    @cached_property
    def _shelf(self) -> SnapshotShelf:
        run = self._run
        return SnapshotShelf(
            prefix=run.options.prefix,
            open_store=lambda: self._store,
            open_manifest=lambda: run.manifest,
            make_content=self._ports.make_content,
            clock=run.ports.clock,
            sink=run.ports.sink,
            stopping=run.ports.stopping,
            keep=run.options.keep_catalogs,
        )

    @cached_property
    def _witness(self) -> ImportWitness:
        run = self._run
        folders = run.tally.new_originals
        return ImportWitness(self._ports.where, lambda folder: run.manifest.rows(folder), folders, run.started_ns)

    def _keeper(self) -> CatalogKeeper:
        run = self._run
        return CatalogKeeper(
            self._ports.source, self._shelf, self._transferrer, run.ports.sink, self._witness.look, run.options.dry_run
        )

    def _transferrer(self, tree: SourceTree) -> Transferrer:
        run = self._run
        policy = replace(run.policy, storage_class=self._ports.storage_class)
        multipart = run.multipart_on
        return run.transferrer_on(tree, lambda: self._store, lambda: multipart(tree, self._store), policy)
