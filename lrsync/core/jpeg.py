"""Find the image data of a JPEG while its bytes go by: every scan, and the tables that it is decoded with.

Left out are APPn and COM segments, where metadata is. What follows the image counts too where it is a picture (the
others of a multi-picture file) or the film of a motion photo; anything else behind it does not.
(ITU-T T.81, annex B; CIPA DC-007 for multi-picture files; ISO/IEC 14496-12, 4.2 for films.)
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Generator
from typing import Final

from lrsync.core.imagedata import DIGEST_BYTES, SHAPE_BYTES, ImageData, ImageFormat, NotWholeError

MAX_SEGMENTS: Final = 4096
"""Segments and boxes of a whole file. A progressive JPEG has some dozens; a hostile one must not keep a backup busy."""
GAP_BYTES: Final = 4096
"""So far behind the end of a picture the next one is looked for: some are aligned, films have a head of their own."""

_EOI, _SOS = 0xD9, 0xDA
_ALONE: Final = frozenset([0x01, *range(0xD0, 0xD8)])
"""TEM and restarts: they have no length."""
_METADATA: Final = frozenset([*range(0xE0, 0xF0), 0xFE])
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_IMAGE: Final = _FRAMES | {0xC4, 0xCC, _SOS, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF}
"""With DHT, DAC, SOS, DQT, DNL, DRI, DHP and EXP."""
# In entropy-coded data 0xFF is followed by 0 (a byte of data), by a restart, or by another 0xFF (a fill byte).
_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_FOLLOWER: Final = re.compile(rb"\xff\xd8\xff|.{4}ftyp", re.DOTALL)
_BOX_KIND: Final = re.compile(rb"[a-zA-Z0-9 ]{4}")
_SCAN, _FILM = 0, 1
"""In the shape: what is no segment and so has no marker's number."""

_Steps = Generator[None, None, None]


class _EndError(Exception):
    """There are no more bytes."""


