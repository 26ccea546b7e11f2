"""A world whose photos are named by a catalog, and audits of it as the command makes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lrsync.adapters.catalog_copy import Patience
from lrsync.adapters.catalog_scratch import scratch_folder
from lrsync.adapters.catalog_source import ScratchCatalogs
from lrsync.adapters.catalog_tree import CatalogTree
from lrsync.adapters.manifest import Manifest
from lrsync.app.catalog import run_audit
from lrsync.app.catalog_night import content_of_bytes, source_here
from lrsync.config import Config
from lrsync.core.audit import AuditReport, FileState
from lrsync.core.catalogs import StoredSnapshot
from lrsync.core.events import Event, ignore
from lrsync.core.lightroom import RootMapping
from lrsync.core.ports import CatalogSource
from lrsync.core.requests import AuditRequest
from lrsync.engine.catalog_snapshots import find_snapshots
from lrsync.engine.catalogs import CatalogPorts
from tests.engine.world import PREFIX, World
from tests.stores.memory import MemoryStore


def library(home: Path) -> World:
    """A world without a marker, as on a source that cannot be written."""
    world = World(home)
    with Manifest(world.path, PREFIX) as manifest:
        manifest.update_library(replace(world.library, has_marker=False))
    return world


@dataclass
class CatalogWorld(World):
    """A world that keeps catalogs as the command does. `source` may be wrapped; `wait_s` is for a quiet moment."""

    wait_s: float = 0.0
    wrap_source: Callable[[CatalogSource], CatalogSource] = lambda source: source
    catalog_store: MemoryStore | None = None
    storage_class: str = "STANDARD"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.wrap_tree = lambda tree: CatalogTree(tree, str(self.photos))
        self.catalogs = self._catalog_ports

    def _catalog_ports(self) -> CatalogPorts:
        self.opened.append("catalogs")

        def patience() -> Patience:
            return Patience(self.wait_s, threading.Event().wait, time.monotonic, self.stopping)

        source = ScratchCatalogs(self.photos, partial(scratch_folder, self.path), patience)
        opened = self.catalog_store or self.store
        here = source_here(self.photos)
        return CatalogPorts(self.wrap_source(source), lambda: opened, content_of_bytes, here, self.storage_class)

    def catalog_snapshots(self) -> list[StoredSnapshot]:
        """Every snapshot in the bucket."""
        return list(find_snapshots(self.store, PREFIX, ignore))


def config_of(world: World) -> Config:
    return Config(source=world.photos, bucket="bucket", prefix=PREFIX, manifest=world.path)


def audit(
    world: World,
    catalog: Path | None,
    *,
    map_root: Iterable[tuple[str, Path | str]] = (),
    events: list[Event] | None = None,
) -> AuditReport:
    """An audit that lists every file."""
    request = AuditRequest(
        None if catalog is None else str(catalog),
        tuple(RootMapping(old.rstrip("/"), str(new)) for old, new in map_root),
        frozenset(FileState),
        wait_s=0,
    )
    sink = (lambda event: None) if events is None else events.append
    return run_audit(config_of(world), sink, threading.Event(), request)


def listed(report: AuditReport) -> dict[str, set[str]]:
    """The listed files' paths by state."""
    found: dict[str, set[str]] = {}
    for file in report.listed:
        found.setdefault(file.state.value, set()).add(file.path)
    return found
