"""One S3 bucket, on boto3: fulfils `core.ports.ObjectStore` on AWS and on compatible stores.

Owns how requests look and what their answers prove. Never reads a file, never decides what to upload.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from lrsync.adapters.s3_client import Answer, Failure, S3Calls, StoreSettings
from lrsync.adapters.s3_copy import COPY_LIMIT_BYTES, COPY_PART_BYTES, Copier
from lrsync.adapters.s3_errors import BOTO_ERRORS, code_of, status_of, translate
from lrsync.adapters.s3_listing import Listing
from lrsync.adapters.s3_multipart import Multipart
from lrsync.adapters.s3_proofs import (
    Abilities,
    Support,
    Way,
    check_data,
    check_etag,
    content_md5,
    is_opaque,
    is_refusal,
    is_sound,
    md5_of,
    mismatch,
    parts_checksum,
    unquote,
    unsound,
    whole_checksum,
)
from lrsync.adapters.s3_thaw import request_thaw
from lrsync.adapters.s3_uploads import Parcel
from lrsync.adapters.s3_versions import Versions, version_of
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.model import Content, ManifestEntry
from lrsync.core.objects import ListedFolder, ListedObject, ListedVersion, ObjectInfo, PartInfo, Stored
from lrsync.core.parts import object_metadata
from lrsync.core.ports import Body, Span
from lrsync.core.proof import encode_checksum, proves_content
from lrsync.core.runs import RequestCounts
from lrsync.core.thaw import Thaw, Tier, thaw_of
from lrsync.errors import LrsyncError, ObjectChangedError, ObjectError, ObjectExistsError

__all__ = ["S3Store", "StoreSettings"]

CHUNK_BYTES: Final = 1 << 20
_NOT_S3: Final = "check that the endpoint is an S3 store"
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_MAY_NOT_ASK: Final = frozenset({"AccessDenied", "NotImplemented", "MethodNotAllowed", "NoSuchBucketVersioning"})


class S3Store:
    """One bucket, for any number of threads. Raises ObjectError, BucketError and UsageError only."""

    def __init__(
        self, settings: StoreSettings, *, copy_limit: int = COPY_LIMIT_BYTES, copy_part_size: int = COPY_PART_BYTES
    ) -> None:
        self._calls = S3Calls(settings)
        self._target = settings.target
        self._versioned: bool | None = None
        self._abilities = Abilities()
        self._listing = Listing(self._calls)
        self._versions = Versions(self._calls)
        self._multipart = Multipart(self._calls, self._abilities, self.head)
        self._copier = Copier(
            self._calls, self._abilities, self._multipart, self.head, limit_bytes=copy_limit, part_bytes=copy_part_size
        )

    @property
    def requests(self) -> RequestCounts:
        """HTTP requests so far, retries included."""
        return self._calls.requests

    def create_bucket(self) -> None:
        """Make the bucket. Raises BucketError."""
        region = self._calls.settings.region
        # S3 API reference, CreateBucket: us-east-1 is the one region that must not be named.
        place = {} if region in (None, "us-east-1") else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self._calls.call("create_bucket", **place)

    def close(self) -> None:
        """Close the connections; the store is of no use afterwards."""
        self._calls.close()

    # --- one request --------------------------------------------------------------------------------------

    def put(self, key: str, content: Content, *, if_absent: bool = False) -> Stored:
        """Store `content.data` in one request; returns only what the store's answer proves."""
        check_data(content)
        ways = self._abilities.ways(self._abilities.checksums, conditional=if_absent)
        for way in ways:
            try:
                stored = self._put(key, content, way)
            except ObjectExistsError:
                self._abilities.conditions = Support.HONOURED
                raise
            except ObjectError as error:
                if way is ways[-1] or not is_refusal(error):
                    raise
            else:
                if if_absent and not way.condition:
                    self._abilities.conditions = Support.IGNORED
                return stored
        raise AssertionError("there is always a way to try")

    def put_many(
        self, uploads: Sequence[tuple[str, Content]], *, if_absent: bool, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Stored | ObjectError | LrsyncError]]:
        """`put` for many small contents at once: for each its place and what `put` returns or raises, as it comes."""
        way = self._abilities.ways(self._abilities.checksums, conditional=if_absent)[0]
        sound = [index for index, (_, content) in enumerate(uploads) if is_sound(content)]
        for index in set(range(len(uploads))).difference(sound):
            yield index, unsound()
        sent = [self._prepare(*uploads[index], way) for index in sound]
        for place, answer in self._calls.upload("put_object", [parcel for parcel, _ in sent], more=more):
            index = sound[place]
            yield index, self._settle(*uploads[index], answer, sent[place][1], way)

    def _settle(
        self, key: str, content: Content, answer: Answer | Failure, md5: bytes | None, way: Way
    ) -> Stored | ObjectError | LrsyncError:
        try:
            if isinstance(answer, dict):
                return self._judge(key, content, answer, md5, way)
            if isinstance(answer, ObjectError) and is_refusal(answer):
                return self.put(key, content, if_absent=way.condition)
        except (ObjectError, LrsyncError) as error:
            return error
        return answer

    def _put(self, key: str, content: Content, way: Way) -> Stored:
        parcel, md5 = self._prepare(key, content, way)
        return self._judge(key, content, self._calls.upload_one("put_object", parcel), md5, way)

    def _prepare(self, key: str, content: Content, way: Way) -> tuple[Parcel, bytes | None]:
        """The request that stores a content, and the MD5 that goes with it where the store wants watching."""
        assert content.data is not None
        params: dict[str, Any] = {"Key": key, "Metadata": object_metadata(content), **self._calls.write_options()}
        if way.condition:
            params["IfNoneMatch"] = "*"
        if way.checksum:
            params |= {"ChecksumSHA256": encode_checksum(content.sha256), "ChecksumAlgorithm": "SHA256"}
        # MD5 costs a second pass over the bytes: only as long as the store is not known to check the sha256.
        trusted = way.checksum and self._abilities.checksums is Support.HONOURED
        md5 = None if trusted else content.md5 or md5_of(content.data)
        if md5 is not None:
            params |= content_md5(md5)
        return Parcel(params, self._calls.body(content.data), content.sha256), md5

    def _judge(self, key: str, content: Content, answer: Answer, md5: bytes | None, way: Way) -> Stored:
        self._learn(answer, way)
        if md5 is None and not answer.get("ChecksumSHA256"):
            # It used to report the checksum and does not now: what it has is unproven, so it goes again, with MD5.
            return self._put(key, content, Way(checksum=False, condition=False))
        return self._acknowledged(key, answer, content, md5)

    def _learn(self, answer: Answer, way: Way) -> None:
        honoured = way.checksum and bool(answer.get("ChecksumSHA256"))
        self._abilities.checksums = Support.HONOURED if honoured else Support.IGNORED

    def _acknowledged(self, key: str, answer: Answer, content: Content, md5: bytes | None) -> Stored:
        reported, etag = answer.get("ChecksumSHA256"), unquote(answer.get("ETag"))
        if reported and reported != encode_checksum(content.sha256):
            raise mismatch("S3 has other bytes than were sent")
        if not etag:
            return self._told_by_head(key, content)
        if reported:
            return Stored(etag, Checksum(ChecksumKind.SHA256, reported), answer.get("VersionId"))
        assert md5 is not None
        check_etag(etag, md5, answer)
        return Stored(etag, Checksum(ChecksumKind.MD5, encode_checksum(md5)), answer.get("VersionId"))

    def _told_by_head(self, key: str, content: Content) -> Stored:
        """A 200 without an ETag may be S3's, or the login page of a hotel's network: only HEAD can tell."""
        info = self.head(key)
        if not info.etag or not proves_content(info, content):
            raise ObjectError("the store did not acknowledge the bytes", code="Unacknowledged", hint=_NOT_S3)
        return Stored(info.etag, info.checksum, info.version_id)

    def delete(self, key: str) -> None:
        """Delete the object; on a versioned bucket that puts a delete marker."""
        self._calls.call("delete_object", Key=key)

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """What S3 knows of the object (or of a version of it), its checksum included where it keeps one."""
        answer = self._calls.call("head_object", Key=key, ChecksumMode="ENABLED", **version_of(version_id))
        return _info(key, answer, answer.get("ContentLength", 0))

    def part_size(self, key: str) -> int | None:
        """How long the first part was that the object was sent in; None where the store does not tell."""
        answer = self._calls.call("head_object", Key=key, PartNumber=1)
        # A store that does not know the parameter answers for the whole object, and names no number of parts.
        return int(answer["ContentLength"]) if answer.get("PartsCount") and "ContentLength" in answer else None

    @contextmanager
    def get(
        self, key: str, *, version_id: str | None = None, span: Span | None = None, if_match: str | None = None
    ) -> Iterator[Body]:
        """The object's bytes, in chunks of at most 1 MiB; a broken connection raises ObjectError."""
        wanted = {} if span is None else {"Range": f"bytes={span.offset}-{span.offset + span.length - 1}"}
        condition = {} if if_match is None else {"IfMatch": f'"{if_match}"'}
        answer = self._calls.call("get_object", Key=key, **wanted, **condition, **version_of(version_id))
        body = answer["Body"]
        try:
            info = _info(key, answer, _whole_size(answer, span))
            if if_match is not None and info.etag != if_match:
                # Not every store knows If-Match on a GET: one file of two objects' bytes must never be.
                raise ObjectChangedError("changed in the bucket meanwhile", code="PreconditionFailed")
            yield Body(info, self._chunks(body))
        finally:
            body.close()

    def _chunks(self, body: Any) -> Iterator[bytes]:
        chunks = body.iter_chunks(CHUNK_BYTES)
        while True:
            try:
                chunk = next(chunks, None)
            except BOTO_ERRORS as error:
                raise translate(error, "get_object", self._target) from error
            if chunk is None:
                return
            yield chunk

    def is_versioned(self) -> bool:
        """Whether the bucket keeps old versions; False where the credentials may not ask, or the store has none.

        Asked once: every overwrite and every delete wants to know it.
        """
        if self._versioned is None:
            self._versioned = self._ask_versioned()
        return self._versioned

    def _ask_versioned(self) -> bool:
        try:
            return self._calls.send("get_bucket_versioning").get("Status") == "Enabled"
        except ClientError as error:
            if code_of(error) in _MAY_NOT_ASK or status_of(error) in (405, 501):
                return False
            raise translate(error, "get_bucket_versioning", self._target) from error
        except BOTO_ERRORS as error:
            raise translate(error, "get_bucket_versioning", self._target) from error

    # --- listing ------------------------------------------------------------------------------------------

    def list(self, prefix: str) -> Iterator[Sequence[ListedObject]]:
        """Every object below the prefix, a page at a time. Pages may be short: only IsTruncated ends it."""
        return self._listing.list(prefix)

    def list_folder(self, prefix: str) -> Iterator[ListedFolder]:
        """The objects directly in a folder and its sub-folders' prefixes, a page at a time."""
        return self._listing.list_folder(prefix)

    # --- multipart and copies -----------------------------------------------------------------------------

    def start_multipart(self, key: str, content: Content) -> str:
        """Begin a multipart upload and return its id."""
        return self._multipart.start(key, object_metadata(content))

    def put_part(self, key: str, upload_id: str, number: int, data: bytes) -> PartInfo:
        """Store one part with its checksum."""
        return self._multipart.put_part(key, upload_id, number, data)

    def list_parts(self, key: str, upload_id: str) -> Sequence[PartInfo]:
        """The parts S3 has."""
        return self._multipart.list_parts(key, upload_id)

    def complete_multipart(
        self, key: str, upload_id: str, parts: Sequence[PartInfo], content: Content, *, if_absent: bool = False
    ) -> Stored:
        """Make the object of its parts, and compare it with `content`."""
        return self._multipart.complete(key, upload_id, parts, content, if_absent=if_absent)

    def abort_multipart(self, key: str, upload_id: str) -> None:
        """Throw the parts away."""
        self._multipart.abort(key, upload_id)

    def list_multiparts(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(key, upload id) of every multipart upload in progress below the prefix."""
        return self._multipart.list_uploads(prefix)

    def copy(self, source: ManifestEntry, key: str, content: Content) -> Stored:
        """Copy inside the bucket. Raises ObjectError with code "CopyUnverified" where the store proves nothing."""
        return self._copier.copy(source, key, content)

    def keep(self, key: str, trash_key: str, *, version_id: str | None = None) -> Stored:
        """Copy an object (or a version of it) as it is, mostly to the trash, and compare the two."""
        return self._copier.keep(key, trash_key, version_id)

    def rewrite(self, entry: ManifestEntry, content: Content) -> Stored:
        """Copy an object onto itself with the metadata of `content` added, and compare it with what it was."""
        return self._copier.rewrite(entry, content)

    # --- versions -----------------------------------------------------------------------------------------

    def list_versions(self, prefix: str) -> Iterator[Sequence[ListedVersion]]:
        """Every version and delete marker below the prefix; those of one key together, the newest first."""
        return self._versions.list(prefix)

    def delete_version(self, key: str, version_id: str) -> None:
        """Destroy one version or delete marker."""
        self._calls.call("delete_object", Key=key, VersionId=version_id)

    def thaw(self, key: str, tier: Tier, *, days: int | None, version_id: str | None = None) -> None:
        """Ask for a readable copy of an archived object; that it was asked for already is no error."""
        request_thaw(self._calls, key, tier, days=days, version_id=version_id)

    def has_lifecycle(self) -> bool:
        """Whether the bucket has lifecycle rules; True where the credentials may not ask."""
        return self._versions.has_lifecycle()


def _info(key: str, answer: Answer, size: int) -> ObjectInfo:
    """What the headers of HEAD or GET say."""
    return ObjectInfo(
        key=key,
        size=size,
        etag=unquote(answer.get("ETag")),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        checksum=whole_checksum(answer),
        storage_class=answer.get("StorageClass", "STANDARD"),
        version_id=answer.get("VersionId"),
        last_modified_ns=_as_ns(answer.get("LastModified")),
        archived=_thaw_of(answer).is_asleep,
        thaw=_thaw_of(answer),
        parts_checksum=parts_checksum(answer),
        opaque_etag=is_opaque(answer),
    )


def _whole_size(answer: Answer, span: Span | None) -> int:
    """How long the whole object is. Raises ObjectError where it is not the asked for span that came."""
    if span is None:
        return int(answer.get("ContentLength", 0))
    told = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
    if told is None or (int(told[1]), int(told[2])) != (span.offset, span.offset + span.length - 1):
        raise ObjectError("the store does not send parts of an object", code="RangeIgnored", hint=_NOT_S3)
    return int(told[3])


def _as_ns(moment: datetime | None) -> int:
    """Nanoseconds since the epoch; S3 tells milliseconds at best, so a float's rounding must not show."""
    return 0 if moment is None else round(moment.timestamp() * 1000) * 1_000_000


def _thaw_of(answer: Answer) -> Thaw:
    return thaw_of(answer.get("StorageClass"), answer.get("ArchiveStatus"), answer.get("Restore"))
