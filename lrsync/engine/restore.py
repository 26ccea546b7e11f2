"""Bring files back from the bucket: in place, or into another folder.

Overwrites only bytes that a finding calls bad, and only while they are just those; what is replaced is kept beside
the file. Nothing takes its name before its bytes were read whole and are the recorded ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import assert_never

from lrsync.core.diff import is_settled
from lrsync.core.events import EventSink, FindingRaised, Notice, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.keys import split_path
from lrsync.core.model import (
    Change,
    ChangeKind,
    Content,
    Done,
    Drift,
    Failed,
    Finding,
    FindingKind,
    ManifestEntry,
    Restat,
    RestoreCounts,
    RunKind,
    RunSummary,
    ScannedFile,
    Stat,
)
from lrsync.core.ports import (
    Clock,
    Damaged,
    ManifestStore,
    ObjectStore,
    Placed,
    RacedError,
    SealStore,
    SourceTree,
    TargetFolder,
)
from lrsync.core.requests import Named
from lrsync.engine.checks import hash_file
from lrsync.engine.multipart import StoppedError
from lrsync.engine.runs import LazyStore, run_row
from lrsync.errors import ObjectArchivedError, ObjectError, ObjectMissingError


@dataclass(frozen=True, slots=True)
class RestorePorts:
    """The world of a restore: `target` writes into the folder that `tree` reads."""

    tree: SourceTree
    target: TargetFolder
    seals: SealStore
    manifest: ManifestStore
    open_store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    make_pool: Callable[[int], Executor] = ThreadPoolExecutor


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """What to bring back. `in_place`: the target is the source, and its rows are restated; else it is another folder.

    In place a name is one file; elsewhere it may be a folder or a pattern. A dry run is handed a scratch manifest.
    """

    names: Sequence[Named]
    in_place: bool
    threads: int = 8
    batch_size: int = 200
    dry_run: bool = False


def run_restore(ports: RestorePorts, options: RestoreOptions) -> RunSummary:
    """Restore what is named. A file that cannot be is an error of its own. Raises BucketError, InterruptedRun."""
    return _Restore(ports, options).execute()


@dataclass(frozen=True, slots=True)
class _Back:
    """What became of one file. `stat` is the disk's now, where the file has its recorded bytes."""

    entry: ManifestEntry
    stat: Stat | None = None
    fetched: bool = False
    existing: bool = False
    kept_as: str | None = None
    drift: Drift | None = None
    failed: Failed | None = None


