"""Server-side copies, and the proof that the copy is what it should be. Never sends a file's bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from lrsync.adapters.s3_client import S3Calls
from lrsync.adapters.s3_multipart import NOTHING, Multipart
from lrsync.adapters.s3_proofs import Abilities, Support, is_md5, is_refusal, unquote
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.keys import trash_note
from lrsync.core.model import Content, ManifestEntry
from lrsync.core.objects import ObjectInfo, Stored
from lrsync.core.parts import MAX_COPY_BYTES, object_metadata, part_size_for, parts_of
from lrsync.core.proof import encode_checksum, encode_crc32, row_note
from lrsync.errors import ObjectChangedError, ObjectError

GIB: Final = 1 << 30
COPY_LIMIT_BYTES: Final = MAX_COPY_BYTES
COPY_PART_BYTES: Final = GIB // 2
_KEPT: Final = (
    *("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires"),
    *("BucketKeyEnabled", "ServerSideEncryption", "SSEKMSKeyId", "StorageClass", "WebsiteRedirectLocation"),
)
"""What a copy with new metadata loses unless it is said again (S3 API reference, CopyObject)."""


class Head(Protocol):
    """What S3 knows of an object, or of a version of it."""

    def __call__(self, key: str, *, version_id: str | None = None) -> ObjectInfo: ...


@dataclass(frozen=True, slots=True)
class _Source:
    """What is copied, as long as it has this ETag."""

    key: str
    etag: str
    version_id: str | None = None


class Copier:
    """The copying half of an S3Store."""

    def __init__(
        self,
        calls: S3Calls,
        abilities: Abilities,
        multipart: Multipart,
        head: Head,
        *,
        limit_bytes: int = COPY_LIMIT_BYTES,
        part_bytes: int = COPY_PART_BYTES,
    ) -> None:
        self._calls = calls
        self._abilities = abilities
        self._multipart = multipart
        self._head = head
        self._limit_bytes = limit_bytes
        self._part_bytes = part_bytes

    def copy(self, source: ManifestEntry, key: str, content: Content) -> Stored:
        """Copy with the metadata of `content`; the copy is compared with it before it is acknowledged."""
        metadata = object_metadata(content)
        if source.size > self._limit_bytes:
            origin = _Source(source.key, source.etag)
            self._copy_parts(origin, source.size, key, metadata, encode_crc32(content.crc32))
        else:
            replaced = {"MetadataDirective": "REPLACE", "Metadata": metadata}
            origin, options = _Source(source.key, source.etag), self._calls.write_options(key, source.size)
            answer = self._copy_object(origin, key, {**replaced, **options}, ask_sha256=True)
            result = answer.get("CopyObjectResult", {})
            if result.get("ChecksumSHA256") == encode_checksum(content.sha256) and result.get("ETag"):
                checksum = Checksum(ChecksumKind.SHA256, result["ChecksumSHA256"])
                return Stored(unquote(result["ETag"]), checksum, answer.get("VersionId"))
        info = self._head(key)
        if not _is_copy(info, source, content, metadata):
            raise self._disown(key)
        return Stored(info.etag, info.checksum, info.version_id)

    def rewrite(self, entry: ManifestEntry, content: Content) -> Stored:
        """Copy an object onto itself with the metadata of `content` added; all else about it stays as it is.

        Never removes what is not proven, as `copy` does: it would be the only object.
        """
        answer = self._calls.call("head_object", Key=entry.key)
        if entry.etag and unquote(answer.get("ETag")) != entry.etag:
            # Not left to the copy's condition: not every store knows it, and the metadata would name other bytes.
            raise ObjectChangedError("changed in the bucket meanwhile", code="PreconditionFailed")
        metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
        kept = {"StorageClass": "STANDARD", **{name: answer[name] for name in _KEPT if answer.get(name)}}
        whole = encode_crc32(content.crc32) if content.was_read else None
        wanted = {**metadata, **object_metadata(content)}
        source = _Source(entry.key, entry.etag)
        if entry.size > self._limit_bytes:
            self._copy_parts(source, entry.size, entry.key, wanted, whole, kept)
        else:
            # What it has comes last: a copy onto itself stays in its storage class.
            options = {**self._calls.write_options(entry.key, entry.size), **kept}
            params = {"MetadataDirective": "REPLACE", "Metadata": wanted, **options}
            self._copy_object(source, entry.key, params, ask_sha256=True)
        info = self._head(entry.key)
        if not (wanted.items() <= info.metadata.items() and info.size == entry.size and _is_still(info, entry, whole)):
            raise ObjectError("the store does not prove its copy", code="CopyUnverified")
        return Stored(info.etag, info.checksum, info.version_id)

    def keep(self, key: str, trash_key: str, version_id: str | None = None, row: ManifestEntry | None = None) -> Stored:
        """Copy an object as it is (and what its new key and metadata do not tell), and compare the copy with it."""
        before, source = self._of(key, version_id)
        metadata = dict(before.metadata)
        note = {**trash_note(key, trash_key), **(row_note(row, before) if row is not None else {})}
        try:
            self._copy_as_is(source, before, trash_key, note)
        except ObjectError as error:
            if error.code != "MetadataTooLarge":
                raise
            # Better kept under a digest's name than not kept.
            self._copy_as_is(source, before, trash_key, {})
        after = self._head(trash_key)
        # Some stores add an mtime of their own to a copy: what was there must be there still, more does no harm.
        has_metadata = metadata.items() <= after.metadata.items()
        if after.size != before.size or not has_metadata or not _same_bytes(before, after):
            raise self._disown(trash_key)
        return Stored(after.etag, after.checksum, after.version_id)

    def _copy_as_is(self, source: _Source, before: ObjectInfo, key: str, note: Mapping[str, str]) -> None:
        metadata = {**before.metadata, **note}
        if before.size > self._limit_bytes:
            self._copy_parts(source, before.size, key, metadata, None)
            return
        directive = {"MetadataDirective": "REPLACE", "Metadata": metadata} if note else {"MetadataDirective": "COPY"}
        options = self._calls.write_options(key, before.size)
        self._copy_object(source, key, {**directive, **options}, ask_sha256=False)

    def _of(self, key: str, version_id: str | None) -> tuple[ObjectInfo, _Source]:
        # Only named where one is meant: stores without versions do not know the parameter.
        info = self._head(key) if version_id is None else self._head(key, version_id=version_id)
        return info, _Source(key, info.etag, version_id)

    def _disown(self, key: str) -> ObjectError:
        """Remove a copy that is not proven: it would carry a sha256 that may not be its own, and be believed."""
        self._calls.call("delete_object", Key=key)
        return ObjectError(
            "the store does not prove its copy", code="CopyUnverified", hint="the file is uploaded instead of copied"
        )

    def _copy_object(
        self, source: _Source, key: str, directive: Mapping[str, Any], *, ask_sha256: bool
    ) -> dict[str, Any]:
        params: dict[str, Any] = {"Key": key, **self._named(source), **directive}
        # Asked for, S3 computes the sha256 of the copy: a proof that costs nothing here.
        asks: list[dict[str, str]] = [{}]
        if ask_sha256 and self._abilities.checksums is not Support.IGNORED:
            asks.insert(0, {"ChecksumAlgorithm": "SHA256"})
        for ask in asks:
            try:
                return self._if_unchanged("copy_object", source, {**params, **ask})
            except ObjectError as error:
                if ask is asks[-1] or not is_refusal(error):
                    raise
        raise AssertionError("there is always a way to try")

    def _named(self, source: _Source) -> dict[str, Any]:
        # As a dict: botocore then quotes the key itself, `?` and `+` included.
        version = {} if source.version_id is None else {"VersionId": source.version_id}
        return {"CopySource": {"Bucket": self._calls.settings.bucket, "Key": source.key, **version}}

    def _if_unchanged(self, method: str, source: _Source, params: dict[str, Any]) -> dict[str, Any]:
        """Send a copy on the condition that the source has this ETag.

        AWS takes the ETag with and without quotes, some stores only the one, some only the other: a refusal
        counts once the source really has another ETag.
        """
        if not source.etag:
            return self._calls.call(method, **params)
        try:
            return self._calls.call(method, **params, CopySourceIfMatch=source.etag)
        except ObjectChangedError:
            now, _ = self._of(source.key, source.version_id)
            if now.etag != source.etag:
                raise
            return self._calls.call(method, **params, CopySourceIfMatch=f'"{source.etag}"')

    def _copy_parts(
        self,
        origin: _Source,
        size: int,
        key: str,
        metadata: Mapping[str, str],
        whole: str | None,
        kept: Mapping[str, Any] = NOTHING,
    ) -> None:
        upload_id = self._multipart.start(key, metadata, size, kept)
        try:
            parts = []
            for part in parts_of(size, max(self._part_bytes, part_size_for(size) if size > GIB else 0)):
                source = self._named(origin)
                source["CopySourceRange"] = f"bytes={part.offset}-{part.offset + part.length - 1}"
                if origin.etag:
                    source["CopySourceIfMatch"] = origin.etag
                parts.append(self._multipart.copy_part(key, upload_id, part.number, source, part.length))
            self._multipart.finish(key, upload_id, parts, whole)
        except BaseException:
            # Parts of an upload that nobody finishes are paid for, and no listing of objects shows them.
            self._multipart.abort(key, upload_id)
            raise


def _is_copy(info: ObjectInfo, source: ManifestEntry, content: Content, metadata: Mapping[str, str]) -> bool:
    """Whether size, metadata and a checksum or the ETag agree."""
    own = {name: info.metadata.get(name) for name in metadata}
    return info.size == content.stat.size and own == dict(metadata) and _is_content(info, source, content)


def _is_still(info: ObjectInfo, entry: ManifestEntry, crc32: str | None) -> bool:
    """Whether the copy has the row's bytes: by S3's sha256 or CRC32 of it, a checksum of one kind, or the same ETag."""
    checksum = info.checksum
    if checksum is not None and checksum.kind is ChecksumKind.SHA256 and entry.sha256 is not None:
        return checksum.value == encode_checksum(entry.sha256)
    if checksum is not None and checksum.kind is ChecksumKind.CRC32 and crc32 is not None:
        return checksum.value == crc32
    if checksum is not None and entry.checksum is not None and checksum.kind is entry.checksum.kind:
        return checksum == entry.checksum
    return bool(info.etag) and info.etag == entry.etag


def _is_content(info: ObjectInfo, source: ManifestEntry, content: Content) -> bool:
    proofs = {ChecksumKind.SHA256: encode_checksum(content.sha256), ChecksumKind.CRC32: encode_crc32(content.crc32)}
    if info.checksum is not None and info.checksum.kind in proofs:
        return info.checksum.value == proofs[info.checksum.kind]
    if info.checksum is not None and source.checksum is not None and info.checksum.kind is source.checksum.kind:
        return info.checksum == source.checksum
    return bool(info.etag) and (
        info.etag == source.etag or (content.md5 is not None and info.etag == content.md5.hex())
    )


def _same_bytes(before: ObjectInfo, after: ObjectInfo) -> bool:
    """Whether nothing speaks against the copy: checksums of one kind, or ETags that are both an MD5."""
    if before.checksum is not None and after.checksum is not None and before.checksum.kind is after.checksum.kind:
        return before.checksum == after.checksum
    return before.etag == after.etag or not (is_md5(before.etag) and is_md5(after.etag))
