"""Read the directories of a TIFF-like file through a function it is given, with bounds on everything. Decodes no pixel.

TIFF 6.0, section 2; BigTIFF as libtiff writes it (8-byte offsets and counts); sub-directories as DNG has them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

ReadAt = Callable[[int, int], bytes]
"""(offset, length) -> at most so many bytes of the file."""

MAX_DIRECTORIES: Final = 256
MAX_ENTRIES: Final = 1024
MAX_NUMBERS: Final = 1 << 18
"""More strips than any scanner makes; a hostile count must not fill the memory."""
MAX_TABLE_BYTES: Final = 16 << 20
"""Of all tables together: 256 directories may share one large table, and each would be read."""

STRIPS, STRIP_SIZES, TILES, TILE_SIZES = 273, 279, 324, 325
SUB_IFDS: Final = 330

_MOST_BYTES: Final = 1 << 62
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value, by its type."""
_WHOLE: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""The types that are whole numbers without a sign."""


class TiffError(ValueError):
    """The file is no TIFF, or not one that is understood; the message says why."""


class CutOffError(TiffError):
    """The file ends before something that its own tables speak of. `needed`: how long it must be at least."""

    def __init__(self, needed: int) -> None:
        super().__init__(f"its own tables speak of {needed:,} bytes")
        self.needed = needed


class Entry(NamedTuple):
    """One tag: the type of its values, how many there are, and where their bytes are."""

    kind: int
    values: int
    at: int

    @property
    def length(self) -> int:
        """Its bytes; 0 for a type that nobody knows."""
        return _SIZES.get(self.kind, 0) * self.values


@dataclass(frozen=True, slots=True)
class Directory:
    """One image's tags."""

    order: str
    entries: dict[int, Entry]
    read_at: ReadAt

    def numbers(self, tag: int, most: int = MAX_NUMBERS) -> tuple[int, ...]:
        """A tag's whole numbers; none where it is not there, or is something else. Raises TiffError."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in _WHOLE:
            return ()
        if entry.values > most:
            raise TiffError(f"a table has {entry.values:,} entries")
        data = _exactly(self.read_at, entry.at, entry.length)
        return struct.unpack(f"{self.order}{entry.values}{_WHOLE[entry.kind]}", data)

    def has_numbers(self, tag: int) -> bool:
        """Whether a tag's values are whole numbers, as far as it is there."""
        entry = self.entries.get(tag)
        return entry is None or (entry.kind in _WHOLE and entry.values > 0)

    def number(self, tag: int, default: int) -> int:
        """A tag's first whole number. Raises TiffError."""
        return next(iter(self.numbers(tag)), default)

    def octets(self, tag: int) -> bytes:
        """A tag's bytes, whatever they are of. Raises TiffError."""
        entry = self.entries.get(tag)
        if entry is None:
            return b""
        if entry.length > MAX_NUMBERS:
            raise TiffError(f"a table has {entry.length:,} bytes")
        return _exactly(self.read_at, entry.at, entry.length)

    def span(self, tag: int) -> tuple[int, int] | None:
        """Where a tag's bytes are: offset and length; None where it is not there."""
        entry = self.entries.get(tag)
        return None if entry is None else (entry.at, entry.length)

    @property
    def has_spans(self) -> bool:
        """Whether it has strips or tiles."""
        return STRIPS in self.entries or TILES in self.entries

    def spans(self) -> list[tuple[int, int]]:
        """Where the image's strips or tiles are, in the order of the picture. Raises TiffError."""
        found = []
        for offsets, sizes in ((STRIPS, STRIP_SIZES), (TILES, TILE_SIZES)):
            pairs = zip(self.numbers(offsets), self.numbers(sizes), strict=False)
            found += [(offset, length) for offset, length in pairs if length]
        return found


def read_directories(read_at: ReadAt) -> Iterator[Directory]:
    """Every directory: the first, its sub-directories in their order, then the next. Raises TiffError."""
    read_at = _within_bounds(read_at)
    order, is_big, first = _header(read_at)
    waiting, seen = [first], set[int]()
    while waiting:
        at = waiting.pop()
        if at == 0 or at in seen:
            continue
        if len(seen) == MAX_DIRECTORIES:
            raise TiffError("it has too many directories")
        seen.add(at)
        directory, following = _directory(order, is_big, at, read_at)
        yield directory
        waiting += [following, *reversed(directory.numbers(SUB_IFDS, MAX_DIRECTORIES))]


def _within_bounds(read_at: ReadAt) -> ReadAt:
    left = MAX_TABLE_BYTES

    def bounded(offset: int, length: int) -> bytes:
        nonlocal left
        left -= length
        if left < 0:
            raise TiffError("its tables are too long")
        return read_at(offset, length)

    return bounded


def _header(read_at: ReadAt) -> tuple[str, bool, int]:
    head = bytes(read_at(0, 16))
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 16:
        raise TiffError("it is no TIFF")
    (magic,) = struct.unpack_from(order + "H", head, 2)
    is_big = magic == 43
    if is_big and struct.unpack_from(order + "HH", head, 4) != (8, 0):
        raise TiffError("it is no BigTIFF that anybody knows")
    # Any other number: several RAW formats are TIFF but for it.
    return order, is_big, struct.unpack_from(order + ("Q" if is_big else "I"), head, 8 if is_big else 4)[0]


def _directory(order: str, is_big: bool, at: int, read_at: ReadAt) -> tuple[Directory, int]:
    """One directory, and where the next one is."""
    count_code, offset_code, step = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    head = struct.calcsize(order + count_code)
    (count,) = struct.unpack(order + count_code, _exactly(read_at, at, head))
    if count > MAX_ENTRIES:
        raise TiffError(f"a directory has {count:,} entries")
    tail = struct.calcsize(order + offset_code)
    data = _exactly(read_at, at + head, count * step + tail)
    entries: dict[int, Entry] = {}
    for index in range(count):
        place = index * step
        tag, kind, number = struct.unpack_from(f"{order}HH{offset_code}", data, place)
        value = place + step - tail
        inside = _SIZES.get(kind, 0) * number <= tail
        where = at + head + value if inside else struct.unpack_from(order + offset_code, data, value)[0]
        entries.setdefault(tag, Entry(kind, number, where))
    return Directory(order, entries, read_at), struct.unpack_from(order + offset_code, data, count * step)[0]


def _exactly(read_at: ReadAt, offset: int, length: int) -> bytes:
    # No file is that long, and a system call would take no such number.
    data = read_at(offset, length) if offset + length <= _MOST_BYTES else b""
    if len(data) != length:
        raise CutOffError(offset + length)
    return data
