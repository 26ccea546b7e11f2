"""The manifest as one compressed file, and back: a moment's pages, zstd, and every check that a reader needs.

What is read comes from a bucket and is not trusted: its length, its pages, its schema and its names are checked
before anything uses it. Sends and fetches nothing.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from lrsync.adapters import reader, sqlite
from lrsync.adapters.database import copy_manifest, prepare, quick_check
from lrsync.adapters.schema_names import DIRECTORIES, FILES, LIBRARY
from lrsync.adapters.seals import read_library
from lrsync.adapters.standstill import standing_still
from lrsync.core.keys import listing_prefix
from lrsync.core.library import LibraryRow
from lrsync.core.model import Content
from lrsync.core.parts import PART_BYTES, part_size_for
from lrsync.core.ports import PackedManifest, SnapshotDamagedError
from lrsync.errors import ManifestError

if TYPE_CHECKING:
    import zstandard

LEVEL: Final = -1
"""zstd's first fast level. Half a manifest is digests: level 1 costs a quarter more, to pack it a little worse."""
CHUNK_BYTES: Final = 1 << 20
MAX_WINDOW_BYTES: Final = 64 << 20
"""More than level 3 ever uses; what zstd may hold in memory while it reads."""
MAX_MANIFEST_BYTES: Final = 32 << 30
MAX_RATIO: Final = 100
"""Digests hardly compress, paths ten to one: a manifest never packs like this. What does is a bomb."""
SMALL_BYTES: Final = 4 << 20
"""Up to here any ratio will do: an empty manifest is mostly zeros."""
_SUFFIXES: Final = (".snapshot", ".snapshot.zst")


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed manifest in a private file beside the manifest."""

    path: Path
    content: Content

    def read_part(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises ManifestError."""
        with sqlite.translating(self.path):
            return reader.read_range(str(self.path.parent), self.path.name, offset, length)


@contextmanager
def packed(path: Path, *, hold_below: int = PART_BYTES, late: ExitStack | None = None) -> Iterator[PackedManifest]:
    """The manifest at `path` as it is now, packed; a run may go on writing to it. Raises ManifestError.

    Beside the manifest, since a system's folder for temporary files may be small and in memory. The names are fixed
    and the library's lock is held: what a crash leaves is used again. With `late`, which must end after every
    connection of this process to the manifest, it is packed without being copied first, where it can be.
    """
    copy, target = (sqlite.side_file(path, suffix) for suffix in _SUFFIXES)
    try:
        if late is None or not _pack_itself(path, target, late):
            copy_manifest(path, copy, is_open=True)
            with sqlite.translating(path), copy.open("rb", buffering=0) as plain:
                _compress(plain, target)
            _remove(copy)
        with sqlite.translating(path):
            content = _content_of(target, hold_below)
        yield Packed(target, content)
    finally:
        _remove(copy)
        _remove(target)


def unpack(chunks: Iterator[bytes], sha256: bytes | None, to: Path, expected: LibraryRow) -> None:
    """Make the manifest at `to` of a snapshot's bytes, if it is whole and of this library's bucket and prefix.

    `sha256` is of the packed bytes (without one the snapshot is not trusted). An older schema is brought up to date.
    Raises SnapshotDamagedError, and ManifestError where the disk is full or read-only; then `to` is not made.
    """

    def is_expected(row: LibraryRow) -> bool:
        return (row.uuid, row.bucket, row.prefix) == (expected.uuid, expected.bucket, expected.prefix)

    _unpack(chunks, sha256, to, _Wanted(expected.prefix, is_expected, partial(_move_library, expected)))


def unpack_to_read(chunks: Iterator[bytes], sha256: bytes | None, to: Path, prefix: str, uuid: str) -> None:
    """The same for a manifest that is only read, to restore from: its library may have had another bucket.

    A bucket that was copied to another one is restored from there. Raises as `unpack`.
    """

    def is_expected(row: LibraryRow) -> bool:
        return (row.uuid, row.prefix) == (uuid, prefix)

    _unpack(chunks, sha256, to, _Wanted(prefix, is_expected, _make_whole))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a snapshot must be of, and what is done to it before it gets its name."""

    prefix: str
    is_expected: Callable[[LibraryRow], bool]
    finish: Callable[[sqlite3.Connection], None]


def _unpack(chunks: Iterator[bytes], sha256: bytes | None, to: Path, wanted: _Wanted) -> None:
    part, plain = sqlite.side_file(to, ".zst.part"), sqlite.side_file(to, ".unpacking")
    try:
        with sqlite.translating(to):
            to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _receive(chunks, sha256, part)
            _decompress(part, plain)
        _check(plain, wanted)
        with sqlite.translating(to):
            _ask(plain, wanted.finish)
            _remove_side_files(to)
            plain.replace(to)
    finally:
        _remove(part)
        _remove(plain)


# --- packing ----------------------------------------------------------------------------------------------


def _pack_itself(path: Path, target: Path, late: ExitStack) -> bool:
    """Pack the manifest's own file; whether that could be done."""
    with sqlite.translating(path), standing_still(path, late) as plain:
        if plain is None:
            return False
        _compress(plain, target)
    return True


def _compress(plain: IO[bytes], target: Path) -> None:
    import zstandard

    size = os.fstat(plain.fileno()).st_size
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True)
    # Not waited for until it is on the disk: it is read back at once, and a crash has the next run pack anew.
    with _private(target, durable=False) as out:
        packer.copy_stream(plain, out, size=size)


def _content_of(path: Path, hold_below: int) -> Content:
    size = path.stat().st_size
    return reader.read_content(str(path.parent), path.name, hold_below=hold_below, part_size=part_size_for(size))


