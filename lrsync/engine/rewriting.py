"""Give adopted objects lrsync's own metadata, by copying each onto itself inside the bucket.

Then the bucket alone knows every file's time and sha256. Only objects that are proven, and none in an archive class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrsync.core.adoption import ASLEEP, add_by_class
from lrsync.core.events import Notice, Phase, PhaseAdvanced, PhaseStarted
from lrsync.core.keys import RESERVED, listing_prefix
from lrsync.core.model import Content, Drift, Failed, ManifestEntry
from lrsync.core.objects import ObjectInfo, Stored
from lrsync.core.parts import MAX_COPY_BYTES, SINGLE_PUT_LIMIT, object_metadata
from lrsync.core.ports import RacedError
from lrsync.errors import ObjectArchivedError, ObjectChangedError, ObjectError, ObjectMissingError

if TYPE_CHECKING:
    from lrsync.engine.adopt import Adoption


@dataclass(frozen=True, slots=True)
class _Asked:
    """What HEAD says of one row's object; None where nothing need be done about it."""

    entry: ManifestEntry
    info: ObjectInfo | None


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """What came of one."""

    entry: ManifestEntry
    stored: Stored | None = None
    failed: Failed | None = None
    drift: Drift | None = None


def rewrite_metadata(run: Adoption) -> None:
    """Find the objects that lack it, ask, and rewrite them. Raises BucketError and StoppedError."""
    large = _count(run)
    counts = run.counts.to_rewrite
    if not counts or run.options.dry_run or not run.ports.agree(counts):
        return
    takes_all = large is None or _copies_parts(run, large)
    run.ports.sink(PhaseStarted(Phase.REWRITING, sum(objects for objects, _ in counts.values())))
    asked = (one for one in _lacking(run) if takes_all or one.entry.size <= MAX_COPY_BYTES)
    for done, rewritten in enumerate(run.in_parallel(_Rewriter(run).rewrite, asked), start=1):
        _take(run, rewritten)
        run.ports.sink(PhaseAdvanced(Phase.REWRITING, done))


def _copies_parts(run: Adoption, large: ManifestEntry) -> bool:
    """Whether the store really copies in parts, tried with one object that is so large, to another key.

    There are stores that say so, and make other bytes of it: onto itself that would be the only object.
    """
    store, key = run.store(), f"{listing_prefix(run.options.prefix)}{RESERVED}probe/copy-{run.started_ns}"
    try:
        store.copy(large, key, _Rewriter(run).content(large))
    except (ObjectError, RacedError, OSError) as error:
        run.ports.sink(Notice(f"objects over 5 GiB get no metadata: the store does not copy in parts ({error})"))
        return False
    store.delete(key)
    return True


def _count(run: Adoption) -> ManifestEntry | None:
    """Count the objects that lack metadata, by storage class; one of those that are copied in parts.

    In a dry run those without a row are counted already.
    """
    run.ports.sink(PhaseStarted(Phase.HEADING))
    large = None
    for asked in _lacking(run):
        add_by_class(run.counts.to_rewrite, asked.entry.storage_class, asked.entry.size)
        large = asked.entry if asked.entry.size > MAX_COPY_BYTES else large
    return large


def _lacking(run: Adoption) -> Iterator[_Asked]:
    rewriter = _Rewriter(run)
    return (asked for asked in run.in_parallel(rewriter.ask, _proven(run)) if asked.info is not None)


def _proven(run: Adoption) -> Iterator[ManifestEntry]:
    for entry in run.ports.manifest.entries():
        run.check_stop()
        if entry.has_good_object and entry.missing_since is None and entry.storage_class not in ASLEEP:
            yield entry


@dataclass(frozen=True, slots=True)
class _Rewriter:
    """Asks about and rewrites objects one by one; in worker threads."""

    run: Adoption

    def ask(self, entry: ManifestEntry) -> _Asked:
        """Whether this object lacks lrsync's metadata."""
        self.run.check_stop()
        try:
            info = self.run.store().head(entry.key)
        except (ObjectMissingError, ObjectError):
            return _Asked(entry, None)  # a sync's full pass says what is wrong with it
        wanted = object_metadata(_content(entry))
        is_same = info.etag == entry.etag and info.size == entry.size
        return _Asked(entry, info if is_same and not wanted.items() <= info.metadata.items() else None)

    def rewrite(self, asked: _Asked) -> _Rewritten:
        """Rewrite one. What the store does not prove to be the same bytes is marked for the next sync to mend."""
        self.run.check_stop()
        entry = asked.entry
        try:
            return _Rewritten(entry, self.run.store().rewrite(entry, self.content(entry)))
        except (ObjectMissingError, ObjectChangedError):
            return _Rewritten(entry, drift=Drift.ALTERED, failed=_failed(entry, "changed in the bucket meanwhile"))
        except ObjectArchivedError:
            return _Rewritten(entry)
        except ObjectError as error:
            unproven = error.code == "CopyUnverified"
            return _Rewritten(entry, drift=Drift.ALTERED if unproven else None, failed=_failed(entry, error.message))
        except RacedError:
            return _Rewritten(entry, failed=_failed(entry, "was being written while it was read"))
        except OSError as error:
            return _Rewritten(entry, failed=_failed(entry, f"cannot be read: {error.strerror or error}"))

    def content(self, entry: ManifestEntry) -> Content:
        """Of an object that is copied in parts the file is read again: S3 then checks the CRC32 of the whole."""
        if entry.size <= MAX_COPY_BYTES:
            return _content(entry)
        content = self.run.ports.tree.read(entry.path, hold_below=0, part_size=SINGLE_PUT_LIMIT)
        if content.sha256 != entry.sha256:
            raise RacedError(f"{entry.path} has other bytes now")
        return content


def _content(entry: ManifestEntry) -> Content:
    assert entry.sha256 is not None
    return Content(entry.stat, entry.sha256, crc32=0, was_read=False)


def _failed(entry: ManifestEntry, message: str) -> Failed:
    hint = "the file is on the disk: the next sync looks at its object again"
    return Failed(entry.path, f"its object got no metadata: {message}", hint, transfer=True)


def _take(run: Adoption, rewritten: _Rewritten) -> None:
    entry, manifest = rewritten.entry, run.ports.manifest
    if rewritten.failed is not None:
        run.summary.errors.append(rewritten.failed)
        run.summary.actions.failed += 1
    if rewritten.drift is not None:
        manifest.set_drift([(entry.path, rewritten.drift)])
    if rewritten.stored is not None:
        manifest.update_object(entry.path, etag=rewritten.stored.etag, version_id=rewritten.stored.version_id)
        run.counts.rewritten.add(entry.size)
        run.summary.actions.copied += 1