class JpegHasher:
    """Fed a JPEG from its first byte to its last. Keeps no more of it than a few bytes between two pieces."""

    def __init__(self) -> None:
        self._data = memoryview(b"")
        self._at = 0
        self._is_over = False
        self._problem: NotWholeError | None = None
        self._shape: list[tuple[int, int]] = []
        self._digests: list[bytes] = []
        self._segments = 0
        self._steps: _Steps | None = self._file()

    def update(self, data: memoryview | bytes, /) -> None:
        """Take the next bytes."""
        if self._steps is None:
            return
        self._data, self._at = memoryview(bytes(self._data) + bytes(data) if self._data else data), 0
        self._go_on()
        # A copy: whoever reads the file may use the same buffer for its next piece.
        self._data = memoryview(bytes(self._data[self._at :]) if self._steps is not None else b"")

    def finish(self) -> ImageData:
        """What was found. Raises NotWholeError."""
        self._is_over, self._at = True, 0
        self._go_on()
        if self._problem is not None:
            raise self._problem
        shape = hashlib.sha256(b"".join(struct.pack(">BQ", *part) for part in self._shape)).digest()
        digest = hashlib.sha256(b"".join(self._digests)).digest()
        return ImageData(ImageFormat.JPEG, shape[:SHAPE_BYTES], digest[:DIGEST_BYTES])

    def _go_on(self) -> None:
        try:
            if self._steps is not None:
                next(self._steps)
        except StopIteration:
            self._steps = None
        except NotWholeError as problem:
            self._steps, self._problem = None, problem

    # --- bytes, as they come ------------------------------------------------------------------------------

    def _more(self) -> _Steps:
        """Wait for more bytes behind those that are here. Raises _EndError."""
        if self._is_over:
            raise _EndError
        yield

    def _take(self, length: int) -> Generator[None, None, bytes]:
        """Exactly so many bytes."""
        while len(self._data) - self._at < length:
            yield from self._more()
        self._at += length
        return bytes(self._data[self._at - length : self._at])

    def _pass(self, length: int, digest: hashlib._Hash | None) -> _Steps:
        """Pass over so many bytes, and put them into a digest."""
        while length:
            piece = self._data[self._at : self._at + length]
            if not piece:
                yield from self._more()
                continue
            if digest is not None:
                digest.update(piece)
            self._at += len(piece)
            length -= len(piece)

    def _scan(self, digest: hashlib._Hash) -> Generator[None, None, int]:
        """Pass over entropy-coded data, to the marker behind it; how long it was."""
        total = 0
        while True:
            found = _MARKER.search(self._data, self._at)
            # The last byte may be a marker's first one.
            end = found.start() if found else max(self._at, len(self._data) - 1)
            digest.update(self._data[self._at : end])
            total += end - self._at
            self._at = end
            if found:
                return total
            yield from self._more()

    # --- what a file is made of ---------------------------------------------------------------------------

    def _file(self) -> _Steps:
        try:
            if (yield from self._take(2)) != b"\xff\xd8":
                raise NotWholeError("is no JPEG")
            yield from self._picture()
        except _EndError:
            raise NotWholeError("is cut off: it has no end-of-image marker") from None
        try:
            yield from self._followers()
        except _EndError:
            return

    def _picture(self) -> _Steps:
        """One picture, from behind its SOI to its EOI. It counts once it is over."""
        digest, shape, scans, marker = hashlib.sha256(), list[tuple[int, int]](), 0, 0
        while (marker := (yield from self._marker())) != _EOI:
            self._count_one()
            if marker in _ALONE:
                continue
            head = yield from self._take(2)
            length = int.from_bytes(head, "big")
            if length < 2 or (marker not in _IMAGE and marker not in _METADATA):
                raise NotWholeError("has bytes in it that belong to no JPEG")
            if marker in _METADATA:
                yield from self._pass(length - 2, None)
                continue
            digest.update(bytes([marker]) + head)
            yield from self._pass(length - 2, digest)
            shape.append((marker, length))
            if marker == _SOS:
                scans += 1
                shape.append((_SCAN, (yield from self._scan(digest))))
        if not scans or not any(kind in _FRAMES for kind, _ in shape):
            raise NotWholeError("has no picture in it")
        self._shape += shape
        self._digests.append(digest.digest())

    def _marker(self) -> Generator[None, None, int]:
        pair = yield from self._take(2)
        if pair[0] != 0xFF:
            raise NotWholeError("has bytes in it that belong to no JPEG")
        while pair[1] == 0xFF:  # fill bytes
            pair = pair[1:] + (yield from self._take(1))
            self._count_one()
        return pair[1]

    def _count_one(self) -> None:
        self._segments += 1
        if self._segments > MAX_SEGMENTS:
            raise NotWholeError("has too many segments")

    def _followers(self) -> _Steps:
        """What lies behind the first picture, as long as it is pictures and films."""
        while True:
            self._count_one()
            found = yield from self._find_follower()
            if found is None:
                return
            if found.startswith(b"\xff"):
                yield from self._take(2)
                yield from self._follower()
            else:
                yield from self._film()

    def _find_follower(self) -> Generator[None, None, bytes | None]:
        while len(self._data) - self._at < GAP_BYTES:
            try:
                yield from self._more()
            except _EndError:
                break
        found = _FOLLOWER.search(self._data[self._at : self._at + GAP_BYTES])
        if found is None:
            return None
        self._at += found.start()
        return found[0]

    def _follower(self) -> _Steps:
        try:
            yield from self._picture()
        except NotWholeError:
            raise _EndError from None  # it only looked like one

    def _film(self) -> _Steps:
        """The boxes of a film; of them the data itself counts."""
        while True:
            self._count_one()
            head = yield from self._take(8)
            length, kind = struct.unpack(">I4s", head)
            rest = length - 8
            if length == 1:
                rest = int.from_bytes((yield from self._take(8)), "big") - 16
            if _BOX_KIND.fullmatch(kind) is None or (rest < 0 and length != 0):
                return
            if kind != b"mdat":
                if length == 0:
                    raise _EndError
                yield from self._pass(rest, None)
            elif length == 0:
                yield from self._film_to_the_end()
            else:
                yield from self._film_data(rest)

    def _film_data(self, length: int) -> _Steps:
        digest = hashlib.sha256()
        try:
            yield from self._pass(length, digest)
        except _EndError:
            raise NotWholeError("is cut off: the film behind its picture ends too early") from None
        self._shape.append((_FILM, length))
        self._digests.append(digest.digest())

    def _film_to_the_end(self) -> _Steps:
        digest, length = hashlib.sha256(), 0
        try:
            while True:
                piece = self._data[self._at :]
                digest.update(piece)
                length, self._at = length + len(piece), len(self._data)
                yield from self._more()
        except _EndError:
            self._shape.append((_FILM, length))
            self._digests.append(digest.digest())
            raise
