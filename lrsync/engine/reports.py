"""The findings of a run, in words. One place, so that they read alike."""

from __future__ import annotations

from typing import Final

from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.model import Change, Content, ManifestEntry
from lrsync.core.plan import is_rot

_LOOK: Final = "look at it, and copy it from the card again while the card has it; accept it if it is as it should be"


def mass_change(changed: int) -> Finding:
    """So many files changed that nothing was overwritten."""
    return Finding(
        FindingKind.MASS_CHANGE,
        "",
        f"{changed:,} files changed their content at once, so nothing in the bucket was overwritten",
        "is it ransomware, or a program gone wrong? If the change is meant, run once with --accept-mass-change",
    )


def suspect_original(path: str, why: str, content: Content) -> Finding:
    """An original that may not be what it was, and of which the bucket has no good copy."""
    return Finding(
        FindingKind.SUSPECT_ORIGINAL,
        path,
        f"this original {why}; it was backed up as it is",
        _LOOK,
        quarantined=QuarantinedContent(path, content.stat, content.sha256),
    )


def import_differs(row: ManifestEntry, imported_bytes: int) -> Finding:
    """A new original that has another size than the one that Lightroom noted when it imported it."""
    assert row.sha256 is not None, "it was uploaded just now"
    return Finding(
        FindingKind.SUSPECT_ORIGINAL,
        row.path,
        f"this original has {row.size:,} bytes, and had {imported_bytes:,} when Lightroom imported it; it was backed "
        "up as it is",
        _LOOK,
        quarantined=QuarantinedContent(row.path, row.stat, row.sha256),
    )


def quarantined(change: Change, content: Content) -> Finding:
    """A file whose bytes were not sent: an original's that were changed, or any file's that went bad."""
    old = change.old
    if old is not None and is_rot(old, content):
        return rot(old, content.sha256)
    good = old is None or old.drift is None
    kept = "the good object in the bucket was kept" if good else "and its object in the bucket is not the good one"
    return Finding(
        FindingKind.ORIGINAL_CHANGED,
        change.path,
        f"this original's bytes changed; {kept}",
        "look at the file: if it is damaged, restore it; if the change is meant, accept it",
        quarantined=QuarantinedContent(change.path, content.stat, content.sha256),
    )


def unproven_objects(count: int) -> Finding:
    """Objects of which an adoption knows nothing but their size."""
    what = "object has" if count == 1 else "objects have"
    return Finding(
        FindingKind.UNPROVEN,
        "",
        f"{count:,} {what} the size of the file and nothing that proves the bytes",
        "the next sync sends these files again and keeps the old objects; adopt --unproven download compares the bytes "
        "instead, and --unproven trust takes them as they are",
    )


def rot(entry: ManifestEntry, found: bytes) -> Finding:
    """A file that nobody wrote, and that has other bytes all the same; `found` is their sha256."""
    where = "the bucket has the good ones" if entry.has_good_object else "and the bucket has no good ones either"
    return Finding(
        FindingKind.ROT,
        entry.path,
        f"its bytes on the disk went bad without being written; {where}",
        "bring the good bytes back with restore --in-place, and check the drive's health",
        quarantined=QuarantinedContent(entry.path, entry.stat, found),
    )
