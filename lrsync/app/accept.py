"""Wire an acceptance."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

from lrsync.adapters.naming import name_files
from lrsync.adapters.power import awake_while_working
from lrsync.app.existing import open_with_source
from lrsync.app.session import tree
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.requests import AcceptRequest
from lrsync.core.runs import RunSummary
from lrsync.engine import accept
from lrsync.engine.accept import AcceptOptions, AcceptPorts


def run_accept(config: Config, sink: EventSink, stop: threading.Event, request: AcceptRequest) -> RunSummary:
    """Take the new bytes of changed originals. Raises LrsyncError."""
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        library = open_with_source(config, resources, sink, command="lrsync accept")
        assert library.session is not None
        ports = AcceptPorts(
            tree=tree(library.session),
            seals=library.seals,
            manifest=library.manifest,
            open_store=library.open_store,
            stopping=stop.is_set,
            clock=time.time_ns,
            sink=sink,
        )
        options = AcceptOptions(
            names=name_files(request.paths, library.session.source, Path.cwd()),
            everything=request.everything,
            prefix=config.prefix,
            storage=config.storage_rules,
            threads=config.threads,
            batch_size=config.batch_size,
            dry_run=config.dry_run,
        )
        return accept.run_accept(ports, options)
