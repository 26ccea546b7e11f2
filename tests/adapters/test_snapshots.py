"""The manifest as one packed file: it comes back as it was, and nothing else ever becomes a manifest."""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrsync.adapters import snapshots
from lrsync.adapters.database import copy_manifest, make_engine, prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.schema_names import SCHEMA_VERSION
from lrsync.adapters.seals import Seals
from lrsync.adapters.snapshots import packed, unpack
from lrsync.core.library import LibraryRow
from lrsync.core.model import Adopt, Change, ChangeKind, Done, ManifestEntry
from lrsync.core.objects import ObjectInfo
from lrsync.core.ports import SnapshotDamagedError
from lrsync.core.scan import ScannedFile
from lrsync.errors import ManifestError
from tests.stores.memory import content_of

LIBRARY = LibraryRow("uuid", "default", "/photos", "https://here", "bucket", "P", created_at=1)


def entry(path: str) -> ManifestEntry:
    sha256 = hashlib.sha256(path.encode()).digest()
    return ManifestEntry(path, 5, 1, 1, f"P/{path}", sha256, None, "e" * 32, None, "STANDARD", 1)


def record(manifest: Manifest, *paths: str) -> None:
    done = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        change = Change(ChangeKind.ADDED, folder, ScannedFile(name, 5, 1, 1), None)
        done.append(Done(Adopt(change, content_of(b""), ObjectInfo(f"P/{path}", 5, "", {})), entry(path)))
    manifest.record(done)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A manifest of three files."""
    path = tmp_path / "manifest.sqlite"
    prepare(path)
    with Manifest(path, "P") as manifest:
        manifest.update_library(LIBRARY)
        record(manifest, "a.jpg", "2024/b.nef", "2024/c.nef")
    return path


def packed_bytes(path: Path) -> bytes:
    with packed(path) as snapshot:
        assert snapshot.content.data is not None
        return snapshot.content.data


def chunks(data: bytes, size: int = 7000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def read(data: bytes, to: Path, expected: LibraryRow = LIBRARY) -> None:
    unpack(chunks(data), hashlib.sha256(data).digest(), to, expected)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def compressed(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return zstandard.ZstdCompressor().compress(path.read_bytes())


# --- there and back ---------------------------------------------------------------------------------------


def test_it_comes_back_as_it_was(path: Path, tmp_path: Path) -> None:
    to = tmp_path / "new" / "back.sqlite"
    read(packed_bytes(path), to)
    with Manifest(to, "P") as back, Seals(to) as seals:
        assert back.rows("2024") == [entry("2024/b.nef"), entry("2024/c.nef")]
        assert seals.library() == LIBRARY
    assert to.stat().st_mode & 0o777 == 0o600
    assert sorted(file.name for file in to.parent.iterdir()) == ["back.sqlite"]


def test_packing_leaves_nothing_and_tells_its_digests(path: Path) -> None:
    before = set(path.parent.iterdir())
    with packed(path) as snapshot:
        content = snapshot.content
        made = set(path.parent.iterdir()) - before
        assert {file.stat().st_mode & 0o777 for file in made} == {0o600}
        assert content.data is not None
        assert (content.stat.size, content.sha256) == (len(content.data), hashlib.sha256(content.data).digest())
        assert snapshot.read_part(1, 10) == content.data[1:11]
    assert set(path.parent.iterdir()) == before


def test_a_large_one_is_not_held_in_memory(path: Path) -> None:
    with packed(path, hold_below=10) as snapshot:
        assert snapshot.content.data is None
        assert len(snapshot.content.part_crc32s) == 1


def test_what_a_crash_left_is_used_again(path: Path) -> None:
    for suffix in (".snapshot", ".snapshot.zst", ".snapshot-wal"):
        Path(f"{path}{suffix}").write_bytes(b"half")
    data = packed_bytes(path)
    assert data
    assert [file.name for file in path.parent.iterdir() if ".snapshot" in file.name] == []


def test_a_run_may_write_while_it_is_packed(path: Path, tmp_path: Path) -> None:
    with Manifest(path, "P") as manifest:
        record(manifest, "d.jpg")
        data = packed_bytes(path)
        record(manifest, "e.jpg")
    read(data, tmp_path / "back.sqlite")
    with Manifest(tmp_path / "back.sqlite", "P") as back:
        assert back.count() == 4


def test_a_library_that_moved_is_the_same(path: Path, tmp_path: Path) -> None:
    moved = LibraryRow("uuid", "other", "/mnt/photos", "http://there", "bucket", "P", created_at=5)
    read(packed_bytes(path), tmp_path / "back.sqlite", moved)
    with Seals(tmp_path / "back.sqlite") as seals:
        row = seals.library()
    assert (row.name, row.source, row.endpoint, row.created_at) == ("other", "/mnt/photos", "http://there", 1)


def test_what_is_there_is_replaced_only_by_a_whole_one(path: Path, tmp_path: Path) -> None:
    to = tmp_path / "there.sqlite"
    to.write_bytes(b"precious")
    with pytest.raises(SnapshotDamagedError):
        read(b"junk", to)
    assert to.read_bytes() == b"precious"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["manifest.sqlite", "there.sqlite"]


# --- the manifest's own file ------------------------------------------------------------------------------


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which copies were made."""
    made = list[Path]()

    def noted(path: Path, to: Path, *, is_open: bool) -> None:
        made.append(to)
        copy_manifest(path, to, is_open=is_open)

    monkeypatch.setattr(snapshots, "copy_manifest", noted)
    return made


