"""An ObjectStore in memory that checks for real: for the engine's tests, where a server would only be slow."""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from isal import isal_zlib

from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.keys import trash_note
from lrsync.core.model import Content, ManifestEntry
from lrsync.core.objects import ListedFolder, ListedObject, ListedVersion, ObjectInfo, PartInfo, Stored
from lrsync.core.parts import object_metadata
from lrsync.core.ports import Body, RacedError, Sendable, Span, Wanted, Whole
from lrsync.core.proof import encode_checksum, encode_crc32, row_note
from lrsync.core.runs import RequestCounts
from lrsync.core.scan import Stat
from lrsync.core.thaw import AWAKE, Archive, Thaw, ThawState, Tier, thaw_of
from lrsync.errors import (
    ChecksumMismatchError,
    LrsyncError,
    ObjectArchivedError,
    ObjectChangedError,
    ObjectError,
    ObjectExistsError,
    ObjectMissingError,
)

Hook = Callable[[str, str], None]
"""Called with the port's method name and the key; whatever it raises is raised."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object; `data` None is a delete marker."""

    data: bytes | None
    etag: str
    metadata: dict[str, str]
    checksum: Checksum | None
    version_id: str | None
    storage_class: str
    modified_ns: int


def _read(source: Sendable) -> bytes:
    """What a source gives, in two pieces where it can be; compared with what was hashed, as any store must."""
    half = source.length // 2
    data = b"".join(source.read(at, count) for at, count in ((0, half), (half, source.length - half)) if count)
    if isal_zlib.crc32(data) != source.crc32:
        raise RacedError("the bytes to send are not the ones that were hashed")
    return data


@dataclass(slots=True)
class _Upload:
    key: str
    content: Content
    parts: dict[int, bytes] = field(default_factory=dict)


