"""What identifies the image data of a photo that programs write metadata into: values, and how a row holds them. Pure.

The digest covers what the picture is made of and nothing that a metadata edit touches, nor where in the file it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Protocol

DIGEST_BYTES: Final = 16
SHAPE_BYTES: Final = 7
CELLS: Final = 16
OWN_BYTES: Final = 4
_HEAD: Final = 1 + SHAPE_BYTES + DIGEST_BYTES


class ImageFormat(IntEnum):
    """How the image data was found. A code, once given, is never given to another way of finding it."""

    JPEG = 1
    TIFF = 2
    TIFF_PLAIN = 3
    """Uncompressed: another picture of the same size has image data of the same lengths."""
    DNG = 4


class NotWholeError(Exception):
    """The file is no whole image, or none that is understood; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class ImageData:
    """What identifies image data. `digest` is of its bytes, `shape` of the kinds and lengths of its parts.

    `cells`, of an uncompressed TIFF: a byte that stands for each sixteenth of it, so that it shows how much of it
    changed. `own`: the first bytes of the digest that a DNG has of its own image data, where it has one. `zeroed`:
    the cells that are nothing but zeros, as far as samples show; not kept.
    """

    format: ImageFormat
    shape: bytes
    digest: bytes
    cells: bytes = b""
    own: bytes = b""
    zeroed: frozenset[int] = field(default=frozenset(), compare=False)

    def pack(self) -> bytes:
        """As a row holds it: 24 bytes, 40 for an uncompressed TIFF, at most 28 for a DNG."""
        return bytes([self.format]) + self.shape + self.digest + self.cells + self.own


def unpack(packed: bytes) -> ImageData | None:
    """What a row holds; None for what a later version may have put there, or a damaged one.

    >>> unpack(ImageData(ImageFormat.JPEG, b"s" * 7, b"d" * 16).pack()).format
    <ImageFormat.JPEG: 1>
    """
    if len(packed) < _HEAD or packed[0] not in ImageFormat._value2member_map_:
        return None
    kind, rest = ImageFormat(packed[0]), packed[_HEAD:]
    is_plain = kind is ImageFormat.TIFF_PLAIN
    if len(rest) not in ((CELLS,) if is_plain else (0, OWN_BYTES) if kind is ImageFormat.DNG else (0,)):
        return None
    shape, digest = packed[1 : 1 + SHAPE_BYTES], packed[1 + SHAPE_BYTES : _HEAD]
    return ImageData(kind, shape, digest, cells=rest if is_plain else b"", own=b"" if is_plain else rest)


class ImageHasher(Protocol):
    """Is fed a file's bytes from its first to its last, and finds its image data."""

    def update(self, data: memoryview | bytes, /) -> None:
        """Take the next bytes."""

    def finish(self) -> ImageData:
        """What was found. Raises NotWholeError."""