@dataclass(slots=True)
class _Restore:
    ports: RestorePorts
    options: RestoreOptions
    counts: RestoreCounts = field(default_factory=RestoreCounts)
    summary: RunSummary = field(init=False)
    store: LazyStore = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        self.summary = RunSummary(dry_run=self.options.dry_run, restored=self.counts)
        self.store = LazyStore(self.ports.open_store)

    def execute(self) -> RunSummary:
        """Run, and write the run's row whatever happens."""
        with run_row(
            self.ports.seals, RunKind.RESTORE, self.summary, self.ports.clock, store=self.store, settle=lambda: None
        ):
            self._run()
        return self.summary

    def _run(self) -> None:
        self.ports.sink(PhaseStarted(Phase.RESTORING))
        wanted = self._named_rows() if self.options.in_place else self._matching_rows()
        restore = partial(_restore_unless_stopping, self._worker())
        with self.ports.make_pool(self.options.threads) as pool:
            while batch := list(islice(wanted, self.options.batch_size)):
                if not self.options.dry_run:
                    self.store()  # here, not in several workers at once
                for back in pool.map(restore, batch):
                    if back is not None:
                        self._take(back)
                if self.ports.stopping():
                    raise StoppedError("restoring")

    # --- which files ------------------------------------------------------------------------------------

    def _named_rows(self) -> Iterator[ManifestEntry]:
        rows: dict[str, ManifestEntry] = {}
        for name in self.options.names:
            found = (self.ports.manifest.row(path) for path in name.candidates)
            entry = next((row for row in found if row is not None), None)
            if entry is None:
                self._fail(Failed(name.text, "is not in the backup", "name one file, as status or history show it"))
            else:
                rows[entry.path] = entry
        yield from rows.values()

    def _matching_rows(self) -> Iterator[ManifestEntry]:
        unmatched = dict.fromkeys(self.options.names)
        for entry in self.ports.manifest.entries():
            names = [name for name in self.options.names if _matches(name, entry.path)]
            for name in names:
                unmatched.pop(name, None)
            if names:
                yield entry
        for name in unmatched:
            self._fail(Failed(name.text, "matches nothing in the backup", "try a folder, or a pattern such as '*.nef'"))

    def _worker(self) -> _Worker:
        manifest, in_place = self.ports.manifest, self.options.in_place
        bad = {}
        if in_place:
            for kind in (FindingKind.ROT, FindingKind.ORIGINAL_CHANGED):
                bad.update({path: known.sha256 for path, known in manifest.quarantined(kind).items()})
        return _Worker(
            self.ports.tree,
            self.ports.target,
            self.store,
            self.ports.stopping,
            in_place=in_place,
            dry_run=self.options.dry_run,
            bad=bad,
        )

    # --- what became of them ----------------------------------------------------------------------------

    def _take(self, back: _Back) -> None:
        self.done += 1
        self.ports.sink(PhaseAdvanced(Phase.RESTORING, self.done))
        self.counts.restored += back.fetched
        self.counts.bytes += back.entry.size * back.fetched
        self.counts.existing += back.existing
        self.counts.intact += back.stat is not None and not back.fetched
        if back.kept_as is not None:
            self.ports.sink(Notice(f"{back.entry.path}: the replaced file is kept as {back.kept_as}"))
        if back.failed is not None:
            self._fail(back.failed)
        if back.drift is not None:
            self._mark(back.entry, back.drift)
        if back.stat is not None and self.options.in_place:
            self._restate(back.entry, back.stat, proven=back.fetched)

    def _restate(self, entry: ManifestEntry, stat: Stat, *, proven: bool) -> None:
        """Let the row have the file's new stat: then the next sync has nothing to say, and the finding is over."""
        now = self.ports.clock()
        folder, name = split_path(entry.path)
        change = Change(ChangeKind.UNSURE, folder, ScannedFile(name, *stat), entry)
        restated = replace(
            entry,
            mtime_ns=stat.mtime_ns,
            ctime_ns=stat.ctime_ns,
            missing_since=None,
            verified_at=now if proven and not self.options.dry_run else entry.verified_at,
            settled=is_settled(stat.mtime_ns, stat.ctime_ns, now),
        )
        content = Content(stat, entry.sha256 or b"", crc32=0, was_read=False)
        self.ports.manifest.record([Done(Restat(change, content), restated)])

    def _mark(self, entry: ManifestEntry, drift: Drift) -> None:
        if drift is not entry.drift:
            self.ports.manifest.set_drift([(entry.path, drift)])
        message = f"its object in the bucket is {drift.value}: it could not be restored"
        hint = "look for an older version of the object, or another copy of the file"
        finding = Finding(FindingKind.DRIFT, entry.path, message, hint)
        self.summary.findings.append(finding)
        self.ports.sink(FindingRaised(finding))

    def _fail(self, failed: Failed) -> None:
        self.summary.errors.append(failed)
        self.summary.actions.failed += 1


def _restore_unless_stopping(worker: _Worker, entry: ManifestEntry) -> _Back | None:
    try:
        return worker.restore(entry)
    except StoppedError:
        return None


