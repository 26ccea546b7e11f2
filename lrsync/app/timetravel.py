"""Wire a look into the past: the shelf, and the snapshots of the manifest that tell what was recorded then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from lrsync.adapters.database import prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.scratch import scratch_folder
from lrsync.adapters.seals import Seals
from lrsync.adapters.shelf import FileShelf
from lrsync.adapters.snapshots import unpack
from lrsync.config import Config
from lrsync.core.events import EventSink
from lrsync.core.library import LibraryRow
from lrsync.core.model import ManifestEntry
from lrsync.core.ports import ObjectStore
from lrsync.core.runs import SnapshotUse
from lrsync.engine.snapshot import StoredSnapshot, choose_owner, find_snapshots, take_snapshot
from lrsync.engine.timetravel import Past, PastPorts, gather


@dataclass(frozen=True, slots=True)
class AtMoment:
    """What the library was at a time: its files on the shelf, and what else there is to say."""

    shelf: FileShelf
    past: Past


def private_library(config: Config, resources: ExitStack) -> tuple[Seals, Manifest]:
    """A manifest for a machine that has none: it takes the run's row, and is thrown away."""
    folder = resources.enter_context(scratch_folder("past"))
    path = folder / "manifest.sqlite"
    prepare(path)
    seals = resources.enter_context(Seals(path))
    return seals, resources.enter_context(Manifest(path, config.prefix))


@contextmanager
def library_at(
    config: Config,
    store: ObjectStore,
    moment_ns: int,
    sink: EventSink,
    stop: threading.Event,
    *,
    uuid: str | None = None,
    find_twin: Callable[[bytes], ManifestEntry | None] = lambda sha256: None,
) -> Iterator[AtMoment]:
    """The library as the bucket has it at a time, for as long as it is open.

    `uuid`: which library it is, where that is known; `find_twin`: a row of today with these bytes. Raises BucketError,
    UsageError (several libraries have snapshots here, and nothing says which is meant), StoppedError, ManifestError
    (the disk for temporary files is full).
    """
    with ExitStack() as resources:
        folder = resources.enter_context(scratch_folder("past"))
        shelf = resources.enter_context(FileShelf(folder / "shelf.sqlite"))
        found = find_snapshots(store, config.prefix)
        owner = choose_owner(config.library if uuid is None and config.library in found else uuid, found)

        def opened(snapshots: Sequence[StoredSnapshot]) -> tuple[SnapshotUse, Iterator[ManifestEntry]] | None:
            if owner is None or not snapshots:
                return None
            path = folder / "snapshot.sqlite"
            expected = LibraryRow(
                owner, config.library, "", config.endpoint_url or "", config.bucket, config.prefix, created_at=0
            )
            used = take_snapshot(store, snapshots, lambda chunks, sha256: unpack(chunks, sha256, path, expected), sink)
            if used is None:
                return None
            return used, resources.enter_context(Manifest(path, config.prefix)).entries()

        ports = PastPorts(
            store=store,
            prefix=config.prefix,
            shelf=shelf,
            snapshots=found.get(owner or "", []),
            open_snapshot=opened,
            sink=sink,
            stopping=stop.is_set,
            threads=config.threads,
            find_twin=find_twin,
        )
        yield AtMoment(shelf, gather(ports, moment_ns))
