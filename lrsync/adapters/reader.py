"""Read one file of the source and say what its bytes are. Never writes, never follows a link, never trusts a stat.

A file that is written while it is read is RacedError: what was read is then nobody's content.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat as stat_module
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from isal import isal_zlib

from lrsync.adapters.crc import crc32_of
from lrsync.adapters.longpath import FILE_FLAGS, facts_of, open_below
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.etags import PartsHash
from lrsync.core.imagedata import ImageData, ImageHasher, NotWholeError
from lrsync.core.images import has_image_data, image_hasher
from lrsync.core.model import Content
from lrsync.core.ports import RacedError
from lrsync.core.scan import Stat

CHUNK_BYTES: Final = 1 << 20
"""What is read at once to hash it, into the same memory each time: more would have left a processor's cache."""
SMALL_BYTES: Final = 128 << 10
"""Below this, opening a file and looking after it costs more than reading it."""


class _Hash(Protocol):
    def update(self, data: memoryview | bytes, /) -> None: ...


class _Digest(_Hash, Protocol):
    def digest(self) -> bytes: ...


class _Crc(_Hash, Protocol):
    def checksum(self) -> Checksum: ...


@dataclass(frozen=True, slots=True)
class _Extra:
    """What else than sha256 and CRC32 a reading is to find."""

    md5: _Digest | None
    parts: tuple[PartsHash, ...]
    image: ImageHasher | None
    crc: _Crc | None

    @property
    def hashes(self) -> list[_Hash]:
        return [each for each in (self.md5, self.crc, *self.parts, self.image) if each is not None]

    def put_into(self, content: Content) -> Content:
        image, problem = (None, "") if self.image is None else _found_by(self.image)
        return replace(
            content,
            md5=self.md5.digest() if self.md5 is not None else None,
            part_etags=frozenset(parts.etag() for parts in self.parts),
            checksum=self.crc.checksum() if self.crc is not None else None,
            image=image,
            image_problem=problem,
        )


def read_content(
    root: str,
    path: str,
    *,
    hold_below: int,
    part_size: int,
    want_md5: bool = False,
    etag_part_sizes: Sequence[int] = (),
    want_checksum: ChecksumKind | None = None,
) -> Content:
    """Read a file once, from its start to its end; see `SourceTree.read`."""
    if not (want_md5 or etag_part_sizes or want_checksum):
        content = _read_small(root, path, min(hold_below, SMALL_BYTES))
        if content is not None:
            return content
    md5 = hashlib.md5(usedforsecurity=False) if want_md5 else None
    with _opened(root, path) as (file, before):
        image = image_hasher(path, before.size, partial(_read_at, file)) if has_image_data(path) else None
        etags = tuple(PartsHash(length) for length in etag_part_sizes)
        extra = _Extra(md5, etags, image, _crc(want_checksum))
        if before.size < hold_below:
            content = _read_held(file, before, extra)
        else:
            content = _read_streamed(file, before, part_size, extra)
        after = facts_of(os.fstat(file.fileno()))
    if after != before:
        raise RacedError(f"{path} changed while it was read")
    return extra.put_into(content) if extra.hashes else content


def _crc(kind: ChecksumKind | None) -> _Crc | None:
    if kind is None:
        return None
    from lrsync.adapters.crcs import Crc  # here: only what another tool uploaded asks for it

    return Crc(kind)


def read_range(root: str, path: str, offset: int, length: int) -> bytes:
    """Exactly `length` bytes from `offset`; see `SourceTree.read_part`."""
    handle, _ = _open_regular(root, path)
    try:
        os.lseek(handle, offset, os.SEEK_SET)
        # Into the bytes that are handed out: a copy of each would cost as much as reading it.
        data = os.read(handle, length)
        while len(data) < length and (more := os.read(handle, length - len(data))):
            data += more
    finally:
        os.close(handle)
    if len(data) != length:
        raise RacedError(f"{path} became shorter")
    return data