@dataclass(frozen=True, slots=True)
class _Worker:
    """Restores files one by one. One for all workers of a run; `bad` has the sha256 of what may be replaced."""

    tree: SourceTree
    target: TargetFolder
    store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    in_place: bool
    dry_run: bool
    bad: dict[str, bytes]

    def restore(self, entry: ManifestEntry) -> _Back:
        """Look at what is there, and fetch the file where it may take its place. Raises StoppedError, BucketError."""
        if self.stopping():
            raise StoppedError(entry.path)
        try:
            there = self.target.stat(entry.path)
            if there is not None:
                found = self._look(entry, there)
                if found is not None and found == entry.sha256:
                    return _Back(entry, stat=there)
                if found is None or not self._may_replace(entry, found):
                    return self._occupied(entry)
            return self._fetch(entry, there)
        except FileExistsError:
            return self._occupied(entry)
        except RacedError:
            return _failed(entry, "is being written just now", "run the same command again")
        except OSError as error:
            hint = "check the folder's permissions and the free space on its drive"
            return _failed(entry, f"cannot be written: {error.strerror or error}", hint)

    def _look(self, entry: ManifestEntry, there: Stat) -> bytes | None:
        """The sha256 of the file that is there; None where its size alone says that it is another one."""
        if not self.in_place and there.size != entry.size:
            return None
        return hash_file(self.tree, entry.path, there, self.stopping)

    def _may_replace(self, entry: ManifestEntry, found: bytes) -> bool:
        return self.in_place and self.bad.get(entry.path) == found

    def _occupied(self, entry: ManifestEntry) -> _Back:
        if self.in_place:
            message = "has bytes that are not backed up and that no finding calls bad; nothing was replaced"
            hint = "run sync first: it backs them up, or says what is wrong with them"
        else:
            message, hint = "another file is there; it was left as it is", "restore to an empty folder"
        return replace(_failed(entry, message, hint), existing=True)

    def _fetch(self, entry: ManifestEntry, there: Stat | None) -> _Back:
        if entry.sha256 is None:
            return _failed(
                entry, "has no proven content in the bucket", "run sync: it looks at the file and the object"
            )
        if entry.drift is Drift.MISSING:
            return _failed(entry, "its object is missing from the bucket", "look for an older version of the object")
        if self.dry_run:
            return _Back(entry, fetched=True)
        try:
            with self.store().get(entry.key) as chunks:
                written = self.target.write(
                    entry.path,
                    self._until_stopped(entry, chunks),
                    sha256=entry.sha256,
                    mtime_ns=entry.mtime_ns,
                    replacing=there,
                )
        except ObjectMissingError:
            return replace(_failed(entry, "its object is missing from the bucket", ""), drift=Drift.MISSING)
        except ObjectArchivedError as error:
            hint = error.hint or "thaw it first: the store must bring it back from its archive"
            return _failed(entry, "its object lies in an archive class", hint)
        except ObjectError as error:
            return _failed(entry, f"its object could not be read: {error.message}", error.hint)
        return _written(entry, written)

    def _until_stopped(self, entry: ManifestEntry, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if self.stopping():
                raise StoppedError(entry.path)
            yield chunk


def _written(entry: ManifestEntry, written: Placed | Damaged) -> _Back:
    match written:
        case Placed(stat, kept_as):
            return _Back(entry, stat=stat, fetched=True, kept_as=kept_as)
        case Damaged(kept_as):
            hint = f"what came is kept as {kept_as}; nothing was replaced"
            return replace(_failed(entry, "its object is damaged in the bucket", hint), drift=Drift.ALTERED)
        case _:
            assert_never(written)


def _failed(entry: ManifestEntry, message: str, hint: str) -> _Back:
    return _Back(entry, failed=Failed(entry.path, message, hint))


def _matches(name: Named, path: str) -> bool:
    """Whether the file is named, lies in a folder that is named, or matches a pattern (`*` goes across folders)."""
    return any(
        candidate in (".", path) or path.startswith(f"{candidate}/") or fnmatchcase(path, candidate)
        for candidate in name.candidates
    )
