"""What S3 says of objects, versions and parts. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lrsync.core.thaw import AWAKE, Thaw

if TYPE_CHECKING:
    from lrsync.core.checksums import Checksum


@dataclass(frozen=True, slots=True)
class Stored:
    """S3's acknowledgement of a write. `etag` has no quotes; `checksum` is what S3 itself reported, if it did."""

    etag: str
    checksum: Checksum | None = None
    version_id: str | None = None


class ListedObject(NamedTuple):
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

    `checksum` is only ever one of the whole object: one that S3 made of its parts' checksums is `parts_checksum`.
    `opaque_etag`: S3 says that the ETag is not made of the bytes (SSE-KMS, a customer's key).
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
    parts_checksum: Checksum | None = None
    opaque_etag: bool = False


class PartInfo(NamedTuple):
    """One uploaded part of a multipart upload in progress, as S3 lists it."""

    number: int
    size: int
    etag: str
    crc32: str | None
