"""A world whose photos are named by a catalog, and audits of it as the command makes them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lrsync.adapters.manifest import Manifest
from lrsync.app.catalog import run_audit
from lrsync.config import Config
from lrsync.core.audit import AuditReport, FileState
from lrsync.core.events import Event
from lrsync.core.lightroom import RootMapping
from lrsync.core.requests import AuditRequest
from tests.engine.world import PREFIX, World


def library(home: Path) -> World:
    """A world without a marker, as on a source that cannot be written."""
    world = World(home)
    with Manifest(world.path, PREFIX) as manifest:
        manifest.update_library(replace(world.library, has_marker=False))
    return world


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
