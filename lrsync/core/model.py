"""The values that flow: what was seen, what was known, what changed, what to do, what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from lrsync.core.keys import join_path
from lrsync.core.thaw import AWAKE, Thaw
from lrsync.errors import ExitCode

if TYPE_CHECKING:  # named, never made: only a restore has a price
    from lrsync.core.prices import Quote

# --- what a scan sees -------------------------------------------------------------------------------------


class ScannedFile(NamedTuple):
    """One file as the walk saw it. `ctime_ns` is 0 where the system has none that means change (Windows)."""

    name: str
    size: int
    mtime_ns: int
    ctime_ns: int


class Stat(NamedTuple):
    """What a file's inode says: bytes, and times in nanoseconds since the epoch."""

    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class ScanProblem:
    """Something the walk could not read: then it is unknown, never missing."""

    path: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ScannedDir:
    """One directory of the source. `path` is relative, '' for the root; `files` is sorted by name.

    `complete` is False where anything in it could not be read: then nothing in it may be called missing.
    `colliding` names files whose S3 key another name in the source also has (NFC and NFD of one name).
    """

    path: str
    files: tuple[ScannedFile, ...]
    complete: bool = True
    excluded: int = 0
    special: int = 0
    problems: tuple[ScanProblem, ...] = ()
    colliding: frozenset[str] = frozenset()


# --- what is known of a file's bytes ----------------------------------------------------------------------


class ChecksumKind(Enum):
    """What proves that the stored object is these bytes. The values are S3's names where S3 has one."""

    SHA256 = "SHA256"
    CRC64NVME = "CRC64NVME"
    CRC32 = "CRC32"
    CRC32C = "CRC32C"
    MD5 = "MD5"
    """The store keeps no checksum: it took our Content-MD5 or answered our MD5 as the ETag."""


class Checksum(NamedTuple):
    """A whole-object checksum as S3 reported it: the base64 that S3 uses (for MD5: of the digest)."""

    kind: ChecksumKind
    value: str


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


# --- what S3 says -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """S3's acknowledgement of a write. `etag` has no quotes; `checksum` is what S3 itself reported, if it did."""

    etag: str
    checksum: Checksum | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One object of a listing."""

    key: str
    size: int
    etag: str
    storage_class: str = "STANDARD"
    last_modified_ns: int = 0


class ListedFolder(NamedTuple):
    """One page of a folder's listing: the objects directly in it, and the prefixes of its sub-folders, with `/`."""

    objects: Sequence[ListedObject]
    folders: Sequence[str]


@dataclass(frozen=True, slots=True)
class ListedVersion:
    """One version of an object, or a delete marker (`is_marker`: it has no bytes), as a listing of versions tells it.

    `is_current`: nothing is newer under this key.
    """

    key: str
    version_id: str
    size: int
    etag: str
    last_modified_ns: int
    is_current: bool
    is_marker: bool = False
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What HEAD says. `metadata` has lower-case names: some stores capitalise them.

    `checksum` is only ever one of the whole object: a composite one (of parts) is left out.
    """

    key: str
    size: int
    etag: str
    metadata: Mapping[str, str]
    checksum: Checksum | None = None
    storage_class: str = "STANDARD"
    version_id: str | None = None
    last_modified_ns: int = 0
    archived: bool = False
    thaw: Thaw = AWAKE


class PartInfo(NamedTuple):
    """One uploaded part of a multipart upload in progress, as S3 lists it."""

    number: int
    size: int
    etag: str
    crc32: str | None


# --- what the manifest knows ------------------------------------------------------------------------------


class Drift(Enum):
    """How the bucket was found to differ from a row. A row with drift is not safe until it is repaired."""

    MISSING = "missing"
    ALTERED = "altered"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One row: S3 acknowledged exactly these bytes under this key. Times in nanoseconds since the epoch.

    `sha256` is None only for an object of unproven content, adopted from a listing. `settled` is False when the
    file was so young when it was hashed that a second write could look the same: the next run hashes it again.
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

    @property
    def stat(self) -> Stat:
        """The file's stat when it was recorded."""
        return Stat(self.size, self.mtime_ns, self.ctime_ns)

    @property
    def has_good_object(self) -> bool:
        """Whether the bucket holds this row's proven bytes, as far as is known: it can be a copy's source."""
        return self.sha256 is not None and self.drift is None


