"""The values that flow: what a file's bytes are, what is known of it, what changed, what to do, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from lrsync.core.checksums import Checksum
from lrsync.core.imagedata import ImageData
from lrsync.core.keys import join_path
from lrsync.core.objects import ObjectInfo
from lrsync.core.scan import ScannedFile, Stat

# --- what is known of a file's bytes ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Content:
    """What one reading of a file found. `sha256` and `md5` are raw digests; `part_crc32s` is per part.

    `stat` is the inode's before the reading, and was the same after it. `data` is kept for small files, so
    that they are read once; larger ones are read again to be sent, and checked part by part. `was_read` is False
    where the content is known from an earlier run, or not looked at in a dry run.
    """

    stat: Stat
    sha256: bytes
    crc32: int
    md5: bytes | None = None
    part_size: int = 0
    part_crc32s: tuple[int, ...] = ()
    data: bytes | None = field(default=None, repr=False)
    was_read: bool = True
    part_etags: frozenset[str] = frozenset()
    """The ETags that these bytes have when they are sent in parts, of the lengths that were asked for."""
    image: ImageData | None = None
    """What identifies its image data; None where the file is no whole picture of a kind that is looked into."""
    image_problem: str = ""
    """Why it is none, for a file of such a kind."""
    checksum: Checksum | None = None
    """Of another kind than sha256 and CRC32, where one was asked for."""


# --- what the manifest knows ------------------------------------------------------------------------------


class Drift(Enum):
    """How the bucket was found to differ from a row. A row with drift is not safe until it is repaired."""

    MISSING = "missing"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One row: S3 acknowledged exactly these bytes under this key. Times in nanoseconds since the epoch.

    `sha256` is None only for an object of unproven content, adopted from a listing. `settled` is False when the
    file was so young when it was hashed that a second write could look the same: the next run hashes it again. Of
    unproven content it is True only where a person took the object on trust: then nothing more is done about it.
    """

    path: str
    size: int
    mtime_ns: int
    ctime_ns: int
    key: str
    sha256: bytes | None
    checksum: Checksum | None
    etag: str
    version_id: str | None
    storage_class: str
    uploaded_at: int
    verified_at: int | None = None
    missing_since: int | None = None
    drift: Drift | None = None
    settled: bool = True
    image: bytes | None = None
    """What identifies its image data, packed; None where that is not known (see `core.imagedata`)."""

    @property
    def stat(self) -> Stat:
        """The file's stat when it was recorded."""
        return Stat(self.size, self.mtime_ns, self.ctime_ns)

    @property
    def has_good_object(self) -> bool:
        """Whether the bucket holds this row's proven bytes, as far as is known: it can be a copy's source."""
        return self.sha256 is not None and self.drift is None


@dataclass(frozen=True, slots=True)
class VerifyScope:
    """Which rows to verify: those not proven since `before_ns` (None: all), least recently first, at most `limit`.

    `objects`: by the proofs of objects, of files that are gone as well; `disk`: by the proofs of files on the disk.
    """

    objects: bool
    disk: bool
    before_ns: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class MultipartRecord:
    """A multipart upload in progress, kept so that it resumes: the one piece of pending work that is stored."""

    key: str
    path: str
    upload_id: str
    part_size: int
    stat: Stat
    sha256: bytes
    started_at: int


# --- changes and actions ----------------------------------------------------------------------------------


class ChangeKind(Enum):
    """A difference between the scan and the manifest, told by stat alone.

    UNSURE may turn out to be modified, touched or nothing once the file is hashed.
    """

    ADDED = "added"
    UNSURE = "unsure"
    MISSING = "missing"
    RETURNED = "returned"
    """Its row said missing, and it is back with the very same stat."""


class Change(NamedTuple):
    """One difference: `old` is the manifest's row, `new` what the scan saw."""

    kind: ChangeKind
    folder: str
    new: ScannedFile | None
    old: ManifestEntry | None

    @property
    def path(self) -> str:
        """The file's relative path."""
        if self.new is not None:
            return join_path(self.folder, self.new.name)
        assert self.old is not None
        return self.old.path


@dataclass(frozen=True, slots=True)
class Candidate:
    """A change with everything that was found out about it; what `plan.decide` looks at.

    `twin`: another row with the same bytes, still good in the bucket. `existing`: an object under this key
    that no row explains. `existing_is_same`: it is proven to hold these bytes; `existing_is_other`: proven not to.
    With neither, nothing is known of what it holds.
    """

    change: Change
    content: Content
    twin: ManifestEntry | None = None
    existing: ObjectInfo | None = None
    existing_is_same: bool = False
    existing_is_other: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """Send the bytes. `replaces`: the object under the key is first kept (trash), unless versions keep it.

    `suspicion`: why this original looks damaged; it is sent all the same, as the bucket has no good one.
    """

    change: Change
    content: Content
    replaces: bool = False
    suspicion: str | None = None


@dataclass(frozen=True, slots=True)
class ServerCopy:
    """The bytes are in the bucket under another key: S3 copies them."""

    change: Change
    content: Content
    source: ManifestEntry


@dataclass(frozen=True, slots=True)
class Restat:
    """Only the stat changed: the row learns the new one. `changed` is False where even that is the same."""

    change: Change
    content: Content
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Adopt:
    """An object with these bytes is there already: the row is written without sending anything."""

    change: Change
    content: Content
    existing: ObjectInfo


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An original's bytes changed, or any file's went bad: the good object stays, a person is told.

    `existing`: the object that was met, where no row knows it or its row says that it is lost. `told`: what an earlier
    run found, where the file was not read again.
    """

    change: Change
    content: Content
    existing: ObjectInfo | None = None
    told: str = ""


@dataclass(frozen=True, slots=True)
class MarkMissing:
    """The file is not there any more: its row learns since when. Nothing in the bucket is touched."""

    change: Change


@dataclass(frozen=True, slots=True)
class Return:
    """A missing file is back with the same stat: its row forgets that it was missing."""

    change: Change


@dataclass(frozen=True, slots=True)
class Trash:
    """Remove the object of a missing file, keeping it in the trash or as a version."""

    entry: ManifestEntry


Action = Upload | ServerCopy | Restat | Adopt | Quarantine | MarkMissing | Return | Trash


# --- outcomes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Done:
    """The action was acknowledged. `entry` is the row to write; None where the row goes away (trash)."""

    action: Action
    entry: ManifestEntry | None


@dataclass(frozen=True, slots=True)
class Failed:
    """One file could not be handled; the others go on. `change` is what was to be done about it."""

    path: str
    message: str
    hint: str = ""
    change: Change | None = None
    transfer: bool = False
    """Whether it failed on the way to S3 (rather than on the disk or for its name)."""
    by_store: bool = False
    """Whether the store or the way to it is to blame: then the other files will hardly fare better."""


@dataclass(frozen=True, slots=True)
class Raced:
    """The file changed while it was read, again and again: nothing is recorded, the next run tries again.

    `gone`: it is not there any more, so there is nothing to back up.
    """

    path: str
    change: Change
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Its content changed and would overwrite: it waits until the whole scan shows how many did."""

    change: Change


Outcome = Done | Failed | Raced
WorkResult = Outcome | Held
