"""What the engine needs of the world. Adapters fulfil these; tests hand in others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # named, never made: a quiet night need not load them
    from lrsync.core.catalogs import OutsideCatalog
    from lrsync.core.checksums import ChecksumKind
    from lrsync.core.download import PartialNote
    from lrsync.core.findings import Finding, FindingKind, QuarantinedContent
    from lrsync.core.library import LibraryRow, RowCounts
    from lrsync.core.lightroom import CatalogFacts, CatalogFolder, NamedPhoto
    from lrsync.core.model import Content, Drift, ManifestEntry, MultipartRecord, Outcome, VerifyScope
    from lrsync.core.objects import ListedFolder, ListedObject, ListedVersion, ObjectInfo, PartInfo, Stored
    from lrsync.core.runs import RequestCounts, RunKind, RunResult, RunSummary
    from lrsync.core.scan import ScannedDir, Stat
    from lrsync.core.thaw import Tier
    from lrsync.core.timeline import FileVersion, PathState, Recorded
    from lrsync.errors import LrsyncError, ObjectError

Clock = Callable[[], int]
"""Nanoseconds since the epoch, now."""


class RacedError(Exception):
    """A file changed while it was read: what was read is not its content."""


class SourceTree(Protocol):
    """The photographer's folder. Paths are relative to it, with `/`, as the file system spells them."""

    fingerprint: bytes
    """Of the ignore rules: another one makes every directory's digest another one."""

    def walk(self) -> Iterator[ScannedDir]:
        """Every directory once, the root first, each after its parent. Never raises for a single directory."""

    def is_excluded(self, path: str) -> bool:
        """Whether the rules leave this file out, by itself or by one of its folders."""

    def stat(self, path: str) -> Stat | None:
        """The regular file's stat, without following links; None where there is none. Raises OSError."""

    def gone_since_ns(self, path: str) -> int | None:
        """Since when a file is gone, at the latest; None where one is there, or a link to where it may be now.

        That is when names last came or went in its folder, or in the nearest one above that is left. Raises OSError.
        """

    def read(
        self,
        path: str,
        *,
        hold_below: int,
        part_size: int,
        want_md5: bool = False,
        etag_part_sizes: Sequence[int] = (),
        want_checksum: ChecksumKind | None = None,
    ) -> Content:
        """Read the file once: its digests and, when smaller than `hold_below` bytes, its data.

        `part_size` is what `part_crc32s` are of, for a file that is not held; `etag_part_sizes` what `part_etags` are.
        `want_checksum`: CRC64NVME or CRC32C as well.
        Raises RacedError when its stat is not the same before and after; OSError.
        """

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises RacedError when the file is shorter; OSError."""


class Placed(NamedTuple):
    """A file was written whole. `kept_as`: the path beside it where the file lies that it replaced.

    `sha256` is of what was written; None where whoever put the file together knows it.
    """

    stat: Stat
    kept_as: str | None = None
    sha256: bytes | None = None


class Damaged(NamedTuple):
    """What came was not what was asked for: it lies at `kept_as`, and nothing was replaced."""

    kept_as: str


class Placing(NamedTuple):
    """How a finished file takes its place. `mtime_ns`: the time that it gets.

    `replacing`: the stat of the file that may be replaced, and with `keep` is then kept aside; None: none may be
    there.
    """

    mtime_ns: int
    replacing: Stat | None = None
    keep: bool = True


class NewFile(NamedTuple):
    """A small file to write where none may be: its bytes, and the time that it gets."""

    path: str
    data: bytes
    mtime_ns: int


class PartialFile(Protocol):
    """One file that is put together from ranges, in any order and by any thread; it outlives the process."""

    def known(self) -> tuple[PartialNote, frozenset[int]] | None:
        """What an earlier run left: what it is of, and the numbers of the ranges that are there. None for nothing."""

    def begin(self, note: PartialNote) -> None:
        """Start from nothing."""

    def write_at(self, offset: int, data: bytes) -> None:
        """Put bytes where they belong. Raises OSError."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Bytes that are there; fewer where the file ends. Raises OSError."""

    def mark(self, number: int) -> None:
        """The range of this number is there, whole. Raises OSError."""

    def finish(self, placing: Placing) -> Placed:
        """Give the file its time and its name, on the disk before this returns. Raises as `TargetFolder.write`."""

    def keep_damaged(self, mtime_ns: int) -> Damaged:
        """Keep what came beside the file's place, with this time: it is not what was asked for. Raises OSError."""

    def drop(self) -> None:
        """Throw away what is there."""


