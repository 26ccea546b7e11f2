"""Remove the objects of missing files: last, only when every guard agrees, and into the trash."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from lrsync.core.amounts import MaxDelete
from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import trash_key
from lrsync.core.model import Done, Failed, ManifestEntry, Outcome, Trash
from lrsync.core.plan import DeleteFacts, check_guards
from lrsync.core.ports import ManifestStore, ObjectStore, SourceTree
from lrsync.engine.moved_bad import spared
from lrsync.engine.stop import Patience
from lrsync.engine.transfer import TransferPolicy
from lrsync.errors import ObjectError, ObjectMissingError

CLOCKS_DIFFER_NS: Final = 2 * 3600 * 1_000_000_000
"""A file server's clock may be ahead of this one's, FAT's by the hour of summer time: these wait for the next run."""


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """What the run knows about its scan, which began at `started_ns`, when it comes to deleting, at `now_ns`.

    `settling_sizes`: the bytes of files that wait for the next run; each may be a missing one under another name.
    """

    started_ns: int
    now_ns: int
    complete: bool
    files: int
    source_proven: bool
    transfers_failed: int
    mass_change: bool
    settling_sizes: Collection[int] = ()


def plan_deletes(
    manifest: ManifestStore,
    scan: ScanFacts,
    max_delete: MaxDelete,
    tree: SourceTree,
) -> tuple[list[ManifestEntry], Finding | None]:
    """The rows whose objects may go, or none and the finding that says why not.

    A file that the rules leave out now is not missing: excluding a pattern never deletes what was backed up. And where
    a file was moved with bad bytes in it, the good ones stay until a person has decided.
    """
    kept = spared(manifest)
    gone = [
        (since_ns, entry)
        for entry in manifest.missing()
        # Of unproven content, the object may be anything: it stays until it is known to be what the disk had.
        if entry.sha256 is not None
        and not tree.is_excluded(entry.path)
        and entry.size not in scan.settling_sizes
        and entry.path not in kept
        and not _shares_key(manifest, entry)
        and (since_ns := _gone_since_ns(tree, entry)) is not None
    ]
    # One that was moved while the scan ran, to where the scan had been already, is nowhere to be seen this night.
    doomed = [entry for since_ns, entry in gone if since_ns < scan.started_ns]
    from_future = sum(since_ns > scan.now_ns + CLOCKS_DIFFER_NS for since_ns, _ in gone)
    if not (doomed or from_future):
        return [], None
    facts = DeleteFacts(
        known=manifest.count(),
        missing=len(doomed),
        moved=sum(manifest.has_live_twin(entry) for entry in doomed),
        scan_complete=scan.complete,
        scanned_files=scan.files,
        source_proven=scan.source_proven,
        transfers_failed=scan.transfers_failed,
        mass_change=scan.mass_change,
        from_future=from_future,
    )
    refusals = check_guards(facts, max_delete)
    if not refusals:
        return doomed, None
    return [], Finding(FindingKind.DELETE_GUARD, "", f"nothing was deleted: {'; '.join(refusals)}", _way_on(facts))


def _way_on(facts: DeleteFacts) -> str:
    """What to do about a refusal. No --max-delete helps while anything else speaks against deleting."""
    if not facts.source_proven:
        return "a source that takes no marker is known by its file system with --no-marker, from its second run on"
    if facts.from_future:
        return "set this computer's clock; if it is right, touch the folders that these files were in"
    if check_guards(facts, MaxDelete(facts.missing, None)):
        return "mend that first; what is gone from the disk stays in the bucket until then"
    gone = facts.missing - facts.moved
    return f"if these files are meant to be gone, run once with a larger --max-delete, such as --max-delete {gone}"


def _gone_since_ns(tree: SourceTree, entry: ManifestEntry) -> int | None:
    """Since when the file is gone; None where it is not, or that is unknown.

    A link in its place says that it lies somewhere else now, where no backup follows it.
    """
    try:
        return tree.gone_since_ns(entry.path)
    except OSError:
        return None  # unknown is not missing


def _shares_key(manifest: ManifestStore, entry: ManifestEntry) -> bool:
    """Whether a file that is there has the same key: its name was only spelled in another Unicode form before."""
    spellings = {unicodedata.normalize(form, entry.path) for form in ("NFC", "NFD")} - {entry.path}
    others = [manifest.row(path) for path in spellings]
    if entry.sha256 is not None:
        others.append(manifest.find_twin(entry.sha256))
    return any(
        other is not None and other.path != entry.path and other.key == entry.key and other.missing_since is None
        for other in others
    )


@dataclass(frozen=True, slots=True)
class Deleter:
    """Moves objects to the trash through a pool of workers."""

    store: ObjectStore
    policy: TransferPolicy
    pool: Executor
    sink: EventSink
    stopping: Callable[[], bool]
    patience: Patience

    def delete(self, entries: list[ManifestEntry]) -> Iterator[Outcome]:
        """One outcome for each entry, until the user wants to stop. Raises BucketError and StoppedError."""
        self.sink(PhaseStarted(Phase.DELETING, len(entries)))
        futures = [self.pool.submit(self._delete_unless_stopping, entry) for entry in entries]
        for done, future in enumerate(futures, start=1):
            outcome = self.patience.result_of(future)
            self.sink(PhaseAdvanced(Phase.DELETING, done))
            if outcome is not None:
                yield outcome

    def _delete_unless_stopping(self, entry: ManifestEntry) -> Outcome | None:
        return None if self.stopping() else self._delete(entry)

    def _delete(self, entry: ManifestEntry) -> Outcome:
        action = Trash(entry)
        if self.policy.dry_run:
            return Done(action, None)
        try:
            if not self.store.is_versioned():
                self.store.keep(entry.key, trash_key(self.policy.prefix, self.policy.stamp, entry.key), row=entry)
            self.store.delete(entry.key)
        except ObjectMissingError:
            pass  # gone already: the row goes too
        except ObjectError as error:
            message = f"could not be moved to the trash: {error.message}"
            return Failed(entry.path, message, error.hint, transfer=True, by_store=True)
        return Done(action, None)
