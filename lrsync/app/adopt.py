"""Wire an adoption."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from lrsync.adapters.lock import library_lock
from lrsync.adapters.power import awake_while_working
from lrsync.app.costs import quote_adoption, quote_download, quote_rewrite
from lrsync.app.first_run import unmade_if_useless
from lrsync.app.session import (
    manifest_opener,
    open_library,
    open_session,
    tree,
    working_manifest,
)
from lrsync.app.snapshot import manifest_packer
from lrsync.config import Config
from lrsync.core.adoption import AdoptCounts
from lrsync.core.events import EventSink
from lrsync.core.prices import Counts, Quote
from lrsync.core.requests import AdoptRequest, Unproven
from lrsync.core.runs import RunSummary
from lrsync.engine import adopt
from lrsync.engine.adopt import AdoptOptions, AdoptPorts

Choose = Callable[[AdoptCounts, Quote | None], Unproven]
"""Says what to do about what nothing proves; told what reading it back costs."""
Agree = Callable[[Counts, Quote | None], bool]
"""Says whether so many objects are to be rewritten; told what that costs."""


def run_adopt(
    config: Config, sink: EventSink, stop: threading.Event, request: AdoptRequest, choose: Choose, agree: Agree
) -> RunSummary:
    """Take over a bucket that another tool filled. Raises LrsyncError."""
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        session = open_session(config, resources)
        path = working_manifest(session)
        if not config.dry_run:
            resources.enter_context(library_lock(path, command="lrsync adopt"))
            resources.enter_context(unmade_if_useless(session.source, path))
        pack_manifest = manifest_packer(path, resources)
        ports = AdoptPorts(
            tree=tree(session),
            seals=open_library(session, path, sink),
            manifest=manifest_opener(session, path)(),
            open_store=session.open_store,
            stopping=stop.is_set,
            clock=time.time_ns,
            sink=sink,
            choose=_chosen(config, request, choose),
            agree=lambda counts: agree(counts, quote_rewrite(config, counts)),
            pack_manifest=pack_manifest,
        )
        summary = adopt.run_adopt(ports, _options(config, request))
        if config.dry_run and summary.adopted is not None:
            summary.quote = quote_adoption(config, _asked(summary.adopted), summary.adopted.to_rewrite)
        return summary


def _chosen(config: Config, request: AdoptRequest, choose: Choose) -> Callable[[AdoptCounts], Unproven]:
    if request.unproven is not None:
        choice = request.unproven
        return lambda counts: choice
    return lambda counts: choose(counts, quote_download(config, counts.by_class))


def _asked(counts: AdoptCounts) -> int:
    """About how many objects an adoption asks."""
    return counts.proven_files.files + counts.unproven.files + counts.elsewhere.files


def _options(config: Config, request: AdoptRequest) -> AdoptOptions:
    return AdoptOptions(
        prefix=config.prefix,
        threads=config.threads,
        batch_size=config.batch_size,
        storage=config.storage_rules,
        rewrite_metadata=request.rewrite_metadata,
        dry_run=config.dry_run,
    )
