"""A request body that is read from its file while it is sent: no part of it waits in memory.

Owns that no request ends whose bytes are not the hashed ones: the last piece is handed out only when the CRC32 of all
of them is right. Knows no file and no network.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Final

from lrsync.adapters.crc import crc32_of
from lrsync.adapters.throttle import ThrottledBody, TokenBucket
from lrsync.core.ports import RacedError, Sendable

PIECE_BYTES: Final = 256 << 10
"""What is read at once to hash it: so much stays in a processor's own memory meanwhile."""


class ReadBody(io.RawIOBase):
    """The bytes of a `Sendable`, as an HTTP library wants to read them.

    `error` is what reading ran into: libraries wrap it in words of their own.
    """

    def __init__(self, source: Sendable, bucket: TokenBucket | None = None) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._source = source
        self._bucket = bucket
        self._at = self._checked = self._crc32 = 0
        self._sending = False

    @property
    def length(self) -> int:
        """All its bytes."""
        return self._source.length

    def start_sending(self) -> None:
        """The reads that follow go over the wire: only they wait for the bandwidth limit."""
        self._sending = True

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is: a retry begins at the start."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; a retry rewinds the body, and it may be signed again before it is sent again."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.length}[whence]
        self._at = base + offset
        self._sending = False
        if self._at == 0:
            self._checked = self._crc32 = 0
            self.error = None
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; none at the end. Raises RacedError, and whatever the source raises."""
        left = self.length - self._at
        count = left if size is None or size < 0 else min(size, left)
        if count <= 0:
            return b""
        if self._sending and self._bucket is not None:
            count = min(count, self._bucket.slice_bytes)
        try:
            data = self._source.read(self._at, count)
            self._check(data)
        except Exception as error:
            self.error = error
            raise
        self._at += count
        if self._sending and self._bucket is not None:
            self._bucket.take(count)
        return data

    def _check(self, data: bytes) -> None:
        if self._at == self._checked:
            self._crc32 = crc32_of(data, self._crc32)
            self._checked += len(data)
        if self._at + len(data) < self.length:
            return
        if self._checked != self.length or self._crc32 != self._source.crc32:
            raise RacedError("the bytes to send are not the ones that were hashed")


Body = bytes | ThrottledBody | ReadBody


def digest_of(body: Body, name: str) -> bytes:
    """A hash of a body, by its name in hashlib; the body is at its start again afterwards."""
    digest = hashlib.new(name, usedforsecurity=False)
    for piece in _pieces(body):
        digest.update(piece)
    return digest.digest()


def _pieces(body: Body) -> Iterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    body.seek(0)
    while piece := body.read(PIECE_BYTES):
        yield piece
    body.seek(0)
