"""Reading one file: its digests are its bytes', and a file that changes meanwhile is never taken for itself."""

from __future__ import annotations

import gc
import hashlib
import io
import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrsync.adapters import reader
from lrsync.adapters.reader import facts_of, read_content, read_range
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.parts import parts_of
from lrsync.core.ports import RacedError
from lrsync.core.proof import encode_checksum

HELD, STREAMED = 1 << 20, 0


@given(st.binary(min_size=1, max_size=200), st.integers(0, 250), st.lists(st.integers(1, 60), max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_etags_of_parts_are_found_in_the_same_reading(
    tmp_path: Path, data: bytes, hold_below: int, sizes: list[int]
) -> None:
    (tmp_path / "a.nef").write_bytes(data)
    found = read_content(str(tmp_path), "a.nef", hold_below=hold_below, part_size=7, etag_part_sizes=sizes)

    def etag(size: int) -> str:
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        return f"{hashlib.md5(b''.join(hashlib.md5(part).digest() for part in parts)).hexdigest()}-{len(parts)}"

    assert found.part_etags == {etag(size) for size in sizes}
    assert found.sha256 == hashlib.sha256(data).digest()


@given(st.binary(max_size=200), st.integers(0, 250), st.integers(1, 60), st.booleans())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_content_is_the_files(tmp_path: Path, data: bytes, hold_below: int, part_size: int, md5: bool) -> None:
    path = tmp_path / "a.nef"
    path.write_bytes(data)
    content = read_content(str(tmp_path), "a.nef", hold_below=hold_below, part_size=part_size, want_md5=md5)
    assert content.sha256 == hashlib.sha256(data).digest()
    assert content.crc32 == zlib.crc32(data)
    assert content.md5 == (hashlib.md5(data).digest() if md5 else None)
    assert content.stat == reader.facts_of(path.stat())
    assert content.part_etags == frozenset()
    if len(data) < hold_below:
        assert (content.data, content.part_crc32s) == (data, ())
        return
    assert content.data is None
    pieces = [data[part.offset : part.offset + part.length] for part in parts_of(len(data), part_size) if part.length]
    assert content.part_crc32s == tuple(map(zlib.crc32, pieces))
    assert content.part_size == part_size
    assert [read_range(str(tmp_path), "a.nef", p.offset, p.length) for p in parts_of(len(data), part_size)] == (
        pieces or [b""]
    )


def test_a_file_of_several_chunks_and_parts(tmp_path: Path) -> None:
    data = os.urandom(5 * (1 << 20) + 7)
    (tmp_path / "a.mov").write_bytes(data)
    content = read_content(str(tmp_path), "a.mov", hold_below=0, part_size=2 << 20)
    assert content.sha256 == hashlib.sha256(data).digest()
    assert content.crc32 == zlib.crc32(data)
    assert len(content.part_crc32s) == 3


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def truncate(path: Path) -> None:
    os.truncate(path, 3)


def rewrite_keeping_times(path: Path) -> None:
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("hold_below", [HELD, STREAMED])
@pytest.mark.parametrize("change", [append, truncate, touch, rewrite_keeping_times])
@pytest.mark.parametrize("when", [1, 2])
def test_a_file_that_changes_while_it_is_read_is_raced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hold_below: int, change: Callable[[Path], None], when: int
) -> None:
    path = tmp_path / "a.nef"
    path.write_bytes(b"0123456789" * 10)
    os.utime(path, ns=(10**18, 10**18))
    monkeypatch.setattr(io, "FileIO", _changing_at(when, lambda: change(path)))
    monkeypatch.setattr(reader, "SMALL_BYTES", 0)
    with pytest.raises(RacedError):
        read_content(str(tmp_path), "a.nef", hold_below=hold_below, part_size=16)


@pytest.mark.parametrize("change", [append, truncate, touch, rewrite_keeping_times])
@pytest.mark.parametrize("before", [True, False])
def test_a_small_file_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], before: bool
) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(b"0123456789" * 10)
    os.utime(path, ns=(10**18, 10**18))
    read, changes = os.read, []

    def changing(handle: int, count: int) -> bytes:
        if before:
            changes.append(change(path))
        data = read(handle, count)
        if not before:
            changes.append(change(path))
        return data

    monkeypatch.setattr(reader.os, "read", changing)
    content = read_content(str(tmp_path), "a.xmp", hold_below=HELD, part_size=16)
    assert len(changes) == 1
    assert content.data == path.read_bytes()
    assert content.sha256 == hashlib.sha256(path.read_bytes()).digest()
    assert content.stat == facts_of(path.stat())


