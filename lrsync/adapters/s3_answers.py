"""S3's answer headers as boto3 names and types them. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

from botocore.utils import parse_timestamp

_TEXTS: Final = {
    b"etag": "ETag",
    b"content-range": "ContentRange",
    b"x-amz-archive-status": "ArchiveStatus",
    b"x-amz-checksum-crc32": "ChecksumCRC32",
    b"x-amz-checksum-crc32c": "ChecksumCRC32C",
    b"x-amz-checksum-crc64nvme": "ChecksumCRC64NVME",
    b"x-amz-checksum-sha1": "ChecksumSHA1",
    b"x-amz-checksum-sha256": "ChecksumSHA256",
    b"x-amz-checksum-type": "ChecksumType",
    b"x-amz-restore": "Restore",
    b"x-amz-server-side-encryption": "ServerSideEncryption",
    b"x-amz-server-side-encryption-customer-algorithm": "SSECustomerAlgorithm",
    b"x-amz-storage-class": "StorageClass",
    b"x-amz-version-id": "VersionId",
}
_METADATA: Final = b"x-amz-meta-"


def answer_of(headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """What boto3 makes of these headers (names in lower case). Raises ValueError for what makes no sense."""
    answer: dict[str, Any] = {}
    for name, value in headers.items():
        if (told := _TEXTS.get(name)) is not None:
            answer[told] = _text(value)
        elif name.startswith(_METADATA):
            answer.setdefault("Metadata", {})[_text(name[len(_METADATA) :])] = _text(value)
        elif name == b"content-length":
            answer["ContentLength"] = int(value)
        elif name == b"last-modified":
            answer["LastModified"] = _moment(_text(value))
    return answer


def _text(value: bytes) -> str:
    return value.strip().decode("latin-1")


@lru_cache(maxsize=1024)
def _moment(text: str) -> datetime:
    """Objects of one upload share their seconds."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        moment: datetime = parse_timestamp(text)
        return moment
