"""Find the image data of a TIFF or DNG while its bytes go by: the strips or tiles of its pictures, wherever they lie.

Left out are thumbnails and previews, which Lightroom makes anew, and every offset: a program that writes metadata
moves blocks around. (TIFF 6.0; Digital Negative specification 1.7.)
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lrsync.core.imagedata import (
    CELLS,
    DIGEST_BYTES,
    OWN_BYTES,
    SHAPE_BYTES,
    ImageData,
    ImageFormat,
    NotWholeError,
)
from lrsync.core.tiff import MAX_NUMBERS, CutOffError, Directory, ReadAt, TiffError, read_directories

SAMPLE_BYTES: Final = 512
"""So much of the beginning of each piece is looked at for zeros."""

_NEW_SUBFILE_TYPE, _SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _ROWS_PER_STRIP, _LENGTH = 254, 255, 259, 262, 278, 257
_LAYERS: Final = 37724
"""Photoshop's own layers (ImageSourceData), which the strips are only the sum of."""
_OWN_DIGESTS: Final = (51111, 50972)
"""NewRawImageDigest, RawImageDigest."""
_SENSOR: Final = frozenset([32803, 34892])
"""Photometric interpretations of raw data: CFA, LinearRaw."""
_BESIDE_SENSOR: Final = frozenset([4, 8, 16, 0x10004])
"""What else of a DNG is no preview: transparency mask, depth map, enhanced image, semantic mask."""
_REDUCED: Final = 1
_MAGIC: Final = frozenset([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
"""TIFF and BigTIFF."""
_DEFAULTS: Final[dict[int, tuple[int, ...]]] = {
    256: (),  # ImageWidth
    257: (),  # ImageLength
    258: (1,),  # BitsPerSample
    259: (1,),  # Compression
    262: (),  # PhotometricInterpretation
    266: (1,),  # FillOrder
    277: (1,),  # SamplesPerPixel
    284: (1,),  # PlanarConfiguration
    317: (1,),  # Predictor
    320: (),  # ColorMap
    322: (),  # TileWidth
    323: (),  # TileLength
    339: (1,),  # SampleFormat
    530: (),  # YCbCrSubSampling
    33421: (),  # CFARepeatPatternDim
    33422: (),  # CFAPattern
    50712: (),  # LinearizationTable
}
"""What strips and tiles are decoded with, and what holds where it is left out: a writer may spell that out."""
_JPEG_TABLES: Final = 347


class _Piece(NamedTuple):
    """Bytes that are hashed in one go. `cell` is the sixteenth that they are of; -1 for none."""

    offset: int
    length: int
    cell: int = -1


@dataclass(slots=True)
class _Picture:
    """One picture: what its pieces are decoded with, their lengths before they were cut, and the pieces."""

    facts: bytes
    lengths: list[int] = field(default_factory=list)
    pieces: list[_Piece] = field(default_factory=list)


class TiffHasher:
    """Fed the whole file, from its first byte to its last; its directories are read beforehand."""

    def __init__(self, size: int, read_at: ReadAt, *, is_dng: bool) -> None:
        """Raises NotWholeError, and what `read_at` raises."""
        # RAW formats have numbers of their own there; a TIFF with another one is damaged, and no program opens it.
        if bytes(read_at(0, 4)) not in _MAGIC:
            raise NotWholeError("is no TIFF or DNG")
        try:
            directories = list(read_directories(read_at))
            chosen = _pictures_among(directories)
            is_plain = not is_dng and all(one.number(_COMPRESSION, 1) == 1 for one in chosen)
            self._format = ImageFormat.DNG if is_dng else ImageFormat.TIFF_PLAIN if is_plain else ImageFormat.TIFF
            self._own = _own_digest(directories[0]) if is_dng else b""
            self._pictures = list(_laid_out(chosen, size, with_cells=is_plain))
        except CutOffError as cut:
            raise NotWholeError(f"is cut off: {cut}, and there are {size:,}") from None
        except TiffError as problem:
            raise NotWholeError(f"is no picture that is understood: {problem}") from None
        pieces = [piece for picture in self._pictures for piece in picture.pieces]
        self._queue = sorted(set(pieces))
        _refuse_overlaps(self._queue)
        self._next = self._position = 0
        self._hash = hashlib.sha256()
        self._digests: dict[_Piece, bytes] = {}
        self._filled: set[int] = set()

    def update(self, data: memoryview | bytes, /) -> None:
        """Take the next bytes."""
        view, start = memoryview(data), self._position
        end = self._position = start + len(view)
        while self._next < len(self._queue) and self._queue[self._next].offset < end:
            piece = self._queue[self._next]
            part = view[max(piece.offset - start, 0) : piece.offset + piece.length - start]
            if piece.offset >= start:
                self._look(piece, part)
            self._hash.update(part)
            if piece.offset + piece.length > end:
                return
            self._digests[piece] = self._hash.digest()
            self._hash = hashlib.sha256()
            self._next += 1

    def _look(self, piece: _Piece, part: memoryview) -> None:
        if piece.cell not in self._filled and any(part[:SAMPLE_BYTES]):
            self._filled.add(piece.cell)

    def finish(self) -> ImageData:
        """What was found. Raises NotWholeError."""
        if self._next < len(self._queue):
            raise NotWholeError("is cut off")
        # Sorted: in which order the directories name them is a writer's own affair.
        shape = b"".join(sorted(map(_shape_of, self._pictures)))
        digest = b"".join(sorted(map(self._digest_of, self._pictures)))
        is_plain = self._format is ImageFormat.TIFF_PLAIN
        return ImageData(
            self._format,
            hashlib.sha256(shape).digest()[:SHAPE_BYTES],
            hashlib.sha256(digest).digest()[:DIGEST_BYTES],
            cells=self._cells() if is_plain else b"",
            own=self._own,
            zeroed=frozenset(range(CELLS)) - self._filled if is_plain else frozenset(),
        )

    def _digest_of(self, picture: _Picture) -> bytes:
        return hashlib.sha256(picture.facts + b"".join(self._digests[p] for p in picture.pieces)).digest()

    def _cells(self) -> bytes:
        hashes = [hashlib.sha256() for _ in range(CELLS)]
        for picture in self._pictures:
            for piece in picture.pieces:
                if piece.cell >= 0:
                    hashes[piece.cell].update(self._digests[piece])
        return bytes(one.digest()[0] for one in hashes)


def _pictures_among(directories: Sequence[Directory]) -> list[Directory]:
    """Those that are pictures and no previews. Raises TiffError where there is none."""
    full = [one for one in directories if one.has_spans and not _is_reduced(one)]
    if any(_is_sensor(one) for one in full):
        # Some cameras do not say that the finished picture beside their raw data is a preview.
        full = [one for one in full if _is_sensor(one) or one.number(_NEW_SUBFILE_TYPE, 0) in _BESIDE_SENSOR]
    if not full:
        raise TiffError("it has no picture in strips or tiles")
    return full


def _is_reduced(directory: Directory) -> bool:
    kind = directory.number(_NEW_SUBFILE_TYPE, 0)
    return bool(kind & _REDUCED) or (kind == 0 and directory.number(_SUBFILE_TYPE, 1) == 2)


def _is_sensor(directory: Directory) -> bool:
    return directory.number(_PHOTOMETRIC, 0) in _SENSOR


def _own_digest(first: Directory) -> bytes:
    """The beginning of the digest that a DNG has of its own image data; nothing where it has none."""
    for tag in _OWN_DIGESTS:
        digest = first.octets(tag)
        if len(digest) == 16:
            return digest[:OWN_BYTES]
    return b""


def _laid_out(chosen: Sequence[Directory], size: int, *, with_cells: bool) -> Iterator[_Picture]:
    spans = list(_spans_of(chosen))
    total, before = sum(length for each in spans for _, length in each), 0
    if total == 0:
        raise TiffError("it has no picture in strips or tiles")
    edges = [total * cell // CELLS for cell in range(1, CELLS + 1)] if with_cells else []
    for directory, each in zip(chosen, spans, strict=True):
        picture = _Picture(_facts_of(directory))
        for offset, length in each:
            _demand(offset, length, size)
            picture.lengths.append(length)
            picture.pieces += _cut(offset, length, before, edges) if with_cells else [_Piece(offset, length)]
            before += length
        layers = directory.span(_LAYERS)
        if layers is not None and layers[1]:
            _demand(*layers, size)
            picture.lengths.append(layers[1])
            picture.pieces.append(_Piece(*layers))
        yield picture


def _spans_of(chosen: Sequence[Directory]) -> Iterator[list[tuple[int, int]]]:
    count = 0
    for directory in chosen:
        spans = directory.spans()
        count += len(spans)
        if count > MAX_NUMBERS:
            raise TiffError("it has too many strips")
        yield spans


def _demand(offset: int, length: int, size: int) -> None:
    if offset + length > size:
        raise CutOffError(offset + length)


def _cut(offset: int, length: int, before: int, edges: Sequence[int]) -> Iterator[_Piece]:
    """A strip, cut where one sixteenth of the picture ends; `before`: bytes of the picture that come before it."""
    cell = next(number for number, edge in enumerate(edges) if edge > before)
    while length:
        room = min(length, edges[cell] - before)
        if room:
            yield _Piece(offset, room, cell)
        offset, before, length, cell = offset + room, before + room, length - room, cell + 1


def _facts_of(directory: Directory) -> bytes:
    found = []
    for tag in (*_DEFAULTS, _ROWS_PER_STRIP):
        if not directory.has_numbers(tag):
            # Taken for one that is left out, a damaged tag would pass for its default.
            raise TiffError(f"its tag {tag} is no number")
    for tag, default in _DEFAULTS.items():
        numbers = directory.numbers(tag) or default
        found.append(struct.pack(f">HI{len(numbers)}Q", tag, len(numbers), *numbers))
    rows = directory.number(_ROWS_PER_STRIP, 1 << 32)
    found.append(struct.pack(">HQ", _ROWS_PER_STRIP, min(rows, directory.number(_LENGTH, 0))))
    found.append(directory.octets(_JPEG_TABLES))
    return b"".join(found)


def _shape_of(picture: _Picture) -> bytes:
    return hashlib.sha256(struct.pack(f">{len(picture.lengths)}Q", *picture.lengths)).digest()


def _refuse_overlaps(pieces: Sequence[_Piece]) -> None:
    """A hostile file could have a hundred thousand strips that are each the whole file."""
    end = 0
    for piece in pieces:
        if piece.offset < end:
            raise NotWholeError("is no picture that is understood: its strips overlap")
        end = piece.offset + piece.length