def _changing_at(when: int, change: Callable[[], None]) -> type[io.FileIO]:
    """A FileIO that lets somebody write before its first read, or after it."""

    class Changing(io.FileIO):
        reads = 0

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            self.reads += 1
            if self.reads == when:
                change()
            return super().readinto(buffer) or 0

        def read(self, size: int = -1, /) -> bytes:
            self.reads += 1
            if self.reads == when:
                change()
            # In halves, so that there is a second read of a file that is held.
            return super().read(-(-size // 2)) or b""

    return Changing


def test_a_part_of_a_file_that_became_shorter_is_raced(tmp_path: Path) -> None:
    (tmp_path / "a.nef").write_bytes(b"0123456789")
    assert read_range(str(tmp_path), "a.nef", 4, 3) == b"456"
    assert read_range(str(tmp_path), "a.nef", 10, 0) == b""
    with pytest.raises(RacedError):
        read_range(str(tmp_path), "a.nef", 8, 3)


@pytest.mark.skipif(sys.platform == "win32", reason="no FIFOs")
@pytest.mark.parametrize("hold_below", [HELD, STREAMED])
def test_what_took_the_files_place_is_not_read(tmp_path: Path, hold_below: int) -> None:
    (tmp_path / "secret").write_bytes(b"elsewhere")
    (tmp_path / "link.nef").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "fifo.nef")
    (tmp_path / "folder.nef").mkdir()
    for name in ("link.nef", "fifo.nef", "folder.nef"):
        with pytest.raises(RacedError):
            read_content(str(tmp_path), name, hold_below=hold_below, part_size=16)
    with pytest.raises(FileNotFoundError):
        read_content(str(tmp_path), "none.nef", hold_below=hold_below, part_size=16)


def test_reading_leaves_no_descriptor_open(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for hold_below in (HELD, STREAMED):
        read_content(str(tmp_path), "a", hold_below=hold_below, part_size=16)
    for name in ("a", "."):
        with pytest.raises(RacedError):
            read_range(str(tmp_path), name, 99, 3)
    after = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    assert after == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file whose stat lies, as on a network drive that lags")
@pytest.mark.parametrize("hold_below", [HELD, STREAMED])
def test_a_file_that_is_longer_than_its_stat_says_is_raced(hold_below: int) -> None:
    assert os.stat("/proc/version").st_size == 0
    with pytest.raises(RacedError):
        read_content("/proc", "version", hold_below=hold_below, part_size=16)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(ChecksumKind.CRC64NVME, 0xAE8B14860A799888), (ChecksumKind.CRC32C, 0xE3069283)],
    ids=["CRC64NVME", "CRC32C"],
)
def test_the_checksums_that_s3_keeps(tmp_path: Path, kind: ChecksumKind, expected: int) -> None:
    """The check values of the catalogue of CRCs, of "123456789"; read in one piece, and in pieces of four bytes."""
    (tmp_path / "a.nef").write_bytes(b"123456789")
    for hold_below, part_size in ((0, 4), (100, 4)):
        found = read_content(
            str(tmp_path), "a.nef", hold_below=hold_below, part_size=part_size, want_checksum=kind
        ).checksum
        width = 8 if kind is ChecksumKind.CRC64NVME else 4
        assert found == Checksum(kind, encode_checksum(expected.to_bytes(width, "big")))


def test_what_is_no_picture_leaves_no_cycle_behind(tmp_path: Path) -> None:
    """A cycle would keep the bytes of each such file until the collector comes, which is rarely."""
    (tmp_path / "._a.jpg").write_bytes(b"\0\5\26\7" * 1000)
    (tmp_path / "b.tif").write_bytes(b"II*\0" + b"\xff" * 4000)
    for name in ("._a.jpg", "b.tif"):
        read_content(str(tmp_path), name, hold_below=HELD, part_size=HELD)
        gc.collect()
        gc.disable()
        try:
            assert read_content(str(tmp_path), name, hold_below=HELD, part_size=HELD).image_problem
            assert gc.collect() == 0
        finally:
            gc.enable()