def packed_while(path: Path, others: ExitStack) -> bytes:
    """Packed as a run does it, which goes on writing afterwards. `others` are closed before the run's own."""
    with ExitStack() as resources:
        late = resources.enter_context(ExitStack())
        manifest = resources.enter_context(Manifest(path, "P"))
        record(manifest, "d.jpg")
        with packed(path, late=late) as snapshot:
            record(manifest, "e.jpg")
            data = snapshot.content.data
        others.close()
    with Manifest(path, "P") as manifest:
        assert manifest.count() == 5
    assert data is not None
    return data


def rows_in(data: bytes, to: Path) -> list[str]:
    read(data, to)
    with Manifest(to, "P") as back:
        return [row.path for row in back.entries()]


FOUR = ["2024/b.nef", "2024/c.nef", "a.jpg", "d.jpg"]


def test_nothing_is_copied_where_nobody_is_in_the_way(path: Path, tmp_path: Path, copies: list[Path]) -> None:
    data = packed_while(path, ExitStack())
    assert rows_in(data, tmp_path / "back.sqlite") == FOUR
    assert copies == []


def test_the_bytes_are_those_of_a_copy(path: Path) -> None:
    with ExitStack() as late, packed(path, late=late) as snapshot:
        own = snapshot.content.data
    assert own is not None
    own, copied = zstandard.decompress(own), zstandard.decompress(packed_bytes(path))
    # Counters of changes and of the schema's, to which a copy adds one (sqlite.org/fileformat.html, section 1.3).
    counters = {*range(24, 28), *range(40, 44), *range(92, 96)}
    assert [at for at in range(len(own)) if own[at] != copied[at] and at not in counters] == []
    assert len(own) == len(copied)


@pytest.mark.parametrize("statement", ["BEGIN", "BEGIN IMMEDIATE"])
def test_who_reads_or_writes_meanwhile_is_not_waited_for(
    path: Path, tmp_path: Path, copies: list[Path], statement: str
) -> None:
    """One who reads needs the write-ahead log as it was; of one who writes, a half may already be in it."""
    with ExitStack() as others:
        other = others.enter_context(closing(sqlite3.connect(path, isolation_level=None, timeout=0)))
        with Manifest(path, "P") as manifest:
            record(manifest, "d.jpg")
            other.execute(statement)
            assert other.execute("SELECT count(*) FROM files").fetchone()[0] == 4
            with ExitStack() as late, packed(path, late=late) as snapshot:
                data = snapshot.content.data
    assert data is not None
    assert rows_in(data, tmp_path / "back.sqlite") == FOUR
    assert len(copies) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows' locks are a handle's own")
@pytest.mark.parametrize("other", [False, True], ids=["its own file", "a copy"])
def test_the_runs_locks_stay(path: Path, other: bool) -> None:
    """To close a descriptor of a file gives up all the locks that the process has on it: SQLite's, here."""
    with ExitStack() as resources:
        late = resources.enter_context(ExitStack())
        seals = resources.enter_context(Seals(path))
        seals.counts()
        if other:
            reader = resources.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM files").fetchone()
            record(resources.enter_context(Manifest(make_engine(path), "P", path=path)), "d.jpg")
        assert is_locked(path)
        with packed(path, late=late):
            assert is_locked(path)
        assert is_locked(path)
    assert not is_locked(path)


def is_locked(path: Path) -> bool:
    """Whether another process would be refused what SQLite asks for before it takes the log away."""
    # 510 bytes from 2**30 + 2: sqlite3's SHARED_FIRST and SHARED_SIZE.
    ask = (
        "import fcntl, sys\nwith open(sys.argv[1], 'r+b') as file:\n try: fcntl.lockf(file, 6, 510, 2**30 + 2)\n"
        " except OSError: sys.exit(7)"
    )
    return subprocess.run([sys.executable, "-c", ask, path], check=False).returncode == 7


# --- what is refused --------------------------------------------------------------------------------------


def refuse(data: bytes, to: Path, why: str) -> None:
    with pytest.raises(SnapshotDamagedError, match=why):
        read(data, to)
    assert not to.exists()


