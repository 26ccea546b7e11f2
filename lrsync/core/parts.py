"""How a large object is cut into parts, and what its metadata and ETag look like. Pure arithmetic."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from lrsync.core.model import Content

MIB: Final = 1 << 20
HELD_BYTES: Final = 4 * MIB
"""Files below this are read once, and held in memory until S3 has them; larger ones are read again as they are sent."""
SINGLE_PUT_LIMIT: Final = 64 * MIB
"""Files below this go up in one PUT: nearly all photos do. Begun anew after a kill, they lose little."""
PART_BYTES: Final = 16 * MIB

MAX_PARTS: Final = 10_000
MAX_COPY_BYTES: Final = 5 << 30
"""S3 user guide, "Copying objects": one CopyObject takes at most 5 GiB."""
MAX_OBJECT_BYTES: Final = 5 * (1 << 40)
"""S3 user guide, "Amazon S3 multipart upload limits": 10,000 parts and 5 TiB an object."""


class Part(NamedTuple):
    """One part: `number` counts from 1, as S3 does."""

    number: int
    offset: int
    length: int


def part_size_for(size: int) -> int:
    """Bytes a part for an object of `size` bytes: 16 MiB, or as much more (whole MiB) as fits it in 10,000 parts."""
    least = -(-size // MAX_PARTS)
    return max(PART_BYTES, -(-least // MIB) * MIB)


def parts_of(size: int, part_size: int) -> Iterator[Part]:
    """The parts of `size` bytes, in order; an empty object has one empty part."""
    for number, offset in enumerate(range(0, max(size, 1), part_size), start=1):
        yield Part(number, offset, min(part_size, size - offset))


def format_mtime(mtime_ns: int) -> str:
    """Nanoseconds as decimal seconds, the form that rclone writes into `mtime` metadata, exact.

    >>> format_mtime(1_700_000_000_123_456_789), format_mtime(-1)
    ('1700000000.123456789', '-0.000000001')
    """
    sign = "-" if mtime_ns < 0 else ""
    seconds, rest = divmod(abs(mtime_ns), 1_000_000_000)
    return f"{sign}{seconds}.{rest:09d}"


def parse_mtime(text: str) -> int | None:
    """Nanoseconds from decimal seconds, exact; None where `text` is not that (another tool's metadata).

    >>> parse_mtime("1700000000.5"), parse_mtime("yesterday")
    (1700000000500000000, None)
    """
    sign = -1 if text.startswith("-") else 1
    whole, _, fraction = text.removeprefix("-").partition(".")
    if not (whole.isascii() and whole.isdigit() and len(whole) < 13):
        return None
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        return None
    return sign * (int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0") or "0"))


def object_metadata(content: Content) -> dict[str, str]:
    """The metadata of an object with this content: enough to rebuild the manifest from the bucket alone."""
    return {"mtime": format_mtime(content.stat.mtime_ns), "lrsync-sha256": content.sha256.hex()}


def sha256_in(metadata: dict[str, str]) -> bytes | None:
    """The sha256 that an object's metadata tells; None where it has none or a malformed one."""
    text = metadata.get("lrsync-sha256", "")
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        return None
    return digest if len(digest) == hashlib.sha256().digest_size else None