class RowCounts(NamedTuple):
    """How many rows are of missing files, and how many of any files have drift."""

    missing: int
    drifted: int


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
class QuarantinedContent:
    """The bytes of a changed original, as they were when it was quarantined."""

    path: str
    stat: Stat
    sha256: bytes


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

    `existing`: the good object, where no row knows it yet.
    """

    change: Change
    content: Content
    existing: ObjectInfo | None = None


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


# --- what a run says --------------------------------------------------------------------------------------


class FindingKind(Enum):
    """Something a person should look at."""

    ORIGINAL_CHANGED = "original-changed"
    DELETE_GUARD = "delete-guard"
    UNREADABLE = "unreadable"
    DRIFT = "drift"
    UNKNOWN_OBJECT = "unknown-object"
    NO_MARKER = "no-marker"
    MASS_CHANGE = "mass-change"
    SUSPECT_ORIGINAL = "suspect-original"
    SNAPSHOT_FAILED = "snapshot-failed"
    CATALOG_BUSY = "catalog-busy"
    CATALOG_DAMAGED = "catalog-damaged"
    CATALOG_MISSING = "catalog-missing"
    FAILED = "failed"
    RACED = "raced"
    HELD = "held"
    ROT = "rot"
    """Only `verify --local` sees it, so only what settles the file takes it back, never a later sync."""

    @property
    def needs_person(self) -> bool:
        """Whether it alone makes the run end with exit code 4."""
        return self in (
            FindingKind.ORIGINAL_CHANGED,
            FindingKind.DELETE_GUARD,
            FindingKind.DRIFT,
            FindingKind.MASS_CHANGE,
            FindingKind.SUSPECT_ORIGINAL,
            FindingKind.CATALOG_BUSY,
            FindingKind.CATALOG_DAMAGED,
            FindingKind.CATALOG_MISSING,
            FindingKind.ROT,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding, as it is shown and stored.

    `quarantined` is set for a changed original, `stat` for a file that failed: what is not safe has a size.
    """

    kind: FindingKind
    path: str
    message: str
    hint: str = ""
    quarantined: QuarantinedContent | None = None
    stat: Stat | None = None


@dataclass(slots=True)
class ScanCounts:
    """What the walk saw."""

    files: int = 0
    directories: int = 0
    bytes: int = 0
    excluded: int = 0
    unreadable: int = 0
    special: int = 0


@dataclass(slots=True)
class ChangeCounts:
    """How the scan differs from the manifest."""

    added: int = 0
    modified: int = 0
    touched: int = 0
    missing: int = 0
    unchanged: int = 0


@dataclass(slots=True)
class ActionCounts:
    """What was done about it (in a dry run: would be done)."""

    uploaded: int = 0
    copied: int = 0
    adopted: int = 0
    restated: int = 0
    trashed: int = 0
    quarantined: int = 0
    failed: int = 0
    raced: int = 0


@dataclass(slots=True)
class ByteCounts:
    """Bytes sent, copied by the server, and read for hashing."""

    uploaded: int = 0
    copied: int = 0
    hashed: int = 0


@dataclass(slots=True)
class RequestCounts:
    """HTTP requests to S3, retries included."""

    put: int = 0
    list: int = 0
    head: int = 0
    copy: int = 0
    delete: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.put + self.list + self.head + self.copy + self.delete + self.other


def sum_requests(counts: Iterable[RequestCounts]) -> RequestCounts:
    """The requests of several connections together."""
    total = RequestCounts()
    for each in counts:
        for name in ("put", "list", "head", "copy", "delete", "other"):
            setattr(total, name, getattr(total, name) + getattr(each, name))
    return total


