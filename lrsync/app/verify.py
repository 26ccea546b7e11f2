"""Wire a verification."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

from lrsync.adapters.power import awake_while_working
from lrsync.app.existing import open_with_source, open_without_source
from lrsync.app.session import tree
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.requests import VerifyRequest
from lrsync.core.runs import RunSummary
from lrsync.engine import verify
from lrsync.engine.verify import VerifyPorts


def run_verify(config: Config, sink: EventSink, stop: threading.Event, request: VerifyRequest) -> RunSummary:
    """Prove files. The drive must be there only to look at the disk. Raises LrsyncError."""
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        if request.local:
            library = open_with_source(config, resources, sink, command="lrsync verify")
        else:
            library = open_without_source(config, resources, command="lrsync verify")
        ports = VerifyPorts(
            tree=tree(library.session) if library.session is not None else None,
            seals=library.seals,
            manifest=library.manifest,
            open_store=library.open_store,
            stopping=stop.is_set,
            clock=time.time_ns,
            sink=sink,
        )
        return verify.run_verify(ports, request, threads=config.threads, batch_size=config.batch_size)
