"""The digest that stands for a directory's files, and when it may be trusted. Touches no disk, network or clock."""

from __future__ import annotations

import hashlib
import marshal
from typing import Final

from lrsync.core.scan import FileColumns

DIGEST_VERSION: Final = b"\x02"
SETTLE_NS: Final = 2_000_000_000
"""FAT keeps 2 s: a second write in that window looks identical."""
RACY_HORIZON_NS: Final = 7 * 86_400 * 1_000_000_000
"""A time further in the future than a run may last was not made by a write during it (a wrong camera clock)."""


def directory_digest(fingerprint: bytes, columns: FileColumns) -> bytes:
    """16 bytes that stand for a directory's file facts under one set of ignore rules."""
    # By marshal, which is written in C: to format each file's facts takes three times as long. Of its formats the
    # second has no references: equal values are equal bytes, and different ones are not.
    encoded = marshal.dumps(tuple(columns), 2)
    head = DIGEST_VERSION + len(fingerprint).to_bytes(2, "big") + fingerprint
    return hashlib.blake2b(head + encoded, digest_size=16).digest()


def absent_digest(fingerprint: bytes) -> bytes:
    """The digest of a directory that is not there (any more), all of whose rows are recorded as missing."""
    return hashlib.blake2b(DIGEST_VERSION + fingerprint, digest_size=16, person=b"absent").digest()


def is_settled(mtime_ns: int, ctime_ns: int, started_ns: int) -> bool:
    """Whether a file was last written so long before `started_ns` that another write would show in its stat."""
    return _is_old(mtime_ns, started_ns) and _is_old(ctime_ns, started_ns)


def _is_old(time_ns: int, started_ns: int) -> bool:
    return time_ns < started_ns - SETTLE_NS or time_ns > started_ns + RACY_HORIZON_NS
