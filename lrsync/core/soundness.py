"""Does a new original look whole? Reads a few bytes through a function it is given, with bounds on everything.

It only ever raises a suspicion: a file that it cannot understand is none. Nothing here decides what is backed up.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from lrsync.core.filetypes import extension_of
from lrsync.core.tiff import CutOffError, ReadAt, read_directories

SAMPLES: Final = 16
SAMPLE_BYTES: Final = 4096
MAX_STEPS: Final = 256
"""Boxes looked at before giving up: a hostile file must not keep a backup busy."""

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
    """Where the strips and tiles of every image in a TIFF-like file end."""
    try:
        for directory in read_directories(read_at):
            yield from (offset + length for offset, length in directory.spans())
    except CutOffError as cut:
        yield cut.needed
