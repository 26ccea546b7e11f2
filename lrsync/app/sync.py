"""Wire a sync."""

from __future__ import annotations

import math
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lrsync.adapters.lock import library_lock
from lrsync.adapters.power import awake_while_working
from lrsync.app.first_run import unmade_if_useless
from lrsync.app.refusal import refusal_noted
from lrsync.app.session import (
    Session,
    manifest_opener,
    open_library,
    open_session,
    tree,
    working_manifest,
)
from lrsync.app.snapshot import manifest_packer
from lrsync.app.source_proof import is_proven, remember_source
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.runs import RunKind, RunSummary
from lrsync.core.storage import STANDARD
from lrsync.engine import sync
from lrsync.engine.sync import SyncOptions, SyncPorts

if TYPE_CHECKING:
    from lrsync.core.ports import OutsideCatalogs, SourceTree
    from lrsync.engine.catalogs import CatalogPorts


def run_sync(config: Config, sink: EventSink, stop: threading.Event) -> RunSummary:
    """Back the library up. Raises LrsyncError."""
    with refusal_noted(config, RunKind.SYNC, sink) as begins, ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        session = open_session(config, resources)
        path = working_manifest(session)
        if not config.dry_run:
            resources.enter_context(library_lock(path, command="lrsync sync"))
            resources.enter_context(unmade_if_useless(session.source, path))
        pack_manifest = manifest_packer(path, resources)
        seals = open_library(session, path, sink)
        open_manifest = manifest_opener(session, path)
        source = tree(session)
        ports = SyncPorts(
            tree=source,
            seals=seals,
            open_manifest=open_manifest,
            open_store=session.open_store,
            prove_source=lambda: is_proven(session.source, config, seals.library()),
            stopping=stop.is_set,
            clock=time.time_ns,
            sink=sink,
            pack_manifest=pack_manifest,
            catalogs=partial(_catalogs, session, path, stop),
            outside=_outside(session, source) if config.catalogs else None,
            advice=partial(_advice, config, path),
        )
        begins()
        summary = sync.run_sync(ports, _sync_options(config))
        remember_source(config, seals.library(), open_manifest, summary, sink)
        return summary


def _catalogs(session: Session, path: Path, stop: threading.Event) -> CatalogPorts:
    """What catalogs are copied with; imported when one changed."""
    from lrsync.app.catalog_night import catalog_ports

    return catalog_ports(session, path, stop)


def _advice(config: Config, path: Path) -> list[str]:
    """What to know of storage classes into which nothing went yet; asked where something changed."""
    if config.storage_rules.classes == {STANDARD}:
        return []
    from lrsync.app.costs import first_warnings

    return first_warnings(config, path)


def _outside(session: Session, source: SourceTree) -> OutsideCatalogs:
    """The catalogs that are named and that the source does not have. In a dry run nothing of them is noted."""
    from lrsync.adapters.outside_catalogs import NotedCatalogs

    named = dict.fromkeys(path.resolve() for path in session.config.catalogs)
    return NotedCatalogs(session.manifest_path, [path for path in named if not _is_inside(path, session, source)])


def _is_inside(path: Path, session: Session, source: SourceTree) -> bool:
    """Whether the walk comes to it: then it is kept as a file of the source."""
    if not path.is_relative_to(session.source):
        return False
    return not source.is_excluded(path.relative_to(session.source).as_posix())


def _sync_options(config: Config) -> SyncOptions:
    every = None if math.isinf(config.full_every_s) else int(config.full_every_s * 1e9)
    return SyncOptions(
        prefix=config.prefix,
        threads=config.threads,
        batch_size=config.batch_size,
        storage=config.storage_rules,
        delete=config.delete,
        accept_mass_change=config.accept_mass_change,
        max_delete=config.max_delete,
        full=config.full,
        full_every_ns=every,
        dry_run=config.dry_run,
        keep_catalogs=config.keep_catalogs,
        settle_ns=int(config.settle_s * 1e9),
    )
