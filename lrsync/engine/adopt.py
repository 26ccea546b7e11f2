"""Take over a bucket that another tool filled: write down which of its objects are proven to be which files.

Uploads nothing by itself, and replaces, moves and deletes no object: what is left, the next sync does. Every row is
written as it is proven, so that an adoption that is cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar, assert_never

from lrsync.core.adoption import (
    ASLEEP,
    AdoptCounts,
    Offset,
    Standing,
    Trial,
    add_by_class,
    likely_offset,
    offset_between,
)
from lrsync.core.amounts import BATCH_FILES
from lrsync.core.events import EventSink, FileBack, FindingRaised, Phase, PhaseStarted, WorkFinished
from lrsync.core.filetypes import is_original
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import inner_library, listing_prefix
from lrsync.core.model import Adopt, Change, Content, Done, ManifestEntry, Quarantine
from lrsync.core.objects import ObjectInfo
from lrsync.core.parts import parse_mtime, sha256_in
from lrsync.core.ports import Clock, ManifestPacker, ManifestStore, ObjectStore, SealStore, SourceTree
from lrsync.core.proof import entry_of
from lrsync.core.requests import Unproven
from lrsync.core.runs import RunKind, RunSummary
from lrsync.core.storage import StorageRules
from lrsync.engine import reports
from lrsync.engine.adopt_walk import AdoptWalk
from lrsync.engine.adoption import Examined, Examiner, Fate, Trials
from lrsync.engine.doubts import Doubts
from lrsync.engine.pool import DaemonPool
from lrsync.engine.reconcile import ListingPorts, take_listing
from lrsync.engine.recorder import Recorder
from lrsync.engine.runs import LazyStore, RunRow
from lrsync.engine.sliding import sliding
from lrsync.engine.stop import Patience, StoppedError

if TYPE_CHECKING:
    from lrsync.core.prices import Counts

T = TypeVar("T")
R = TypeVar("R")

MAX_FOLDERS: Final = 20


@dataclass(frozen=True, slots=True)
class AdoptPorts:
    """The world of an adoption.

    `choose` says what to do about what nothing proves; `agree` whether so many objects (by storage class) are to be
    rewritten. `pack_manifest`: what the manifest's snapshot is made with; without it none is stored.
    """

    tree: SourceTree
    seals: SealStore
    manifest: ManifestStore
    open_store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    choose: Callable[[AdoptCounts], Unproven]
    agree: Callable[[Counts], bool]
    pack_manifest: ManifestPacker | None = None
    make_pool: Callable[[int], Executor] = DaemonPool


@dataclass(frozen=True, slots=True)
class AdoptOptions:
    """How to go about it. A dry run is handed a scratch manifest; it reads a few files only."""

    prefix: str
    threads: int = 8
    batch_size: int = BATCH_FILES
    storage: StorageRules = field(default_factory=StorageRules)
    rewrite_metadata: bool = False
    dry_run: bool = False


def run_adopt(ports: AdoptPorts, options: AdoptOptions) -> RunSummary:
    """Adopt what is proven, do about the rest what `ports.choose` says, and say what was found.

    Raises BucketError and InterruptedRun, with everything proven so far recorded.
    """
    return Adoption(ports, options).execute()


@dataclass(slots=True)
class Adoption:
    """One run's state. Every method runs in the coordinating thread."""

    ports: AdoptPorts
    options: AdoptOptions
    counts: AdoptCounts = field(default_factory=AdoptCounts)
    summary: RunSummary = field(init=False)
    recorder: Recorder = field(init=False)
    store: LazyStore = field(init=False)
    patience: Patience = field(init=False)
    started_ns: int = 0
    quarantined: set[str] = field(default_factory=set)
    """Originals that were found to differ, in this run or before: nothing is sent or taken for them."""
    doubtful: frozenset[str] = frozenset()
    """Files whose object's ETag speaks against it, of so few that it may be right: these nobody can trust."""
    doubts: Doubts = field(init=False)
    _offsets: dict[Offset, int] = field(default_factory=dict)
    _inner: tuple[str, ...] | None = None
    _read_bytes: int = 0
    _read_s: float = 0.0

    def __post_init__(self) -> None:
        self.summary = RunSummary(dry_run=self.options.dry_run, adopted=self.counts)
        self.recorder = Recorder(lambda: self.ports.manifest, self.options.batch_size, self.ports.clock)
        self.store = LazyStore(self.ports.open_store)
        self.patience = Patience(self.ports.stopping)
        self.doubts = Doubts(self.ports.manifest.has_md5_etag)
        self.started_ns = self.ports.clock()

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.ADOPT,
            summary=self.summary,
            clock=self.ports.clock,
            requests=self.store.requests,
            settle=self.recorder.flush,
            left="what was proven is recorded",
        )
        with row.around() as run_id:
            self._run()
        if self._keep_snapshot():
            row.write_end(run_id)
        return self.summary

    def _run(self) -> None:
        ports = self.ports
        store = self.store()  # here, not in several workers at once
        listing = ListingPorts(store, ports.manifest, ports.make_pool, ports.sink, ports.stopping)
        take_listing(listing, self.options.prefix, threads=self.options.threads)
        self.counts.listed = ports.manifest.count_listed()
        self.quarantined.update(ports.manifest.quarantined())
        walk = AdoptWalk(ports.tree, ports.manifest, ports.sink, self.check_stop, self.summary, self.counts)
        self._examine_all(walk)
        walk.count_strangers(self.options.prefix)
        self._give_hints()
        self._settle_unproven()
        if self.options.rewrite_metadata:
            from lrsync.engine.rewriting import rewrite_metadata

            rewrite_metadata(self)

    # --- comparing ----------------------------------------------------------------------------------------

    def _examine_all(self, walk: AdoptWalk) -> None:
        self.ports.sink(PhaseStarted(Phase.SCANNING))
        for examined in self.in_parallel(self._examiner().examine, walk.candidates()):
            self._take(examined)
            self.recorder.flush_if_due()
        doubtful = self.doubts.end()
        self.doubtful = self.doubts.guessed | {examined.change.path for examined in doubtful}
        for examined in doubtful:
            self._leave_unproven(examined)
        self.recorder.flush()
        if self._read_s > 0:
            self.counts.read_rate = int(self._read_bytes / self._read_s)

    def in_parallel(self, work: Callable[[T], R], items: Iterator[T]) -> Iterator[R]:
        """What came of each, as it comes. Raises StoppedError."""
        pool = self.ports.make_pool(self.options.threads)

        def submit(item: T) -> Future[R]:
            return pool.submit(partial(work, item))

        try:
            yield from sliding(submit, items, most=4 * self.options.threads, patience=self.patience)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _examiner(self) -> Examiner:
        ports = self.ports
        return Examiner(
            tree=ports.tree,
            store=self.store,
            manifest=ports.manifest,
            prefix=self.options.prefix,
            started_ns=self.started_ns,
            clock=ports.clock,
            stopping=ports.stopping,
            inner=lambda: self._inner_libraries,
            trials=Trials() if self.options.dry_run else None,
        )

    @property
    def _inner_libraries(self) -> tuple[str, ...]:
        """Below which other libraries lie. Looked for with the first object that may be one's."""
        if self._inner is None:
            found = (inner_library(self.options.prefix, one.key) for one in self.ports.manifest.unknown_listed())
            self._inner = tuple({f"{inner}/" for inner in found if inner is not None})
        return self._inner

    # --- what was found -----------------------------------------------------------------------------------

    def _take(self, examined: Examined) -> None:
        self._note_reading(examined)
        match examined.fate:
            case Fate.PROVEN:
                self._adopt(examined)
            case Fate.UNPROVEN:
                self._leave_unproven(examined)
            case Fate.DOUBTFUL:
                self._doubt(examined)
            case Fate.DIFFERS:
                self._keep_apart(examined)
            case Fate.ELSEWHERE:
                self._note_elsewhere(examined)
            case Fate.ABSENT:
                self.counts.absent.add(examined.size)
            case Fate.FAILED:
                self.fail(examined)
            case _:
                assert_never(examined.fate)
        if examined.fate not in (Fate.PROVEN, Fate.FAILED):
            self.ports.sink(FileBack(examined.change.path, examined.size, was_fetched=False))

    def _note_reading(self, examined: Examined) -> None:
        if examined.content is not None:
            self.summary.bytes.hashed += examined.content.stat.size
            self._read_bytes += examined.content.stat.size
            self._read_s += examined.read_s
        if examined.trial is not None and examined.proof is not None:
            trial = self.counts.tried.setdefault(examined.proof.value, Trial())
            trial.files += 1
            trial.proven += examined.trial is Standing.PROVEN

    def _adopt(self, examined: Examined) -> None:
        assert examined.proof is not None
        assert examined.info is not None
        self.counts.proven[examined.proof.value].add(examined.size)
        self.note_metadata(examined.info)
        if examined.is_by_etag:
            for one in self.doubts.etag_proved():
                self._keep_apart(one)
        self.record_adopted(examined)

    def note_metadata(self, info: ObjectInfo) -> None:
        """Count a proven object that does not carry what a restore without the manifest would want."""
        if sha256_in(dict(info.metadata)) is None:
            self.counts.without_metadata.add(info.size)
            if self.options.dry_run and self.options.rewrite_metadata and info.storage_class not in ASLEEP:
                add_by_class(self.counts.to_rewrite, info.storage_class, info.size)
        if parse_mtime(info.metadata.get("mtime", "")) is None:
            self.counts.without_times.add(info.size)

    def record_adopted(self, examined: Examined) -> None:
        """Write the row of what is proven; in a dry run nothing."""
        if self.options.dry_run or examined.entry is None or examined.content is None or examined.info is None:
            self.ports.sink(FileBack(examined.change.path, examined.size, was_fetched=False))
            return
        done = Done(Adopt(examined.change, examined.content, examined.info), examined.entry)
        self.summary.actions.adopted += 1
        self.recorder.add(examined.change.folder, done)
        self.ports.sink(WorkFinished(examined.change.path, examined.size, done))

    def _leave_unproven(self, examined: Examined) -> None:
        """Of a file of the object's size: its row says that nothing is proven, and counts as nothing safe."""
        assert examined.info is not None
        self.counts.unproven.add(examined.size)
        add_by_class(self.counts.by_class, examined.info.storage_class, examined.size)
        if not self.options.dry_run and examined.entry is not None:
            content = examined.content or _unread(examined.entry)
            done = Done(Adopt(examined.change, content, examined.info), examined.entry)
            self.recorder.add(examined.change.folder, done)

    def _doubt(self, examined: Examined) -> None:
        """Where other ETags are MD5s, one that is not this file's says that the bytes are others."""
        differing, unproven = self.doubts.doubt(examined)
        for one in differing:
            self._keep_apart(one)
        for one in unproven:
            self._leave_unproven(one)

    def _keep_apart(self, examined: Examined) -> None:
        """The object has other bytes. An original's stays as it is, until a person says which are the good ones."""
        self.counts.differ(examined.change.path, examined.size)
        if self.options.dry_run or examined.content is None or examined.info is None:
            return
        if is_original(examined.change.path):
            self.quarantine(examined.change, examined.content, examined.info)

    def quarantine(self, change: Change, content: Content, info: ObjectInfo, row: ManifestEntry | None = None) -> None:
        """Keep an original's object, and tell of it. `row`: what is known of the object."""
        entry = row or entry_of(change.path, info)
        if entry.sha256 == content.sha256:
            # A note that lies. With it the file would be what its row says as soon as its time changed, and be safe.
            entry = replace(entry, sha256=None)
        action = Quarantine(change._replace(old=None), content, info)
        self.recorder.add(change.folder, Done(action, entry))
        self.summary.actions.quarantined += 1
        self.quarantined.add(change.path)
        self.report(reports.quarantined(action))

    def _note_elsewhere(self, examined: Examined) -> None:
        """A row for the object, as of a file that is gone: then the next sync finds a twin, and S3 copies it."""
        self.counts.elsewhere.add(examined.size)
        offset = offset_between(examined.change.path, examined.elsewhere)
        if offset is not None:
            self._offsets[offset] = self._offsets.get(offset, 0) + 1
        if examined.entry is not None and examined.info is not None:
            content = examined.content or _unread(examined.entry)
            self.summary.actions.adopted += not self.options.dry_run
            self.recorder.add("", Done(Adopt(examined.change, content, examined.info), examined.entry))

    def fail(self, examined: Examined) -> None:
        """One file could not be looked at."""
        assert examined.failed is not None
        self.summary.actions.failed += 1
        self.summary.errors.append(examined.failed)
        self.ports.sink(WorkFinished(examined.change.path, examined.size, examined.failed))

    # --- what nothing proves ------------------------------------------------------------------------------

    def _give_hints(self) -> None:
        self.counts.offset = likely_offset(self._offsets, self.counts.proven_files.files + self.counts.known.files)
        if not self.counts.listed and self.options.prefix:
            # The prefix itself is there where all below it is lrsync's own: that is no hint.
            own = listing_prefix(self.options.prefix)
            folders = (name for page in self.store().list_folder("") for name in page.folders if name != own)
            self.counts.folders = [name for name, _ in zip(folders, range(MAX_FOLDERS), strict=False)]

    def _settle_unproven(self) -> None:
        pile, trusted = self.counts.unproven, self.counts.trusted
        if self.options.dry_run or not (pile.files or trusted.files):
            choice = Unproven.LEAVE
        else:
            choice = self.ports.choose(self.counts)
        if choice is not Unproven.LEAVE:
            from lrsync.engine.unproven import settle_unproven

            settle_unproven(self, choice)
        if pile.files:
            self.report(reports.unproven_objects(pile.files))
        elif not self.options.dry_run:  # what an earlier adoption said of them is over
            self.ports.manifest.clear_findings([FindingKind.UNPROVEN], [""])

    # --- around it ----------------------------------------------------------------------------------------

    def report(self, finding: Finding) -> None:
        """Take a finding, and tell of it."""
        self.summary.findings.append(finding)
        self.ports.sink(FindingRaised(finding))

    def check_stop(self) -> None:
        """Raises StoppedError once the user wants to stop."""
        if self.ports.stopping():
            raise StoppedError("adopting")

    def _keep_snapshot(self) -> bool:
        """Store the manifest's snapshot, which alone knows the files' times; whether there is now more to say."""
        ports = self.ports
        if ports.pack_manifest is None or self.options.dry_run or not ports.seals.snapshot_due():
            return False
        from lrsync.engine.snapshot import SnapshotKeeper

        keeper = SnapshotKeeper(
            seals=ports.seals,
            open_manifest=lambda: ports.manifest,
            open_store=self.store,
            pack=ports.pack_manifest,
            prefix=self.options.prefix,
            clock=ports.clock,
            sink=ports.sink,
            stopping=ports.stopping,
        )
        failed = keeper.after_run(self.summary)
        if failed is not None:
            self.summary.findings.append(failed)
        return failed is not None or self.summary.snapshot is not None


def _unread(entry: ManifestEntry) -> Content:
    return Content(entry.stat, entry.sha256 or b"", crc32=0, was_read=False)
