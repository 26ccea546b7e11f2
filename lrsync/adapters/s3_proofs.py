"""What a store can prove, learnt from its answers, and how answers are compared with what was sent.

Sends nothing. Trusts no store to have checked: it is what the store says about the bytes that counts.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

from isal import isal_zlib

from lrsync.adapters.crc import crc32_of
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.model import Content
from lrsync.core.objects import PartInfo
from lrsync.core.proof import encode_checksum, encode_crc32
from lrsync.errors import ChecksumMismatchError, ObjectError

T = TypeVar("T")

NOT_S3: Final = "check that the endpoint is an S3 store"
_MD5_ETAG: Final = re.compile(r"[0-9a-f]{32}")
_REFUSALS: Final = frozenset(
    {"NotImplemented", "501", "400", "InvalidRequest", "InvalidArgument", "NotSupported", "UnsupportedOperation"}
)
_STRONGEST_FIRST: Final = tuple(
    (kind, f"Checksum{kind.value}")
    for kind in (ChecksumKind.SHA256, ChecksumKind.CRC64NVME, ChecksumKind.CRC32, ChecksumKind.CRC32C)
)


TURN_S: Final = 2.0


class Support(Enum):
    """Whether this store does something; UNKNOWN until an answer tells."""

    UNKNOWN = "unknown"
    HONOURED = "honoured"
    IGNORED = "ignored"


@dataclass(slots=True)
class Abilities:
    """What the answers so far say of this store. Shared by all threads: a lost update costs one MD5, no more.

    `checksums`: the sha256 of a single PUT; `part_checksums`: the CRC32 of parts and of the object made of them;
    `conditions`: If-None-Match.
    """

    checksums: Support = Support.UNKNOWN
    part_checksums: Support = Support.UNKNOWN
    conditions: Support = Support.UNKNOWN
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def in_turn(self, support: Callable[[], Support]) -> Iterator[None]:
        """Write while nobody else does, as long as it is not known whether the store checks what it gets.

        What is sent until then is hashed once more, by MD5, at more than the cost of all the rest: eight threads that
        begin together would all do so, and what the first one's answer tells spares the others. They wait for a
        moment only: on a slow line the MD5 is nothing.
        """
        waits = support() is Support.UNKNOWN and self._turn.acquire(timeout=TURN_S)
        if waits and support() is not Support.UNKNOWN:
            self._turn.release()
            waits = False
        try:
            yield
        finally:
            if waits:
                self._turn.release()

    def ways(self, support: Support, *, conditional: bool) -> list[Way]:
        """How to try a write, best first: where the store refuses one, the next leaves out what it may not know."""
        checksum_ways = {Support.UNKNOWN: (True, False), Support.HONOURED: (True,), Support.IGNORED: (False,)}[support]
        condition_ways: tuple[bool, ...] = (False,)
        if conditional and self.conditions is not Support.IGNORED:
            condition_ways = (True,) if self.conditions is Support.HONOURED else (True, False)
        return [Way(checksum, condition) for checksum in checksum_ways for condition in condition_ways]

    def write(self, support: Support, attempt: Callable[[Way], T], *, conditional: bool) -> T:
        """What the first way comes to that the store does not refuse. Raises what the attempt raises that ends it."""
        ways = self.ways(support, conditional=conditional)
        for way in ways:
            try:
                done = attempt(way)
            except ObjectError as error:
                if way is ways[-1] or not is_refusal(error):
                    raise
            else:
                if conditional and not way.condition:
                    self.conditions = Support.IGNORED
                return done
        raise AssertionError("there is always a way to try")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to try a write."""

    checksum: bool
    condition: bool


def is_refusal(error: ObjectError) -> bool:
    """Whether the store may just not know a header, rather than find fault with the bytes."""
    return error.code in _REFUSALS


def unquote(etag: str | None) -> str:
    """An ETag without its quotes (and without the W/ of a weak one); '' where there is none."""
    return (etag or "").removeprefix("W/").strip('"')


def is_md5(etag: str) -> bool:
    """Whether an ETag may be an MD5: 32 hex digits (one of parts ends with their count)."""
    return _MD5_ETAG.fullmatch(etag.lower()) is not None


