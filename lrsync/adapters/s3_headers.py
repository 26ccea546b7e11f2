"""An object's headers, as boto3's answers to HEAD name them. Pure: asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from lrsync.core.checksums import ChecksumKind

_META: Final = b"x-amz-meta-"
_TEXTS: Final = {
    b"etag": "ETag",
    b"x-amz-version-id": "VersionId",
    b"x-amz-storage-class": "StorageClass",
    b"x-amz-archive-status": "ArchiveStatus",
    b"x-amz-restore": "Restore",
    b"x-amz-checksum-type": "ChecksumType",
    **{f"x-amz-checksum-{kind.value.lower()}".encode(): f"Checksum{kind.value}" for kind in ChecksumKind},
}


def object_answer(headers: Mapping[bytes, bytes]) -> dict[str, Any]:
    """What boto3 would answer, as far as lrsync asks (S3 API reference, HeadObject). Header names are in lower case.

    Raises ValueError for a size or a time that is none.
    """
    texts = {name: value.strip().decode("latin-1") for name, value in headers.items()}
    answer: dict[str, Any] = {_TEXTS[name]: text for name, text in texts.items() if name in _TEXTS}
    answer["ContentLength"] = int(texts.get(b"content-length", "0"))
    answer["Metadata"] = {
        name[len(_META) :].decode("latin-1"): text for name, text in texts.items() if name.startswith(_META)
    }
    if b"last-modified" in texts:
        answer["LastModified"] = parsedate_to_datetime(texts[b"last-modified"])
    return answer
