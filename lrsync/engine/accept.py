"""Take the new bytes of changed originals on purpose: a person says that they are meant.

The only way for the bytes of a known original to replace a good object, and only the very bytes that were found
and reported; the old object goes to the trash, or stays as a version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from lrsync.core.amounts import BATCH_FILES
from lrsync.core.events import EventSink, Phase, PhaseStarted, WorkFinished
from lrsync.core.findings import FindingKind, QuarantinedContent
from lrsync.core.keys import split_path, trash_stamp
from lrsync.core.model import Change, ChangeKind, Done, Failed, Held, Outcome
from lrsync.core.ports import Clock, ManifestStore, ObjectStore, SealStore, SourceTree
from lrsync.core.requests import Named
from lrsync.core.runs import RunKind, RunSummary
from lrsync.core.scan import ScannedFile
from lrsync.core.storage import StorageRules
from lrsync.engine.moved_bad import place_of
from lrsync.engine.recorder import Recorder, change_of
from lrsync.engine.runs import LazyStore, RunRow
from lrsync.engine.sending import make_transferrer
from lrsync.engine.stop import StoppedError
from lrsync.engine.tally import Tallier
from lrsync.engine.transfer import TransferPolicy, Transferrer
from lrsync.errors import UsageError

_NOT_WAITING: Final = "is not a changed original that waits for a decision"


@dataclass(frozen=True, slots=True)
class AcceptPorts:
    """The world of an acceptance."""

    tree: SourceTree
    seals: SealStore
    manifest: ManifestStore
    open_store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]
    clock: Clock
    sink: EventSink
    make_pool: Callable[[int], Executor] = ThreadPoolExecutor


@dataclass(frozen=True, slots=True)
class AcceptOptions:
    """Which files: `names`, or with `everything` all changed originals. A dry run is handed a scratch manifest."""

    names: Sequence[Named]
    everything: bool
    prefix: str
    storage: StorageRules = field(default_factory=StorageRules)
    threads: int = 8
    batch_size: int = BATCH_FILES
    dry_run: bool = False


def run_accept(ports: AcceptPorts, options: AcceptOptions) -> RunSummary:
    """Upload what is accepted, and take its findings back.

    A file that is not quarantined, or has changed again, is an error of its own. Raises BucketError and InterruptedRun;
    UsageError, before the run begins, where none of the names is of a quarantined file.
    """
    return _Acceptance(ports, options).execute()


@dataclass(slots=True)
class _Acceptance:
    ports: AcceptPorts
    options: AcceptOptions
    summary: RunSummary = field(init=False)
    tally: Tallier = field(init=False)
    recorder: Recorder = field(init=False)
    store: LazyStore = field(init=False)

    def __post_init__(self) -> None:
        self.summary = RunSummary(dry_run=self.options.dry_run)
        self.tally = Tallier(self.summary)
        self.recorder = Recorder(lambda: self.ports.manifest, self.options.batch_size, self.ports.clock)
        self.store = LazyStore(self.ports.open_store)

    def execute(self) -> RunSummary:
        known = self._waiting()
        self._demand_any(known)
        row = RunRow(
            seals=self.ports.seals,
            kind=RunKind.ACCEPT,
            summary=self.summary,
            clock=self.ports.clock,
            requests=self.store.requests,
            settle=self.recorder.flush,
        )
        with row.around():
            self._run(self._accepted(known))
        return self.summary

    def _run(self, accepted: Mapping[str, QuarantinedContent]) -> None:
        changes = [change for content in accepted.values() if (change := self._change(content)) is not None]
        if not changes:
            return
        self.store()  # here, not in several workers at once
        self.ports.sink(PhaseStarted(Phase.UPLOADING, len(changes)))
        with ExitStack() as pools:
            pool = pools.enter_context(self.ports.make_pool(self.options.threads))
            parts = pools.enter_context(self.ports.make_pool(self.options.threads))
            handle = partial(self._handle_unless_stopping, self._transferrer(accepted, parts))
            for outcome in pool.map(handle, changes):
                if outcome is not None:
                    self._take(outcome)
        if self.ports.stopping():
            raise StoppedError("accepting")

    def _handle_unless_stopping(self, transferrer: Transferrer, change: Change) -> Outcome | None:
        """Runs in a worker."""
        if self.ports.stopping():
            return None
        try:
            result = transferrer.handle(change)
        except StoppedError:
            return None  # a large file: the parts that S3 has are kept
        assert not isinstance(result, Held), "nobody asked to hold it"
        return result

    def _take(self, outcome: Outcome) -> None:
        change = change_of(outcome)
        assert change is not None
        assert change.new is not None
        self.tally.outcome(outcome)
        if isinstance(outcome, Done) and not self.options.dry_run:
            self.ports.manifest.clear_findings([FindingKind.SUSPECT_ORIGINAL], [change.path])
        self.recorder.add(change.folder, outcome)
        self.recorder.flush_if_due()
        self.ports.sink(WorkFinished(change.path, change.new.size, outcome))

    # --- which files ------------------------------------------------------------------------------------

    def _demand_any(self, known: Mapping[str, QuarantinedContent]) -> None:
        """Nothing but slips of the hand is no run: in the history it would look like a file that could not be sent."""
        names = self.options.names
        if self.options.everything or any(_path_of(name, known) is not None for name in names):
            return
        from difflib import get_close_matches

        close = [f"'{path}'" for name in names for path in get_close_matches(name.text, known, n=1)]
        them = ", ".join(f"'{name.text}'" for name in names)
        raise UsageError(
            f"{them} {_NOT_WAITING}"
            if len(names) == 1
            else f"nothing of these is a changed original that waits for a decision: {them}",
            hint=f"did you mean {' or '.join(close)}?" if close else "'lrsync status' names them",
        )

    def _waiting(self) -> Mapping[str, QuarantinedContent]:
        """What can be accepted."""
        changed = {
            **self.ports.manifest.quarantined(FindingKind.SUSPECT_ORIGINAL),
            **self.ports.manifest.quarantined(),
        }
        # Rot is accepted only by name: that a file is bad on the disk alone is seldom anybody's wish.
        return changed if self.options.everything else {**self.ports.manifest.quarantined(FindingKind.ROT), **changed}

    def _accepted(self, known: Mapping[str, QuarantinedContent]) -> Mapping[str, QuarantinedContent]:
        if self.options.everything:
            return known
        found: dict[str, QuarantinedContent] = {}
        for name in self.options.names:
            path = _path_of(name, known)
            if path is None:
                self._refuse(name.text, _NOT_WAITING, "status names them")
            else:
                found[path] = known[path]
        return found

    def _change(self, content: QuarantinedContent) -> Change | None:
        old = self.ports.manifest.row(content.path)
        try:
            stat = self.ports.tree.stat(content.path)
        except OSError as error:
            self._refuse(content.path, f"cannot be read: {error.strerror or error}", "check the file's permissions")
            return None
        if old is not None and stat is None and place_of(self.ports.manifest, old, content) is not None:
            # It was moved, and the bytes that it took along are backed up there: nothing is left to send.
            self.summary.actions.restated += 1
            if not self.options.dry_run:
                self.ports.manifest.clear_findings([FindingKind.ORIGINAL_CHANGED, FindingKind.ROT], [content.path])
            return None
        if old is None or stat is None:
            self._refuse(content.path, "is not on the disk any more", "there is nothing to accept")
            return None
        folder, name = split_path(content.path)
        return Change(ChangeKind.UNSURE, folder, ScannedFile(name, *stat), old)

    def _refuse(self, path: str, message: str, hint: str) -> None:
        self.summary.actions.failed += 1
        self.tally.error(Failed(path, message, hint))

    # --- how --------------------------------------------------------------------------------------------

    def _transferrer(self, accepted: Mapping[str, QuarantinedContent], parts: Executor) -> Transferrer:
        options = self.options
        policy = TransferPolicy(options.prefix, trash_stamp(self.ports.clock()), options.storage, options.dry_run)
        return make_transferrer(self.ports, self.store, policy, parts, accepted)


def _path_of(name: Named, known: Mapping[str, QuarantinedContent]) -> str | None:
    """Which of the known files is meant by a name."""
    return next((path for path in name.candidates if path in known), None)