class MemoryStore:
    """One bucket in memory. Thread-safe.

    `versioned`: overwrites and deletes keep the old version. `checksums`: keeps a sha256 or CRC32 (else it is a poor
    store: ETags only). `conditional`: honours if_absent. `list_order` sorts a listing (by key; some stores have other
    orders); `start_after` says how many of its keys StartAfter leaves out (by default those up to it in that order).
    `fail` is called before an operation takes effect, `fail_after` once it has: an answer that got lost.
    `archived` holds the keys that must be thawed before they are read or copied.
    """

    def __init__(
        self,
        *,
        versioned: bool = False,
        checksums: bool = True,
        conditional: bool = True,
        page_size: int = 1000,
        storage_class: str = "STANDARD",
        list_order: Callable[[str], Any] = str.encode,
        start_after: Callable[[Sequence[str], str], int] | None = None,
        fail: Hook | None = None,
        fail_after: Hook | None = None,
    ) -> None:
        self.versioned = versioned
        self.checksums = checksums
        self.conditional = conditional
        self.page_size = page_size
        self.storage_class = storage_class
        self.list_order = list_order
        self.start_after = start_after or self._start_after
        self.fail = fail
        self.fail_after = fail_after
        self.fail_chunk: Hook | None = None
        """Called before each 64 KiB of a body is handed out, with "chunk" and the key."""
        self.lifecycle = False
        self.latency: float | None = 0.0
        self.tick: Callable[[int], int] = lambda serial: serial * 1_000_000
        """The time (ns) at which the n-th write happens."""
        self.archived: set[str] = set()
        self.thaws: dict[str, Thaw] = {}
        """What was asked to be thawed; a test makes it READY, and GLACIER is where what is archived lies."""
        self.asked: list[tuple[str, Tier, int | None, str | None]] = []
        self.part_sizes: dict[str, int] = {}
        """What HEAD of a part tells; empty: nothing."""
        self.opaque: set[str] = set()
        """Keys whose ETag is not made of their bytes, as HEAD tells of what KMS encrypts."""
        self.parts_checksums: dict[str, Checksum] = {}
        self.versions: dict[str, list[StoredObject]] = {}
        self._uploads: dict[str, _Upload] = {}
        self._counts = RequestCounts()
        self._lock = threading.RLock()
        self._serial = 0

    # --- what a test looks at and tampers with --------------------------------------------------------------

    def keys(self) -> list[str]:
        """The keys that are there now, sorted by their bytes."""
        with self._lock:
            return sorted((key for key in self.versions if self._current(key) is not None), key=str.encode)

    def data(self, key: str) -> bytes:
        """An object's bytes. Raises KeyError."""
        with self._lock:
            current = self._current(key)
            if current is None or current.data is None:
                raise KeyError(key)
            return current.data

    def corrupt(self, key: str, data: bytes, *, keep_metadata: bool = True) -> None:
        """Replace an object's bytes behind lrsync's back, as another program would."""
        with self._lock:
            current = self._current(key)
            metadata = current.metadata if current is not None and keep_metadata else {}
            checksum = Checksum(ChecksumKind.SHA256, encode_checksum(hashlib.sha256(data).digest()))
            self._write(key, data, _md5(data), metadata, checksum)

    def lose(self, key: str) -> None:
        """Drop an object and its versions behind lrsync's back."""
        with self._lock:
            del self.versions[key]

    @property
    def uploads(self) -> list[tuple[str, str]]:
        """(key, upload id) of the multipart uploads in progress."""
        with self._lock:
            return [(upload.key, upload_id) for upload_id, upload in self._uploads.items()]

    # --- the port -------------------------------------------------------------------------------------------

    @property
    def latency_s(self) -> float | None:
        """As long as a test says."""
        return self.latency

    @property
    def requests(self) -> RequestCounts:
        """Requests so far."""
        with self._lock:
            return replace(self._counts)

    def put(self, key: str, content: Content, *, if_absent: bool = False, source: Sendable | None = None) -> Stored:
        """Store `content.data`, or what the source gives."""
        data = content.data if source is None else _read(source)
        if data is None:
            raise ValueError("a single PUT needs the bytes in memory")
        with self._request("put", "put", key):
            if hashlib.sha256(data).digest() != content.sha256:
                raise ChecksumMismatchError("the bytes are not the ones that were hashed", code="BadDigest")
            self._check_absent(key, if_absent)
            checksum = Checksum(ChecksumKind.SHA256, encode_checksum(content.sha256))
            if not self.checksums:
                checksum = Checksum(ChecksumKind.MD5, encode_checksum(bytes.fromhex(_md5(data))))
            return self._write(key, data, _md5(data), object_metadata(content), checksum)

    def put_many(
        self, uploads: Sequence[tuple[str, Content]], *, if_absent: bool, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Stored | ObjectError | LrsyncError]]:
        """`put`, one by one."""
        for index, (key, content) in enumerate(uploads):
            if not more():
                return
            try:
                yield index, self.put(key, content, if_absent=if_absent)
            except (ObjectError, LrsyncError) as error:
                yield index, error

    def start_multipart(self, key: str, content: Content) -> str:
        """Begin a multipart upload."""
        with self._request("start_multipart", "put", key):
            upload_id = f"upload-{self._next()}"
            self._uploads[upload_id] = _Upload(key, content)
            return upload_id

    def put_part(self, key: str, upload_id: str, number: int, data: bytes | Sendable) -> PartInfo:
        """Store one part."""
        data = data if isinstance(data, bytes) else _read(data)
        with self._request("put_part", "put", key):
            self._upload(key, upload_id).parts[number] = data
            return PartInfo(number, len(data), _md5(data), encode_crc32(isal_zlib.crc32(data)))

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """The parts of an upload."""
        with self._request("list_parts", "list", key):
            parts = sorted(self._upload(key, upload_id).parts.items())
            return [PartInfo(number, len(data), _md5(data), self._crc32(data)) for number, data in parts]

    def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[PartInfo], content: Content, *, if_absent: bool = False
    ) -> Stored:
        """Make the object of the parts that are named."""
        with self._request("complete_multipart", "put", key):
            upload = self._upload(key, upload_id)
            self._check_absent(key, if_absent)
            for part in parts:
                if _md5(upload.parts.get(part.number, b"")) != part.etag:
                    raise ChecksumMismatchError("a part is not the one that was named", code="InvalidPart")
            data = b"".join(upload.parts[part.number] for part in parts)
            if isal_zlib.crc32(data) != content.crc32:
                raise ChecksumMismatchError("the parts are not the file that was hashed", code="BadDigest")
            checksum = Checksum(ChecksumKind.CRC32, encode_crc32(content.crc32)) if self.checksums else None
            digest = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
            # The upload's own metadata: what the caller says now must not change it, as on S3.
            metadata = object_metadata(upload.content)
            stored = self._write(key, data, f"{digest.hexdigest()}-{len(parts)}", metadata, checksum)
            del self._uploads[upload_id]
            return stored

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Throw an upload away."""
        with self._request("abort_multipart", "delete", key):
            self._uploads.pop(upload_id, None)

    def list_multiparts(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The uploads in progress below the prefix."""
        with self._request("list_multiparts", "list", prefix):
            found = [(key, upload_id) for key, upload_id in self.uploads if key.startswith(prefix)]
        yield from found

    def copy(self, source: ManifestEntry, key: str, content: Content) -> Stored:
        """Copy, if the source still has its recorded ETag."""
        with self._request("copy", "copy", key):
            found = self._readable(source.key)
            if source.etag and found.etag != source.etag:
                raise ObjectChangedError("changed in the bucket meanwhile", code="PreconditionFailed")
            assert found.data is not None
            return self._write(key, found.data, found.etag, object_metadata(content), found.checksum)

    def keep(
        self, key: str, trash_key: str, *, version_id: str | None = None, row: ManifestEntry | None = None
    ) -> Stored:
        """Copy an object (or a version of it) as it is."""
        with self._request("keep", "copy", key):
            found = self._readable(key, version_id)
            assert found.data is not None
            known = {} if row is None else row_note(row, self._info(key, found))
            metadata = {**found.metadata, **trash_note(key, trash_key), **known}
            return self._write(trash_key, found.data, found.etag, metadata, found.checksum)

    def delete(self, key: str) -> None:
        """Delete, or put a delete marker."""
        with self._request("delete", "delete", key):
            if not self.versioned:
                self.versions.pop(key, None)
                return
            serial = self._next()
            marker = StoredObject(None, "", {}, None, f"v{serial}", self.storage_class, self.tick(serial))
            self.versions.setdefault(key, []).append(marker)

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """What is known of the object, or of a version of it."""
        with self._request("head", "head", key):
            found = self._existing(key, version_id)
            assert found.data is not None
            return replace(self._info(key, found), checksum=found.checksum if self.checksums else None)

    @contextmanager
    def get(
        self, key: str, *, version_id: str | None = None, span: Span | None = None, if_match: str | None = None
    ) -> Iterator[Body]:
        """The object's bytes, or a version's."""
        with self._request("get", "other", key):
            found = self._readable(key, version_id)
            if if_match is not None and found.etag != if_match:
                raise ObjectChangedError("changed in the bucket meanwhile", code="PreconditionFailed")
            data = found.data
            assert data is not None
            if span is not None:
                if not 0 < span.length <= len(data) - span.offset:
                    raise ObjectError("the store does not send parts of an object", code="RangeIgnored")
                data = data[span.offset : span.offset + span.length]
        yield Body(self._info(key, found), self._chunks(key, data))

    def get_many(
        self, wanted: Sequence[Wanted], *, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Whole | ObjectError | LrsyncError]]:
        """`get`, one by one."""
        for index, one in enumerate(wanted):
            if not more():
                return
            try:
                with self.get(one.key, version_id=one.version_id) as body:
                    data = b"".join(body)
            except (ObjectError, LrsyncError) as error:
                yield index, error
            else:
                long = ObjectError("is larger in the bucket than was expected", code="TooLong")
                yield index, Whole(body.info, data) if len(data) <= one.most else long

    def part_size(self, key: str) -> int | None:
        """How long the first part was, where `part_sizes` has it."""
        with self._request("part_size", "head", key):
            self._existing(key)
            return self.part_sizes.get(key)

    def rewrite(self, entry: ManifestEntry, content: Content) -> Stored:
        """Give an object more metadata, if it still has its recorded ETag."""
        with self._request("rewrite", "copy", entry.key):
            found = self._readable(entry.key)
            if entry.etag and found.etag != entry.etag:
                raise ObjectChangedError("changed in the bucket meanwhile", code="PreconditionFailed")
            assert found.data is not None
            metadata = {**found.metadata, **object_metadata(content)}
            kept = self._write(entry.key, found.data, found.etag, metadata, found.checksum)
            made = self.versions[entry.key][-1]
            self.versions[entry.key][-1] = replace(made, storage_class=found.storage_class)
            return kept

    def _chunks(self, key: str, data: bytes) -> Iterator[bytes]:
        for offset in range(0, len(data), 65_536):
            if self.fail_chunk is not None:
                self.fail_chunk("chunk", key)
            yield data[offset : offset + 65_536]

    def _info(self, key: str, found: StoredObject) -> ObjectInfo:
        assert found.data is not None
        return ObjectInfo(
            key=key,
            size=len(found.data),
            etag=found.etag,
            metadata=dict(found.metadata),
            storage_class=found.storage_class,
            version_id=found.version_id,
            last_modified_ns=found.modified_ns,
            archived=self._thaw(key).is_asleep,
            thaw=self._thaw(key),
            parts_checksum=self.parts_checksums.get(key),
            opaque_etag=key in self.opaque,
        )

    def list(self, prefix: str, *, after: str = "") -> Iterator[Sequence[ListedObject]]:
        """Every object below the prefix, `page_size` at a time; an empty bucket has one empty page."""
        keys = sorted((key for key in self.keys() if key.startswith(prefix)), key=self.list_order)
        if after:
            keys = keys[self.start_after(keys, after) :]
        for offset in range(0, max(len(keys), 1), self.page_size):
            with self._request("list", "list", prefix):
                page = [self._listed(key) for key in keys[offset : offset + self.page_size]]
            yield [item for item in page if item is not None]

    def _start_after(self, keys: Sequence[str], after: str) -> int:
        return bisect_right(keys, self.list_order(after), key=self.list_order)

    def list_folder(self, prefix: str) -> Iterator[ListedFolder]:
        """What lies directly in a folder, `page_size` names at a time."""
        names: dict[str, ListedObject | None] = {}
        for key in sorted(key for key in self.keys() if key.startswith(prefix)):
            name, slash, _ = key[len(prefix) :].partition("/")
            names[f"{prefix}{name}{slash}"] = None if slash else self._listed(key)
        everything = list(names.items())
        for offset in range(0, max(len(everything), 1), self.page_size):
            with self._request("list_folder", "list", prefix):
                page = everything[offset : offset + self.page_size]
            yield ListedFolder(
                [listed for _, listed in page if listed is not None], [name for name, _ in page if name.endswith("/")]
            )

    def is_versioned(self) -> bool:
        """Whether old versions are kept."""
        with self._request("is_versioned", "other", ""):
            return self.versioned

    def list_versions(self, prefix: str) -> Iterator[Sequence[ListedVersion]]:
        """Every version, those of a key together, `page_size` keys at a time."""
        keys = sorted((key for key in list(self.versions) if key.startswith(prefix)), key=str.encode)
        for offset in range(0, max(len(keys), 1), self.page_size):
            with self._request("list_versions", "list", prefix):
                page = [listed for key in keys[offset : offset + self.page_size] for listed in self._versions_of(key)]
            yield page

    def delete_version(self, key: str, version_id: str) -> None:
        """Destroy one version."""
        with self._request("delete_version", "delete", key):
            left = [v for v in self.versions.get(key, []) if (v.version_id or "null") != version_id]
            self.versions[key] = left
            if not left:
                del self.versions[key]

    def thaw(self, key: str, tier: Tier, *, days: int | None, version_id: str | None = None) -> None:
        """Note that it is to be thawed."""
        with self._request("thaw", "other", key):
            self._existing(key, version_id)
            if self._thaw(key).archive is None:
                raise ObjectError("lies in no archive that it could be thawed from", code="InvalidObjectState")
            self.asked.append((key, tier, days, version_id))
            if self._thaw(key).state is ThawState.ARCHIVED:
                self.thaws[key] = Thaw(ThawState.ONGOING, self._thaw(key).archive)

    def finish_thaws(self, until_ns: int | None = None) -> None:
        """What was asked for can be read now."""
        self.thaws = {key: Thaw(ThawState.READY, thaw.archive, until_ns) for key, thaw in self.thaws.items()}

    def has_lifecycle(self) -> bool:
        """Whether there are lifecycle rules."""
        with self._request("has_lifecycle", "other", ""):
            return self.lifecycle

    # --- inside ---------------------------------------------------------------------------------------------

    @contextmanager
    def _request(self, operation: str, kind: str, key: str) -> Iterator[None]:
        with self._lock:
            setattr(self._counts, kind, getattr(self._counts, kind) + 1)
        # Outside the lock: a hook may wait for another thread.
        if self.fail is not None:
            self.fail(operation, key)
        with self._lock:
            yield
        if self.fail_after is not None:
            self.fail_after(operation, key)

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _current(self, key: str) -> StoredObject | None:
        versions = self.versions.get(key)
        return versions[-1] if versions and versions[-1].data is not None else None

    def _versions_of(self, key: str) -> list[ListedVersion]:
        versions = self.versions.get(key, [])
        return [
            ListedVersion(
                key=key,
                version_id=version.version_id or "null",
                size=len(version.data or b""),
                etag=version.etag,
                last_modified_ns=version.modified_ns,
                is_current=version is versions[-1],
                is_marker=version.data is None,
                storage_class=version.storage_class,
            )
            for version in reversed(versions)
        ]

    def _existing(self, key: str, version_id: str | None = None) -> StoredObject:
        found = self._current(key)
        if version_id is not None:
            named = [
                v for v in self.versions.get(key, []) if (v.version_id or "null") == version_id and v.data is not None
            ]
            found = named[0] if named else None
        if found is None:
            raise ObjectMissingError("is not in the bucket", code="NoSuchKey")
        return found

    def _thaw(self, key: str) -> Thaw:
        if key not in self.archived:
            return AWAKE
        current = self._current(key)
        told = thaw_of("GLACIER" if current is None else current.storage_class, None, None)
        return self.thaws.get(key, told if told.archive else Thaw(ThawState.ARCHIVED, Archive.GLACIER))

    def _readable(self, key: str, version_id: str | None = None) -> StoredObject:
        found = self._existing(key, version_id)
        if self._thaw(key).is_asleep:
            raise ObjectArchivedError("lies in an archive class", code="InvalidObjectState")
        return found

    def _upload(self, key: str, upload_id: str) -> _Upload:
        upload = self._uploads.get(upload_id)
        if upload is None or upload.key != key:
            raise ObjectMissingError("its upload is not there any more", code="NoSuchUpload")
        return upload

    def _check_absent(self, key: str, if_absent: bool) -> None:
        if if_absent and self.conditional and self._current(key) is not None:
            raise ObjectExistsError("is in the bucket already", code="PreconditionFailed")

    def _crc32(self, data: bytes) -> str | None:
        return encode_crc32(isal_zlib.crc32(data)) if self.checksums else None

    def _write(self, key: str, data: bytes, etag: str, metadata: dict[str, str], checksum: Checksum | None) -> Stored:
        serial = self._next()
        version_id = f"v{serial}" if self.versioned else None
        made = StoredObject(data, etag, dict(metadata), checksum, version_id, self.storage_class, self.tick(serial))
        self.versions[key] = [*self.versions.get(key, []), made] if self.versioned else [made]
        return Stored(etag, checksum, version_id)

    def _listed(self, key: str) -> ListedObject | None:
        found = self._current(key)
        if found is None or found.data is None:
            return None  # deleted between two pages
        return ListedObject(key, len(found.data), found.etag, found.storage_class, found.modified_ns)


def content_of(data: bytes, *, mtime_ns: int = 1_700_000_000_000_000_000, part_size: int = 0) -> Content:
    """The Content of these bytes, as a reading of a file would give it; held in memory unless cut into parts."""
    parts = range(0, len(data), part_size) if part_size else ()
    return Content(
        stat=Stat(len(data), mtime_ns, mtime_ns),
        sha256=hashlib.sha256(data).digest(),
        crc32=isal_zlib.crc32(data),
        part_size=part_size,
        part_crc32s=tuple(isal_zlib.crc32(data[at : at + part_size]) for at in parts),
        data=None if part_size else data,
    )


def entry_of(path: str, content: Content, stored: Stored, *, key: str | None = None) -> ManifestEntry:
    """The manifest's row for an object that was stored."""
    return ManifestEntry(
        path=path,
        size=content.stat.size,
        mtime_ns=content.stat.mtime_ns,
        ctime_ns=content.stat.ctime_ns,
        key=path if key is None else key,
        sha256=content.sha256,
        checksum=stored.checksum,
        etag=stored.etag,
        version_id=stored.version_id,
        storage_class="STANDARD",
        uploaded_at=content.stat.mtime_ns,
    )


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
