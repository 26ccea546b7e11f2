"""What an adoption looks at: the files that no row proves, and the objects that no file explains. Reads no file."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from lrsync.core.adoption import AdoptCounts
from lrsync.core.diff import diff_directory, same_facts
from lrsync.core.events import EventSink, FindingRaised, Phase, PhaseStarted, Scanned, WorkFound
from lrsync.core.filetypes import is_catalog
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.keys import KeyProblem, join_path, path_for, split_path
from lrsync.core.model import Change, ChangeKind, Failed, ManifestEntry
from lrsync.core.objects import ListedObject
from lrsync.core.ports import ManifestStore, SourceTree
from lrsync.core.runs import RunSummary
from lrsync.core.scan import ScannedDir
from lrsync.engine import reports
from lrsync.engine.reconcile import MAX_UNKNOWN_NAMED

_HINT = "lrsync leaves it alone; nothing needs to be done"


@dataclass(slots=True)
class AdoptWalk:
    """One look at the source and at the listing, and what it counts. Used by the coordinating thread."""

    tree: SourceTree
    manifest: ManifestStore
    sink: EventSink
    check_stop: Callable[[], None]
    summary: RunSummary
    counts: AdoptCounts
    _aliases: dict[str, str] = field(default_factory=dict)
    """How the disk spells the names that are not NFC: keys cannot tell."""

    def candidates(self) -> Iterator[Change]:
        """The files that no row proves, but for catalogs and quarantined originals."""
        quarantined = self.manifest.quarantined()
        for scanned in self.tree.walk():
            self.check_stop()
            yield from self._unknown(scanned, quarantined)
        self.sink(PhaseStarted(Phase.COMPARING))

    def _unknown(self, scanned: ScannedDir, quarantined: Mapping[str, QuarantinedContent]) -> Iterator[Change]:
        self._count_scanned(scanned)
        rows = self.manifest.rows(scanned.path)
        self._count_trusted(scanned, rows)
        for change in diff_directory(scanned, rows):
            new, old = change.new, change.old
            if new is None or _is_as_recorded(change):
                continue
            self.counts.known.take(new.size)
            if is_catalog(new.name):
                self.counts.catalogs.add(new.size)
            elif change.path in quarantined:
                self._still_differs(change.path, new.size, quarantined[change.path])
            elif change.kind is not ChangeKind.ADDED and (old is None or old.sha256 is not None):
                self.counts.changed.add(new.size)
            elif new.name not in scanned.colliding:
                self.sink(WorkFound(change.path, new.size))
                yield change

    def _still_differs(self, path: str, size: int, known: QuarantinedContent) -> None:
        """An original that waits for a decision since an earlier run: it is told again, as every sync does."""
        self.counts.differ(path, size)
        finding = reports.still_quarantined(known)
        self.summary.findings.append(finding)
        self.sink(FindingRaised(finding))

    def _count_scanned(self, scanned: ScannedDir) -> None:
        scan, columns = self.summary.scan, scanned.columns
        scan.add(scanned)
        self.counts.known.files += len(columns.names)
        self.counts.known.bytes += sum(columns.sizes)
        self.sink(Scanned(scan.directories, scan.files, scan.bytes))
        for problem in scanned.problems:
            self.summary.errors.append(Failed(problem.path, problem.message, problem.hint))
        for name in columns.names:
            path = join_path(scanned.path, name)
            if not path.isascii() and not unicodedata.is_normalized("NFC", path):
                self._aliases[unicodedata.normalize("NFC", path)] = path

    def _count_trusted(self, scanned: ScannedDir, rows: list[ManifestEntry]) -> None:
        trusted = {split_path(row.path)[1]: row for row in rows if row.sha256 is None and row.settled}
        if trusted:
            for new in scanned.files:
                row = trusted.get(new.name)
                if row is not None and same_facts(new, row):
                    self.counts.known.take(new.size)
                    self.counts.trusted.add(new.size)

    # --- objects without a file ---------------------------------------------------------------------------

    def count_strangers(self, prefix: str) -> None:
        """Count the objects that no file of the source explains; the first of them become findings."""
        for listed in self.manifest.unknown_listed():
            self.check_stop()
            finding = self._stranger(prefix, listed)
            if finding is None:
                continue
            self.summary.drift.unknown += 1
            self.counts.strangers.add(listed.size)
            if self.summary.drift.unknown <= MAX_UNKNOWN_NAMED:
                self.summary.findings.append(finding)

    def _stranger(self, prefix: str, listed: ListedObject) -> Finding | None:
        """Why no file explains this object; None where one does. Counts those of files that the rules leave out."""
        if listed.key.endswith("/") and not listed.size:
            return None  # a console's sign for a folder
        try:
            path = path_for(prefix, listed.key)
            spelt = self._aliases.get(unicodedata.normalize("NFC", path), path)
            there = self.tree.stat(spelt) or self.tree.stat(unicodedata.normalize("NFC", path))
        except KeyProblem as problem:
            return Finding(FindingKind.UNKNOWN_OBJECT, listed.key, str(problem), _HINT)
        except OSError:
            return None  # unknown is not missing
        if there is None:
            message = f"an object of {listed.size:,} bytes, and no file of the source has its name"
            return Finding(FindingKind.UNKNOWN_OBJECT, listed.key, message, _HINT)
        if self.tree.is_excluded(spelt):
            self.counts.left_out.add(listed.size)
        return None


def _is_as_recorded(change: Change) -> bool:
    """Whether the file is still what its proven row says: a row that is only to be hashed once more is no change."""
    new, old = change.new, change.old
    if new is None or old is None or change.kind is ChangeKind.ADDED:
        return False
    return old.sha256 is not None and old.drift is None and same_facts(new, old)
