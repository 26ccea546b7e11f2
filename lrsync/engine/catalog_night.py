"""A sync's work on the catalogs that changed. Runs in the coordinating thread; a worker does the copying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from lrsync.core.counts import CatalogCounts
from lrsync.core.events import FindingRaised, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.model import Change, Held, Raced
from lrsync.core.ports import ObjectStore, SourceTree
from lrsync.engine.catalog_snapshots import SnapshotShelf
from lrsync.engine.catalogs import CatalogKeeper, CatalogPorts, Kept
from lrsync.engine.transfer import Transferrer

if TYPE_CHECKING:
    from lrsync.engine.changes import Changes


class CatalogNight:
    """Keeps the catalogs of one run."""

    def __init__(self, night: Changes, ports: CatalogPorts) -> None:
        self._night = night
        self._ports = ports

    def keep(self, changes: Sequence[Change]) -> None:
        """Copy, check and store one after the other: each may have to wait for a quiet moment.

        Raises BucketError and StoppedError.
        """
        night, keeper = self._night, self._keeper()
        night.ports.sink(PhaseStarted(Phase.CATALOGS, len(changes)))
        night.summary.catalogs = counts = CatalogCounts()
        for done, change in enumerate(changes, start=1):
            night.run.check_stop()
            kept = night.patience.result_of(
                night.work.pool.submit(partial(keeper.keep, change, hold=night.mass_change))
            )
            counts.changed += 1
            counts.snapshots += kept.stored
            counts.waiting += self._take(change, kept)
            night.ports.sink(PhaseAdvanced(Phase.CATALOGS, done))
            night.check_store()
        night.recorder.flush()

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

    def _keeper(self) -> CatalogKeeper:
        night = self._night
        shelf = SnapshotShelf(
            prefix=night.options.prefix,
            open_store=lambda: self._store,
            open_manifest=lambda: night.manifest,
            make_content=self._ports.make_content,
            clock=night.ports.clock,
            sink=night.ports.sink,
            stopping=night.ports.stopping,
            keep=night.options.keep_catalogs,
        )
        return CatalogKeeper(self._ports.source, shelf, self._transferrer, night.ports.sink, night.options.dry_run)

    def _transferrer(self, tree: SourceTree) -> Transferrer:
        night = self._night
        policy = replace(night.policy, storage_class=self._ports.storage_class)
        multipart = night.multipart_on
        return night.transferrer_on(tree, lambda: self._store, lambda: multipart(tree, self._store), policy)
