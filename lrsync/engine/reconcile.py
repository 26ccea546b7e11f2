"""The full pass: list the whole prefix, find what differs from the manifest, mark it for repair.

Repairs nothing itself: a marked row makes the next diff look at the file, and that uploads it again. So a run
that dies between finding and repairing leaves the mark, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import KeyProblem, join_path, key_for, listing_prefix
from lrsync.core.model import Drift, ManifestEntry
from lrsync.core.objects import ListedObject, ObjectInfo
from lrsync.core.plan import drift_verdict
from lrsync.core.ports import ManifestStore, ObjectStore
from lrsync.core.proof import proves_entry
from lrsync.core.ranges import places
from lrsync.core.runs import DriftCounts
from lrsync.engine.listing import Known, ParallelListing, weights_of
from lrsync.errors import BucketError, ObjectError, ObjectMissingError

MARK_BATCH = 500
MAX_UNKNOWN_NAMED = 100
PROVEN_GONE = 100
"""So many objects in a row that a listing leaves out and that are not there: then it is believed of all others."""


@dataclass(frozen=True, slots=True)
class ListingPorts:
    """What a listing needs of a run."""

    store: ObjectStore
    manifest: ManifestStore
    make_pool: Callable[[int], Executor]
    sink: EventSink
    stopping: Callable[[], bool]


def take_listing(ports: ListingPorts, prefix: str, *, threads: int) -> int:
    """List everything below the prefix into the manifest's scratch table; returns the number of objects told."""
    head, sink, manifest = listing_prefix(prefix), ports.sink, ports.manifest
    sink(PhaseStarted(Phase.LISTING))
    known = known_keys(manifest, prefix)
    listing = ParallelListing(ports.store, head, known, threads, ports.make_pool, ports.stopping)
    manifest.begin_listing()
    count = 0
    for page in listing.pages():
        manifest.add_listed(page)
        count += len(page)
        sink(PhaseAdvanced(Phase.LISTING, count))
    return count


def known_keys(manifest: ManifestStore, prefix: str) -> Known:
    """What the rows tell of the keys that are to be listed."""
    counts = manifest.folder_counts()
    return Known(
        sum(counts.values()),
        borders=lambda every: list(_borders(manifest, prefix, places(counts, every))),
        weights=lambda: weights_of(counts, listing_prefix(prefix)),
    )


def _borders(manifest: ManifestStore, prefix: str, cuts: Iterable[tuple[str, int]]) -> Iterator[str]:
    for folder, number in cuts:
        try:
            key = key_for(prefix, join_path(folder, manifest.name_at(folder, number)))
        except KeyProblem:
            continue  # a file that could never be stored: its neighbours' ranges are one
        # A control character in a request's parameters breaks the answer of some stores.
        if key.isprintable():
            yield key


def mark_drift(store: ObjectStore, manifest: ManifestStore) -> DriftCounts:
    """Compare the listing with the rows and mark what the bucket lost or altered."""
    counts = DriftCounts(checked=True)
    marks: list[tuple[str, Drift | None]] = []
    judge = _Judge(store, manifest)
    # The comparison is of the moment when it began: rows may be written meanwhile.
    for entry, listed in manifest.compare_listing():
        verdict = judge.verdict(entry, listed)
        if verdict is None and entry.drift is Drift.ALTERED:
            # Bytes that rot in the bucket keep their size and ETag: a listing must not take back what was read.
            verdict = Drift.ALTERED
        counts.missing += verdict is Drift.MISSING
        counts.altered += verdict is Drift.ALTERED
        if verdict is not entry.drift:
            marks.append((entry.path, verdict))
        if len(marks) >= MARK_BATCH:
            manifest.set_drift(marks)
            marks = []
    manifest.set_drift(marks)
    return counts


@dataclass(slots=True)
class _Judge:
    """Says of each row that the listing does not confirm what became of its object."""

    store: ObjectStore
    manifest: ManifestStore
    gone: int = 0
    """How many in a row were looked for under their keys and are not there."""

    def verdict(self, entry: ManifestEntry, listed: ListedObject | None) -> Drift | None:
        """None where the object is there and is the row's."""
        if listed is None:
            return self._of_unlisted(entry)
        verdict = drift_verdict(entry, listed)
        if verdict is not Drift.ALTERED or listed.size != entry.size:
            return verdict
        # Only the ETag differs: a copy or a lifecycle rule may have rewritten the very same bytes.
        try:
            return self._of_object(entry, self.store.head(entry.key))
        except ObjectMissingError:
            return Drift.MISSING
        except ObjectError:
            return verdict  # nothing proves it: the file is looked at, and says so where it cannot be sent either

    def _of_unlisted(self, entry: ManifestEntry) -> Drift | None:
        """A listing that leaves out what is there leaves out more than one: the first are looked for themselves."""
        if self.gone >= PROVEN_GONE:
            return Drift.MISSING
        try:
            info = self.store.head(entry.key)
        except ObjectMissingError:
            self.gone += 1
        except ObjectError:
            return Drift.MISSING
        except BucketError:
            # Who may list the prefix only is not told what is not there (403): the listing is all there is to know.
            self.gone = PROVEN_GONE
        else:
            self.gone = 0
            listed = ListedObject(info.key, info.size, info.etag, info.storage_class, info.last_modified_ns)
            self.manifest.add_listed([listed])
            verdict = drift_verdict(entry, listed)
            return self._of_object(entry, info) if verdict is Drift.ALTERED and info.size == entry.size else verdict
        return Drift.MISSING

    def _of_object(self, entry: ManifestEntry, info: ObjectInfo) -> Drift | None:
        if not proves_entry(info, entry):
            return Drift.ALTERED
        self.manifest.update_object(entry.path, etag=info.etag, version_id=info.version_id)
        return None


def unknown_objects(manifest: ManifestStore, counts: DriftCounts) -> Iterator[Finding]:
    """Findings for listed objects that no row explains: reported, never touched. Counts all, names the first."""
    for listed in manifest.unknown_listed():
        counts.unknown += 1
        if counts.unknown <= MAX_UNKNOWN_NAMED:
            yield Finding(
                FindingKind.UNKNOWN_OBJECT,
                listed.key,
                f"an object of {listed.size:,} bytes that the manifest knows nothing of",
                "lrsync leaves it alone; after a manifest was lost, rebuild-manifest tells which of these lrsync wrote",
            )


def unrepaired(manifest: ManifestStore, counts: DriftCounts) -> Iterator[Finding]:
    """Findings for rows whose object is still lost or altered. Counts those whose file is gone as well."""
    for entry in manifest.drifted():
        assert entry.drift is not None
        is_gone = entry.missing_since is not None
        counts.lost += is_gone
        where = "and the file is not on the disk either" if is_gone else "and was not repaired"
        yield Finding(
            FindingKind.DRIFT,
            entry.path,
            f"its object in the bucket is {entry.drift.value}, {where}",
            "look for an older version of the object, or another copy of the file",
        )
