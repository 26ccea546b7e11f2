"""Back up one Lightroom catalog that changed: copied in a quiet moment, checked, kept as a snapshot and in the tree.

The snapshot is stored before the row is written: a run that dies in between finds the same difference again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from lrsync.core.catalogs import Origin
from lrsync.core.events import EventSink, Notice
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.lightroom import CatalogFacts
from lrsync.core.model import Change, Content, Done, Failed, Raced, Upload, WorkResult
from lrsync.core.ports import CatalogBusyError, CatalogCopy, CatalogSource, CatalogStoppedError, ObjectStore, SourceTree
from lrsync.core.scan import Stat
from lrsync.engine.catalog_snapshots import SnapshotShelf, stored_words
from lrsync.engine.stop import StoppedError
from lrsync.engine.transfer import Transferrer
from lrsync.errors import ObjectError


@dataclass(frozen=True, slots=True)
class SourceHere:
    """The source as catalogs may spell it (absolute paths); `resolve` follows the links of a folder that is there."""

    paths: Sequence[str]
    resolve: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class CatalogPorts:
    """The world of catalogs. `open_store`: the bucket, as one that never stores into an archive class.

    `make_content` has the digests of a few bytes, with a time; `where` tells which folders are in the source.
    """

    source: CatalogSource
    open_store: Callable[[], ObjectStore]
    make_content: Callable[[bytes, int], Content]
    where: SourceHere
    storage_class: str = "STANDARD"


class Kept(NamedTuple):
    """What became of a changed catalog. `result` is None where it stays as it is in the bucket, and `finding` says why.

    `stored`: whether a snapshot was stored.
    """

    result: WorkResult | None
    finding: Finding | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True)
class CatalogKeeper:
    """Keeps the catalogs of one run. `transferrer_for` sends what a copy holds under the catalog's own key.

    `looked` is handed each sound copy.
    """

    source: CatalogSource
    shelf: SnapshotShelf
    transferrer_for: Callable[[SourceTree], Transferrer]
    sink: EventSink
    looked: Callable[[CatalogCopy], None]
    dry_run: bool = False

    def keep(self, change: Change, *, hold: bool) -> Kept:
        """Back this catalog up. `hold`: store the snapshot, and do not overwrite what is in the tree.

        Raises BucketError and StoppedError, which end the run.
        """
        try:
            return self._keep(change, hold)
        except CatalogStoppedError:
            raise StoppedError(change.path) from None
        except FileNotFoundError:
            return Kept(Raced(change.path, change, gone=True))
        except ObjectError as error:
            message = f"its snapshot could not be stored: {error.message}"
            return Kept(Failed(change.path, message, error.hint, change, transfer=True, by_store=True))
        except OSError as error:
            return Kept(Failed(change.path, f"cannot be copied: {error.strerror or error}", COPY_HINT, change))

    def _keep(self, change: Change, hold: bool) -> Kept:
        try:
            with self.source.copied(change.path) as copy:
                if not copy.problem:
                    self.looked(copy)
                if self.dry_run:
                    return Kept(self.transferrer_for(copy.tree).handle(change, hold))
                if copy.problem:
                    return self._keep_damaged(change, copy)
                mention_version(self.sink, change.path, copy.facts)
                stored = self._store(change, copy, Origin.COPY)
                return Kept(self.transferrer_for(copy.tree).handle(change, hold), stored=stored)
        except CatalogBusyError as busy:
            return self._keep_backup(change, busy)

    def _store(self, change: Change, copy: CatalogCopy, origin: Origin) -> bool:
        note = self.shelf.store(change.path, copy, origin)
        if note is not None:
            self.sink(Notice(stored_words(note)))
        return note is not None

    def _keep_damaged(self, change: Change, copy: CatalogCopy) -> Kept:
        """A known catalog's last good copy stays. Of a new one the damaged bytes are all there is: they go up."""
        old = change.old
        if old is not None and old.has_good_object:
            return Kept(None, _finding(FindingKind.CATALOG_DAMAGED, change, _damaged(copy.problem), REPAIR))
        result = self.transferrer_for(copy.tree).handle(change)
        if isinstance(result, Done) and isinstance(result.action, Upload):
            why = f"is damaged, or is no Lightroom catalog ({copy.problem})"
            result = replace(result, action=replace(result.action, suspicion=why))
        return Kept(result)

    def _keep_backup(self, change: Change, busy: CatalogBusyError) -> Kept:
        """Lightroom's own newest backup is stored instead: better an older state than none."""
        if self.dry_run:
            return Kept(None, _finding(FindingKind.CATALOG_BUSY, change, f"{busy}; nothing was copied", CLOSE))
        with self.source.newest_backup(change.path) as backup:
            if backup is None:
                message = f"{busy}, and no sound backup by Lightroom itself lies beside it"
                return Kept(Failed(change.path, message, CLOSE, change))
            stored = self._store(change, backup, Origin.BACKUP)
        message = f"{busy}; {instead_words(stored)}"
        return Kept(None, _finding(FindingKind.CATALOG_BUSY, change, message, CLOSE), stored)


CLOSE: Final = "close Lightroom before the backup, or give it longer with --catalog-wait"
REPAIR: Final = "let Lightroom repair it, or restore a snapshot with catalog restore"
COPY_HINT: Final = "check its permissions, and the free space beside the manifest: it is copied there"


def instead_words(stored: bool) -> str:
    """What became of Lightroom's own newest backup, which is to stand in for the catalog."""
    backup = "Lightroom's own newest backup of it"
    return f"{backup} was stored instead" if stored else f"{backup} has nothing newer than the snapshots in the bucket"


def mention_version(sink: EventSink, path: str, facts: CatalogFacts) -> None:
    """Say that a catalog is of a version that nobody has tried."""
    if not facts.is_known:
        version = facts.db_version or "none"
        sink(Notice(f"{path}: the catalog's version ({version}) is not known here; it is backed up"))


def _damaged(problem: str) -> str:
    return f"the catalog is damaged ({problem}); its last good copy in the bucket was kept"


def _finding(kind: FindingKind, change: Change, message: str, hint: str) -> Finding:
    new = change.new
    assert new is not None
    return Finding(kind, change.path, message, hint, stat=Stat(new.size, new.mtime_ns, new.ctime_ns))
