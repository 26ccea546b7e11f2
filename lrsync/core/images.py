"""Which files' image data is told from their metadata, and what finds it. Pure: reads through what it is given."""

from __future__ import annotations

from typing import Final

from lrsync.core.filetypes import extension_of
from lrsync.core.imagedata import ImageData, ImageHasher, NotWholeError
from lrsync.core.jpeg import JpegHasher
from lrsync.core.tiff import ReadAt
from lrsync.core.tiff_image import TiffHasher

_DNG: Final = "dng"
_KNOWN: Final = frozenset([_DNG, "jpg", "jpeg", "jpe", "tif", "tiff"])
"""Those that Lightroom writes metadata into, and that are understood here."""


class _Hopeless:
    """In the place of a hasher: what the beginning of the file already told.

    In words, not as an exception: raised, that would hold the frames it came through, and they it and the file's bytes,
    until the interpreter looks for cycles.
    """

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def update(self, data: memoryview | bytes, /) -> None:
        """There is nothing to find."""

    def finish(self) -> ImageData:
        """Raises NotWholeError."""
        raise NotWholeError(self._problem)


def has_image_data(path: str) -> bool:
    """Whether image data is looked for in the file of this name."""
    return extension_of(path) in _KNOWN


def is_dng(path: str) -> bool:
    """Whether this is a DNG, which is rewritten by Lightroom and never by itself: its image data is an original's."""
    return extension_of(path) == _DNG


def image_hasher(path: str, size: int, read_at: ReadAt) -> ImageHasher:
    """What finds the image data of a file of this name and size, by what its beginning says it is.

    Raises what `read_at` raises.
    """
    head = bytes(read_at(0, 2))
    if head == b"\xff\xd8":
        return JpegHasher()
    try:
        if head in (b"II", b"MM"):
            return TiffHasher(size, read_at, is_dng=is_dng(path))
    except NotWholeError as problem:
        return _Hopeless(str(problem))
    return _Hopeless("is no JPEG, TIFF or DNG")
