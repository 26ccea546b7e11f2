"""A sync's work on the catalogs that changed. Runs in the coordinating thread; a worker does the copying."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from lrsync.core.catalogs import OutsideCatalog
from lrsync.core.counts import CatalogCounts
from lrsync.core.events import FindingRaised, Notice, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.model import Change, Held, Raced
from lrsync.core.ports import ObjectStore, SourceTree
from lrsync.core.scan import Stat
from lrsync.core.storage import StorageRules
from lrsync.engine.catalog_snapshots import SnapshotShelf
from lrsync.engine.catalogs import CatalogKeeper, CatalogPorts, Kept
from lrsync.engine.import_witness import ImportWitness
from lrsync.engine.outside_catalogs import OutsideKeeper
from lrsync.engine.transfer import Transferrer

if TYPE_CHECKING:
    from lrsync.engine.changes import Changes

T = TypeVar("T")


class CatalogNight:
    """Keeps the catalogs of one run."""

    def __init__(self, night: Changes, ports: CatalogPorts) -> None:
        self._night = night
        self._ports = ports
        self._counts = CatalogCounts()
        self._over = 0

    def keep(self, changes: Sequence[Change], outside: Sequence[OutsideCatalog] = ()) -> None:
        """Copy, check and store one after the other: each may have to wait for a quiet moment.

        Raises BucketError and StoppedError.
        """
        night = self._night
        night.ports.sink(PhaseStarted(Phase.CATALOGS, len(changes) + len(outside)))
        night.summary.catalogs = self._counts
        keeper = self._keeper() if changes else None
        for change in changes:
            assert keeper is not None
            kept = self._done(partial(keeper.keep, change, hold=night.mass_change))
            self._count(changed=True, stored=kept.stored, waits=self._take(change, kept))
        night.recorder.flush()
        if outside:
            self._keep_outside(outside)
        for finding in self._witness.findings.values():
            night.tally.finding(finding)
            night.ports.sink(FindingRaised(finding))

    def _keep_outside(self, catalogs: Sequence[OutsideCatalog]) -> None:
        night = self._night
        keeper = OutsideKeeper(
            self._ports.source, self._shelf, night.ports.sink, self._witness.look, night.options.dry_run
        )
        settled: dict[str, Stat] = {}
        for catalog in catalogs:
            kept = self._done(partial(keeper.keep, catalog))
            if kept.finding is not None:
                night.tally.finding(kept.finding)
                night.ports.sink(FindingRaised(kept.finding))
            if kept.failed is not None:
                night.tally.lost_outside(kept.failed, catalog.stat)
            if kept.kept is not None:
                settled[catalog.path] = kept.kept
            self._count(changed=catalog.stat is not None, stored=kept.stored, waits=kept.finding is not None)
        if settled and night.ports.outside is not None:
            try:
                night.ports.outside.settle(settled)
            except OSError as error:
                # They are in the bucket: the next run copies them once more, and finds that.
                night.ports.sink(Notice(f"what was kept of catalogs could not be noted: {error.strerror or error}"))

    def _done(self, work: Callable[[], T]) -> T:
        """What a worker made of it, unless the user wants to stop."""
        night = self._night
        night.run.check_stop()
        return night.patience.result_of(night.handout.queue.pool.submit(work))

    def _count(self, *, changed: bool, stored: bool, waits: bool) -> None:
        counts = self._counts
        counts.changed += changed
        counts.snapshots += stored
        counts.waiting += waits
        self._over += 1
        self._night.ports.sink(PhaseAdvanced(Phase.CATALOGS, self._over))
        self._night.check_store()

    def _take(self, change: Change, kept: Kept) -> bool:
        """Record what came of a catalog; returns whether it waits for another night."""
        night = self._night
        if kept.result is not None and not isinstance(kept.result, Held):
            night.take_result(kept.result)
            return False
        if kept.finding is None:
            night.tally.held(change)
        else:
            night.tally.waits(kept.finding, change)
            night.ports.sink(FindingRaised(kept.finding))
        night.recorder.add(change.folder, Raced(change.path, change))
        return True

    @cached_property
    def _store(self) -> ObjectStore:
        return self._night.run.stores.opened(self._ports.open_store)

    @cached_property
    def _shelf(self) -> SnapshotShelf:
        night = self._night
        return SnapshotShelf(
            prefix=night.options.prefix,
            open_store=lambda: self._store,
            open_manifest=lambda: night.manifest,
            make_content=self._ports.make_content,
            clock=night.ports.clock,
            sink=night.ports.sink,
            stopping=night.ports.stopping,
            keep=night.options.keep_catalogs,
        )

    @cached_property
    def _witness(self) -> ImportWitness:
        night = self._night
        folders = night.tally.new_originals
        return ImportWitness(
            self._ports.where, lambda folder: night.manifest.rows(folder), folders, night.run.started_ns
        )

    def _keeper(self) -> CatalogKeeper:
        night = self._night
        return CatalogKeeper(
            self._ports.source,
            self._shelf,
            self._transferrer,
            night.ports.sink,
            self._witness.look,
            night.options.dry_run,
        )

    def _transferrer(self, tree: SourceTree) -> Transferrer:
        night = self._night
        policy = replace(night.policy, storage=StorageRules(self._ports.storage_class))
        multipart = night.multipart_on
        return night.transferrer_on(tree, lambda: self._store, lambda: multipart(tree, self._store), policy)