def whole_checksum(answer: Mapping[str, Any]) -> Checksum | None:
    """The strongest checksum of the whole object in an answer; None for one of its parts' checksums."""
    if answer.get("ChecksumType") == "COMPOSITE":
        return None
    for kind, name in _STRONGEST_FIRST:
        value = answer.get(name)
        # base64 has no dash: "xxx-3" is a checksum of three parts' checksums, from before S3 told the type.
        if value and "-" not in value:
            return Checksum(kind, value)
    return None


def parts_checksum(answer: Mapping[str, Any]) -> Checksum | None:
    """The checksum that S3 made of the parts' CRC32s, with a dash and their number; None where there is none.

    boto3 leaves it on what it sends in parts. Only where S3 says what it is: some stores' are of nothing known.
    """
    value = answer.get("ChecksumCRC32", "")
    is_composite = answer.get("ChecksumType") == "COMPOSITE" and "-" in value
    return Checksum(ChecksumKind.CRC32, value) if is_composite else None


def is_opaque(answer: Mapping[str, Any]) -> bool:
    """Whether S3 says that the object's ETag is not made of its bytes (S3 API reference, Object)."""
    return str(answer.get("ServerSideEncryption", "")).startswith("aws:kms") or "SSECustomerAlgorithm" in answer


def is_sound(content: Content) -> bool:
    """Whether the bytes in memory are still those that were hashed.

    A store that gives back any checksum header it is sent proves nothing; then this is the only guard. By CRC32, at
    a tenth of a second hash's cost: it is for memory that rots and bytes that were mixed up, not against a forger.
    """
    if content.data is None:
        raise ValueError("a single PUT needs the bytes in memory")
    return crc32_of(content.data) == content.crc32


def held(content: Content) -> bytes:
    """The bytes in memory, compared with what was hashed before they are sent. Raises ChecksumMismatchError."""
    if not is_sound(content):
        raise unsound()
    assert content.data is not None
    return content.data


def unsound() -> ChecksumMismatchError:
    """What `held` raises."""
    return mismatch("the bytes to send are not the ones that were hashed")


def check_crc32(reported: str | None, expected: str) -> None:
    """Compare the CRC32 that S3 reports, if it does. Raises ChecksumMismatchError."""
    if reported and "-" not in reported and reported != expected:
        raise mismatch("S3 has other bytes than were sent")


def check_etag(etag: str, md5: bytes, answer: Mapping[str, Any]) -> None:
    """Compare an ETag with the MD5 of what was sent, where it is one. Raises ChecksumMismatchError."""
    if not is_opaque(answer) and is_md5(etag) and etag.lower() != md5.hex():
        raise mismatch("S3 has other bytes than were sent")


def check_whole(parts: Sequence[PartInfo], crc32: int) -> None:
    """Compare the parts' CRC32s, put together, with the whole file's; needs all of them. Raises ChecksumMismatchError.

    A store that checks nothing would make one object of parts of two different files.
    """
    values = [_decode_crc32(part.crc32) for part in parts if part.crc32]
    if len(values) != len(parts):
        return
    if combine(zip(values, (part.size for part in parts), strict=True)) != crc32:
        raise mismatch("the parts are not the file that was hashed")


def combine(parts: Iterable[tuple[int, int]]) -> int:
    """The CRC32 of bytes put together from parts of known (CRC32, length)."""
    whole = 0
    for value, length in parts:
        whole = isal_zlib.crc32_combine(whole, value, length)
    return whole


def _decode_crc32(text: str) -> int:
    return int.from_bytes(base64.b64decode(text), "big")


def mismatch(message: str) -> ChecksumMismatchError:
    """An error about bytes that are not the ones that were meant."""
    return ChecksumMismatchError(message, code="ChecksumMismatch", hint="the next run sends it again")


def content_md5(md5: bytes) -> dict[str, str]:
    """The Content-MD5 header."""
    return {"ContentMD5": encode_checksum(md5)}


def crc32_header(value: int) -> dict[str, str]:
    """The CRC32 of a part, as a header."""
    return {"ChecksumCRC32": encode_crc32(value), "ChecksumAlgorithm": "CRC32"}
