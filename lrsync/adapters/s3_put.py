"""PutObject: single PUTs, and what their answers prove. Never reads a file by itself, never decides what to upload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lrsync.adapters.s3_body import digest_of
from lrsync.adapters.s3_client import Answer, Failure, S3Calls
from lrsync.adapters.s3_proofs import (
    NOT_S3,
    Abilities,
    Support,
    Way,
    check_etag,
    content_md5,
    held,
    is_refusal,
    is_sound,
    mismatch,
    unquote,
    unsound,
)
from lrsync.adapters.s3_transport import Parcel
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.model import Content
from lrsync.core.objects import ObjectInfo, Stored
from lrsync.core.parts import object_metadata
from lrsync.core.ports import Sendable
from lrsync.core.proof import encode_checksum, proves_content
from lrsync.errors import LrsyncError, ObjectError, ObjectExistsError


class Puts:
    """The half of an S3Store that stores objects in one request; shares what is known of the store."""

    def __init__(self, calls: S3Calls, abilities: Abilities, head: Callable[[str], ObjectInfo]) -> None:
        self._calls = calls
        self._abilities = abilities
        self._head = head

    def put(self, key: str, content: Content, *, if_absent: bool = False, source: Sendable | None = None) -> Stored:
        """Store `content.data`, or what `source` gives, in one request; returns only what the store's answer proves."""
        data = source or held(content)
        with self._abilities.in_turn(lambda: self._abilities.checksums):
            return self._put_somehow(key, content, data, if_absent=if_absent)

    def _put_somehow(self, key: str, content: Content, data: bytes | Sendable, *, if_absent: bool) -> Stored:
        abilities = self._abilities
        try:
            return abilities.write(
                abilities.checksums, lambda way: self._put(key, content, data, way), conditional=if_absent
            )
        except ObjectExistsError:
            abilities.conditions = Support.HONOURED
            raise

    def put_many(
        self, uploads: Sequence[tuple[str, Content]], *, if_absent: bool, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Stored | ObjectError | LrsyncError]]:
        """`put` for many small contents at once: for each its place and what `put` returns or raises, as it comes."""
        way = self._abilities.ways(self._abilities.checksums, conditional=if_absent)[0]
        sound = [index for index, (_, content) in enumerate(uploads) if is_sound(content)]
        for index in set(range(len(uploads))).difference(sound):
            yield index, unsound()
        sent = []
        for index in sound:
            key, content = uploads[index]
            sent.append(self._prepare(key, content, content.data or b"", way))
        for place, answer in self._calls.transfer("put_object", [parcel for parcel, _ in sent], more=more):
            index = sound[place]
            yield index, self._settle(*uploads[index], answer, sent[place][1], way)

    def _settle(
        self, key: str, content: Content, answer: Answer | Failure, md5: bytes | None, way: Way
    ) -> Stored | ObjectError | LrsyncError:
        try:
            if isinstance(answer, dict):
                return self._judge(key, content, content.data or b"", answer, md5, way)
            if isinstance(answer, ObjectError) and is_refusal(answer):
                return self.put(key, content, if_absent=way.condition)
        except (ObjectError, LrsyncError) as error:
            return error
        return answer

    def _put(self, key: str, content: Content, data: bytes | Sendable, way: Way) -> Stored:
        parcel, md5 = self._prepare(key, content, data, way)
        return self._judge(key, content, data, self._calls.transfer_one("put_object", parcel), md5, way)

    def _prepare(self, key: str, content: Content, data: bytes | Sendable, way: Way) -> tuple[Parcel, bytes | None]:
        """The request that stores a content, and the MD5 that goes with it where the store wants watching."""
        options = self._calls.write_options(key, content.stat.size)
        params: dict[str, Any] = {"Key": key, "Metadata": object_metadata(content), **options}
        if way.condition:
            params["IfNoneMatch"] = "*"
        if way.checksum:
            params |= {"ChecksumSHA256": encode_checksum(content.sha256), "ChecksumAlgorithm": "SHA256"}
        body = self._calls.body(data)
        # MD5 costs a second pass over the bytes: only as long as the store is not known to check the sha256.
        trusted = way.checksum and self._abilities.checksums is Support.HONOURED
        md5 = None if trusted else content.md5 or digest_of(body, "md5")
        if md5 is not None:
            params |= content_md5(md5)
        return Parcel(params, body, content.sha256), md5

    def _judge(
        self, key: str, content: Content, data: bytes | Sendable, answer: Answer, md5: bytes | None, way: Way
    ) -> Stored:
        self._learn(answer, way)
        if md5 is None and not answer.get("ChecksumSHA256"):
            # It used to report the checksum and does not now: what it has is unproven, so it goes again, with MD5.
            return self._put(key, content, data, Way(checksum=False, condition=False))
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
        info = self._head(key)
        if not info.etag or not proves_content(info, content):
            raise ObjectError("the store did not acknowledge the bytes", code="Unacknowledged", hint=NOT_S3)
        return Stored(info.etag, info.checksum, info.version_id)
