"""What became of a photo's image data, where programs may write its metadata: kept, edited, or damaged. Pure.

Damage leaves the picture as long as it was, in the same parts, or breaks it, and nobody moves the file's time on for
it. Whoever edits a picture makes it anew: other lengths, and a later time. A DNG is an original: nothing edits it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from lrsync.core.imagedata import CELLS, ImageData, ImageFormat, unpack
from lrsync.core.images import is_dng
from lrsync.core.model import Content, ManifestEntry

FEW_CELLS: Final = 2
"""Of sixteen. What damages a file damages a sector, a page or a block of it; an edit that touches so little of an
uncompressed picture cannot be told from that."""


class ImageChange(Enum):
    """What a file's new bytes are to the image data that was backed up."""

    UNKNOWN = "unknown"
    """Nothing is known to compare with, or it is no such file."""
    INTACT = "intact"
    EDITED = "edited"
    BROKEN = "broken"
    """It is no whole picture any more."""
    SPOILT = "spoilt"
    """The same parts of the same lengths, with other bytes in them."""
    SAME_SIZE = "same-size"
    """Another picture in a file of the very same size."""
    UNDATED = "undated"
    """Another picture, and a time that did not move on."""
    NOT_ITS_OWN = "not-its-own"
    """A DNG with other image data."""

    @property
    def is_suspicious(self) -> bool:
        """Whether the good object is to stay until a person has looked."""
        return self not in (ImageChange.UNKNOWN, ImageChange.INTACT, ImageChange.EDITED)


def judge_image(old: ManifestEntry, content: Content) -> ImageChange:
    """What the bytes on the disk are to those that are recorded; they are other bytes than these."""
    before = None if old.image is None else unpack(old.image)
    if before is None or not content.was_read:
        return ImageChange.UNKNOWN
    now = content.image
    if now is None:
        return ImageChange.BROKEN
    if (now.format, now.digest) == (before.format, before.digest):
        return ImageChange.INTACT
    if is_dng(old.path):
        return ImageChange.NOT_ITS_OWN
    return _judge_picture(old, content, before, now)


def _judge_picture(old: ManifestEntry, content: Content, before: ImageData, now: ImageData) -> ImageChange:
    same_shape = (now.format, now.shape) == (before.format, before.shape)
    if same_shape and not _looks_edited(before, now):
        return ImageChange.SPOILT
    # Two encodings of two pictures never have the same length, unless they are uncompressed.
    if content.stat.size == old.size and not same_shape:
        return ImageChange.SAME_SIZE
    # Hashed within the clock's grain of being written, it may have been written again in that grain.
    if old.settled and content.stat.mtime_ns <= old.mtime_ns:
        return ImageChange.UNDATED
    return ImageChange.EDITED


def _looks_edited(before: ImageData, now: ImageData) -> bool:
    """Whether image data of the same lengths is another picture: that is so with uncompressed ones alone.

    Then much of it changed, and none of that to nothing but zeros, as an interrupted copy leaves it.
    """
    if now.format is not ImageFormat.TIFF_PLAIN:
        return False
    changed = [cell for cell in range(CELLS) if before.cells[cell] != now.cells[cell]]
    return len(changed) > FEW_CELLS and now.zeroed.isdisjoint(changed)


def disowns_its_data(old: ManifestEntry, content: Content) -> bool:
    """Whether a DNG still has the digest of its old image data, though it has other: then no program made that."""
    before = None if old.image is None else unpack(old.image)
    return before is not None and content.image is not None and before.own != b"" and before.own == content.image.own
