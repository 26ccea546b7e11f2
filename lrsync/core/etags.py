"""What the ETag of an object that was sent in parts says of its bytes. Pure arithmetic; reads nothing.

S3, and every store that follows it, makes the ETag of such an object of its parts' MD5s: the MD5 of them one after
the other, a dash, and their number. It does not say how long the parts were, so the usual lengths are tried.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, Protocol

from lrsync.core.parts import MAX_PARTS, MIB, part_size_for

MAX_TRIED: Final = 8
"""Each length that is tried costs an MD5 of the whole file, about two seconds a GiB."""

COMMON_MIB: Final = (8, 5, 16, 50, 64, 10, 15, 32, 100, 128, 25, 20, 256, 512, 1024)
"""AWS CLI and boto3 cut at 8 MiB, rclone at 5, lrsync at 16, s5cmd at 50, others at a round number."""

_OF_PARTS: Final = re.compile(r"[0-9a-f]{32}-([1-9][0-9]{0,4})")


class _Md5(Protocol):
    def update(self, data: memoryview | bytes, /) -> None: ...

    def digest(self) -> bytes: ...

    def hexdigest(self) -> str: ...


def parts_in(etag: str) -> int | None:
    """How many parts an ETag (without quotes) speaks of; None where it is not one of parts.

    >>> parts_in("9b2cf535f27731c974343645a3985328-3"), parts_in("9b2cf535f27731c974343645a3985328")
    (3, None)
    """
    found = _OF_PARTS.fullmatch(etag.lower())
    return int(found[1]) if found is not None and int(found[1]) <= MAX_PARTS else None


def part_sizes_for(etag: str, size: int) -> tuple[int, ...]:
    """The part lengths (bytes) to try for an object of `size` bytes with this ETag, the likeliest first.

    Empty where the ETag is not one of parts, or speaks of a number that no usual length makes.
    """
    count = parts_in(etag)
    if count is None or size <= 0:
        return ()
    if count == 1:
        return (size,)
    least, most = -(-size // count), (size - 1) // (count - 1)
    usual = [mib * MIB for mib in COMMON_MIB] + [part_size_for(size)]
    # Tools that grow their parts to stay below 10,000 take the smallest that does, mostly in whole MiB.
    first_whole = -(-least // MIB) * MIB
    whole = range(first_whole, most + 1, MIB)[:MAX_TRIED]
    tried = dict.fromkeys([*usual, *whole, least])
    return tuple(length for length in tried if least <= length <= most)[:MAX_TRIED]


class EtagWatch:
    """Tells of bytes as they come whether an ETag is theirs. That it is not proves nothing: with KMS it is no MD5."""

    def __init__(self, etag: str, size: int) -> None:
        """`etag` without quotes; `size` of the object in bytes."""
        self._etag = etag.lower()
        self._hashes = [PartsHash(length) for length in part_sizes_for(etag, size)]
        self._whole: _Md5 = hashlib.md5(usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._whole.update(data)
        for each in self._hashes:
            each.update(data)

    def agrees(self) -> bool:
        """Whether it is the MD5 of all that came, or of its parts; to be asked once, at the end."""
        return self._etag == self._whole.hexdigest() or any(each.etag() == self._etag for each in self._hashes)


class PartsHash:
    """Makes the ETag of bytes sent in parts of one length, as they are read."""

    def __init__(self, part_size: int) -> None:
        """`part_size` in bytes, more than 0."""
        self._part_size = part_size
        self._left = part_size
        self._part: _Md5 = hashlib.md5(usedforsecurity=False)
        self._whole: _Md5 = hashlib.md5(usedforsecurity=False)
        self._count = 0

    def update(self, data: memoryview | bytes) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while view:
            taken = view[: self._left]
            self._part.update(taken)
            self._left -= len(taken)
            view = view[len(taken) :]
            if not self._left:
                self._end_part()

    def etag(self) -> str:
        """The ETag of all that was taken; to be asked for once, at the end."""
        if self._left < self._part_size:
            self._end_part()
        return f"{self._whole.hexdigest()}-{self._count}"

    def _end_part(self) -> None:
        self._whole.update(self._part.digest())
        self._part = hashlib.md5(usedforsecurity=False)
        self._left = self._part_size
        self._count += 1
