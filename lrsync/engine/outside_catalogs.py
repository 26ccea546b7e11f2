"""Keep a catalog that does not lie in the source: as snapshots only, since it has no key of its own in the tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lrsync.core.catalogs import Origin, OutsideCatalog
from lrsync.core.events import EventSink, Notice
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Failed
from lrsync.core.ports import CatalogBusyError, CatalogCopy, CatalogSource, CatalogStoppedError
from lrsync.core.scan import Stat
from lrsync.engine.catalog_snapshots import SnapshotShelf, stored_words
from lrsync.engine.catalogs import CLOSE, COPY_HINT, REPAIR, instead_words, mention_version
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectError

_BRING = "mount its drive; or take it out of --catalog ('catalogs' in the config file)"


class KeptOutside(NamedTuple):
    """What became of a catalog. `kept`: as of which stat it is in the bucket; `stored`: whether a snapshot was."""

    kept: Stat | None = None
    finding: Finding | None = None
    failed: Failed | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True)
class OutsideKeeper:
    """Keeps the catalogs outside of the source of one run. `looked` is handed each sound copy."""

    source: CatalogSource
    shelf: SnapshotShelf
    sink: EventSink
    looked: Callable[[CatalogCopy], None]
    dry_run: bool = False

    def keep(self, catalog: OutsideCatalog) -> KeptOutside:
        """Store a snapshot, if it is another than the newest.

        Raises BucketError and StoppedError, which end the run.
        """
        if catalog.stat is None:
            return _missing(catalog)
        try:
            return self._keep(catalog)
        except CatalogStoppedError:
            raise StoppedError(catalog.path) from None
        except FileNotFoundError:
            return _missing(catalog)
        except ObjectError as error:
            return _failed(catalog, f"its snapshot could not be stored: {error.message}", error.hint)
        except OSError as error:
            return _failed(catalog, f"cannot be copied: {error.strerror or error}", COPY_HINT)

    def _keep(self, catalog: OutsideCatalog) -> KeptOutside:
        try:
            with self.source.copied(catalog.path) as copy:
                if copy.problem:
                    kind, why, hint = FindingKind.CATALOG_DAMAGED, f"the catalog is damaged ({copy.problem})", REPAIR
                else:
                    return self._keep_copy(catalog, copy)
        except CatalogBusyError as busy:
            kind, why, hint = FindingKind.CATALOG_BUSY, str(busy), CLOSE
        return self._keep_backup(catalog, Finding(kind, catalog.path, why, hint, stat=catalog.stat))

    def _keep_copy(self, catalog: OutsideCatalog, copy: CatalogCopy) -> KeptOutside:
        self.looked(copy)
        mention_version(self.sink, catalog.path, copy.facts)
        if self.dry_run:
            self.sink(Notice(f"{catalog.path}: changed; a snapshot would be stored, if its content is another"))
            return KeptOutside()
        # The noted size is the live file's: the copy has in it what the log still held.
        kept = Stat(catalog.stat.size if catalog.stat else 0, copy.stat.mtime_ns, copy.stat.ctime_ns)
        return KeptOutside(kept, stored=self._store(catalog, copy, Origin.COPY))

    def _keep_backup(self, catalog: OutsideCatalog, finding: Finding) -> KeptOutside:
        """Lightroom's own newest backup is stored instead: better an older state than none."""
        if self.dry_run:
            return KeptOutside(finding=_and(finding, "nothing was copied"))
        with self.source.newest_backup(catalog.path) as backup:
            if backup is None and finding.kind is FindingKind.CATALOG_DAMAGED and self.shelf.has(catalog.path):
                return KeptOutside(finding=_and(finding, "its last good snapshot in the bucket was kept"))
            if backup is None:
                words = "no sound backup by Lightroom itself lies beside it"
                return _failed(catalog, f"{finding.message}, and {words}", finding.hint)
            stored = self._store(catalog, backup, Origin.BACKUP)
        return KeptOutside(finding=_and(finding, instead_words(stored)), stored=stored)

    def _store(self, catalog: OutsideCatalog, copy: CatalogCopy, origin: Origin) -> bool:
        note = self.shelf.store(catalog.path, copy, origin)
        if note is not None:
            self.sink(Notice(stored_words(note)))
        return note is not None


def _and(finding: Finding, more: str) -> Finding:
    return Finding(finding.kind, finding.path, f"{finding.message}; {more}", finding.hint, stat=finding.stat)


def _missing(catalog: OutsideCatalog) -> KeptOutside:
    why = f"cannot be looked at: {catalog.problem}" if catalog.problem else "is not there"
    message = f"this catalog {why}; its snapshots in the bucket stay"
    return KeptOutside(finding=Finding(FindingKind.CATALOG_MISSING, catalog.path, message, _BRING))


def _failed(catalog: OutsideCatalog, message: str, hint: str) -> KeptOutside:
    return KeptOutside(failed=Failed(catalog.path, message, hint))
