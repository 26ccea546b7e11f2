"""Wire the trash's commands. Looking and purging need only the bucket; bringing back in place needs the drive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.keys import stamp_of
from lrsync.core.ports import ObjectStore
from lrsync.core.trash import TrashSummary
from lrsync.engine import trash
from lrsync.engine.stop import StoppedError
from lrsync.engine.trash import RestoreTo, TrashPorts
from lrsync.errors import InterruptedRun, UsageError


def list_trash(config: Config, sink: EventSink, stop: threading.Event, pattern: str) -> TrashSummary:
    """What lies in the trash and matches. Raises LrsyncError."""
    with _stoppable(), ExitStack() as resources:
        return trash.list_trash(_ports(config, sink, stop, _store(config, resources)), pattern)


def restore_trash(
    config: Config, sink: EventSink, stop: threading.Event, pattern: str, to: Path | None
) -> TrashSummary:
    """Bring back what matches, into the source or into the folder `to`. Raises LrsyncError."""
    from lrsync.adapters.filewriter import FileWriter
    from lrsync.adapters.power import awake_while_working
    from lrsync.app.existing import open_with_source

    with _stoppable(), ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        stamp = stamp_of(time.time_ns())
        if to is not None:
            ports = _ports(config, sink, stop, _store(config, resources))
            return trash.restore_trash(ports, RestoreTo(FileWriter(_made(to), stamp=stamp), None), pattern)
        library = open_with_source(config, resources, sink, command="lrsync trash restore")
        assert library.session is not None
        target = RestoreTo(FileWriter(library.session.source, stamp=stamp), library.manifest)
        return trash.restore_trash(_ports(config, sink, stop, library.open_store()), target, pattern)


def purge_trash(
    config: Config, sink: EventSink, stop: threading.Event, older_than_ns: int, confirm: Callable[[int, int], bool]
) -> TrashSummary | None:
    """Destroy what has been in the trash for longer. Raises LrsyncError.

    `confirm` is asked with the count and the bytes, where there is anything; None where it does not agree. A dry run
    only counts, and does not ask.
    """
    with _stoppable(), ExitStack() as resources:
        ports = _ports(config, sink, stop, _store(config, resources))
        plan = trash.plan_purge(ports, time.time_ns() - older_than_ns)
        if config.dry_run:
            return trash.foretold(plan)
        if plan.count and not confirm(plan.count, plan.bytes):
            return None
        return trash.purge(ports, plan)


@contextmanager
def _stoppable() -> Iterator[None]:
    try:
        yield
    except StoppedError:
        raise InterruptedRun("interrupted", hint="run the same command again to go on") from None


def _ports(config: Config, sink: EventSink, stop: threading.Event, store: ObjectStore) -> TrashPorts:
    return TrashPorts(store, config.prefix, sink, time.time_ns, stop.is_set, config.threads)


def _store(config: Config, resources: ExitStack) -> ObjectStore:
    from lrsync.app.session import open_store

    return resources.enter_context(closing(open_store(config)))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}", hint="choose another folder with --to") from None
    return folder
