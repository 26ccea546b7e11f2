"""Wire a file's history: only the bucket is read."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing
from pathlib import Path

from lrsync.adapters.naming import name_files
from lrsync.app.session import open_store
from lrsync.config import Config
from lrsync.core.events import EventSink, Phase, PhaseStarted
from lrsync.core.timeline import FileHistory
from lrsync.engine.stop import StoppedError
from lrsync.engine.timetravel import history_of
from lrsync.errors import InterruptedRun


def file_history(config: Config, sink: EventSink, stop: threading.Event, name: str) -> FileHistory | None:
    """Everything that the bucket has of the file that the user calls `name`. Raises LrsyncError."""
    (named,) = name_files([name], config.source or Path.cwd(), Path.cwd())
    with ExitStack() as resources:
        store = resources.enter_context(closing(open_store(config)))
        sink(PhaseStarted(Phase.LISTING))
        try:
            return history_of(store, config.prefix, named.candidates, stop.is_set)
        except StoppedError:
            raise InterruptedRun("interrupted", hint="run the same command again") from None
