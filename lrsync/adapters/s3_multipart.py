"""Multipart uploads, request by request. Never reads a file and never decides which parts to send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from lrsync.adapters.crc import crc32_of
from lrsync.adapters.s3_body import digest_of
from lrsync.adapters.s3_client import Answer, S3Calls
from lrsync.adapters.s3_proofs import (
    Abilities,
    Support,
    Way,
    check_crc32,
    check_etag,
    check_whole,
    content_md5,
    crc32_header,
    is_refusal,
    mismatch,
    unquote,
    whole_checksum,
)
from lrsync.adapters.s3_transport import Parcel
from lrsync.core.checksums import ChecksumKind
from lrsync.core.model import Content
from lrsync.core.objects import ObjectInfo, PartInfo, Stored
from lrsync.core.ports import Sendable
from lrsync.core.proof import encode_crc32, proves_content
from lrsync.errors import BucketError, ObjectError, ObjectMissingError

NOTHING: Final[Mapping[str, Any]] = {}
FULL_OBJECT: Final = {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}


class Multipart:
    """The multipart half of an S3Store; shares its requests and what is known of the store."""

    def __init__(self, calls: S3Calls, abilities: Abilities, head: Callable[[str], ObjectInfo]) -> None:
        self._calls = calls
        self._abilities = abilities
        self._head = head

    def start(self, key: str, metadata: Mapping[str, str], size: int, more: Mapping[str, Any] = NOTHING) -> str:
        """Begin an upload of `size` bytes with a checksum of the whole, where the store knows such; return its id.

        `more`: of the object, such as its content type; it wins over the settings.
        """
        options = {**self._calls.write_options(key, size), **more}
        params: dict[str, Any] = {"Key": key, "Metadata": dict(metadata), **options}
        if self._abilities.part_checksums is not Support.IGNORED:
            try:
                return _upload_id(self._calls.call("create_multipart_upload", **params, **FULL_OBJECT))
            except ObjectError as error:
                if self._abilities.part_checksums is Support.HONOURED or not is_refusal(error):
                    raise
        answer = self._calls.call("create_multipart_upload", **params)
        self._abilities.part_checksums = Support.IGNORED
        return _upload_id(answer)

    def put_part(self, key: str, upload_id: str, number: int, data: bytes | Sendable) -> PartInfo:
        """Send one part; `crc32` is that of `data`, acknowledged by the store as far as it can."""
        value = crc32_of(data) if isinstance(data, bytes) else data.crc32
        length = len(data) if isinstance(data, bytes) else data.length
        with self._abilities.in_turn(lambda: self._abilities.part_checksums):
            answer = self._send_part(key, upload_id, number, data, value)
        check_crc32(answer.get("ChecksumCRC32"), encode_crc32(value))
        etag = unquote(answer.get("ETag"))
        if not etag:
            raise ObjectError("the store did not acknowledge a part", code="Unacknowledged")
        return PartInfo(number, length, etag, encode_crc32(value))

    def _send_part(self, key: str, upload_id: str, number: int, data: bytes | Sendable, crc32: int) -> Answer:
        """Send a part with a CRC32, and with MD5 as long as the store is not known to check the CRC32."""
        where: dict[str, Any] = {"Key": key, "UploadId": upload_id, "PartNumber": number}
        support = self._abilities.part_checksums
        if support is not Support.IGNORED:
            trusted = support is Support.HONOURED
            try:
                answer = self._send_guarded(where, data, crc32_header(crc32), with_md5=not trusted)
            except ObjectError as error:
                if trusted or not is_refusal(error):
                    raise
            else:
                reported = bool(answer.get("ChecksumCRC32"))
                self._abilities.part_checksums = Support.HONOURED if reported else Support.IGNORED
                if reported or not trusted:
                    return answer
        # Refused, or reported before and not now: what the store has is unproven, so the part goes again.
        self._abilities.part_checksums = Support.IGNORED
        return self._send_guarded(where, data, {}, with_md5=True)

    def _send_guarded(
        self, where: Mapping[str, Any], data: bytes | Sendable, guards: Mapping[str, str], *, with_md5: bool
    ) -> Answer:
        body = self._calls.body(data)
        md5 = digest_of(body, "md5") if with_md5 else None
        headers = {**guards, **(content_md5(md5) if md5 is not None else {})}
        answer = self._calls.transfer_one("upload_part", Parcel({**where, **headers}, body))
        if md5 is not None and not answer.get("ChecksumCRC32"):
            check_etag(unquote(answer.get("ETag")), md5, answer)
        return answer

    def copy_part(self, key: str, upload_id: str, number: int, source: Mapping[str, Any], length: int) -> PartInfo:
        """Have S3 copy one part; `source` holds CopySource, its range and its condition."""
        answer = self._calls.call("upload_part_copy", Key=key, UploadId=upload_id, PartNumber=number, **source)
        result = answer.get("CopyPartResult", {})
        if not result.get("ETag"):
            raise ObjectError("the store did not acknowledge a copied part", code="CopyUnverified")
        return PartInfo(number, length, unquote(result["ETag"]), result.get("ChecksumCRC32"))

    def list_parts(self, key: str, upload_id: str) -> list[PartInfo]:
        """Every part that S3 has of an upload."""
        parts: list[PartInfo] = []
        marker = 0
        while True:
            position = {"PartNumberMarker": marker} if marker else {}
            answer = self._calls.call("list_parts", Key=key, UploadId=upload_id, **position)
            parts += [_part_info(item) for item in answer.get("Parts", ())]
            if not answer.get("IsTruncated"):
                return parts
            following = int(answer.get("NextPartNumberMarker") or 0)
            if following <= marker:
                raise BucketError("the listing of an upload's parts does not come to an end")
            marker = following

    def complete(
        self, key: str, upload_id: str, parts: Sequence[PartInfo], content: Content, *, if_absent: bool
    ) -> Stored:
        """Make the object and compare what S3 then has with `content`."""
        check_whole(parts, content.crc32)
        whole = encode_crc32(content.crc32)
        try:
            answer = self.finish(key, upload_id, parts, whole, if_absent=if_absent)
        except ObjectMissingError:
            return self._landed_before(key, content)
        reported = whole_checksum(answer)
        if reported is not None and reported.kind is ChecksumKind.CRC32 and unquote(answer.get("ETag")):
            check_crc32(reported.value, whole)
            return Stored(unquote(answer["ETag"]), reported, answer.get("VersionId"))
        return self._told_by_head(key, content)

    def _landed_before(self, key: str, content: Content) -> Stored:
        """An answer got lost and the request was repeated: the upload is gone since its object is there."""
        info = self._head(key)
        if not proves_content(info, content):
            raise ObjectMissingError("its upload is not there any more", code="NoSuchUpload")
        return Stored(info.etag, info.checksum, info.version_id)

    def _told_by_head(self, key: str, content: Content) -> Stored:
        info = self._head(key)
        checksum = info.checksum
        if (
            not info.etag
            or info.size != content.stat.size
            or info.metadata.get("lrsync-sha256") != content.sha256.hex()
        ):
            raise mismatch("S3 has another object than was sent")
        if checksum is not None and checksum.kind is ChecksumKind.CRC32:
            check_crc32(checksum.value, encode_crc32(content.crc32))
        return Stored(info.etag, checksum, info.version_id)

    def finish(
        self, key: str, upload_id: str, parts: Sequence[PartInfo], whole: str | None, *, if_absent: bool = False
    ) -> Answer:
        """The request that makes the object; drops what the store turns out not to know."""

        def attempt(way: Way) -> Answer:
            params: dict[str, Any] = {"IfNoneMatch": "*"} if way.condition else {}
            if way.checksum and whole is not None:
                params |= {"ChecksumCRC32": whole, "ChecksumType": "FULL_OBJECT"}
            listed = {"Parts": [_completed(part, checksum=way.checksum) for part in parts]}
            return self._calls.call(
                "complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload=listed, **params
            )

        return self._abilities.write(self._abilities.part_checksums, attempt, conditional=if_absent)

    def abort(self, key: str, upload_id: str) -> None:
        """Throw an upload's parts away; one that is gone already is no error."""
        try:
            self._calls.call("abort_multipart_upload", Key=key, UploadId=upload_id)
        except ObjectMissingError:
            return

    def list_uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(key, upload id) of every upload in progress below the prefix."""
        position: dict[str, str] = {}
        while True:
            # Without EncodingType: SeaweedFS says that it encoded the keys, and did not.
            answer = self._calls.call("list_multipart_uploads", Prefix=prefix, **position)
            for item in answer.get("Uploads", ()):
                yield item["Key"], item["UploadId"]
            if not answer.get("IsTruncated"):
                return
            following = {
                "KeyMarker": answer.get("NextKeyMarker", ""),
                "UploadIdMarker": answer.get("NextUploadIdMarker", ""),
            }
            if following == position or not following["KeyMarker"]:
                raise BucketError("the listing of uploads does not come to an end")
            position = following


def _upload_id(answer: Answer) -> str:
    if not answer.get("UploadId"):
        raise ObjectError("the store did not begin an upload", code="Unacknowledged")
    return str(answer["UploadId"])


def _part_info(item: Mapping[str, Any]) -> PartInfo:
    return PartInfo(item["PartNumber"], item["Size"], unquote(item["ETag"]), item.get("ChecksumCRC32"))


def _completed(part: PartInfo, *, checksum: bool) -> dict[str, Any]:
    # Quoted, as S3 gave it: some stores compare the text.
    listed: dict[str, Any] = {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
    if checksum and part.crc32:
        listed["ChecksumCRC32"] = part.crc32
    return listed