class TargetFolder(Protocol):
    """A folder that files are restored into. Nothing outside of it is ever written, and no link is followed."""

    def stat(self, path: str) -> Stat | None:
        """The regular file's stat; None where there is none. Raises OSError."""

    def demand_free(self, path: str) -> None:
        """Raises FileExistsError where anything has this name: a link, a folder; OSError where nobody can tell."""

    def write(self, path: str, chunks: Iterator[bytes], sha256: bytes | None, placing: Placing) -> Placed | Damaged:
        """Write a file whole, or not at all, and on the disk before this returns; missing folders are made.

        `sha256`: of what must come; None where nobody knows. Raises FileExistsError where another file is there than
        `placing` says; OSError; and whatever `chunks` raises.
        """

    def write_many(self, files: Sequence[NewFile]) -> list[Placed | OSError]:
        """`write` of many new files, in their order: what it returns or raises for each.

        None takes its name before its bytes are on the disk, and all names are on the disk before this returns.
        """

    def partial(self, path: str, replacing: Stat | None) -> AbstractContextManager[PartialFile]:
        """A file to put together from ranges, to replace just this one, or none.

        Raises OSError, FileExistsError where another file is there, BlockingIOError where another process puts it
        together just now.
        """

    def left(self, path: str) -> int:
        """The bytes that an earlier run's `partial` of this path takes on the disk. Raises OSError."""

    def clear_left(self, folder: str) -> None:
        """Remove what killed runs left of files that they were writing into this folder ('' is the target itself).

        Not what a run that is under way is at, nor files in ranges: those are gone on with. Raises OSError.
        """


class Body:
    """An object's bytes, or a range of them, on their way: in chunks, and what came with them.

    `info.size` is the whole object's, whatever was asked for; it has no checksum, only HEAD tells that.
    """

    def __init__(self, info: ObjectInfo, chunks: Iterator[bytes]) -> None:
        self.info = info
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)


class Wanted(NamedTuple):
    """A small object to get: at most `most` bytes of it."""

    key: str
    version_id: str | None
    most: int


class Whole(NamedTuple):
    """A small object as it came."""

    info: ObjectInfo
    data: bytes


