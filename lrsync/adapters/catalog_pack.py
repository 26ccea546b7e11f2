"""A copied catalog as compressed files, and back into a folder. Sends and fetches nothing.

What is unpacked came from a bucket and is not trusted: lengths, names and digests are checked, and a file takes its
name only when it is whole.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from lrsync.adapters import reader
from lrsync.adapters.catalog_family import is_noise
from lrsync.core.model import Content
from lrsync.core.parts import PART_BYTES, part_size_for
from lrsync.core.ports import SnapshotDamagedError

LEVEL: Final = 3
CHUNK_BYTES: Final = 1 << 20
MAX_WINDOW_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One compressed file: a `core.ports.PackedManifest`."""

    path: Path
    content: Content

    def read_part(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises OSError."""
        return reader.read_range(str(self.path.parent), self.path.name, offset, length)


@contextmanager
def packed(source: Path, target: Path) -> Iterator[PackedFile]:
    """A file, or a folder as a tar archive, compressed into `target`, which is gone at the end. Raises OSError."""
    import zstandard

    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    try:
        with target.open("wb") as out, packer.stream_writer(out, closefd=False) as stream:
            if source.is_dir():
                _archive(source, cast(IO[bytes], stream))
            else:
                _pour(source, cast(IO[bytes], stream))
        yield PackedFile(target, content_of(target))
    finally:
        target.unlink(missing_ok=True)


def content_of(path: Path, *, hold_below: int = PART_BYTES) -> Content:
    """The digests of one of lrsync's own files, and its bytes where they are few."""
    size = path.stat().st_size
    return reader.read_content(
        str(path.parent), path.name, hold_below=hold_below, part_size=part_size_for(size), want_md5=True
    )


def folder_digest(folder: Path) -> tuple[bytes, int]:
    """A digest of names and bytes below the folder, and how many bytes there are. Times are not in it."""
    digest, total = hashlib.sha256(), 0
    for path in sorted(files_below(folder)):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
        digest.update(len(name).to_bytes(4, "big") + name + content)
        total += path.stat().st_size
    return digest.digest(), total


def files_below(folder: Path) -> list[Path]:
    """Every file of a data folder that is worth keeping."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and not is_noise(path.name)]


def _pour(source: Path, out: IO[bytes]) -> None:
    with source.open("rb") as plain:
        while chunk := plain.read(CHUNK_BYTES):
            out.write(chunk)


def _archive(folder: Path, out: IO[bytes]) -> None:
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files_below(folder)):
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            found = path.stat()
            entry.size, entry.mtime, entry.mode = found.st_size, int(found.st_mtime), 0o600
            with path.open("rb") as file:
                archive.addfile(entry, file)


# --- back -------------------------------------------------------------------------------------------------


def receive(chunks: Iterator[bytes], sha256: bytes, size: int, to: Path) -> None:
    """Write what comes into a new file. Raises SnapshotDamagedError where it is not these bytes, OSError."""
    digest, total = hashlib.sha256(), 0
    with to.open("xb") as file:
        for chunk in chunks:
            total += len(chunk)
            if total > size:
                raise SnapshotDamagedError("it is longer than its note says")
            digest.update(chunk)
            file.write(chunk)
    if digest.digest() != sha256:
        raise SnapshotDamagedError("its bytes are not the ones that were stored")


def unpack_file(packed_file: Path, to: Path, size: int) -> bytes:
    """Unpack a file of `size` bytes into a new one, on the disk when this returns; its sha256.

    Raises SnapshotDamagedError, OSError.
    """
    digest, written = hashlib.sha256(), 0
    with _unpacking(packed_file) as plain, to.open("xb") as out:
        # One byte more than was announced is asked for: what is longer must not fill the disk.
        while written <= size and (chunk := plain.read(min(CHUNK_BYTES, size + 1 - written))):
            digest.update(chunk)
            out.write(chunk)
            written += len(chunk)
        out.flush()
        os.fsync(out.fileno())
    if written != size:
        raise SnapshotDamagedError("it is not as long as its note says")
    return digest.digest()


def unpack_folder(packed_file: Path, to: Path, size: int) -> bytes:
    """Unpack a data folder of `size` bytes into the empty folder `to`; its digest.

    Raises SnapshotDamagedError for anything but regular files that stay inside; OSError.
    """
    left = size
    with _unpacking(packed_file) as plain:
        try:
            with tarfile.open(fileobj=plain, mode="r|") as archive:
                for entry in archive:
                    left -= entry.size
                    _check_entry(entry, left)
                    _extract(archive, entry, to)
        except tarfile.TarError as error:
            raise SnapshotDamagedError(f"its data folder cannot be unpacked: {error}") from error
    return folder_digest(to)[0]


def _check_entry(entry: tarfile.TarInfo, left: int) -> None:
    parts = entry.name.split("/")
    if not entry.isreg() or "\\" in entry.name or any(part in ("", ".", "..") or ":" in part for part in parts):
        raise SnapshotDamagedError("its data folder holds something that leads elsewhere")
    if left < 0:
        raise SnapshotDamagedError("its data folder is larger than its note says")


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, to: Path) -> None:
    target = to / entry.name
    target.parent.mkdir(parents=True, exist_ok=True)
    source = archive.extractfile(entry)
    assert source is not None, "a regular file"
    with source, target.open("xb") as out:
        while chunk := source.read(CHUNK_BYTES):
            out.write(chunk)
    os.utime(target, (entry.mtime, entry.mtime))


@contextmanager
def _unpacking(path: Path) -> Iterator[IO[bytes]]:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    try:
        with path.open("rb") as file, unpacker.stream_reader(file, closefd=False) as plain:
            yield cast(IO[bytes], plain)
    except (zstandard.ZstdError, io.UnsupportedOperation) as error:
        raise SnapshotDamagedError(f"it cannot be unpacked: {error}") from error
