"""Decide what to do about a change. Touches no disk, network or clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, assert_never

from lrsync.core.amounts import MaxDelete
from lrsync.core.filetypes import is_catalog, is_original
from lrsync.core.image_change import judge_image
from lrsync.core.keys import split_path
from lrsync.core.model import (
    Action,
    Adopt,
    Candidate,
    ChangeKind,
    Content,
    Drift,
    ManifestEntry,
    Quarantine,
    Restat,
    ServerCopy,
    Upload,
)
from lrsync.core.objects import ListedObject, ObjectInfo
from lrsync.core.proof import entry_of


def decide(candidate: Candidate) -> Action:
    """What to do about a change of a file that is there.

    The safe choice wins: a good object of an original is never replaced, and what no row explains is kept.
    """
    kind = candidate.change.kind
    match kind:
        case ChangeKind.ADDED:
            return _decide_added(candidate)
        case ChangeKind.UNSURE | ChangeKind.RETURNED:
            return _decide_unsure(candidate)
        case ChangeKind.MISSING:
            raise ValueError("a missing file has no content to decide on")
        case _:
            assert_never(kind)


def _decide_added(candidate: Candidate) -> Action:
    change, content = candidate.change, candidate.content
    if candidate.existing is not None:
        return _decide_over_existing(candidate, candidate.existing)
    if candidate.twin is not None:
        return ServerCopy(change, content, candidate.twin)
    return Upload(change, content)


def _decide_over_existing(candidate: Candidate, existing: ObjectInfo) -> Action:
    """An object lies under this key, and no row proves what it holds."""
    change, content = candidate.change, candidate.content
    if candidate.existing_is_same:
        return Adopt(change, content, existing)
    # With the manifest lost, the object may be the last good copy of what rotted on the disk.
    if candidate.existing_is_other and (
        is_original(split_path(change.path)[1]) or kept_its_time(entry_of(change.path, existing), content)
    ):
        return Quarantine(change, content, existing)
    return Upload(change, content, replaces=True)


def _decide_unsure(candidate: Candidate) -> Action:
    change, content, old = candidate.change, candidate.content, candidate.change.old
    assert old is not None
    if candidate.existing is not None and (old.sha256 is None or candidate.existing_is_same):
        return _decide_over_existing(candidate, candidate.existing)
    if content.sha256 == old.sha256:
        if old.drift is not None:
            return Upload(change, content, replaces=candidate.existing is not None or old.drift is Drift.ALTERED)
        return Restat(change, content, changed=content.stat != old.stat or old.missing_since is not None)
    if is_rot(old, content):
        # Looked into only because its object is lost or altered: sent to mend that, it would pass for the photo.
        return Quarantine(change, content)
    # With its object gone there is nothing good left to protect: what the disk has is the only copy. Unless an object
    # is there after all: somebody may have brought the good one back since it was marked as missing.
    is_lost = old.drift is Drift.MISSING and candidate.existing is None
    if old.sha256 is not None and not is_lost and _is_to_be_protected(old, content):
        return Quarantine(change, content, candidate.existing)
    return Upload(change, content, replaces=candidate.existing is not None or old.drift is not Drift.MISSING)


def _is_to_be_protected(old: ManifestEntry, content: Content) -> bool:
    """Whether these other bytes must not replace the recorded ones by themselves."""
    return (
        is_original(split_path(old.path)[1]) or judge_image(old, content).is_suspicious or kept_its_time(old, content)
    )


def kept_its_time(told: ManifestEntry, content: Content) -> bool:
    """Whether a file has other bytes than its object, and the size and the time that the object itself tells of.

    A row that was made of nothing but the object has no change time and no image data to compare with. This is what
    rot looks like then: whoever edits a file moves its time on. Not so SQLite, which may write to a log beside it.
    """
    is_of_object = not told.settled and told.verified_at is None and told.mtime_ns != 0
    facts = (content.stat.size, content.stat.mtime_ns)
    return (
        is_of_object
        and (told.size, told.mtime_ns) == facts
        and told.sha256 != content.sha256
        and not is_catalog(told.path)
    )


def is_rot(old: ManifestEntry, content: Content) -> bool:
    """Whether a file went bad without being written: other bytes under the very stat with which it was recorded."""
    return old.sha256 is not None and old.settled and content.stat == old.stat and content.sha256 != old.sha256


def outlived_its_object(old: ManifestEntry | None, content: Content) -> bool:
    """Whether this is an original with other bytes than were backed up, of which the bucket lost the good object.

    Or a photo whose image data looks damaged.
    """
    return (
        old is not None
        and old.sha256 not in (None, content.sha256)
        and old.drift is Drift.MISSING
        and _is_to_be_protected(old, content)
    )


@dataclass(frozen=True, slots=True)
class DeleteFacts:
    """What the guards look at. `moved` files are missing here but present, with the same bytes, elsewhere.

    `from_future`: how many more are gone since a time that is still to come.
    """

    known: int
    missing: int
    moved: int
    scan_complete: bool
    scanned_files: int
    source_proven: bool
    transfers_failed: int
    mass_change: bool = False
    from_future: int = 0


def check_guards(facts: DeleteFacts, max_delete: MaxDelete) -> list[str]:
    """Why nothing may be deleted now, a sentence each; empty when every guard agrees."""
    refusals = []
    if not facts.scan_complete:
        refusals.append("some folders could not be read, so what is gone is not certain")
    if not facts.source_proven:
        refusals.append("nothing proves that this is the right drive")
    if facts.scanned_files == 0:
        refusals.append("the source is empty")
    if facts.transfers_failed:
        refusals.append(f"{facts.transfers_failed:,} files could not be backed up in this run")
    if facts.mass_change:
        refusals.append("far more files changed than on any ordinary day")
    if facts.from_future:
        refusals.append(f"by this computer's clock {facts.from_future:,} of the files that are gone went in the future")
    gone, limit = facts.missing - facts.moved, max_delete.limit(facts.known)
    if gone > limit:
        refusals.append(f"{gone:,} of {facts.known:,} files are gone, and --max-delete allows {limit:,}")
    return refusals


MASS_CHANGE_FILES: Final = 50
MASS_CHANGE_SHARE: Final = 0.30
"""More changed files than both is not a day's work: ransomware, a broken script, a bad batch edit."""


def known_that_matter(changed: int) -> int:
    """Of more known files than these, so many that changed are no mass change."""
    return int(changed / MASS_CHANGE_SHARE) + 1


def is_mass_change(changed: int, known: int) -> bool:
    """Whether so many of the known files changed their content in one run that nothing may be overwritten."""
    return changed > MASS_CHANGE_FILES and changed > known * MASS_CHANGE_SHARE


def overwrites(action: Action, candidate: Candidate) -> bool:
    """Whether this action replaces bytes that are known, by a row or by what S3 says, by other ones."""
    if not isinstance(action, Upload):
        return False
    old = action.change.old
    if old is None or old.sha256 is None:
        return candidate.existing_is_other
    return old.sha256 != action.content.sha256


def drift_verdict(entry: ManifestEntry, listed: ListedObject | None) -> Drift | None:
    """How a listing differs from a row. Another ETag alone may still be the same bytes: HEAD tells."""
    if listed is None:
        return Drift.MISSING
    if listed.size != entry.size or (entry.etag and listed.etag and listed.etag != entry.etag):
        return Drift.ALTERED
    return None
