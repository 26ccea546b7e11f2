"""Back up one Lightroom catalog that changed: copied in a quiet moment, checked, kept as a snapshot and in the tree.

The snapshot is stored before the row is written: a run that dies in between finds the same difference again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from lrsync.core.catalogs import Origin
from lrsync.core.events import EventSink, Notice
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Change, Content, Done, Failed, Raced, Upload, WorkResult
from lrsync.core.ports import CatalogBusyError, CatalogCopy, CatalogSource, CatalogStoppedError, ObjectStore, SourceTree
from lrsync.core.scan import Stat
from lrsync.engine.catalog_snapshots import SnapshotShelf, stored_words
from lrsync.engine.stop import StoppedError
from lrsync.engine.transfer import Transferrer
from lrsync.errors import ObjectError


@dataclass(frozen=True, slots=True)
class CatalogPorts:
    """The world of catalogs. `open_store`: the bucket, as one that never stores into an archive class.

    `make_content` has the digests of a few bytes, with a time.
    """

    source: CatalogSource
    open_store: Callable[[], ObjectStore]
    make_content: Callable[[bytes, int], Content]
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
    """Keeps the catalogs of one run. `transferrer_for` sends what a copy holds under the catalog's own key."""

    source: CatalogSource
    shelf: SnapshotShelf
    transferrer_for: Callable[[SourceTree], Transferrer]
    sink: EventSink
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
            hint = "check its permissions, and the free space beside the manifest: it is copied there"
            return Kept(Failed(change.path, f"cannot be copied: {error.strerror or error}", hint, change))

    def _keep(self, change: Change, hold: bool) -> Kept:
        try:
            with self.source.copied(change.path) as copy:
                if self.dry_run:
                    return Kept(self.transferrer_for(copy.tree).handle(change, hold))
                if copy.problem:
                    return self._keep_damaged(change, copy)
                self._mention_version(change, copy)
                stored = self._store(change, copy, Origin.COPY)
                return Kept(self.transferrer_for(copy.tree).handle(change, hold), stored=stored)
        except CatalogBusyError as busy:
            return self._keep_backup(change, busy)

    def _store(self, change: Change, copy: CatalogCopy, origin: Origin) -> bool:
        note = self.shelf.store(change.path, copy, origin)
        if note is not None:
            self.sink(Notice(stored_words(note)))
        return note is not None

    def _mention_version(self, change: Change, copy: CatalogCopy) -> None:
        if not copy.facts.is_known:
            version = copy.facts.db_version or "none"
            self.sink(Notice(f"{change.path}: the catalog's version ({version}) is not known here; it is backed up"))

    def _keep_damaged(self, change: Change, copy: CatalogCopy) -> Kept:
        """A known catalog's last good copy stays. Of a new one the damaged bytes are all there is: they go up."""
        old = change.old
        if old is not None and old.has_good_object:
            return Kept(None, _finding(FindingKind.CATALOG_DAMAGED, change, _damaged(copy.problem), _REPAIR))
        result = self.transferrer_for(copy.tree).handle(change)
        if isinstance(result, Done) and isinstance(result.action, Upload):
            why = f"is damaged, or is no Lightroom catalog ({copy.problem})"
            result = replace(result, action=replace(result.action, suspicion=why))
        return Kept(result)

    def _keep_backup(self, change: Change, busy: CatalogBusyError) -> Kept:
        """Lightroom's own newest backup is stored instead: better an older state than none."""
        if self.dry_run:
            return Kept(None, _finding(FindingKind.CATALOG_BUSY, change, f"{busy}; nothing was copied", _CLOSE))
        with self.source.newest_backup(change.path) as backup:
            if backup is None:
                message = f"{busy}, and no sound backup by Lightroom itself lies beside it"
                return Kept(Failed(change.path, message, _CLOSE, change))
            stored = self._store(change, backup, Origin.BACKUP)
        what = "was stored instead" if stored else "is stored already"
        message = f"{busy}; Lightroom's own newest backup of it {what}"
        return Kept(None, _finding(FindingKind.CATALOG_BUSY, change, message, _CLOSE), stored)


_CLOSE = "close Lightroom before the backup, or give it longer with --catalog-wait"
_REPAIR = "let Lightroom repair it, or restore a snapshot with catalog restore"


def _damaged(problem: str) -> str:
    return f"the catalog is damaged ({problem}); its last good copy in the bucket was kept"


def _finding(kind: FindingKind, change: Change, message: str, hint: str) -> Finding:
    new = change.new
    assert new is not None
    return Finding(kind, change.path, message, hint, stat=Stat(new.size, new.mtime_ns, new.ctime_ns))
