"""A restore on a World: the real folder, the real manifest, the bucket in memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.adapters.selecting import selection_of
from lrsync.core.requests import RestoreRequest
from lrsync.core.restoring import Backup
from lrsync.core.runs import RunSummary
from lrsync.engine.backups import ListingBackup, ManifestBackup
from lrsync.engine.pool import DaemonPool
from lrsync.engine.reconcile import ListingPorts, take_listing
from lrsync.engine.restore import RestoreOptions, RestorePorts, run_restore
from tests.engine.world import HOUR_NS, PREFIX, World

STAMP = "20260101T000000Z"


def restored(
    world: World,
    request: RestoreRequest,
    *,
    dry_run: bool = False,
    backup: Callable[[Manifest], Backup] = ManifestBackup,
    options: dict[str, Any] | None = None,
    **ports: Any,
) -> RunSummary:
    """Run a restore; `ports` and `options` replace what it is handed."""
    world.now_ns += 24 * HOUR_NS
    folder = world.photos if request.to is None else Path(request.to)
    path = world._scratch() if dry_run else world.path
    with ExitStack() as stack:
        seals, manifest = stack.enter_context(Seals(path)), stack.enter_context(Manifest(path, PREFIX))
        given = RestorePorts(
            tree=LocalTree(folder, IgnoreRules(defaults=False)),
            target=FileWriter(folder, stamp=STAMP),
            seals=seals,
            manifest=manifest,
            backup=backup(manifest),
            open_store=lambda: world.store,
            stopping=world.stopping,
            wait=lambda seconds: None,
            clock=world.clock,
            sink=world.events.append,
        )
        chosen = RestoreOptions(
            selection=selection_of(request, world.photos, world.home),
            in_place=request.to is None,
            overwrite=request.overwrite,
            threads=2,
            dry_run=dry_run,
        )
        return run_restore(replace(given, **ports), replace(chosen, **(options or {})))


def list_bucket(world: World, manifest: Manifest) -> None:
    """Keep a listing of the bucket in the manifest."""
    ports = ListingPorts(world.store, manifest, DaemonPool, world.events.append, lambda: False)
    take_listing(ports, PREFIX, threads=2)


def bare(world: World, request: RestoreRequest, **more: Any) -> RunSummary:
    """A restore by the bucket's listing alone, with a manifest that has no rows."""
    world.path.unlink()
    world.new_manifest(world.path)

    def listing(manifest: Manifest) -> Backup:
        list_bucket(world, manifest)
        return ListingBackup(manifest, PREFIX)

    return restored(world, request, backup=listing, **more)
