"""How a large object is fetched in ranges, and what a note about a half-fetched one says. Pure arithmetic and text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from lrsync.core.parts import MIB, Part, parts_of

RANGED_FROM_BYTES: Final = 32 * MIB
"""From this size on an object is fetched by several ranges at once, and goes on after a kill."""
RANGE_BYTES: Final = 16 * MIB


@dataclass(frozen=True, slots=True)
class Ranging:
    """From which size on an object is fetched by ranges, and how long these are. Bytes; a range has 1 MiB at least."""

    from_bytes: int = RANGED_FROM_BYTES
    range_bytes: int = RANGE_BYTES


USUAL_RANGING: Final = Ranging()
_VERSION: Final = 1
_DIGITS: Final = 12
_LINE: Final = _DIGITS + 1


@dataclass(frozen=True, slots=True)
class PartialNote:
    """What a partial file is of. Only ranges of one and the same object (by its ETag) may become one file."""

    key: str
    version_id: str | None
    etag: str
    size: int
    range_bytes: int

    def ranges(self) -> list[Part]:
        """The ranges that make the object, in order."""
        return list(parts_of(self.size, self.range_bytes))

    def end_of(self, number: int) -> int:
        """Where the range of this number (from 1) ends. Bytes from the object's start."""
        return min(number * self.range_bytes, self.size)


def encode_note(note: PartialNote) -> bytes:
    """The first line of a note; the numbers of the ranges that are on the disk follow it."""
    values = [_VERSION, note.key, note.version_id, note.etag, note.size, note.range_bytes]
    return json.dumps(values).encode("ascii") + b"\n"


def encode_done(number: int) -> bytes:
    """The line that says that a range is on the disk. All lines are of one length: a half one shows itself."""
    return f"{number:0{_DIGITS}}\n".encode("ascii")


class NoteRead(NamedTuple):
    """What a note says: the numbers of the ranges that are there, and how many of its bytes are whole lines."""

    note: PartialNote
    done: frozenset[int]
    length: int


def decode_note(data: bytes) -> NoteRead | None:
    """What a note says; None for what is no whole note. Nothing in it is trusted."""
    first, _, rest = data.partition(b"\n")
    try:
        version, key, version_id, etag, size, range_bytes = json.loads(first)
    except (ValueError, TypeError, RecursionError):
        return None
    texts = isinstance(key, str) and isinstance(etag, str) and isinstance(version_id, str | None)
    if version != _VERSION or not texts or type(size) is not int or type(range_bytes) is not int or range_bytes < MIB:
        return None
    note = PartialNote(key, version_id, etag, size, range_bytes)
    length = len(first) + 1 + len(rest) // _LINE * _LINE
    return NoteRead(note, frozenset(_numbers(rest, -(-size // range_bytes))), length)


def _numbers(data: bytes, most: int) -> Iterable[int]:
    for start in range(0, len(data) - _LINE + 1, _LINE):
        line = data[start : start + _LINE]
        if line[-1:] == b"\n" and line[:-1].isdigit() and 1 <= int(line) <= most:
            yield int(line)
