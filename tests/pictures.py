"""Photos as literals: a small writer of JPEG, TIFF and DNG, and of the edits that programs make to them.

The pictures are noise: what is tested here is where image data lies, and nothing decodes it.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

Numbers = Sequence[int]

# --- JPEG -------------------------------------------------------------------------------------------------


def noise(length: int, seed: int = 0) -> bytes:
    return random.Random(f"noise {seed}").randbytes(length)


def entropy(length: int, seed: int = 0) -> bytes:
    """Entropy-coded data, as far as its bytes show: every 0xFF is followed by 0, and a restart comes now and then."""
    data = noise(length, seed).replace(b"\xff", b"\xff\x00")[:length].rstrip(b"\xff")
    half = len(data) // 2
    return data[:half].rstrip(b"\xff") + b"\xff\xd0" + data[half:].lstrip(b"\x00")


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(scan: bytes, *, metadata: bytes = b"Exif\0\0old", progressive: bool = False, behind: bytes = b"") -> bytes:
    """A JPEG with one scan, or with three; `behind` comes after its end."""
    tables = segment(0xDB, b"\0" + noise(64, 1)) + segment(0xC4, b"\0" + noise(28, 2))
    frame = segment(0xC2 if progressive else 0xC0, bytes([8, 0, 100, 0, 100, 1, 1, 0x11, 0]))
    head = segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))
    scans = [scan[i::3].replace(b"\xff", b"\xfe") for i in range(3)] if progressive else [scan]
    body = tables + frame + b"".join(head + each for each in scans)
    return b"\xff\xd8" + segment(0xE1, metadata) + body + b"\xff\xd9" + behind


def with_metadata(data: bytes, metadata: bytes) -> bytes:
    """A JPEG with another first APP1 segment, or with one more: what a program does that writes keywords."""
    assert data[:2] == b"\xff\xd8"
    rest = data[2:]
    if rest[:2] == b"\xff\xe1":
        rest = rest[2 + int.from_bytes(rest[2:4], "big") :]
    return b"\xff\xd8" + segment(0xE1, metadata) + rest


def film(data: bytes) -> bytes:
    """The film of a motion photo."""
    boxes = ((b"ftyp", b"mp42\0\0\0\0"), (b"mdat", data), (b"moov", b"about it"))
    return b"".join(struct.pack(">I4s", len(body) + 8, kind) + body for kind, body in boxes)


# --- TIFF and DNG -----------------------------------------------------------------------------------------

RGB, CFA, LINEAR_RAW = 2, 32803, 34892


@dataclass(frozen=True)
class Picture:
    """One image of a TIFF: its strips, and what else its directory says (whole numbers, or bytes)."""

    strips: Sequence[bytes]
    tags: Mapping[int, Numbers | bytes] = field(default_factory=dict)
    subs: Sequence[Picture] = ()


def picture(data: bytes, *, strips: int = 8, subs: Sequence[Picture] = (), **more: int) -> Picture:
    """A picture of these bytes in so many strips. `more`: subfile, photometric, compression, height."""
    step = -(-len(data) // strips)
    height = more.get("height", strips * 4)
    tags: dict[int, Numbers | bytes] = {
        256: [100],
        257: [height],
        258: [8, 8, 8],
        259: [more.get("compression", 1)],
        262: [more.get("photometric", RGB)],
        277: [3],
        278: [4],
    }
    if "subfile" in more:
        tags[254] = [more["subfile"]]
    return Picture([data[at : at + step] for at in range(0, len(data), step)], tags, subs)


def tiff(
    pictures: Sequence[Picture], *, order: str = "<", big: bool = False, gap: int = 0, backwards: bool = False
) -> bytes:
    """A TIFF of these pictures; `gap` bytes before each block, and the blocks in the order that is asked for."""
    writer = _Writer(order, big, gap, backwards)
    first = writer.chain(pictures)
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    head += struct.pack(order + "HHQ", 8, 0, first) if big else struct.pack(order + "I", first)
    return head + bytes(writer.out[len(head) :])


def dng(raw: Picture, preview: bytes, *, own: bytes = b"", xmp: bytes = b"", **how: int) -> bytes:
    """A DNG as Adobe's converter lays it out: a preview first, and the raw data in its sub-directory."""
    small = picture(preview, strips=1, subfile=1, subs=[raw])
    tags: dict[int, Numbers | bytes] = {**small.tags, 50706: bytes([1, 6, 0, 0])}
    tags |= ({51111: own} if own else {}) | ({700: xmp} if xmp else {})
    return tiff([replace(small, tags=tags)], **how)  # type: ignore[arg-type]


class _Writer:
    def __init__(self, order: str, big: bool, gap: int, backwards: bool) -> None:
        self.order, self.big, self.gap, self.backwards = order, big, gap, backwards
        self.out = bytearray(16)
        self.offset = "Q" if big else "I"

    def put(self, data: bytes) -> int:
        self.out += b"\xee" * self.gap
        self.out += b"\0" * (len(self.out) % 2)
        at = len(self.out)
        self.out += data
        return at

    def chain(self, pictures: Sequence[Picture]) -> int:
        following = 0
        for each in reversed(pictures):
            following = self.directory(each, following)
        return following

    def directory(self, one: Picture, following: int) -> int:
        subs = [self.directory(sub, 0) for sub in one.subs]
        numbers = list(range(len(one.strips)))
        places = dict.fromkeys(numbers, 0)
        for number in reversed(numbers) if self.backwards else numbers:
            places[number] = self.put(one.strips[number])
        tags: dict[int, Numbers | bytes] = dict(one.tags)
        tags[273], tags[279] = list(places.values()), [len(strip) for strip in one.strips]
        if subs:
            tags[330] = subs
        entries = b"".join(self.entry(tag, tags[tag]) for tag in sorted(tags))
        count = struct.pack(self.order + ("Q" if self.big else "H"), len(tags))
        return self.put(count + entries + struct.pack(self.order + self.offset, following))

    def entry(self, tag: int, value: Numbers | bytes) -> bytes:
        kind, count = (7, len(value)) if isinstance(value, bytes) else (4, len(value))
        data = value if isinstance(value, bytes) else struct.pack(f"{self.order}{count}I", *value)
        room = 8 if self.big else 4
        if len(data) > room:
            data = struct.pack(self.order + self.offset, self.put(data))
        return struct.pack(self.order + "HH" + self.offset, tag, kind, count) + data.ljust(room, b"\0")


# --- damage -----------------------------------------------------------------------------------------------


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """The same bytes but for one bit."""
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def zeroed(data: bytes, at: int, length: int) -> bytes:
    """The same bytes with a run of zeros in them."""
    return data[:at] + bytes(length) + data[at + length :]


# --- real ones --------------------------------------------------------------------------------------------


def real_photos(*suffixes: str) -> list[Path]:
    """Real camera files with these suffixes (lower case); skips where there are none at hand."""
    folder = os.environ.get("LRSYNC_SAMPLES_DIR")
    if not folder:
        pytest.skip("LRSYNC_SAMPLES_DIR names no folder with real camera files")
    found = sorted(file for file in Path(folder, "photos").rglob("*") if file.suffix.lower() in suffixes)
    assert found
    return found


def exiftool() -> str:
    """The program that writes metadata; skips where it is not installed."""
    found = shutil.which("exiftool")
    if found is None:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    return found
