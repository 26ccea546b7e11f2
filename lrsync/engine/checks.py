"""Check one file against its row: on the disk, by what S3 says, and by its bytes. Writes nothing.

Runs in worker threads. What is wrong with one file comes back as a value; what ends the run is raised.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from lrsync.core.diff import same_facts
from lrsync.core.filetypes import LOG_SUFFIXES, is_catalog
from lrsync.core.findings import Finding
from lrsync.core.imagedata import ImageData, ImageHasher, NotWholeError
from lrsync.core.imagedata import unpack as unpack_image
from lrsync.core.images import has_image_data, image_hasher
from lrsync.core.model import Drift, Failed, ManifestEntry
from lrsync.core.ports import ObjectStore, RacedError, SourceTree
from lrsync.core.requests import VerifyRequest
from lrsync.core.scan import Stat
from lrsync.core.verdict import judge_object
from lrsync.engine import reports
from lrsync.engine.fetching import demand_object
from lrsync.engine.stop import StoppedError
from lrsync.errors import ObjectArchivedError, ObjectError, ObjectMissingError

ATTEMPTS = 2
"""How often bytes must be read wrong: what was damaged on the way, or in memory, is not damage of what is stored."""
PIECE_BYTES = 4 << 20


@dataclass(slots=True)
class Check:
    """What was found out about one file. Bytes as they were read, from the disk and from S3."""

    entry: ManifestEntry
    head_proven: bool = False
    read_proven: bool = False
    disk_proven: bool = False
    drift: Drift | None = None
    why: str = ""
    rot: Finding | None = None
    failures: list[Failed] = field(default_factory=list)
    changed: bool = False
    gone: bool = False
    archived: bool = False
    unproven: bool = False
    image: ImageData | None = None
    """What identifies the image data of the file that was read; None where it is no photo of which that is told."""
    new_etag: str | None = None
    new_version: str | None = None
    bytes_read: int = 0

    @property
    def object_proven(self) -> bool:
        """Whether S3 was shown to hold the row's bytes, by what it says or by the bytes themselves."""
        return self.drift is None and (self.head_proven or self.read_proven)

    @property
    def learned(self) -> bytes | None:
        """What its row did not know of its image data, and now can."""
        is_new = self.disk_proven and self.image is not None and self.entry.image is None
        return self.image.pack() if is_new and self.image is not None else None

    @property
    def is_intact(self) -> bool:
        """Whether its image data is what was backed up, whatever became of the rest."""
        recorded = None if self.entry.image is None else unpack_image(self.entry.image)
        return recorded is not None and self.image is not None and self.image.digest == recorded.digest

    def is_proven(self, request: VerifyRequest) -> bool:
        """Whether all that was asked for holds. A file that is gone has nothing on the disk to prove."""
        on_disk = self.disk_proven or self.entry.missing_since is not None
        return (
            self.drift is None
            and (self.head_proven or not request.remote)
            and (self.read_proven or not request.download)
            and (on_disk or not request.local)
        )

    def fail(self, message: str, hint: str) -> None:
        """It could not be looked at."""
        self.failures.append(Failed(self.entry.path, message, hint))


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks files one by one. One for all workers of a run."""

    request: VerifyRequest
    tree: SourceTree | None
    store: Callable[[], ObjectStore]
    stopping: Callable[[], bool]

    def check(self, entry: ManifestEntry) -> Check | None:
        """Everything the request asks for; None once the user wants to stop. Raises BucketError."""
        check = Check(entry)
        try:
            self._check_stop()
            if self.request.remote or self.request.download:
                self._check_object(check)
            if self.request.local and entry.missing_since is None:
                self._check_disk(check)
        except StoppedError:
            return None
        return check

    def _check_stop(self) -> None:
        if self.stopping():
            raise StoppedError("verifying")

    # --- the object -------------------------------------------------------------------------------------

    def _check_object(self, check: Check) -> None:
        try:
            if self.request.remote:
                self._check_head(check)
            if self.request.download and check.drift is None:
                self._check_bytes(check)
        except ObjectMissingError:
            check.drift = Drift.MISSING
        except ObjectArchivedError:
            check.archived = True
        except ObjectError as error:
            check.fail(f"its object could not be read: {error.message}", error.hint)
        if check.drift is None and check.entry.drift is Drift.ALTERED and not check.read_proven:
            # Bytes that rot in the bucket keep their size, ETag and checksum: only reading them takes this back.
            check.drift, check.why = Drift.ALTERED, "an earlier check found other bytes in it"

    def _check_head(self, check: Check) -> None:
        info = self.store().head(check.entry.key)
        verdict = judge_object(info, check.entry)
        check.drift, check.why, check.head_proven = verdict.drift, verdict.why, verdict.proven
        check.unproven = verdict.drift is None and not verdict.proven
        if verdict.proven and info.etag and info.etag != check.entry.etag:
            check.new_etag, check.new_version = info.etag, info.version_id

    def _check_bytes(self, check: Check) -> None:
        expected = check.entry.sha256
        if expected is None:
            check.unproven = True
            return
        for _ in range(ATTEMPTS):
            if self._hash_object(check) == expected:
                check.read_proven, check.unproven = True, False
                return
        check.drift, check.why = Drift.ALTERED, "its bytes are other ones"

    def _hash_object(self, check: Check) -> bytes:
        digest = hashlib.sha256()
        with self.store().get(check.entry.key) as body:
            demand_object(body.info, check.entry.size)
            for chunk in body:
                self._check_stop()
                digest.update(chunk)
                check.bytes_read += len(chunk)
        return digest.digest()

    # --- the disk ---------------------------------------------------------------------------------------

    def _check_disk(self, check: Check) -> None:
        try:
            self._compare_file(check)
        except RacedError:
            check.changed = True
        except FileNotFoundError:
            check.gone = True
        except OSError as error:
            reason = error.strerror or str(error)
            check.fail(f"cannot be read: {reason}", "check the file's permissions and the drive's health")

    def _compare_file(self, check: Check) -> None:
        entry = check.entry
        found = self._hash_recorded(check, with_image=entry.image is None)
        if found is None:
            return
        if entry.sha256 is None:
            check.unproven = True
        elif found == entry.sha256:
            check.disk_proven = True
        elif self._has_log(entry.path):
            check.unproven = True  # the copy that is stored has in it what the live catalog still has in its log
        elif not entry.settled:
            check.changed = True  # written twice within the clock's grain: the next sync hashes it anyway
        else:
            self._make_sure(check, found)

    def _hash_recorded(self, check: Check, *, with_image: bool) -> bytes | None:
        """The file's sha256, if its stat is the row's; else what is the matter is noted."""
        assert self.tree is not None, "a disk to look at"
        entry = check.entry
        stat = self.tree.stat(entry.path)
        check.gone, check.changed = stat is None, stat is not None and not same_facts(stat, entry)
        if stat is None or check.changed:
            return None
        hasher = self._image_hasher(entry.path, stat) if with_image and has_image_data(entry.path) else None
        found = hash_file(self.tree, entry.path, stat, self.stopping, hasher)
        check.bytes_read += stat.size
        try:
            check.image = hasher.finish() if hasher is not None else None
        except NotWholeError:
            check.image = None
        return found

    def _image_hasher(self, path: str, stat: Stat) -> ImageHasher:
        tree = self.tree
        assert tree is not None, "a disk to look at"

        def read_at(offset: int, length: int) -> bytes:
            return tree.read_part(path, offset, max(0, min(length, stat.size - offset)))

        return image_hasher(path, stat.size, read_at)

    def _has_log(self, path: str) -> bool:
        """Whether this is a catalog whose database alone is not all of it."""
        assert self.tree is not None, "a disk to look at"
        logs = (self.tree.stat(f"{path}{suffix}") for suffix in LOG_SUFFIXES) if is_catalog(path) else ()
        return any(log is not None and log.size for log in logs)

    def _make_sure(self, check: Check, found: bytes) -> None:
        again = self._hash_recorded(check, with_image=True)
        if again is None:
            return
        if again != found:
            hint = "the drive, its cable or the memory may be failing: copy what you can"
            check.fail("reads differently each time", hint)
        else:
            check.rot = reports.rot(check.entry, again, is_intact=check.is_intact)


def hash_file(
    tree: SourceTree, path: str, stat: Stat, stopping: Callable[[], bool], image: ImageHasher | None = None
) -> bytes:
    """The sha256 of a file that has this stat before and after; a piece at a time, so that a stop is quick.

    `image` is fed the same bytes. Raises RacedError where it is written meanwhile, StoppedError, OSError.
    """
    digest = hashlib.sha256()
    for offset in range(0, stat.size, PIECE_BYTES):
        if stopping():
            raise StoppedError(path)
        piece = tree.read_part(path, offset, min(PIECE_BYTES, stat.size - offset))
        digest.update(piece)
        if image is not None:
            image.update(piece)
    if tree.stat(path) != stat:
        raise RacedError(path)
    return digest.digest()
