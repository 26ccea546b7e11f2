"""A sync's work on the catalogs that changed. Runs in the coordinating thread; a worker does the copying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lrsync.core.events import FindingRaised, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.model import CatalogCounts, Change, Held, Raced
from lrsync.core.ports import ObjectStore, SourceTree
from lrsync.engine.catalog_snapshots import SnapshotShelf
from lrsync.engine.catalogs import CatalogKeeper, CatalogPorts, Kept
from lrsync.engine.transfer import Transferrer

if TYPE_CHECKING:
    from lrsync.engine.sync import SyncRun


class CatalogNight:
    """Keeps the catalogs of one run."""

    def __init__(self, run: SyncRun, ports: CatalogPorts) -> None:
        self._run = run
        self._ports = ports

    def keep(self, changes: Sequence[Change]) -> None:
        """Copy, check and store one after the other: each may have to wait for a quiet moment.

        Raises BucketError and StoppedError.
        """
        run, keeper = self._run, self._keeper()
        run.ports.sink(PhaseStarted(Phase.CATALOGS, len(changes)))
        run.summary.catalogs = counts = CatalogCounts()
        for done, change in enumerate(changes, start=1):
            run.check_stop()
            kept = run.patience.result_of(run.work.pool.submit(partial(keeper.keep, change, hold=run.mass_change)))
            counts.changed += 1
            counts.snapshots += kept.stored
            counts.waiting += self._take(change, kept)
            run.ports.sink(PhaseAdvanced(Phase.CATALOGS, done))
            run.check_store()
        run.recorder.flush()

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

    def _keeper(self) -> CatalogKeeper:
        run = self._run
        shelf = SnapshotShelf(
            prefix=run.options.prefix,
            open_store=lambda: self._store,
            open_manifest=lambda: run.manifest,
            make_content=self._ports.make_content,
            clock=run.ports.clock,
            sink=run.ports.sink,
            stopping=run.ports.stopping,
            keep=run.options.keep_catalogs,
        )
        return CatalogKeeper(self._ports.source, shelf, self._transferrer, run.ports.sink, run.options.dry_run)

    def _transferrer(self, tree: SourceTree) -> Transferrer:
        run = self._run
        policy = replace(run.policy, storage_class=self._ports.storage_class)
        multipart = run.multipart_on
        return run.transferrer_on(tree, lambda: self._store, lambda: multipart(tree, self._store), policy)
