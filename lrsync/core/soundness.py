"""Does a new original look whole? Reads a few bytes through a function it is given, with bounds on everything.

It only ever raises a suspicion: a file that it cannot understand is none. Nothing here decides what is backed up.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from lrsync.core.filetypes import extension_of

ReadAt = Callable[[int, int], bytes]
"""(offset, length) -> at most so many bytes of the file."""

SAMPLES: Final = 16
SAMPLE_BYTES: Final = 4096
MAX_STEPS: Final = 256
"""Boxes, directories or entries looked at before giving up: a hostile file must not keep a backup busy."""

_BOXED: Final = frozenset(["mov", "mp4", "m4v", "3gp", "cr3", "crm", "insv", "360"])
_RIFF: Final = frozenset(["avi"])
_TIFF: Final = frozenset(
    [
        "nef",
        "nrw",
        "cr2",
        "arw",
        "sr2",
        "srf",
        "pef",
        "srw",
        "kdc",
        "dcr",
        "erf",
        "3fr",
        "fff",
        "iiq",
        "mos",
        "mef",
        "rwl",
        "gpr",
    ]
)

_SIZE_OF_TYPE: Final = {1: 1, 3: 2, 4: 4}
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES, _SUB_IFDS = 273, 279, 324, 325, 330


def suspicion(name: str, size: int, read_at: ReadAt) -> str | None:
    """Why the original called `name` looks damaged; None where nothing speaks against it.

    Raises what `read_at` raises.
    """
    if size == 0:
        return "is empty"
    if _is_all_zero(size, read_at):
        return "holds nothing but zeros"
    extension = extension_of(name)
    try:
        needed = _needed_size(extension, size, read_at)
    except (struct.error, IndexError, ValueError):
        return None
    if needed > size:
        return f"is cut off: {size:,} bytes, and its own tables speak of {needed:,}"
    return None


def _is_all_zero(size: int, read_at: ReadAt) -> bool:
    step = max(SAMPLE_BYTES, size // SAMPLES)
    return not any(read_at(offset, SAMPLE_BYTES).strip(b"\0") for offset in range(0, size, step))


def _needed_size(extension: str, size: int, read_at: ReadAt) -> int:
    """The least size that the file's own structure asks for; 0 where it is not understood."""
    if extension in _BOXED:
        return _end_of_boxes(size, read_at)
    if extension in _RIFF:
        return _end_of_riff(read_at)
    if extension in _TIFF:
        return max(_ends_in_tiff(read_at), default=0)
    return 0


def _end_of_boxes(size: int, read_at: ReadAt) -> int:
    """Where the last top-level box ends (ISO/IEC 14496-12, 4.2: size, type, and a 64-bit size where size is 1)."""
    offset = 0
    for _ in range(MAX_STEPS):
        if offset >= size:
            break
        head = read_at(offset, 16)
        length, kind = struct.unpack_from(">I4s", head)
        if offset == 0 and kind not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
            return 0  # not such a file at all, whatever its name says
        if length == 1:
            (length,) = struct.unpack_from(">Q", head, 8)
        if length < 8:
            return offset  # 0: to the file's end; anything else is no box
        offset += length
    return offset


def _end_of_riff(read_at: ReadAt) -> int:
    """Where the RIFF chunk ends (its size counts from byte 8); longer files have more chunks behind it."""
    kind, length = struct.unpack_from("<4sI", read_at(0, 8))
    return length + 8 if kind == b"RIFF" else 0


def _ends_in_tiff(read_at: ReadAt) -> Iterator[int]:
    """Where the strips and tiles of every image in a TIFF-like file end (TIFF 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}.get(read_at(0, 2))
    if order is None:
        return
    (first,) = struct.unpack_from(order + "I", read_at(4, 4))
    waiting, seen = [first], set[int]()
    while waiting and len(seen) < MAX_STEPS:
        at = waiting.pop()
        if at == 0 or at in seen:
            continue
        seen.add(at)
        head = read_at(at, 2)
        if len(head) < 2:
            yield at + 2
            continue
        tags, following = _directory(order, at, struct.unpack(order + "H", head)[0], read_at)
        waiting += [*tags.get(_SUB_IFDS, []), following]
        for offsets, sizes in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
            pairs = zip(tags.get(offsets, []), tags.get(sizes, []), strict=False)
            yield from (offset + length for offset, length in pairs)


def _directory(order: str, at: int, count: int, read_at: ReadAt) -> tuple[dict[int, list[int]], int]:
    """The whole numbers of one directory's interesting tags, and where the next directory is."""
    wanted = {_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES, _SUB_IFDS}
    entries = read_at(at + 2, count * 12 + 4)
    tags: dict[int, list[int]] = {}
    for index in range(min(count, MAX_STEPS)):
        tag, kind, number = struct.unpack_from(order + "HHI", entries, index * 12)
        if tag in wanted and kind in _SIZE_OF_TYPE and number <= 100_000:
            tags[tag] = _values(order, entries[index * 12 + 8 : index * 12 + 12], kind, number, read_at)
    (following,) = struct.unpack_from(order + "I", entries, count * 12)
    return tags, following


def _values(order: str, inline: bytes, kind: int, number: int, read_at: ReadAt) -> list[int]:
    length = _SIZE_OF_TYPE[kind] * number
    data = inline if length <= 4 else read_at(struct.unpack(order + "I", inline)[0], length)
    code = {1: "B", 3: "H", 4: "I"}[kind]
    return list(struct.unpack_from(f"{order}{number}{code}", data))