# --- unpacking --------------------------------------------------------------------------------------------


def _receive(chunks: Iterator[bytes], sha256: bytes | None, part: Path) -> None:
    digest = hashlib.sha256()
    with _private(part) as file:
        for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
    if sha256 is None:
        raise SnapshotDamagedError("it has no sha256 to compare it with")
    if digest.digest() != sha256:
        raise SnapshotDamagedError("its bytes are not the ones that were stored")


def _decompress(part: Path, plain: Path) -> None:
    import zstandard

    try:
        with part.open("rb") as source:
            size = _announced_size(source, part.stat().st_size)
            source.seek(0)
            unpacker = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
            with _private(plain) as out:
                written = _copy(unpacker, source, out, size)
    except zstandard.ZstdError as error:
        raise SnapshotDamagedError(f"it cannot be unpacked: {error}") from error
    if written != size:
        raise SnapshotDamagedError("it is cut off")


def _announced_size(source: IO[bytes], packed_size: int) -> int:
    """How long the frame says that it is, before a byte of it is unpacked."""
    import zstandard

    size = zstandard.get_frame_parameters(source.read(64)).content_size
    if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR):
        raise SnapshotDamagedError("it does not say how long it is")
    if size > min(MAX_MANIFEST_BYTES, max(SMALL_BYTES, packed_size * MAX_RATIO)):
        raise SnapshotDamagedError(f"{packed_size:,} bytes would become {size:,}")
    return int(size)


def _copy(unpacker: zstandard.ZstdDecompressor, source: IO[bytes], out: IO[bytes], size: int) -> int:
    """Unpack at most one byte more than was announced; how many there were."""
    written = 0
    with unpacker.stream_reader(source, read_size=CHUNK_BYTES, closefd=False) as plain:
        while written <= size and (chunk := plain.read(min(CHUNK_BYTES, size + 1 - written))):
            out.write(chunk)
            written += len(chunk)
    return written


# --- checking ---------------------------------------------------------------------------------------------


def _check(path: Path, wanted: _Wanted) -> None:
    """Raises SnapshotDamagedError for what must not become a manifest."""
    try:
        with sqlite.translating(path):
            sqlite.check_header(path)
        with sqlite.translating(path):
            _ask(path, _refuse_code)
        prepare(path, check=False)
        quick_check(path)
        with sqlite.translating(path):
            _ask(path, partial(_refuse_other_library, wanted))
            _ask(path, partial(_refuse_names, wanted.prefix))
    except ManifestError as error:
        raise SnapshotDamagedError(error.message) from error
    except (sqlite3.Error, ValueError, TypeError) as error:
        # A file that was made to mislead may have a table of another shape, or text where a number should be.
        raise SnapshotDamagedError(f"it is not a manifest: {error}") from error


def _ask(path: Path, question: Callable[[sqlite3.Connection], object]) -> None:
    with closing(sqlite.connect(path)) as connection:
        question(connection)


def _refuse_code(connection: sqlite3.Connection) -> None:
    """A trigger or view would run whoever wrote it with every statement of ours."""
    found = connection.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()[0]
    if found:
        raise SnapshotDamagedError("it holds triggers or views, as no manifest does")


def _refuse_other_library(wanted: _Wanted, connection: sqlite3.Connection) -> None:
    row = read_library(connection)
    if row is None:
        raise SnapshotDamagedError("it does not say which library it is of")
    if not wanted.is_expected(row):
        raise SnapshotDamagedError("it is of another library, bucket or prefix")


def _move_library(expected: LibraryRow, connection: sqlite3.Connection) -> None:
    """The library may lie elsewhere now, and the store have another address."""
    values = (expected.name, sqlite.to_text(expected.source), expected.endpoint)
    connection.execute(f"UPDATE {LIBRARY} SET name = ?, source = ?, endpoint = ?", values)
    _make_whole(connection)


def _make_whole(connection: sqlite3.Connection) -> None:
    # Made whole in its one file: only that is renamed.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _refuse_names(prefix: str, connection: sqlite3.Connection) -> None:
    """Rows become paths on the disk when files are restored: none may lead out of the folder."""
    for (stored,) in connection.execute(f"SELECT path FROM {DIRECTORIES} WHERE path <> ''"):
        folder = sqlite.from_text(stored)
        if "\0" in folder or any(part in ("", ".", "..") for part in folder.split("/")):
            raise SnapshotDamagedError("it has a folder that leads elsewhere")
    head = listing_prefix(prefix)
    wrong = (
        f"SELECT count(*) FROM {FILES} WHERE name IN ('', '.', '..') OR instr(name, '/') OR instr(name, char(0)) "
        "OR (key IS NOT NULL AND substr(key, 1, length(?)) <> ?)"
    )
    if connection.execute(wrong, (head, head)).fetchone()[0]:
        raise SnapshotDamagedError("it has a file that leads elsewhere")


# --- files ------------------------------------------------------------------------------------------------


@contextmanager
def _private(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A new file that only its owner can read; `durable`: on the disk before this ends."""
    path.unlink(missing_ok=True)
    with os.fdopen(
        os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600), "wb"
    ) as file:
        yield file
        if durable:
            file.flush()
            os.fsync(file.fileno())


def _remove_side_files(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        sqlite.side_file(path, suffix).unlink(missing_ok=True)


def _remove(path: Path) -> None:
    # It is thrown away: whoever made the disk unwritable meanwhile has been reported by the step that failed.
    with suppress(OSError):
        path.unlink(missing_ok=True)
        _remove_side_files(path)