class Span(NamedTuple):
    """Some bytes of an object, at least one."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Sendable:
    """Bytes that are read as they are sent, as often as that takes: `read(offset, count)` gives exactly these.

    `crc32` is of all of them, as they were hashed. What `read` raises ends the sending, and is raised by it.
    """

    length: int
    crc32: int
    read: Callable[[int, int], bytes]


class ObjectStore(Protocol):
    """One bucket. Every method may raise ObjectError (this object only) or BucketError (ends the run)."""

    @property
    def requests(self) -> RequestCounts:
        """HTTP requests so far, retries included."""

    @property
    def waiting(self) -> float | None:
        """Which share of the time, 0 to 1, was spent waiting when many were last put or got; None: not known."""

    def put(self, key: str, content: Content, *, if_absent: bool = False, source: Sendable | None = None) -> Stored:
        """Store `content.data`, or what `source` gives, in one request, with checksum and metadata.

        `if_absent`: raises ObjectExistsError where the key is taken, on stores that can tell; others overwrite.
        Raises ChecksumMismatchError where S3 refused the bytes or answered with another checksum; RacedError, with
        nothing stored, where `source` has other bytes than were hashed.
        """

    def put_many(
        self, uploads: Sequence[tuple[str, Content]], *, if_absent: bool, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Stored | ObjectError | LrsyncError]]:
        """`put` for many small contents at once: for each its place and what `put` returns or raises, as it comes.

        Once `more` says no, no other is begun; what was not begun is left out.
        """

    def start_multipart(self, key: str, content: Content) -> str:
        """Begin a multipart upload and return its id."""

    def put_part(self, key: str, upload_id: str, number: int, data: bytes | Sendable) -> PartInfo:
        """Store one part with its checksum. Raises ObjectMissingError when the upload is gone (NoSuchUpload).

        Raises RacedError, with nothing stored, where the bytes are not the hashed ones.
        """

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """The parts S3 has. Raises ObjectMissingError when the upload is gone."""

    def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[PartInfo], content: Content, *, if_absent: bool = False
    ) -> Stored:
        """Make the object of its parts, with the whole object's checksum. The ETag is never empty: HEAD tells."""

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Throw the parts away. An upload that is gone already is no error."""

    def list_multiparts(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(key, upload id) of every multipart upload in progress below the prefix."""

    def copy(self, source: ManifestEntry, key: str, content: Content) -> Stored:
        """Copy inside the bucket with the metadata of `content`, only if the source still has its recorded ETag.

        Multipart above 5 GiB. Raises ObjectMissingError, ObjectChangedError, ObjectArchivedError.
        """

    def keep(
        self, key: str, trash_key: str, *, version_id: str | None = None, row: ManifestEntry | None = None
    ) -> Stored:
        """Copy an object (or a version of it) as it is, metadata and all, to another key: mostly to the trash.

        Where the trash's key does not tell the object's own, the copy's metadata does (`core.keys.trash_note`). `row`:
        what is known of the object, which goes into the copy's metadata where nothing else tells it (`row_note`).
        Raises ObjectMissingError, ObjectChangedError, ObjectArchivedError.
        """

    def delete(self, key: str) -> None:
        """Delete (on a versioned bucket: put a delete marker). A missing object is no error."""

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """What S3 knows of the object, or of a version of it. Raises ObjectMissingError."""

    def part_size(self, key: str) -> int | None:
        """How long the first part was that the object was sent in (bytes); None where the store does not tell.

        Raises ObjectMissingError.
        """

    def rewrite(self, entry: ManifestEntry, content: Content) -> Stored:
        """Copy an object onto itself, with the metadata of `content` added, all else as it is; in parts above 5 GiB.

        Only if it still has the row's ETag, and compared with `content` and the row before it is acknowledged. Raises
        ObjectMissingError, ObjectChangedError, ObjectArchivedError, and ObjectError with code "CopyUnverified" where
        the store does not prove that the bytes are the same: the object stays as the store left it.
        """

    def get(
        self, key: str, *, version_id: str | None = None, span: Span | None = None, if_match: str | None = None
    ) -> AbstractContextManager[Body]:
        """The object's bytes (or a version's), in chunks; with `span` only these.

        `if_match`: an ETag. Raises ObjectMissingError, ObjectArchivedError, ObjectChangedError where the ETag is
        another one, and ObjectError with code "RangeIgnored" where the store sends something else than the span.
        """

    def get_many(
        self, wanted: Sequence[Wanted], *, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Whole | ObjectError | LrsyncError]]:
        """`get` of many small objects at once, whole: for each its place and what came or what `get` raises.

        In memory: one that is longer than asked for is an ObjectError. Once `more` says no, no other is begun; what
        was not begun is left out.
        """

    def list_versions(self, prefix: str) -> Iterator[Sequence[ListedVersion]]:
        """Every version and delete marker below the prefix. Those of one key follow one another, the newest first."""

    def delete_version(self, key: str, version_id: str) -> None:
        """Destroy one version or delete marker. One that is gone already is no error."""

    def thaw(self, key: str, tier: Tier, *, days: int | None, version_id: str | None = None) -> None:
        """Ask for a readable copy of an archived object (or a version of it) for so many days; None where it stays.

        That it was asked for already is no error. Raises ObjectMissingError, and ObjectError where the tier has no
        capacity now, where the object lies in no archive, or where the store has none.
        """

    def has_lifecycle(self) -> bool:
        """Whether the bucket has lifecycle rules. Not allowed to ask counts as yes: nobody is advised on a guess."""

    def list(self, prefix: str, *, after: str = "") -> Iterator[Sequence[ListedObject]]:
        """Every object whose key begins with the prefix, a page at a time, in whatever order the store lists.

        `after`: only what comes after this key in that order; a store may not know how, and begin elsewhere.
        """

    def list_folder(self, prefix: str) -> Iterator[ListedFolder]:
        """The objects directly below a prefix that ends with `/`, and the sub-folders, page by page, in any order."""

    def is_versioned(self) -> bool:
        """Whether an overwrite or a delete keeps the old version. Not allowed to ask counts as no."""


