"""Wire a restore: in place, into the source; or into another folder, for which the source need not be there."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.naming import name_files
from lrsync.adapters.power import awake_while_working
from lrsync.app.existing import open_with_source, open_without_source
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.model import RunSummary
from lrsync.core.requests import RestoreRequest
from lrsync.engine import restore
from lrsync.engine.restore import RestoreOptions, RestorePorts
from lrsync.errors import UsageError


def run_restore(config: Config, sink: EventSink, stop: threading.Event, request: RestoreRequest) -> RunSummary:
    """Bring files back. Raises LrsyncError."""
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        if request.to is None:
            library = open_with_source(config, resources, sink, command="lrsync restore")
            assert library.session is not None
            source = folder = library.session.source
        else:
            library = open_without_source(config, resources, command="lrsync restore")
            source, folder = config.source or Path.cwd(), _made(Path(request.to), dry_run=config.dry_run)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        ports = RestorePorts(
            tree=LocalTree(folder, IgnoreRules(defaults=False)),
            target=FileWriter(folder, stamp=stamp),
            seals=library.seals,
            manifest=library.manifest,
            open_store=library.open_store,
            stopping=stop.is_set,
            clock=time.time_ns,
            sink=sink,
        )
        options = RestoreOptions(
            names=name_files(request.paths, source, Path.cwd()),
            in_place=request.to is None,
            threads=config.threads,
            batch_size=config.batch_size,
            dry_run=config.dry_run,
        )
        return restore.run_restore(ports, options)


def _made(folder: Path, *, dry_run: bool) -> Path:
    if dry_run:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}", hint="choose another folder with --to") from None
    return folder
