"""Look into the past of a `World`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from lrsync.adapters.manifest import Manifest
from lrsync.adapters.shelf import FileShelf
from lrsync.adapters.snapshots import unpack
from lrsync.core.model import ManifestEntry
from lrsync.core.runs import SnapshotUse
from lrsync.core.timeline import FileVersion
from lrsync.engine.snapshot import StoredSnapshot, find_snapshots, take_snapshot
from lrsync.engine.timetravel import Past, PastPorts, gather
from tests.engine.world import PREFIX, World


@contextmanager
def looked_at(world: World, moment_ns: int) -> Iterator[tuple[FileShelf, Past]]:
    """The shelf and what else there is to say of the world's library at a time."""
    scratch = world.home / "past"
    scratch.mkdir()
    with ExitStack() as stack:
        shelf = stack.enter_context(FileShelf(scratch / "shelf"))

        def opened(found: Sequence[StoredSnapshot]) -> tuple[SnapshotUse, Iterator[ManifestEntry]] | None:
            path = scratch / "snapshot"
            used = take_snapshot(
                world.store, found, lambda chunks, sha256: unpack(chunks, sha256, path, world.library), lambda e: None
            )
            return None if used is None else (used, stack.enter_context(Manifest(path, PREFIX)).entries())

        ports = PastPorts(
            store=world.store,
            prefix=PREFIX,
            shelf=shelf,
            snapshots=find_snapshots(world.store, PREFIX).get("uuid", []),
            open_snapshot=opened,
            sink=world.events.append,
            stopping=world.stopping,
            threads=3,
            find_twin=stack.enter_context(Manifest(world.path, PREFIX)).find_twin,
        )
        yield shelf, gather(ports, moment_ns)
    for file in scratch.iterdir():
        file.unlink()
    scratch.rmdir()


def read(world: World, version: FileVersion) -> bytes:
    """A version's bytes."""
    with world.store.get(version.key, version_id=version.version_id) as chunks:
        return b"".join(chunks)


def library_at(world: World, moment_ns: int) -> dict[str, bytes]:
    """Every file's bytes at a time."""
    with looked_at(world, moment_ns) as (shelf, _):
        return {version.path: read(world, version) for version in shelf.chosen()}
