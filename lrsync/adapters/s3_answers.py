"""S3's answer headers as boto3 names and types them. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

from botocore.utils import parse_timestamp


@lru_cache(maxsize=1024)
def _moment(text: str) -> datetime:
    """Objects of one upload share their seconds."""
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        moment: datetime = parse_timestamp(text)
        return moment


_FIELDS: Final[Mapping[bytes, tuple[str, Callable[[str], Any] | None]]] = {
    b"content-length": ("ContentLength", int),
    b"content-range": ("ContentRange", None),
    b"etag": ("ETag", None),
    b"last-modified": ("LastModified", _moment),
    b"x-amz-archive-status": ("ArchiveStatus", None),
    b"x-amz-checksum-crc32": ("ChecksumCRC32", None),
    b"x-amz-checksum-crc32c": ("ChecksumCRC32C", None),
    b"x-amz-checksum-crc64nvme": ("ChecksumCRC64NVME", None),
    b"x-amz-checksum-sha1": ("ChecksumSHA1", None),
    b"x-amz-checksum-sha256": ("ChecksumSHA256", None),
    b"x-amz-checksum-type": ("ChecksumType", None),
    b"x-amz-restore": ("Restore", None),
    b"x-amz-server-side-encryption": ("ServerSideEncryption", None),
    b"x-amz-server-side-encryption-customer-algorithm": ("SSECustomerAlgorithm", None),
    b"x-amz-storage-class": ("StorageClass", None),
    b"x-amz-version-id": ("VersionId", None),
}
_METADATA: Final = b"x-amz-meta-"


def answer_of(head: Sequence[bytes]) -> dict[str, Any]:
    """What boto3 makes of the lines of an answer's head. Raises ValueError for what makes no sense."""
    answer: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    for line in head:
        name, _, value = line.partition(b":")
        name = name.lower()
        field = _FIELDS.get(name)
        if field is not None:
            told, convert = field
            text = str(value, "latin-1").strip()
            answer[told] = text if convert is None else convert(text)
        elif name.startswith(_METADATA):
            metadata[str(name[len(_METADATA) :], "latin-1")] = str(value, "latin-1").strip()
        elif name.startswith(b"http/"):
            answer, metadata = {}, {}  # what came before was a 100 Continue, or a proxy's own answer
    if metadata:
        answer["Metadata"] = metadata
    return answer
