"""The periodic look over the whole bucket, as part of a sync: what drifted is marked first, and mended by the scan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lrsync.engine import reconcile
from lrsync.engine.advice import advise

if TYPE_CHECKING:
    from lrsync.engine.changes import Changes


class FullPass:
    """One look over the bucket, before, after and at the end of a scan."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._run = changes.run

    def find_drift(self) -> None:
        """List the bucket and mark what it lost or altered. Raises BucketError, StoppedError."""
        self._changes.unless_stopped(self._find_drift)

    def _find_drift(self) -> None:
        changes, ports, options = self._changes, self._run.ports, self._run.options
        listing = reconcile.ListingPorts(changes.store, changes.manifest, changes.make_pool, ports.sink, ports.stopping)
        reconcile.take_listing(listing, options.prefix, threads=options.threads)
        self._run.summary.drift = reconcile.mark_drift(changes.store, changes.manifest)

    def report_unknown(self) -> None:
        """Say what the listing had that no row explains; before a delete takes the rows of what this run removes."""
        for finding in reconcile.unknown_objects(self._changes.manifest, self._run.summary.drift):
            self._run.report(finding)

    def finish(self) -> None:
        """Remember that the bucket was looked over."""
        library = self._run.ports.seals.library()
        if library.last_full_pass is None and not self._run.options.dry_run:
            advise(self._changes.store, self._run.ports.sink)
        self._changes.manifest.update_library(replace(library, last_full_pass=self._run.started_ns))

    def report_unrepaired(self) -> None:
        """Say what could not be mended."""
        for finding in reconcile.unrepaired(self._changes.manifest, self._run.summary.drift):
            self._run.report(finding)