class PackedManifest(Protocol):
    """The manifest as one compressed file, for as long as it is open."""

    @property
    def content(self) -> Content:
        """Its digests, and its bytes where they are few."""

    def read_part(self, offset: int, length: int) -> bytes:
        """Exactly these bytes."""


ManifestPacker = Callable[[], AbstractContextManager[PackedManifest]]
"""Packs the manifest as it is now, and throws the packed file away at the end. Raises ManifestError."""


class CatalogBusyError(Exception):
    """No quiet moment came: the catalog was written to whenever it was copied."""


class CatalogStoppedError(Exception):
    """The user wants to stop, and a catalog was being copied."""


class CatalogDamagedError(Exception):
    """A copy is no sound catalog; the message says why."""


class CatalogNames(Protocol):
    """The files that an open copy of a catalog names. Methods raise CatalogDamagedError."""

    def folders(self) -> Sequence[CatalogFolder]:
        """Every folder that it knows."""

    def photos(self, folder: int | None) -> Sequence[NamedPhoto]:
        """The photos of one folder, by its id; None: of no folder that is known."""


class CatalogPart(NamedTuple):
    """What a snapshot of a catalog is made of: the database, or the data folder as an archive. See `SnapshotPart`."""

    name: str
    object: str
    digest: bytes
    size: int


class CatalogCopy(Protocol):
    """A private copy of one catalog, as of one moment, for as long as it is open."""

    @property
    def problem(self) -> str:
        """Why the copy is no sound catalog; '' where it is sound."""

    @property
    def facts(self) -> CatalogFacts:
        """What the catalog says of itself."""

    @property
    def stat(self) -> Stat:
        """The copy's size, with the times that a scan shows for the catalog as it was copied."""

    def names(self) -> AbstractContextManager[CatalogNames]:
        """What the catalog names. Raises CatalogDamagedError."""

    @property
    def tree(self) -> SourceTree:
        """Reads the copy's bytes in the place of the live catalog's."""

    @property
    def parts(self) -> Sequence[CatalogPart]:
        """What belongs into a snapshot."""

    def pack(self, part: CatalogPart) -> AbstractContextManager[PackedManifest]:
        """One part, compressed. Raises OSError."""


class CatalogSource(Protocol):
    """Where copies of catalogs come from."""

    def copied(self, path: str) -> AbstractContextManager[CatalogCopy]:
        """A copy of the catalog at this relative path, or at this absolute one.

        Raises CatalogBusyError, CatalogStoppedError, OSError (FileNotFoundError where it is gone).
        """

    def newest_backup(self, path: str) -> AbstractContextManager[CatalogCopy | None]:
        """The newest sound backup that Lightroom itself made of it. Raises OSError."""


