"""HeadObject and GetObject: what an object is, and its bytes. Writes nothing, and hashes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from lrsync.adapters.s3_client import Answer, S3Calls
from lrsync.adapters.s3_errors import BOTO_ERRORS, translate
from lrsync.adapters.s3_proofs import NOT_S3, is_opaque, parts_checksum, unquote, whole_checksum
from lrsync.adapters.s3_transport import Parcel
from lrsync.adapters.s3_versions import version_of
from lrsync.core.objects import ObjectInfo
from lrsync.core.ports import Body, Span, Wanted, Whole
from lrsync.core.thaw import thaw_of
from lrsync.errors import LrsyncError, ObjectChangedError, ObjectError

CHUNK_BYTES: Final = 1 << 20
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


class Gets:
    """The half of an S3Store that reads objects."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo:
        """What S3 knows of the object (or of a version of it), its checksum included where it keeps one."""
        params = {"Key": key, "ChecksumMode": "ENABLED", **version_of(version_id)}
        answer = self._calls.transfer_one("head_object", Parcel(params))
        return _info(key, answer, answer.get("ContentLength", 0))

    @contextmanager
    def get(
        self, key: str, *, version_id: str | None = None, span: Span | None = None, if_match: str | None = None
    ) -> Iterator[Body]:
        """The object's bytes, in chunks of at most 1 MiB; a broken connection raises ObjectError."""
        wanted = {} if span is None else {"Range": f"bytes={span.offset}-{span.offset + span.length - 1}"}
        condition = {} if if_match is None else {"IfMatch": f'"{if_match}"'}
        answer = self._calls.open("get_object", Parcel({"Key": key, **wanted, **condition, **version_of(version_id)}))
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
                raise translate(error, "get_object", self._calls.settings.target) from error
            if chunk is None:
                return
            self._calls.received(len(chunk))
            yield chunk

    def get_many(
        self, wanted: Sequence[Wanted], *, more: Callable[[], bool]
    ) -> Iterator[tuple[int, Whole | ObjectError | LrsyncError]]:
        """`get` of many small objects at once, whole: for each its place and what came or what `get` raises."""
        parcels = [Parcel({"Key": one.key, **version_of(one.version_id)}) for one in wanted]
        for index, answer in self._calls.transfer("get_object", parcels, more=more):
            if isinstance(answer, dict):
                self._calls.received(len(answer["Body"]))
                yield index, _whole(wanted[index], answer)
            else:
                yield index, answer


def _info(key: str, answer: Answer, size: int) -> ObjectInfo:
    """What the headers of HEAD or GET say."""
    thaw = thaw_of(answer.get("StorageClass"), answer.get("ArchiveStatus"), answer.get("Restore"))
    return ObjectInfo(
        key=key,
        size=size,
        etag=unquote(answer.get("ETag")),
        metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        checksum=whole_checksum(answer),
        storage_class=answer.get("StorageClass", "STANDARD"),
        version_id=answer.get("VersionId"),
        last_modified_ns=_as_ns(answer.get("LastModified")),
        archived=thaw.is_asleep,
        thaw=thaw,
        parts_checksum=parts_checksum(answer),
        opaque_etag=is_opaque(answer),
    )


def _whole(wanted: Wanted, answer: Answer) -> Whole | ObjectError:
    data = answer["Body"]
    if len(data) > wanted.most:
        return ObjectError("is larger in the bucket than was expected", code="TooLong")
    return Whole(_info(wanted.key, answer, len(data)), data)


def _whole_size(answer: Answer, span: Span | None) -> int:
    """How long the whole object is. Raises ObjectError where it is not the asked for span that came."""
    if span is None:
        return int(answer.get("ContentLength", 0))
    told = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
    if told is None or (int(told[1]), int(told[2])) != (span.offset, span.offset + span.length - 1):
        raise ObjectError("the store does not send parts of an object", code="RangeIgnored", hint=NOT_S3)
    return int(told[3])


def _as_ns(moment: datetime | None) -> int:
    """Nanoseconds since the epoch; S3 tells milliseconds at best, so a float's rounding must not show."""
    return 0 if moment is None else round(moment.timestamp() * 1000) * 1_000_000
