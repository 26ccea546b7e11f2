"""Bring files back from the bucket: in place, or into another folder. What and from where is handed in.

Goes through the backup twice: once to know how much it is (and whether that fits), once to fetch. Memory is bounded
by the files in flight. Owns what is told and recorded; `restoring` does the work on one file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from lrsync.core.counts import Renamed, RestoreCounts
from lrsync.core.digest import is_settled
from lrsync.core.download import USUAL_RANGING, Ranging
from lrsync.core.events import (
    EventSink,
    FindingRaised,
    Notice,
    Phase,
    PhaseAdvanced,
    PhaseStarted,
    WorkPlanned,
)
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import KeyProblem, split_path
from lrsync.core.localnames import POSIX, Namer, NameRules
from lrsync.core.model import Change, ChangeKind, Content, Done, Drift, Failed, Restat
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, SealStore, SourceTree, TargetFolder
from lrsync.core.restoring import Backup, Overwrite, RestoreItem, RestorePlan, is_as_set
from lrsync.core.runs import RunKind, RunSummary
from lrsync.core.scan import ScannedFile, Stat
from lrsync.core.selection import Selection, Selector, search
from lrsync.core.thaw import CHEAPEST_TODAY, ThawNote, ThawWish
from lrsync.engine.batch import MOST_BATCHES
from lrsync.engine.fetching import Fetcher
from lrsync.engine.pool import DaemonPool
from lrsync.engine.restore_batch import Batches, in_batches
from lrsync.engine.restoring import Back, Fate, Worker
from lrsync.engine.runs import LazyStore, RunRow
from lrsync.engine.stop import Patience, StoppedError
from lrsync.engine.thaw import Asked, NoNotes, Thawer, ThawNotes
from lrsync.errors import InterruptedRun, UsageError

BLOCK_BYTES: Final = 4096
"""What a file takes at least: file systems keep whole blocks."""
_TELL_EVERY: Final = 1000


@dataclass(frozen=True, slots=True)
class RestorePorts:
    """The world of a restore: `target` writes into the folder that `tree` reads.

    `backup` is what can be restored. `manifest` and `seals` are the library's, or private ones where it has none
    here. `free_bytes` is None where nobody can tell; `confirm` is asked before anything is fetched; `wait` sleeps for
    so many seconds, or until the user wants to stop.
    """

    tree: SourceTree
    target: TargetFolder
    seals: SealStore
    manifest: ManifestStore
    backup: Backup
    open_store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    wait: Callable[[float], object]
    clock: Clock
    sink: EventSink
    free_bytes: Callable[[], int | None] = lambda: None
    confirm: Callable[[RestorePlan], bool] = lambda plan: True
    thaw_notes: ThawNotes = field(default_factory=NoNotes)
    problems: Callable[[], list[Failed]] = list
    """What the backup holds and cannot give, once it was gone through."""
    was_asked: bool = False
    """The bucket was asked already, to know what there is: those requests are the run's, too."""
    make_pool: Callable[[int], Executor] = DaemonPool


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What to bring back, and how. `in_place`: the target is the source, and its rows are restated.

    `of_past`: the backup is the library as it was, of which the manifest's rows say nothing. `thaw`: how archived
    objects are asked for; None for not at all. A dry run is handed a scratch manifest.
    """

    selection: Selection
    in_place: bool
    overwrite: Overwrite = Overwrite.NEVER
    of_past: bool = False
    thaw: ThawWish | None = CHEAPEST_TODAY
    names: NameRules = POSIX
    threads: int = 8
    batch_size: int = 500
    dry_run: bool = False
    ranging: Ranging = USUAL_RANGING


def run_restore(ports: RestorePorts, options: RestoreOptions) -> RunSummary:
    """Restore what is selected. A file that cannot be is an error of its own.

    Raises BucketError, InterruptedRun, and UsageError where it would not fit on the disk.
    """
    return _Restore(ports, options).execute()


@dataclass(slots=True)
class _Restore:
    ports: RestorePorts
    options: RestoreOptions
    counts: RestoreCounts = field(default_factory=RestoreCounts)
    summary: RunSummary = field(init=False)
    store: LazyStore = field(init=False)
    done: list[Done] = field(default_factory=list)
    asked: list[ThawNote] = field(default_factory=list)
    awake: list[tuple[str, str | None]] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.summary = RunSummary(dry_run=self.options.dry_run, restored=self.counts)
        self.store = LazyStore(self.ports.open_store)

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.RESTORE,
            summary=self.summary,
            clock=self.ports.clock,
            requests=self.store.requests,
            settle=self._record,
        )
        with row.around():
            self._run()
        return self.summary

    def _run(self) -> None:
        if self.ports.was_asked:
            self.store()
        plan = self._look()
        self.counts.selected, self.counts.selected_bytes = plan.files, plan.bytes
        self._demand_space(plan)
        if not self.ports.confirm(plan):
            raise InterruptedRun("nothing was restored", hint="answer y, or add --yes, to restore it")
        self.ports.sink(PhaseStarted(Phase.RESTORING))
        self.ports.sink(WorkPlanned(plan.files, plan.bytes))
        if not self.options.dry_run and plan.files:
            self.store()  # here, not in several workers at once
        self._work()

    # --- what there is to do ----------------------------------------------------------------------------

    def _look(self) -> RestorePlan:
        """Go through what is wanted, and see how much of it is not there."""
        self.ports.sink(PhaseStarted(Phase.PLANNING))
        selector = Selector(self.options.selection)
        files = size = needed = 0
        classes: dict[str, tuple[int, int]] = {}
        for item, local in self._named(search(self.ports.backup, selector)):
            files, size = files + 1, size + item.size
            if self._will_fetch(item, local):
                count, total = classes.get(item.storage_class, (0, 0))
                classes[item.storage_class] = (count + 1, total + item.size)
                needed += max(0, -(-item.size // BLOCK_BYTES) * BLOCK_BYTES - self._left(item, local))
            if files % _TELL_EVERY == 0:
                self._check_stop()
                self.ports.sink(PhaseAdvanced(Phase.PLANNING, files))
        for text in selector.unmatched:
            self._fail(Failed(text, "is not in the backup", "name a file, a folder, or a pattern such as '*.nef'"))
        for failed in self.ports.problems():
            self._fail(failed)
        if not files and not self.summary.errors and not self.options.selection.is_everything:
            self.ports.sink(Notice("nothing in the backup is what was asked for"))
        fetch_files, fetch_bytes = (sum(each[place] for each in classes.values()) for place in (0, 1))
        return RestorePlan(files, size, fetch_files, fetch_bytes, needed, classes)

    def _named(self, items: Iterator[RestoreItem]) -> Iterator[tuple[RestoreItem, str | Failed]]:
        """The items, and what each is called on this disk; or why it is called nothing: it could lead elsewhere."""
        namer = Namer(self.options.names)
        for item in items:
            try:
                yield item, item.path if self.options.in_place else namer.local_path(item.path)
            except KeyProblem as problem:
                yield item, Failed(item.path, f"is no safe path: {problem}", problem.hint)

    def _will_fetch(self, item: RestoreItem, local: str | Failed) -> bool:
        if isinstance(local, Failed):
            return False
        try:
            there = self.ports.tree.stat(local)
        except OSError:
            return True  # the work on it will say what is wrong
        if there is None or self.options.overwrite is Overwrite.ALWAYS:
            return True
        return self.options.overwrite is not Overwrite.NEVER and not is_as_set(item, there)

    def _left(self, item: RestoreItem, local: str | Failed) -> int:
        """What of the file an earlier run left on the disk: that is gone on with, or makes room."""
        if isinstance(local, Failed) or item.size < self.options.ranging.from_bytes:
            return 0
        try:
            return self.ports.target.left(local)
        except OSError:
            return 0  # the work on it will say what is wrong

    def _demand_space(self, plan: RestorePlan) -> None:
        free = self.ports.free_bytes()
        if free is None or plan.needed_bytes <= free:
            return
        message = f"{plan.needed_bytes:,} bytes are needed, and only {free:,} are free"
        hint = "make room, choose another drive, or restore a part: a folder, --since, --type"
        if not self.options.dry_run:
            raise UsageError(message, hint=hint)
        self.ports.sink(Notice(f"it would not fit: {message}"))

    # --- doing it ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        items = self._placed(search(self.ports.backup, Selector(self.options.selection)))
        patience = Patience(self.ports.stopping)
        threads = self.options.threads
        pool, ranges, small = (self.ports.make_pool(count) for count in (threads, threads, min(MOST_BATCHES, threads)))
        batches = Batches(self._worker(ranges), pool, small)
        try:
            for back in batches.results(in_batches(items), most=2 * threads, patience=patience):
                self._take(back)
            self._check_stop()
        finally:
            for each in (pool, ranges, small):
                each.shutdown(wait=not self.ports.stopping(), cancel_futures=True)
            # Whatever ended the run: what was under way beside it came back all the same.
            for back in batches.taken():
                self._take(back)

    def _placed(self, items: Iterator[RestoreItem]) -> Iterator[tuple[RestoreItem, str]]:
        for item, local in self._named(items):
            if isinstance(local, Failed):
                self._fail(local)
                continue
            if local != item.path:
                self.summary.renamed.append(Renamed(item.path, local))
            if not self.options.dry_run:
                self._clear_left(local)
            yield item, local

    def _clear_left(self, local: str) -> None:
        """Clear a folder of what killed runs left there, once: paths come sorted, so none comes back but a parent."""
        folder = split_path(local)[0]
        while self.cleared and not f"{folder}/".startswith(f"{self.cleared[-1]}/" if self.cleared[-1] else ""):
            self.cleared.pop()
        if folder in self.cleared:
            return
        self.cleared.append(folder)
        with suppress(OSError):  # the work on the folder's files will say what is wrong
            self.ports.target.clear_left(folder)

    def _worker(self, ranges: Executor) -> Worker:
        ports, options = self.ports, self.options
        bad: dict[str, bytes] = {}
        if options.in_place:
            for kind in (FindingKind.ROT, FindingKind.ORIGINAL_CHANGED):
                bad.update({path: known.sha256 for path, known in ports.manifest.quarantined(kind).items()})
        return Worker(
            tree=ports.tree,
            folder=ports.target,
            fetcher=Fetcher(self.store, ports.target, ranges, ports.stopping, ports.wait, ports.sink, options.ranging),
            stopping=ports.stopping,
            sink=ports.sink,
            policy=options.overwrite,
            in_place=options.in_place,
            dry_run=options.dry_run,
            quiet=options.in_place and not options.selection.names and options.selection.listed is None,
            is_named=options.selection.names_file,
            bad=bad,
            thawer=Thawer(self.store, ports.thaw_notes, options.thaw, ports.clock),
        )

    def _check_stop(self) -> None:
        if self.ports.stopping():
            raise StoppedError("restoring")

    # --- what became of them ----------------------------------------------------------------------------

    def _take(self, back: Back) -> None:
        self.counts.existing += back.existing
        match back.fate:
            case Fate.RESTORED:
                self.counts.restored += 1
                self.counts.bytes += back.item.size if back.stat is None else back.stat.size
                self.counts.replaced += back.replaced
                self.counts.unproven += not back.is_proven
                self.awake.append((back.item.key, back.item.version_id))
            case Fate.INTACT:
                self.counts.intact += 1
            case Fate.SKIPPED:
                self.counts.skipped += 1
            case Fate.ASLEEP:
                assert back.asked is not None
                self._await(back.asked)
            case Fate.FAILED:
                assert back.failed is not None
                self._fail(back.failed)
            case _:
                assert_never(back.fate)
        if back.kept_as is not None:
            self.ports.sink(Notice(f"{back.item.path}: the replaced file is kept as {back.kept_as}"))
        if back.drift is not None and not self.options.of_past:
            self._mark(back.item, back.drift)
        if back.stat is not None and self.options.in_place:
            self._restate(back, back.stat)

    def _await(self, asked: Asked) -> None:
        counts = self.counts
        counts.thawing += 1
        counts.thawing_bytes += asked.size
        counts.asked += asked.is_new
        if asked.ready_ns is not None:
            counts.ready_ns = max(counts.ready_ns or 0, asked.ready_ns)
        if asked.is_new and asked.note is not None:
            self.asked.append(asked.note)
        if len(self.asked) >= self.options.batch_size:
            self._record()

    def _restate(self, back: Back, stat: Stat) -> None:
        """Let the row have the file's new stat: then the next sync has nothing to say, and the finding is over."""
        entry = self.ports.manifest.row(back.item.path)
        if entry is None or entry.sha256 not in (None, back.sha256):
            return  # an older version came: what the row says is not true of the file
        now = self.ports.clock()
        folder, name = split_path(entry.path)
        change = Change(ChangeKind.UNSURE, folder, ScannedFile(name, *stat), entry)
        restated = replace(
            entry,
            mtime_ns=stat.mtime_ns,
            ctime_ns=stat.ctime_ns,
            sha256=entry.sha256 or back.sha256,
            missing_since=None,
            verified_at=now if back.fate is Fate.RESTORED else entry.verified_at,
            settled=is_settled(stat.mtime_ns, stat.ctime_ns, now),
        )
        content = Content(stat, restated.sha256 or b"", crc32=0, was_read=False)
        self.done.append(Done(Restat(change, content), restated))
        if len(self.done) >= self.options.batch_size:
            self._record()

    def _record(self) -> None:
        done, self.done = self.done, []
        if done:
            self.ports.manifest.record(done)
        asked, self.asked = self.asked, []
        awake, self.awake = self.awake, []
        self.ports.thaw_notes.add(asked)
        if not self.options.dry_run:
            self.ports.thaw_notes.forget(awake)

    def _mark(self, item: RestoreItem, drift: Drift) -> None:
        # The row speaks of the current object: an older version says nothing of it.
        if drift is not item.drift and item.version_id is None:
            self.ports.manifest.set_drift([(item.path, drift)])
        message = f"its object in the bucket is {drift.value}: it could not be restored"
        hint = "look for an older version of the object, or another copy of the file"
        finding = Finding(FindingKind.DRIFT, item.path, message, hint)
        self.summary.findings.append(finding)
        self.ports.sink(FindingRaised(finding))

    def _fail(self, failed: Failed) -> None:
        self.summary.errors.append(failed)
        self.summary.actions.failed += 1