class OutsideCatalogs(Protocol):
    """The catalogs that are kept although they lie outside of the source."""

    def changed(self) -> Sequence[OutsideCatalog]:
        """Those that are not as they were when they were last kept, or not there. Cheap: a few stats each."""

    def settle(self, kept: Mapping[str, Stat]) -> None:
        """These were kept as of these stats. Raises OSError."""


class SnapshotDamagedError(Exception):
    """A snapshot that was read cannot be used; the message says why."""


class SnapshotReader(Protocol):
    """Makes a manifest of a snapshot's bytes."""

    def __call__(self, chunks: Iterator[bytes], sha256: bytes | None) -> None:
        """Read, check and put in place. Raises SnapshotDamagedError; then nothing is there."""


class SealStore(Protocol):
    """The little of the manifest that a quiet night needs; opens without SQLAlchemy."""

    def library(self) -> LibraryRow:
        """Which library this manifest is of."""

    def seals(self) -> dict[str, bytes | None]:
        """Every known directory's digest by path; None where it is not sealed."""

    def counts(self) -> RowCounts:
        """How many rows are of missing files, how many have drift. Cheap: no scan of all rows."""

    def has_multiparts(self) -> bool:
        """Whether any multipart upload is noted as in progress: between two runs, one that did not end well."""

    def begin_run(self, kind: RunKind, started_at: int) -> int:
        """A row for this run, as running; returns its id."""

    def finish_run(
        self, run_id: int, result: RunResult, summary: RunSummary, findings: Sequence[Finding], *, complete: bool
    ) -> None:
        """Write the run's end. `complete`: the findings replace all older ones (else they are added).

        Rot stays all the same: only what settles the file takes it back.
        """

    def snapshot_due(self) -> bool:
        """Whether a run changed what is known of the bucket since a run last stored the manifest's snapshot."""

    def standing_findings(self) -> list[Finding]:
        """Findings that a sync cannot make anew, and that stay until their file is settled: rot."""


