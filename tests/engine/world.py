"""One library to run the engine on: real files, a real SQLite manifest, and a bucket in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lrsync.adapters.database import copy_manifest, prepare
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.adapters.snapshots import packed, unpack
from lrsync.core.events import Event
from lrsync.core.library import LibraryRow
from lrsync.core.model import ManifestEntry
from lrsync.core.ports import Clock, OutsideCatalogs, SourceTree
from lrsync.core.requests import Unproven
from lrsync.core.runs import RunSummary
from lrsync.engine.adopt import AdoptOptions, AdoptPorts, run_adopt
from lrsync.engine.catalogs import CatalogPorts
from lrsync.engine.rebuild import RebuildOptions, RebuildPorts, run_rebuild
from lrsync.engine.snapshot import find_snapshots, take_snapshot
from lrsync.engine.sync import SyncOptions, SyncPorts, run_sync
from tests.stores.memory import MemoryStore
from tests.trees import LONG_AGO_NS, Tree, make_tree

PREFIX = "Photos"
HOUR_NS = 3_600_000_000_000


@dataclass
class World:
    """A source, a bucket and a manifest. `now_ns` is the clock's time; every run moves it on by a day.

    Its clock runs a day ahead of the disk's, so that files written by a test are settled when they are scanned.
    """

    home: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    rules: IgnoreRules = field(default_factory=IgnoreRules)
    events: list[Event] = field(default_factory=list)
    stopping: Callable[[], bool] = lambda: False
    proven: bool = True
    opened: list[str] = field(default_factory=list)
    now_ns: int = 0
    wrap_tree: Callable[[SourceTree], SourceTree] = lambda tree: tree
    catalogs: Callable[[], CatalogPorts] | None = None
    outside: OutsideCatalogs | None = None
    snapshots: bool = False
    """Whether a sync stores the manifest's snapshot, and a rebuild begins with one."""

    def __post_init__(self) -> None:
        import time

        self.now_ns = time.time_ns() + 24 * HOUR_NS
        self.photos.mkdir(exist_ok=True)
        self.new_manifest(self.path)

    @property
    def photos(self) -> Path:
        return self.home / "Photos"

    @property
    def path(self) -> Path:
        return self.home / "manifest.sqlite"

    @property
    def clock(self) -> Clock:
        return lambda: self.now_ns

    def new_manifest(self, path: Path) -> None:
        prepare(path)
        with Manifest(path, PREFIX) as manifest:
            manifest.update_library(
                LibraryRow("uuid", "default", str(self.photos), "", "bucket", PREFIX, created_at=self.now_ns)
            )

    def make(self, tree: Tree) -> None:
        make_tree(self.photos, tree)

    def sync(self, **options: Any) -> RunSummary:
        """One night's run, a day after the last."""
        self.now_ns += 24 * HOUR_NS
        self.opened = []
        path = self._scratch() if options.get("dry_run") else self.path
        with Seals(path) as seals, self._lazily_opened(path) as open_manifest:
            ports = SyncPorts(
                tree=self.wrap_tree(LocalTree(self.photos, self.rules)),
                seals=seals,
                open_manifest=open_manifest,
                open_store=self._open_store,
                prove_source=lambda: self.proven,
                stopping=self.stopping,
                clock=self.clock,
                sink=self.events.append,
                catalogs=self.catalogs,
                outside=self.outside,
                pack_manifest=(lambda: packed(path)) if self.snapshots else None,
            )
            return run_sync(ports, replace(SyncOptions(prefix=PREFIX, threads=3, full_every_ns=None), **options))

    def adopt(self, choice: Unproven = Unproven.LEAVE, *, agree: bool = True, **options: Any) -> RunSummary:
        """Take over what lies in the bucket, a day after the last run."""
        self.now_ns += 24 * HOUR_NS
        path = self._scratch() if options.get("dry_run") else self.path
        with Seals(path) as seals, Manifest(path, PREFIX) as manifest:
            ports = AdoptPorts(
                tree=self.wrap_tree(LocalTree(self.photos, self.rules)),
                seals=seals,
                manifest=manifest,
                open_store=self._open_store,
                stopping=self.stopping,
                clock=self.clock,
                sink=self.events.append,
                choose=lambda counts: choice,
                agree=lambda counts: agree,
                pack_manifest=(lambda: packed(path)) if self.snapshots else None,
            )
            return run_adopt(ports, AdoptOptions(**{"prefix": PREFIX, "threads": 3, **options}))

    def rebuild(self) -> RunSummary:
        """Make the manifest anew from the bucket, and use that one from now on."""
        fresh = self.home / "rebuilt.sqlite"
        used = None
        if self.snapshots and not fresh.exists():
            used = take_snapshot(
                self.store, find_snapshots(self.store, PREFIX).get("uuid", []), self._unpack, self.events.append
            )
        if not fresh.exists():
            self.new_manifest(fresh)
        with Seals(fresh) as seals, Manifest(fresh, PREFIX) as manifest:
            ports = RebuildPorts(
                tree=LocalTree(self.photos, self.rules),
                seals=seals,
                manifest=manifest,
                store=self.store,
                stopping=self.stopping,
                clock=self.clock,
                sink=self.events.append,
            )
            summary = run_rebuild(ports, RebuildOptions(PREFIX, threads=3, batch_size=5, snapshot=used))
        fresh.replace(self.path)
        return summary

    @property
    def library(self) -> LibraryRow:
        return LibraryRow("uuid", "default", str(self.photos), "", "bucket", PREFIX, created_at=self.now_ns)

    def _unpack(self, chunks: Iterator[bytes], sha256: bytes | None) -> None:
        unpack(chunks, sha256, self.home / "rebuilt.sqlite", self.library)

    def _scratch(self) -> Path:
        scratch = self.home / "scratch.sqlite"
        scratch.unlink(missing_ok=True)
        copy_manifest(self.path, scratch)
        return scratch

    def _open_store(self) -> MemoryStore:
        self.opened.append("store")
        return self.store

    @contextmanager
    def _lazily_opened(self, path: Path) -> Iterator[Callable[[], Manifest]]:
        manifests: list[Manifest] = []

        def opened() -> Manifest:
            if not manifests:
                self.opened.append("manifest")
                manifests.append(Manifest(path, PREFIX))
            return manifests[0]

        yield opened
        for manifest in manifests:
            manifest.close()

    # --- what a test asks -------------------------------------------------------------------------------

    def row(self, path: str) -> ManifestEntry | None:
        with Manifest(self.path, PREFIX) as manifest:
            return manifest.row(path)

    def files(self) -> dict[str, bytes]:
        """The disk, as keys and bytes."""
        found = {}
        for folder, _, names in os.walk(self.photos):
            for name in names:
                file = Path(folder, name)
                found[f"{PREFIX}/{file.relative_to(self.photos).as_posix()}"] = file.read_bytes()
        return found

    def objects(self) -> dict[str, bytes]:
        """The bucket without lrsync's own keys."""
        return {key: self.store.data(key) for key in list(self.store.keys()) if "/.lrsync/" not in key}

    def trash(self) -> dict[str, bytes]:
        """What lies in the trash, by the path it had."""
        keys = [key for key in list(self.store.keys()) if "/.lrsync/trash/" in key]
        return {key.split("/", 4)[4]: self.store.data(key) for key in keys}

    def age(self, path: str, mtime_ns: int = LONG_AGO_NS) -> None:
        """Give a file another time."""
        os.utime(self.photos / path, ns=(mtime_ns, mtime_ns))