@dataclass(slots=True)
class DriftCounts:
    """What a full pass found."""

    checked: bool = False
    missing: int = 0
    altered: int = 0
    unknown: int = 0
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class VerifyScope:
    """Which rows to verify: those not proven since `before_ns` (None: all), least recently first, at most `limit`.

    `objects`: by the proofs of objects, of files that are gone as well; `disk`: by the proofs of files on the disk.
    """

    objects: bool
    disk: bool
    before_ns: int | None = None
    limit: int | None = None


@dataclass(slots=True)
class CatalogCounts:
    """What became of the catalogs that changed. `waiting`: not in the bucket as they are now."""

    changed: int = 0
    snapshots: int = 0
    waiting: int = 0


@dataclass(slots=True)
class VerifyCounts:
    """What a verification found. A file counts as `proven` when all that was asked of it holds.

    `bytes` were read, from the disk and from S3. `changed` since the last sync, `gone` from the disk, `archived` and
    so not read, `unproven`: nothing is known to compare with. None of these four is a failure.
    """

    checked: int = 0
    proven: int = 0
    bytes: int = 0
    rotten: int = 0
    changed: int = 0
    gone: int = 0
    archived: int = 0
    unproven: int = 0


@dataclass(slots=True)
class RestoreCounts:
    """What a restore did. `selected` files of `selected_bytes` were wanted; `bytes` were brought back.

    `existing`: another file was there already, and is as it was, which is a failure; `skipped`: the same, as it was
    meant; `intact`: it has these bytes. `replaced` and `unproven` are among `restored`: the latter had no recorded
    sha256 to be compared with. `thawing` objects of `thawing_bytes` are on their way out of an archive; `asked` of
    them were asked for just now. `ready_ns`: when the last of them should be there, as far as that is known.
    """

    selected: int = 0
    selected_bytes: int = 0
    restored: int = 0
    intact: int = 0
    existing: int = 0
    skipped: int = 0
    replaced: int = 0
    unproven: int = 0
    bytes: int = 0
    thawing: int = 0
    thawing_bytes: int = 0
    asked: int = 0
    ready_ns: int | None = None


@dataclass(slots=True)
class DrillCounts:
    """What a restore drill did: of `sample` files `good` came back as they were recorded, `bytes` in all.

    `compared` of these also with the file on the disk. `archived` and `unproven` ones (no sha256 is recorded) were
    left out.
    """

    sample: int = 0
    good: int = 0
    bytes: int = 0
    compared: int = 0
    archived: int = 0
    unproven: int = 0


@dataclass(frozen=True, slots=True)
class Renamed:
    """A path of the backup that this disk cannot hold under its own name, and what the file is called there."""

    path: str
    local: str


@dataclass(frozen=True, slots=True)
class SnapshotUse:
    """A snapshot of the manifest in the bucket: one that a run stored, or that a rebuild began with.

    `taken_at` in nanoseconds since the epoch; `rows`: how many of its rows a rebuild could keep.
    """

    key: str
    taken_at: int
    rows: int = 0


@dataclass(frozen=True, slots=True)
class CatalogUse:
    """A snapshot of a catalog that said which photos a restore is about: its path, its time in keys, and in
    nanoseconds since the epoch. `roots`: a folder of the catalog, where it is in the backup, what says so, and for
    how many photos.
    """

    catalog: str
    snapshot: str
    taken_ns: int
    photos: int
    roots: tuple[tuple[str, str, str, int], ...] = ()


class RunKind(Enum):
    """Commands that may write."""

    SYNC = "sync"
    REBUILD = "rebuild-manifest"
    VERIFY = "verify"
    ACCEPT = "accept"
    RESTORE = "restore"
    DRILL = "drill"


class RunResult(Enum):
    """How a run ended, in one word; each goes with one exit code."""

    OK = "ok"
    INCOMPLETE = "incomplete"
    ATTENTION = "attention"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    RUNNING = "running"


_RESULTS: Final = {
    ExitCode.OK: RunResult.OK,
    ExitCode.INCOMPLETE: RunResult.INCOMPLETE,
    ExitCode.NEEDS_PERSON: RunResult.ATTENTION,
    ExitCode.INTERRUPTED: RunResult.INTERRUPTED,
}