class ManifestStore(Protocol):
    """The manifest's rows. Thread-safe; every write is one transaction."""

    def update_library(self, library: LibraryRow) -> None:
        """Write the library's row."""

    def rows(self, folder: str) -> list[ManifestEntry]:
        """The rows of the files directly in `folder`, by name."""

    def row(self, path: str) -> ManifestEntry | None:
        """One file's row."""

    def count(self, *, at_most: int | None = None) -> int:
        """How many rows there are; with `at_most`, that where there are more: it looks at no more rows."""

    def folder_counts(self) -> dict[str, int]:
        """How many rows there are directly in each folder, by its path; folders without any are left out."""

    def name_at(self, folder: str, number: int) -> str:
        """The name of one file directly in a folder: of so many by name, counted from 1. Raises KeyError."""

    def sizes(self) -> set[int]:
        """Every size that a good object has; to know cheaply that a file has no twin."""

    def find_twin(self, sha256: bytes) -> ManifestEntry | None:
        """A row with these bytes whose object is good; rather one that is not missing."""

    def with_twins(self, digests: Sequence[bytes]) -> set[bytes]:
        """Those of these sha256s for which `find_twin` has a row, in one look."""

    def has_live_twin(self, entry: ManifestEntry) -> bool:
        """Whether another row, not missing and good, has the same bytes: then it was moved, not deleted."""

    def quarantined(self, kind: FindingKind = ...) -> Mapping[str, QuarantinedContent]:
        """The bytes on the disk that findings of this kind speak of, by path; by default of changed originals."""

    def entries(self) -> Iterator[ManifestEntry]:
        """Every row, by path; as they are when the first is asked for."""

    def rows_at(self, places: Sequence[int]) -> Iterator[ManifestEntry]:
        """The rows at these places, counted from 0 in an order that is always the same; as they are now."""

    def to_verify(self, scope: VerifyScope) -> Iterator[ManifestEntry]:
        """The rows of this scope, least recently proven first; as they are when the first is asked for."""

    def count_to_verify(self, scope: VerifyScope) -> int:
        """How many rows `to_verify` has."""

    def mark_verified(self, paths: Iterable[str], at: int, *, disk: bool = False) -> None:
        """The objects of these files (with `disk`: the files themselves) were proven at this time. Keeps seals."""

    def set_images(self, images: Iterable[tuple[str, bytes]]) -> None:
        """What identifies the image data of these files, by path, as it was just read. Keeps seals."""

    def clear_findings(self, kinds: Iterable[FindingKind], paths: Iterable[str]) -> None:
        """Take these findings back."""

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write acknowledged outcomes and clear their directories' seals. Failed and Raced only clear seals."""

    def seal(self, digests: Mapping[str, bytes]) -> None:
        """Set these directories' digests."""

    def missing(self) -> Iterator[ManifestEntry]:
        """Rows whose file is missing, by path."""

    def forget_empty_directories(self) -> None:
        """Drop directories without rows and without a seal."""

    def remember_multipart(self, record: MultipartRecord) -> None:
        """Keep a multipart upload so that it can be resumed."""

    def multipart_for(self, key: str) -> MultipartRecord | None:
        """The upload in progress for this key."""

    def multiparts(self) -> list[MultipartRecord]:
        """All uploads in progress."""

    def forget_multipart(self, key: str) -> None:
        """The upload is complete, aborted or gone."""

    def begin_listing(self) -> None:
        """Make room for a listing; an older one goes."""

    def add_listed(self, objects: Iterable[ListedObject]) -> None:
        """Keep a page of the listing. A key that comes twice counts once."""

    def listed(self, key: str) -> ListedObject | None:
        """What this run's listing said about a key; None also where there was no listing."""

    def listed_among(self, keys: Sequence[str]) -> set[str]:
        """Which of these keys this run's listing has, in one look."""

    def count_listed(self) -> int:
        """How many objects this run's listing has, without lrsync's own."""

    def listed_of_size(self, size: int, *, etags: Collection[str] = (), limit: int) -> list[ListedObject]:
        """Objects of this many bytes in this run's listing; with `etags` only those that have one of them."""

    def unproven(self, *, trusted: bool) -> Iterator[ManifestEntry]:
        """Rows of files that are there and whose object is not proven, by path; with `trusted` also those on trust."""

    def has_md5_etag(self) -> bool:
        """Whether some object's ETag was proven to be its bytes' MD5, and not in a way that hides it (KMS)."""

    def compare_listing(self) -> Iterator[tuple[ManifestEntry, ListedObject | None]]:
        """Rows that the listing does not have, or has with another size or ETag; and those marked with drift."""

    def unknown_listed(self) -> Iterator[ListedObject]:
        """Listed objects that no row explains."""

    def drifted(self) -> Iterator[ManifestEntry]:
        """Rows whose object the bucket lost or altered, by path."""

    def set_drift(self, verdicts: Iterable[tuple[str, Drift | None]]) -> None:
        """Mark rows (by path) and clear their directories' seals."""

    def update_object(self, path: str, *, etag: str, version_id: str | None) -> None:
        """The object was proven to be the row's bytes under another ETag."""


class Shelf(Protocol):
    """Room for what is found out about every path at one time: on the disk, since a library may have 2,000,000."""

    def add(self, versions: Iterable[FileVersion]) -> None:
        """Keep versions that listings told of."""

    def add_facts(self, facts: Iterable[tuple[str, Recorded]]) -> None:
        """Keep what a snapshot recorded, by path."""

    def states(self, recorded_ns: int | None) -> Iterator[PathState]:
        """Everything that is known, path by path; `recorded_ns`: when the snapshot was taken, if there was one."""

    def choose(self, versions: Iterable[FileVersion]) -> None:
        """Keep what was found to be a path's content at that time."""

    def chosen(self, folder: str | None = None) -> Iterator[FileVersion]:
        """What was chosen, by path; with `folder` ('' is the root) only of the files directly in it."""
