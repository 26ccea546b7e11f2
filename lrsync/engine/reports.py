"""The findings of a run, in words. One place, so that they read alike."""

from __future__ import annotations

from typing import Final

from lrsync.core.filetypes import is_original
from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
from lrsync.core.image_change import ImageChange, disowns_its_data, judge_image
from lrsync.core.model import Content, Drift, ManifestEntry, Quarantine
from lrsync.core.plan import is_rot, kept_its_time

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


def quarantined(action: Quarantine) -> Finding:
    """A file whose bytes were not sent: an original's that were changed, or any file's that went bad."""
    old, content = action.change.old, action.content
    if old is not None and is_rot(old, content):
        return rot(old, content.sha256, is_intact=judge_image(old, content) is ImageChange.INTACT)
    return Finding(
        FindingKind.ORIGINAL_CHANGED,
        action.change.path,
        action.told or _what_is_told(action),
        _DECIDE,
        quarantined=QuarantinedContent(action.change.path, content.stat, content.sha256),
    )


def _what_is_told(action: Quarantine) -> str:
    old = action.change.old
    if not _is_anothers(old):
        return f"{_what_changed(action)}; {_what_stays(action)}"
    if is_original(action.change.path):
        return _OTHER_BYTES
    return f"{_what_changed(action)}; neither was touched"


def _what_stays(action: Quarantine) -> str:
    old = action.change.old
    if old is None or old.drift is None:
        return "the good object in the bucket was kept"
    if old.drift is Drift.MISSING and action.existing is not None:
        return "its object, which the bucket had lost, is there again, and was kept"
    return "and its object in the bucket is not the good one"


def still_quarantined(known: QuarantinedContent) -> Finding:
    """The same of a file that nobody has decided on since an earlier run."""
    return Finding(FindingKind.ORIGINAL_CHANGED, known.path, known.told or _OTHER_BYTES, _DECIDE, quarantined=known)


_DECIDE: Final = "look at the file: if it is damaged, restore it; if the change is meant, accept it"
_OTHER_BYTES: Final = "the object in the bucket has other bytes than this original; neither was touched"


def _is_anothers(old: ManifestEntry | None) -> bool:
    """Whether nothing says that the object ever held this file's bytes: then nobody knows which are the good ones."""
    return old is None or old.sha256 is None


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


def _what_changed(action: Quarantine) -> str:
    old, content = action.change.old, action.content
    if is_original(action.change.path):
        return "this original's bytes changed"
    if old is None or kept_its_time(old, content):
        return "this file has other bytes than its object, and the same size and time: no program edits it like that"
    match judge_image(old, content):
        case ImageChange.BROKEN:
            return f"this photo {content.image_problem}, and was whole when it was backed up"
        case ImageChange.SPOILT:
            return "this photo's image data has other bytes, and is just as long: no program edits it like that"
        case ImageChange.SAME_SIZE:
            return "this photo's image data changed, and the file is just as long: no program edits it like that"
        case ImageChange.UNDATED:
            return "this photo's image data changed, and its time did not move on"
        case ImageChange.NOT_ITS_OWN if disowns_its_data(old, content):
            return "this DNG's image data changed, and the digest that it has of it did not: it is damaged"
        case ImageChange.NOT_ITS_OWN:
            return "this DNG's image data changed"
        case ImageChange.UNKNOWN | ImageChange.INTACT | ImageChange.EDITED:
            return "this file's bytes changed"


_INTACT: Final = "; its image data is intact: only what is written beside it went bad"


def rot(entry: ManifestEntry, found: bytes, *, is_intact: bool = False) -> Finding:
    """A file that nobody wrote, and that has other bytes all the same; `found` is their sha256.

    `is_intact`: its image data is still what was backed up.
    """
    where = "the bucket has the good ones" if entry.has_good_object else "and the bucket has no good ones either"
    return Finding(
        FindingKind.ROT,
        entry.path,
        f"its bytes on the disk went bad without being written; {where}{_INTACT if is_intact else ''}",
        "bring the good bytes back with restore --in-place, and check the drive's health",
        quarantined=QuarantinedContent(entry.path, entry.stat, found),
    )
