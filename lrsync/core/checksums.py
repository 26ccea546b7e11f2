"""What proves that an object is some bytes. Values only."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class ChecksumKind(Enum):
    """What proves that the stored object is these bytes. The values are S3's names where S3 has one."""

    SHA256 = "SHA256"
    CRC64NVME = "CRC64NVME"
    CRC32 = "CRC32"
    CRC32C = "CRC32C"
    MD5 = "MD5"
    """The store keeps no checksum: it took our Content-MD5 or answered our MD5 as the ETag."""


class Checksum(NamedTuple):
    """A whole-object checksum as S3 reported it: the base64 that S3 uses (for MD5: of the digest)."""

    kind: ChecksumKind
    value: str
