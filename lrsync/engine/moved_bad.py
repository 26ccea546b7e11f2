"""Files that were moved with bad bytes in them: what was found at the old path still stands, and the good object stays.

Whoever moves such a file leaves its only good bytes behind, in the bucket, under a path where no file is any more.
"""

from __future__ import annotations

from dataclasses import replace

from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.model import ManifestEntry
from lrsync.core.ports import ManifestStore


def place_of(manifest: ManifestStore, row: ManifestEntry, bad: QuarantinedContent) -> str | None:
    """Where the bytes that were found bad lie now that their file is gone; None where they are not on the disk."""
    if row.missing_since is None:
        return None
    twin = manifest.find_twin(bad.sha256)
    return None if twin is None or twin.missing_since is not None else twin.path


def standing(manifest: ManifestStore, finding: Finding) -> Finding | None:
    """What a finding of bad bytes, which this run did not make anew, is tonight; None where it is over."""
    row, bad = manifest.row(finding.path), finding.quarantined
    if row is None or bad is None:
        return None
    if row.missing_since is None:
        # Rot has the recorded stat: only a look into the file can tell that it is over.
        return finding if finding.kind is FindingKind.ROT else None
    place = place_of(manifest, row, bad)
    if place is None:
        return None  # removed: whoever does that has decided
    hint = f"these bytes are {place} now: restore --in-place brings the good ones back; accept keeps the others alone"
    return replace(finding, hint=hint)


def spared(manifest: ManifestStore) -> set[str]:
    """The paths of missing files whose objects must stay: the file was moved, and took bad bytes along."""
    found = {**manifest.quarantined(FindingKind.ROT), **manifest.quarantined()}
    rows = ((manifest.row(path), bad) for path, bad in found.items())
    return {row.path for row, bad in rows if row is not None and place_of(manifest, row, bad) is not None}
