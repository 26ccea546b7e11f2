"""Make a manifest anew from the bucket: what lies there, matched with what is on the disk.

Writes into the manifest it is given, which is a new one beside the old; whoever calls swaps them at the end.
Run again after an interruption, it goes on: objects that already have a row are not asked about again. The new
manifest may begin with the rows of a snapshot: those that the listing confirms are kept as they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, assert_never

from lrsync.core.events import EventSink, FindingRaised, Phase, PhaseAdvanced, PhaseStarted, Scanned
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import KeyProblem, inner_library, join_path, path_for
from lrsync.core.model import Adopt, Change, ChangeKind, Content, Done, Failed, ManifestEntry, Trash
from lrsync.core.objects import ListedObject, ObjectInfo
from lrsync.core.parts import sha256_in
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, SealStore, SourceTree
from lrsync.core.proof import entry_of
from lrsync.core.runs import RunKind, RunSummary, SnapshotUse
from lrsync.core.scan import ScannedFile, Stat
from lrsync.engine.reconcile import MAX_UNKNOWN_NAMED, ListingPorts, take_listing
from lrsync.engine.runs import RunRow
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectError, ObjectMissingError


@dataclass(frozen=True, slots=True)
class RebuildPorts:
    """The world of a rebuild. `manifest` and `seals` are of the new manifest."""

    tree: SourceTree
    seals: SealStore
    manifest: ManifestStore
    store: ObjectStore
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    make_pool: Callable[[int], Executor] = ThreadPoolExecutor


ASKED_AT_ONCE: Final = 500
"""Objects are asked about in batches of at most so many: on a slow line a larger one would be long in stopping."""


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """How to go about it."""

    prefix: str
    threads: int = 8
    batch_size: int = 500
    snapshot: SnapshotUse | None = None
    """What the new manifest began with; where it is None, with nothing, or with what an interrupted rebuild left."""


def run_rebuild(ports: RebuildPorts, options: RebuildOptions) -> RunSummary:
    """Fill the new manifest from the bucket's listing and the objects' metadata.

    `actions.adopted` counts the rows. Raises BucketError and InterruptedRun, with everything read so far kept.
    """
    return _Rebuild(ports, options).execute()


@dataclass(slots=True)
class _Rebuild:
    ports: RebuildPorts
    options: RebuildOptions
    summary: RunSummary = field(default_factory=RunSummary)
    aliases: dict[str, str] = field(default_factory=dict)
    inner: tuple[str, ...] = ()
    """Below which other libraries lie, each with its slash: they have manifests of their own."""
    started_ns: int = 0

    def execute(self) -> RunSummary:
        self.started_ns = self.ports.clock()
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.REBUILD,
            summary=self.summary,
            clock=lambda: self.started_ns,
            requests=lambda: self.ports.store.requests,
            is_whole=True,
            left="the old manifest is as it was",
        )
        with row.around():
            self._run()
        return self.summary

    def _run(self) -> None:
        self._find_aliases()
        ports = self.ports
        listing = ListingPorts(ports.store, ports.manifest, ports.make_pool, ports.sink, ports.stopping)
        take_listing(listing, self.options.prefix, threads=self.options.threads)
        self._drop_unconfirmed()
        self.ports.sink(PhaseStarted(Phase.HEADING, self._look_for_inner()))
        with self.ports.make_pool(self.options.threads) as pool:
            self._adopt_all(pool, self.ports.manifest.unknown_listed())
        self.summary.drift.checked = True
        library = self.ports.seals.library()
        self.ports.manifest.update_library(replace(library, last_full_pass=self.started_ns))

    def _look_for_inner(self) -> int:
        """Find the libraries below this one, which are known before the first object is; counts the objects."""
        count, found = 0, set[str]()
        for listed in self.ports.manifest.unknown_listed():
            count += 1
            inner = inner_library(self.options.prefix, listed.key)
            if inner is not None:
                found.add(f"{inner}/")
        self.inner = tuple(found)
        return count

    def _drop_unconfirmed(self) -> None:
        """Keep of the rows that a snapshot brought only those that the listing confirms.

        A row goes whose object is not there, or is another one now: then the object is asked about like any that no
        row explains, and a file without one is uploaded again.
        """
        doomed = (entry for entry, _ in self.ports.manifest.compare_listing())
        while batch := list(islice(doomed, self.options.batch_size)):
            self._check_stop()
            self.ports.manifest.record([Done(Trash(entry), None) for entry in batch])
        self.summary.actions.adopted = kept = self.ports.manifest.count()
        if self.options.snapshot is not None:
            self.summary.snapshot = replace(self.options.snapshot, rows=kept)

    def _find_aliases(self) -> None:
        """Remember how the disk spells the names that are not NFC: the keys cannot tell."""
        self.ports.sink(PhaseStarted(Phase.SCANNING))
        scan = self.summary.scan
        for scanned in self.ports.tree.walk():
            self._check_stop()
            scan.directories += 1
            scan.files += len(scanned.columns.names)
            scan.bytes += sum(scanned.columns.sizes)
            self.ports.sink(Scanned(scan.directories, scan.files, scan.bytes))
            for file in scanned.files:
                path = join_path(scanned.path, file.name)
                if not unicodedata.is_normalized("NFC", path):
                    self.aliases[unicodedata.normalize("NFC", path)] = path

    def _adopt_all(self, pool: Executor, listed: Iterable[ListedObject]) -> None:
        objects, done = iter(listed), 0
        while batch := list(islice(objects, min(self.options.batch_size, ASKED_AT_ONCE))):
            self._check_stop()
            # A share for each worker: to hand over objects one by one costs more than to ask about them.
            size = -(-len(batch) // self.options.threads)
            shares = [batch[at : at + size] for at in range(0, len(batch), size)]
            outcomes = [found for share in pool.map(self._adopt_share, shares) for found in share if found is not None]
            self.ports.manifest.record([outcome for outcome in outcomes if isinstance(outcome, Done)])
            for outcome in outcomes:
                self._count(outcome)
            done += len(batch)
            self.ports.sink(PhaseAdvanced(Phase.HEADING, done))

    def _count(self, outcome: Done | Failed | Finding) -> None:
        match outcome:
            case Failed():
                self.summary.errors.append(outcome)
                self.summary.actions.failed += 1
            case Done(entry=entry):
                self.summary.actions.adopted += 1
                self.summary.changes.missing += entry is not None and entry.missing_since is not None
            case Finding():
                self.summary.drift.unknown += 1
                if self.summary.drift.unknown <= MAX_UNKNOWN_NAMED:
                    self.summary.findings.append(outcome)
                    self.ports.sink(FindingRaised(outcome))
            case _:
                assert_never(outcome)

    def _adopt_share(self, share: Sequence[ListedObject]) -> list[Done | Failed | Finding | None]:
        return [self._adopt(listed) for listed in share]

    def _adopt(self, listed: ListedObject) -> Done | Failed | Finding | None:
        try:
            path = path_for(self.options.prefix, listed.key)
        except KeyProblem as problem:
            return _foreign(listed, str(problem))
        if listed.key.startswith(self.inner):
            # lrsync wrote it, for another source: with a row here, --delete would take it for a missing file of ours.
            return _foreign(listed, "an object of another library, whose prefix lies below this one's")
        try:
            info = self.ports.store.head(listed.key)
        except ObjectMissingError:
            return None  # deleted since it was listed
        except ObjectError as error:
            return Failed(path, error.message, error.hint, transfer=True)
        path = self.aliases.get(path, path)
        # A row would call it a missing file of the library's, and --delete would move it to the trash.
        if sha256_in(dict(info.metadata)) is None and self._local(path) is None:
            return _foreign(listed, f"an object of {listed.size:,} bytes that lrsync did not write")
        return self._adopted(path, info)

    def _adopted(self, path: str, info: ObjectInfo) -> Done:
        entry = self._entry(path, info)
        scanned = ScannedFile(path.rpartition("/")[2], entry.size, entry.mtime_ns, entry.ctime_ns)
        change = Change(ChangeKind.ADDED, path.rpartition("/")[0], scanned, None)
        content = Content(entry.stat, entry.sha256 or b"", crc32=0, was_read=False)
        return Done(Adopt(change, content, info), entry)

    def _entry(self, path: str, info: ObjectInfo) -> ManifestEntry:
        """The row for an object, never settled: that size and time agree does not prove that the disk has its bytes.

        With the disk's times where they agree, so that nothing counts as touched once the next sync has hashed it.
        """
        local, entry = self._local(path), entry_of(path, info)
        if local is None:
            return replace(entry, missing_since=self.started_ns)
        if (local.size, local.mtime_ns) != (entry.size, entry.mtime_ns):
            return entry
        return replace(entry, ctime_ns=local.ctime_ns)

    def _local(self, path: str) -> Stat | None:
        try:
            return self.ports.tree.stat(path)
        except OSError:
            return Stat(-1, 0, 0)  # unknown is not missing: agrees with nothing, so that sync looks again

    def _check_stop(self) -> None:
        if self.ports.stopping():
            raise StoppedError("interrupted")


def _foreign(listed: ListedObject, message: str) -> Finding:
    return Finding(FindingKind.UNKNOWN_OBJECT, listed.key, message, "lrsync leaves it alone; nothing needs to be done")