def _read_small(root: str, path: str, hold_below: int) -> Content | None:
    """A small regular file, in as few steps as it takes; None for any other, and for one that changes meanwhile."""
    try:
        handle = open_below(root, path, FILE_FLAGS)
    except OSError:
        return None  # whoever opens it again says why
    try:
        found = os.fstat(handle)
        before = facts_of(found)
        if before.size >= hold_below or not stat_module.S_ISREG(found.st_mode):
            return None
        # One byte more than there should be: a file that grew shows itself.
        data = os.read(handle, before.size + 1)
        if len(data) != before.size or facts_of(os.fstat(handle)) != before:
            return None
    finally:
        os.close(handle)
    image, problem = None, ""
    if has_image_data(path):
        hasher = image_hasher(path, before.size, lambda offset, length: data[offset : offset + length])
        hasher.update(data)
        image, problem = _found_by(hasher)
    sha256, crc32 = hashlib.sha256(data).digest(), crc32_of(data)
    return Content(stat=before, sha256=sha256, crc32=crc32, data=data, image=image, image_problem=problem)


def _found_by(hasher: ImageHasher) -> tuple[ImageData | None, str]:
    """The image data, or why there is none."""
    try:
        return hasher.finish(), ""
    except NotWholeError as problem:
        return None, str(problem)


def _read_at(file: io.FileIO, offset: int, length: int) -> bytes:
    """Bytes from anywhere; what is read next is the file's beginning again."""
    file.seek(offset)
    data = bytearray()
    while len(data) < length and (more := file.read(length - len(data))):
        data += more
    file.seek(0)
    return bytes(data)


@contextmanager
def _opened(root: str, path: str) -> Iterator[tuple[io.FileIO, Stat]]:
    handle, found = _open_regular(root, path)
    try:
        with io.FileIO(handle, "rb", closefd=False) as file:
            yield file, facts_of(found)
    finally:
        os.close(handle)


def _open_regular(root: str, path: str) -> tuple[int, os.stat_result]:
    """A descriptor to read on from, and the stat. Raises RacedError for what is no regular file any more, OSError."""
    try:
        handle = open_below(root, path, FILE_FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise RacedError(f"{path} became a link") from error
        raise
    try:
        found = os.fstat(handle)
        if not stat_module.S_ISREG(found.st_mode):
            raise RacedError(f"{path} is not a regular file any more")
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    except BaseException:
        os.close(handle)
        raise
    return handle, found


def _read_held(file: io.FileIO, before: Stat, extra: _Extra) -> Content:
    # One byte more than there should be: a file that grew shows itself.
    # Into the bytes that are kept: a copy would cost as much as reading them.
    held = file.read(before.size + 1) or b""
    while 0 < len(held) <= before.size and (more := file.read(before.size + 1 - len(held))):
        held += more
    if len(held) != before.size:
        raise RacedError("the file is not as long as its stat said")
    for each in extra.hashes:
        each.update(held)
    return Content(stat=before, sha256=hashlib.sha256(held).digest(), crc32=crc32_of(held), data=held)


def _read_streamed(file: io.FileIO, before: Stat, part_size: int, extra: _Extra) -> Content:
    sha256 = hashlib.sha256()
    hashes: list[_Hash] = [sha256, *extra.hashes]
    parts: list[int] = []
    whole = 0
    buffer = memoryview(bytearray(min(CHUNK_BYTES, part_size)))
    for start in range(0, before.size, part_size):
        length = min(part_size, before.size - start)
        parts.append(_hash_part(file, length, buffer, hashes))
        whole = isal_zlib.crc32_combine(whole, parts[-1], length)
    if file.read(1):
        raise RacedError("the file is longer than its stat said")
    return Content(
        stat=before,
        sha256=sha256.digest(),
        crc32=whole,
        part_size=part_size,
        part_crc32s=tuple(parts),
    )


def _hash_part(file: io.FileIO, length: int, buffer: memoryview, hashes: list[_Hash]) -> int:
    """Read one part into the hashes and return its CRC32."""
    crc, left = 0, length
    while left:
        count = file.readinto(buffer[:left])
        if not count:
            raise RacedError("the file is shorter than its stat said")
        chunk = buffer[:count]
        for each in hashes:
            each.update(chunk)
        crc = crc32_of(chunk, crc)
        left -= count
    return crc