def test_bytes_that_are_not_what_was_stored(path: Path, tmp_path: Path) -> None:
    data, to = packed_bytes(path), tmp_path / "back.sqlite"
    with pytest.raises(SnapshotDamagedError, match="not the ones"):
        unpack(chunks(data), hashlib.sha256(b"").digest(), to, LIBRARY)
    with pytest.raises(SnapshotDamagedError, match="no sha256"):
        unpack(chunks(data), None, to, LIBRARY)
    refuse(data[: len(data) // 2], to, "cut off|unpacked")
    refuse(b"", to, "unpacked")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    assert len(bomb) < 10_000
    refuse(bomb, tmp_path / "back.sqlite", "would become 67,108,864")


def test_a_bomb_that_lies_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(64 << 20))
    monkeypatch.setattr(snapshots, "_announced_size", lambda source, packed_size: 1000)
    written: list[int] = []
    original: Callable[..., int] = snapshots._copy
    monkeypatch.setattr(snapshots, "_copy", lambda *args: written.append(original(*args)) or written[-1])
    refuse(bomb, tmp_path / "back.sqlite", "cut off")
    assert written == [1001]


def test_a_frame_that_does_not_say_how_long_it_is(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zstandard.ZstdCompressor(write_content_size=False).stream_writer(out, closefd=False) as writer:
        writer.write(b"x" * 1000)
    refuse(out.getvalue(), tmp_path / "back.sqlite", "how long")


@pytest.mark.parametrize("field", ["uuid", "bucket", "prefix"])
def test_another_librarys(path: Path, tmp_path: Path, field: str) -> None:
    change(path, f"UPDATE library SET {field} = 'other'")
    refuse(compressed(path), tmp_path / "back.sqlite", "another library")


def test_nobodys(path: Path, tmp_path: Path) -> None:
    change(path, "DELETE FROM library")
    refuse(compressed(path), tmp_path / "back.sqlite", "which library")


def test_one_of_a_newer_version(path: Path, tmp_path: Path) -> None:
    change(path, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    refuse(compressed(path), tmp_path / "back.sqlite", "newer lrsync")


def test_another_programs_database(tmp_path: Path) -> None:
    other = tmp_path / "catalog.lrcat"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE Adobe_images (id)")
    refuse(zstandard.ZstdCompressor().compress(other.read_bytes()), tmp_path / "back.sqlite", "not an lrsync manifest")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON library BEGIN DELETE FROM files; END",
        "CREATE VIEW v AS SELECT 1",
    ],
)
def test_one_with_code_in_it(path: Path, tmp_path: Path, statement: str) -> None:
    change(path, statement)
    refuse(compressed(path), tmp_path / "back.sqlite", "triggers or views")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE directories SET path = '../../etc' WHERE path = '2024'",
        "UPDATE directories SET path = '/etc' WHERE path = '2024'",
        "UPDATE directories SET path = 'a' || char(0) WHERE path = '2024'",
        "UPDATE files SET name = '..' WHERE name = 'a.jpg'",
        "UPDATE files SET name = '../x' WHERE name = 'a.jpg'",
        "UPDATE files SET name = '' WHERE name = 'a.jpg'",
        "UPDATE files SET key = 'Other/a.jpg' WHERE name = 'a.jpg'",
    ],
)
def test_names_that_lead_elsewhere(path: Path, tmp_path: Path, statement: str) -> None:
    change(path, statement)
    refuse(compressed(path), tmp_path / "back.sqlite", "leads elsewhere")


def test_a_damaged_page(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 12] = b"\xff" * 12
    refuse(zstandard.ZstdCompressor().compress(bytes(data)), tmp_path / "back.sqlite", "damaged")


def test_a_full_disk_is_no_damage(path: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ManifestError):
        read(packed_bytes(path), tmp_path / "file" / "back.sqlite")


# --- fuzz -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "manifest.sqlite"
    prepare(path)
    with Manifest(path, "P") as manifest:
        manifest.update_library(LIBRARY)
        record(manifest, *(f"2024/{number}.nef" for number in range(50)))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.read_bytes()


def survives(data: bytes) -> None:
    """Either it is refused, or what it became is a manifest that can be read."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "back.sqlite"
        try:
            read(data, to)
        except SnapshotDamagedError:
            assert list(Path(folder).iterdir()) == []
            return
        with Manifest(to, "P") as back, Seals(to) as seals:
            assert seals.library().uuid == "uuid"
            assert back.count() >= 0


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    survives(data)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_well_packed(data: bytes) -> None:
    survives(zstandard.ZstdCompressor().compress(data))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), min_size=1, max_size=20))
def test_a_manifest_with_flipped_bytes(good: bytes, flips: list[tuple[int, int]]) -> None:
    data = bytearray(good)
    for at, value in flips:
        data[at % len(data)] = value
    survives(zstandard.ZstdCompressor().compress(bytes(data)))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**31), st.integers(0, 2**31), st.integers(0, 255))
def test_a_packed_one_with_flipped_bytes(good: bytes, at: int, length: int, value: int) -> None:
    data = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(good))
    data[at % len(data)] = value
    survives(bytes(data[: length % len(data) + 1]))
