"""The full pass: list the whole prefix, find what differs from the manifest, mark it for repair.

Repairs nothing itself: a marked row makes the next diff look at the file, and that uploads it again. So a run
that dies between finding and repairing leaves the mark, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

from lrsync.core.events import EventSink, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.keys import listing_prefix
from lrsync.core.model import Drift, ManifestEntry
from lrsync.core.objects import ListedObject
from lrsync.core.plan import drift_verdict
from lrsync.core.ports import ManifestStore, ObjectStore
from lrsync.core.proof import proves_entry
from lrsync.core.runs import DriftCounts
from lrsync.engine.listing import ParallelListing, weights_of
from lrsync.errors import ObjectError, ObjectMissingError

MARK_BATCH = 500
MAX_UNKNOWN_NAMED = 100


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
    weights = weights_of(manifest.folder_counts(), head)
    listing = ParallelListing(ports.store, head, weights, threads, ports.make_pool, ports.stopping)
    manifest.begin_listing()
    count = 0
    for page in listing.pages():
        manifest.add_listed(page)
        count += len(page)
        sink(PhaseAdvanced(Phase.LISTING, count))
    return count


def mark_drift(store: ObjectStore, manifest: ManifestStore) -> DriftCounts:
    """Compare the listing with the rows and mark what the bucket lost or altered."""
    counts = DriftCounts(checked=True)
    marks: list[tuple[str, Drift | None]] = []
    # Collected first: a row must not be written while the comparison still reads.
    for entry, listed in list(manifest.compare_listing()):
        verdict = _verdict(store, manifest, entry, listed)
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


def _verdict(
    store: ObjectStore, manifest: ManifestStore, entry: ManifestEntry, listed: ListedObject | None
) -> Drift | None:
    verdict = drift_verdict(entry, listed)
    if verdict is not Drift.ALTERED or listed is None or listed.size != entry.size:
        return verdict
    # Only the ETag differs: a copy or a lifecycle rule may have rewritten the very same bytes.
    try:
        info = store.head(entry.key)
    except ObjectMissingError:
        return Drift.MISSING
    except ObjectError:
        return verdict  # nothing proves it: the file is looked at, and says so where it cannot be sent either
    if not proves_entry(info, entry):
        return verdict
    manifest.update_object(entry.path, etag=info.etag, version_id=info.version_id)
    return None


def unknown_objects(manifest: ManifestStore, counts: DriftCounts) -> Iterator[Finding]:
    """Findings for listed objects that no row explains: reported, never touched. Counts all, names the first."""
    for listed in manifest.unknown_listed():
        counts.unknown += 1
        if counts.unknown <= MAX_UNKNOWN_NAMED:
            yield Finding(
                FindingKind.UNKNOWN_OBJECT,
                listed.key,
                f"an object of {listed.size:,} bytes that lrsync did not write",
                "lrsync leaves it alone; nothing needs to be done",
            )


def unrepaired(manifest: ManifestStore) -> Iterator[Finding]:
    """Findings for rows whose object is still lost or altered."""
    for entry in manifest.drifted():
        assert entry.drift is not None
        where = "and the file is not on the disk either" if entry.missing_since is not None else "and was not repaired"
        yield Finding(
            FindingKind.DRIFT,
            entry.path,
            f"its object in the bucket is {entry.drift.value}, {where}",
            "look for an older version of the object, or another copy of the file",
        )
