"""Wire a drill: a temporary folder, the way that a restore goes, and the random choice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrsync.adapters.filewriter import FileWriter
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.power import awake_while_working
from lrsync.adapters.scratch import scratch_folder
from lrsync.app.existing import open_without_source
from lrsync.config import Config
from lrsync.core.amounts import Sample
from lrsync.core.events import EventSink, ignore
from lrsync.core.keys import stamp_of
from lrsync.core.model import ManifestEntry
from lrsync.core.ports import Damaged, ObjectStore, Placed, SourceTree
from lrsync.core.restoring import item_of
from lrsync.core.runs import RunSummary
from lrsync.engine import drill
from lrsync.engine.drill import DrillPorts
from lrsync.engine.fetching import Fetcher, Target
from lrsync.engine.pool import DaemonPool


@dataclass(frozen=True, slots=True)
class TemporaryRestore:
    """Restores into one temporary folder: a `drill.Rehearsal`."""

    folder: Path
    tree: SourceTree
    fetcher: Fetcher

    def fetch(self, entry: ManifestEntry) -> Placed | Damaged:
        """Restore one file as a restore does."""
        return self.fetcher.fetch(item_of(entry), Target(entry.path)).placed

    def discard(self, path: str) -> None:
        """Throw away what was restored: the next file needs the room. Damaged ones go with the folder."""
        (self.folder / path).unlink(missing_ok=True)


@contextmanager
def rehearse_in(
    folder: Path,
    store: Callable[[], ObjectStore],
    *,
    threads: int,
    stopping: Callable[[], bool],
    wait: Callable[[float], object],
) -> Iterator[TemporaryRestore]:
    """A rehearsal in this folder, which must be there; with its own pool for ranges, as a restore has."""
    writer = FileWriter(folder, stamp=stamp_of(time.time_ns()))
    with DaemonPool(threads) as ranges:
        fetcher = Fetcher(store, writer, ranges, stopping, wait, ignore)
        yield TemporaryRestore(folder, LocalTree(folder, IgnoreRules(defaults=False)), fetcher)


def run_drill(config: Config, sink: EventSink, stop: threading.Event, sample: Sample) -> RunSummary:
    """Restore a random sample into a temporary folder, and look at it. Raises LrsyncError."""
    with ExitStack() as resources:
        sink = resources.enter_context(awake_while_working(sink))
        library = open_without_source(config, resources, command="lrsync drill")
        folder = resources.enter_context(scratch_folder("drill"))
        ports = DrillPorts(
            seals=library.seals,
            manifest=library.manifest,
            open_store=library.open_store,
            rehearse=partial(rehearse_in, folder, threads=config.threads, stopping=stop.is_set, wait=stop.wait),
            disk=_disk(config),
            choose=_choose,
            stopping=stop.is_set,
            clock=time.time_ns,
            sink=sink,
        )
        return drill.run_drill(ports, sample, threads=config.threads)


def _choose(population: int, count: int) -> Sequence[int]:
    return random.SystemRandom().sample(range(population), count)


def _disk(config: Config) -> SourceTree | None:
    """The source, if it is there: a file in it is compared only where its stat is the recorded one."""
    if config.source is None or not config.source.is_dir():
        return None
    return LocalTree(config.source, IgnoreRules(defaults=False))