def result_for(code: ExitCode) -> RunResult:
    """The word that goes with an exit code."""
    return _RESULTS.get(code, RunResult.FAILED)


@dataclass(slots=True)
class RunSummary:
    """Everything a run has to say; `--json` is this, spelled out."""

    dry_run: bool = False
    run_id: int | None = None
    exit_code: ExitCode = ExitCode.OK
    scan: ScanCounts = field(default_factory=ScanCounts)
    changes: ChangeCounts = field(default_factory=ChangeCounts)
    actions: ActionCounts = field(default_factory=ActionCounts)
    bytes: ByteCounts = field(default_factory=ByteCounts)
    requests: RequestCounts = field(default_factory=RequestCounts)
    drift: DriftCounts = field(default_factory=DriftCounts)
    seconds_total: float = 0.0
    seconds_scan: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    errors: list[Failed] = field(default_factory=list)
    verified: VerifyCounts | None = None
    restored: RestoreCounts | None = None
    renamed: list[Renamed] = field(default_factory=list)
    drilled: DrillCounts | None = None
    snapshot: SnapshotUse | None = None
    quote: Quote | None = None
    """What a restore costs, as far as prices are known."""
    catalogs: CatalogCounts | None = None
    catalog: CatalogUse | None = None
    """By which catalog a restore chose its photos."""

    def settle_exit_code(self) -> None:
        """Set the exit code from what was found: some files failed (3) wins over needs a person (4)."""
        if self.errors or (self.restored is not None and self.restored.thawing):
            self.exit_code = ExitCode.INCOMPLETE
        elif any(finding.kind.needs_person for finding in self.findings):
            self.exit_code = ExitCode.NEEDS_PERSON
        else:
            self.exit_code = ExitCode.OK


# --- the library ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """The manifest's own idea of which library it is. Times in nanoseconds since the epoch.

    `identity`: what proves a source that takes no marker, as `core.identity` writes it; None where only a marker does.
    """

    uuid: str
    name: str
    source: str
    endpoint: str
    bucket: str
    prefix: str
    created_at: int
    has_marker: bool = True
    last_full_pass: int | None = None
    identity: str | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One past run, as its row tells it. Times in nanoseconds since the epoch; `counts` is the `--json` object."""

    id: int
    kind: RunKind
    result: RunResult
    exit_code: int
    started_at: int
    finished_at: int | None
    counts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One past run, and those of its findings that still stand."""

    run: RunInfo
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Tally:
    """So many files and bytes."""

    files: int = 0
    bytes: int = 0
    safe: int = 0


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What the manifest knows about safety. A file is in exactly one of safe, pending, quarantined, drifted, unproven;
    missing files are not on the disk any more and are counted beside them.

    `files` and `bytes`: on the disk at the last scan. `pending`: seen there but not (or not in this state) in the
    bucket. `drifted`: the bucket lost or altered the object. `unproven`: an object is there, its content is not proven.
    """

    library: LibraryRow
    files: int
    bytes: int
    safe: int
    safe_bytes: int
    pending: int
    pending_bytes: int
    missing: int
    missing_bytes: int
    quarantined: int
    drifted: int
    unproven: int
    by_type: Mapping[str, Tally]
    by_folder: Mapping[str, Tally]
    by_proof: Mapping[str, int]
    last_run: RunInfo | None
    last_good_run: RunInfo | None
    findings: tuple[Finding, ...]
    rotten: int = 0
    """Of `quarantined`: those whose bytes went bad on the disk."""
    verified: Mapping[str, Tally] = field(default_factory=dict)
    """How long ago the objects of the files on the disk were last proven, by the names in `PROOF_AGES`."""
    last_drill: RunInfo | None = None
    """The last restore drill that came to its end."""


PROOF_AGES: Final = {"within_7_days": 7, "within_30_days": 30, "within_90_days": 90, "older": None, "never": None}
"""Each file is in one of them: the first whose days it meets. `never` holds also those with drift."""


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
