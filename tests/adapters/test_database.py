"""Making, upgrading, checking, copying and replacing the manifest's file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.adapters import database, schema_names
from lrsync.adapters import sqlite as ours
from lrsync.adapters.database import copy_manifest, make_engine, migrations_dir, prepare, replace_manifest
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.paths import default_manifest_path
from lrsync.adapters.schema import metadata
from lrsync.adapters.seals import Seals, ensure_current
from lrsync.adapters.status_query import read_status
from lrsync.core.checksums import ChecksumKind
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.errors import ExitCode, ManifestError
from tests.adapters.rows import LIBRARY, PREFIX, entry, opened, uploaded

LATER = schema_names.SCHEMA_VERSION + 1
_LATER_MIGRATION = '''
"""A later schema."""
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.add_column("files", sa.Column("rating", sa.Integer()))
    {more}
    op.execute("PRAGMA user_version = {version}")
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "photos #1 100%?.sqlite"


def manifest_with(path: Path, files: int = 3) -> Path:
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry(f"d{i // 50}/{i}.nef")) for i in range(files)])
    return path


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def beside(path: Path) -> set[str]:
    return {other.name for other in path.parent.iterdir()} - {path.name}


# --- making -----------------------------------------------------------------------------------------------


def test_a_new_manifest_is_private_current_and_alone(path: Path) -> None:
    prepare(path)
    assert query(path, "PRAGMA user_version") == [(schema_names.SCHEMA_VERSION,)]
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert beside(path) == set()
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_connections_keep_to_the_rules(path: Path) -> None:
    prepare(path)
    with make_engine(path).connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("foreign_keys", "synchronous", "journal_mode", "busy_timeout")
        }
    assert pragmas == {"foreign_keys": 1, "synchronous": 1, "journal_mode": "wal", "busy_timeout": 30_000}


def test_what_a_crash_left_while_making_it_is_no_hindrance(path: Path) -> None:
    path.parent.mkdir()
    for suffix in (".new", ".new-wal", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(b"half")
    prepare(path)
    assert beside(path) == set()
    assert query(path, "SELECT count(*) FROM files") == [(0,)]


def test_the_log_of_a_removed_manifest_is_not_replayed_into_a_new_one(path: Path) -> None:
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry("a"))])
        log = path.with_name(path.name + "-wal").read_bytes()
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(log)
    prepare(path)
    assert query(path, "SELECT count(*) FROM files") == [(0,)]


def schema_of(path: Path) -> list[tuple[object, ...]]:
    """Every table and index as it was made, but for white space: SQLite writes an added column into the same line."""
    sql = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version' ORDER BY 1, 2"
    return [(kind, name, " ".join(str(text).split())) for kind, name, text in query(path, sql)]


def test_the_migrations_make_what_the_schema_says(path: Path, tmp_path: Path) -> None:
    """A new manifest is made of the schema, an old one is migrated to it: whoever comes later must not see which."""
    migrated = tmp_path / "migrated.sqlite"
    prepare(migrated, scripts=migrations_dir())
    prepare(path)
    assert schema_of(path) == schema_of(migrated)
    for question in (
        "SELECT version_num FROM alembic_version",
        "PRAGMA table_info(alembic_version)",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "PRAGMA journal_mode",
        "PRAGMA page_size",
    ):
        assert query(path, question) == query(migrated, question)


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_alembic_finds_nothing_to_migrate(path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    prepare(path)
    with make_engine(path).connect() as connection:
        # Indexes on expressions cannot be reflected: the test above compares their text.
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("library", ("id", *schema_names.LIBRARY_COLUMNS)),
        ("files", schema_names.FILE_COLUMNS),
        ("runs", schema_names.RUN_COLUMNS),
        ("findings", schema_names.FINDING_COLUMNS),
        ("multiparts", schema_names.MULTIPART_COLUMNS),
        ("disk_proofs", schema_names.DISK_PROOF_COLUMNS),
    ],
)
def test_the_names_are_those_of_the_schema(table: str, columns: tuple[str, ...]) -> None:
    assert tuple(column.name for column in metadata.tables[table].columns) == columns


def test_every_kind_of_checksum_has_a_code() -> None:
    assert schema_names.PROOF_CODES.keys() == {None, *ChecksumKind}
    assert len(set(schema_names.PROOF_CODES.values())) == len(schema_names.PROOF_CODES)


def test_the_migrations_are_found_in_a_checkout_and_in_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (migrations_dir() / "env.py").is_file()
    package = tmp_path / "site" / "lrsync"
    shutil.copytree(migrations_dir(), package / "_migrations")
    monkeypatch.setattr(database, "__file__", str(package / "adapters" / "database.py"))
    assert migrations_dir() == package / "_migrations"
    prepare(tmp_path / "m.sqlite")


def test_default_places_are_readable_and_never_shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    libraries = [
        ("/Volumes/Fotos", None, "bucket", "a"),
        ("/Volumes/Fotos", None, "bucket", "b"),
        ("/Volumes/Fotos", "https://s3.example.com", "bucket", "a"),
        ("/Volumes/Fotos2", None, "bucket", "a"),
        ("/Volumes/写真", None, "bucket", "a"),
        ("/x/no-utf8-\udcff", None, "bucket", "a"),
    ]
    paths = [default_manifest_path(*library) for library in libraries]
    assert len(set(paths)) == len(paths)
    assert paths[0].name.startswith("Fotos-bucket-")
    assert all(place.name.isascii() and place.suffix == ".sqlite" for place in paths)
    assert default_manifest_path(Path("/Volumes/Fotos"), "", "bucket", "a") == paths[0]


# --- upgrading --------------------------------------------------------------------------------------------


@pytest.fixture
def later(tmp_path: Path) -> Callable[[str], Path]:
    def make(more: str = "") -> Path:
        scripts = tmp_path / "later 100%"
        shutil.copytree(migrations_dir(), scripts, ignore=shutil.ignore_patterns("__pycache__"))
        head, version = f"{schema_names.SCHEMA_VERSION:04d}", LATER
        (scripts / "versions" / "9999_rating.py").write_text(
            _LATER_MIGRATION.format(head=head, version=version, more=more)
        )
        return scripts

    return make


def test_an_older_manifest_is_backed_up_and_upgraded(path: Path, later: Callable[[str], Path]) -> None:
    manifest_with(path)
    before = query(path, "SELECT * FROM files")
    prepare(path, scripts=later(""), version=LATER)
    backup = path.with_name(path.name + f".v{schema_names.SCHEMA_VERSION}-backup")
    assert query(path, "PRAGMA user_version") == [(LATER,)]
    assert query(path, "SELECT * FROM files") == [(*row, None) for row in before]
    assert query(backup, "PRAGMA user_version") == [(schema_names.SCHEMA_VERSION,)]
    assert query(backup, "SELECT * FROM files") == before
    assert beside(path) == {backup.name}
    if os.name == "posix":
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_library_from_before_identities_goes_on_with_its_marker(path: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(migrations_dir(), before, ignore=shutil.ignore_patterns("__pycache__", "000[3-9]_*"))
    prepare(path, scripts=before, version=2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO library VALUES (1, '0b7f', 'default', '/photos', '', 'bucket', 'P', 5, 1, 7)")
        connection.commit()
    with Seals(path) as seals:  # as a rebuild looks at it, which replaces it anyway
        old = seals.library()
    prepare(path)
    assert query(path, "PRAGMA user_version") == [(schema_names.SCHEMA_VERSION,)]
    with Seals(path) as seals:
        assert seals.library() == old
    assert (old.uuid, old.has_marker, old.last_full_pass, old.identity) == ("0b7f", True, 7, None)


def test_rows_from_before_image_data_know_nothing_of_it(path: Path, tmp_path: Path) -> None:
    before = tmp_path / "before"
    shutil.copytree(migrations_dir(), before, ignore=shutil.ignore_patterns("__pycache__", "000[5-9]_*"))
    prepare(path, scripts=before, version=4)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO library VALUES (1, '0b7f', 'default', '/photos', '', 'bucket', 'P', 5, 1, 7, NULL)"
        )
        connection.execute("INSERT INTO directories VALUES (1, '2024', NULL)")
        row = (1, "a.jpg", 5, 6, 7, None, b"s" * 32, 0, None, b"e" * 16, None, None, 8, None, None, None, 1)
        connection.execute(f"INSERT INTO files VALUES ({', '.join('?' * len(row))})", row)
        connection.commit()
    prepare(path)
    with Manifest(path, "P") as manifest:
        (found,) = manifest.rows("2024")
        assert (found.path, found.sha256, found.image) == ("2024/a.jpg", b"s" * 32, None)
        manifest.set_images([("2024/a.jpg", b"\x01" * 24), ("2024/none.jpg", b"\x01" * 24)])
        assert manifest.rows("2024") == [replace(found, image=b"\x01" * 24)]


def test_a_migration_that_fails_changes_nothing(path: Path, later: Callable[[str], Path]) -> None:
    manifest_with(path)
    before = query(path, "SELECT * FROM files")
    with pytest.raises(ZeroDivisionError):
        prepare(path, scripts=later("1 / 0"), version=LATER)
    assert query(path, "PRAGMA user_version") == [(schema_names.SCHEMA_VERSION,)]
    assert query(path, "SELECT * FROM files") == before
    prepare(path)


def test_a_newer_manifest_is_left_alone(path: Path) -> None:
    manifest_with(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for use in (prepare, ensure_current):
        with pytest.raises(ManifestError, match="newer") as caught:
            use(path)
        assert caught.value.hint


# --- damage -----------------------------------------------------------------------------------------------


def _truncate(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def _halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _lose_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE runs")


@pytest.mark.parametrize(
    "damage",
    [
        _truncate(0),
        _truncate(50),
        _truncate(100),
        _truncate(4096),
        _halve,
        _lose_a_table,
        lambda p: p.write_text("# hello\n" * 99),
    ],
    ids=["empty", "50 bytes", "100 bytes", "one page", "half", "no table", "text"],
)
def test_a_damaged_manifest_is_never_a_new_one(path: Path, damage: Callable[[Path], None]) -> None:
    damage(manifest_with(path, 500))
    before = path.read_bytes()
    with pytest.raises(ManifestError, match="damaged") as caught:
        prepare(path)
    assert "rebuild-manifest" in caught.value.hint
    assert caught.value.exit_code is ExitCode.MANIFEST
    assert path.read_bytes() == before


def test_another_programs_database_is_never_touched(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Adobe_images (id INTEGER)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(ManifestError, match="not an lrsync manifest"):
        prepare(path)
    assert path.read_bytes() == before
    assert beside(path) == set()


def test_a_folder_in_its_place_is_explained(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ManifestError, match="folder"):
        prepare(path)


def test_after_a_run_that_did_not_end_the_whole_file_is_checked(path: Path) -> None:
    manifest_with(path, 3000)
    with Seals(path, clock=lambda: 9) as seals:
        run = seals.begin_run(RunKind.SYNC, 1)
        seals.finish_run(run, RunResult.OK, RunSummary(), [], complete=True)
    root = query(path, "SELECT rootpage FROM sqlite_master WHERE name = 'files'")[0][0]
    assert isinstance(root, int)
    with path.open("r+b") as file:  # a page far from those that a start looks at
        file.seek((root - 1) * 4096 + 8)
        file.write(b"\xff" * 200)
    prepare(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO runs (kind, result, started_at, counts) VALUES ('sync', 'running', 1, '{}')")
        connection.commit()
    prepare(path, check=False)
    with pytest.raises(ManifestError, match="damaged") as caught:
        prepare(path)
    assert "rebuild-manifest" in caught.value.hint


def test_a_sound_file_passes_the_check(path: Path) -> None:
    manifest_with(path)
    with Seals(path) as seals:
        seals.begin_run(RunKind.SYNC, 1)
    assert database.needs_check(path)
    ensure_current(path)


# --- disk, permissions, locks -----------------------------------------------------------------------------


def test_a_lock_that_is_held_for_too_long_is_explained(path: Path) -> None:
    manifest_with(path)
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as holder,
        closing(ours.connect(path, timeout_s=0.05)) as other,
    ):
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(ManifestError, match="too long"), ours.translating(path), ours.immediate(other):
            pytest.fail("two writers")


def test_a_writer_waits_for_another(path: Path) -> None:
    manifest_with(path)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: holder.execute("COMMIT"))
    timer.start()
    with Seals(path) as seals:
        assert seals.begin_run(RunKind.SYNC, 1) == 1
    timer.join()
    holder.close()


@pytest.fixture
def unwritable() -> Iterator[Path]:
    """A manifest in a folder that this process may only read. Root may write everywhere: it becomes nobody."""
    with tempfile.TemporaryDirectory() as folder:
        path = manifest_with(Path(folder) / "manifest.sqlite")
        manifest_with(Path(folder) / "imports everything now")
        path.chmod(0o444)
        path.parent.chmod(0o555)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)
        yield path
        if was_root:
            os.seteuid(0)
        path.parent.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_read_only_folder_is_explained(unwritable: Path) -> None:
    def write() -> None:
        with Seals(unwritable) as seals:
            seals.begin_run(RunKind.SYNC, 1)

    uses: list[Callable[[], object]] = [write, lambda: prepare(unwritable.with_name("new.sqlite"))]
    for use in uses:
        with pytest.raises(ManifestError) as caught:
            use()
        assert "--manifest" in caught.value.hint


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_read_only_file_leaves_nothing_beside_it_that_is_in_the_way_later(unwritable: Path) -> None:
    euid = os.geteuid()
    if euid == 65534:  # it was root: the folder is its own
        os.seteuid(0)
    unwritable.parent.chmod(0o777)
    os.seteuid(euid)
    with pytest.raises(ManifestError, match="read-only"), Seals(unwritable) as seals:
        seals.begin_run(RunKind.SYNC, 1)
    assert beside(unwritable) == {"imports everything now"}


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_a_read_only_manifest_can_be_read(unwritable: Path) -> None:
    report = read_status(unwritable)
    assert report is not None
    assert report.files == 3
    assert beside(unwritable) == {"imports everything now"}


def test_a_read_only_database_is_explained(path: Path) -> None:
    manifest_with(path)
    with Manifest(path, PREFIX) as manifest:
        with manifest._session.reading() as connection:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        with pytest.raises(ManifestError, match="read-only") as caught:
            manifest.record([uploaded(entry("x"))])
        assert "--manifest" in caught.value.hint


def test_a_place_that_cannot_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ManifestError) as caught:
        prepare(tmp_path / "file" / "m.sqlite")
    assert caught.value.hint


# --- copying and replacing --------------------------------------------------------------------------------


def test_what_is_wrong_with_a_copy_is_told_of_the_original(path: Path, tmp_path: Path) -> None:
    manifest_with(path, 5)
    data = bytearray(path.read_bytes())
    data[100:4000] = b"\xa5" * 3900
    path.write_bytes(data)
    with pytest.raises(ManifestError) as caught:
        copy_manifest(path, tmp_path / "scratch.sqlite")
    assert caught.value.path == str(path)


def test_a_copy_is_whole_and_the_original_untouched(path: Path, tmp_path: Path) -> None:
    to = tmp_path / "scratch" / "copy.sqlite"
    with opened(path) as (manifest, _):
        manifest.record([uploaded(entry("a"))])  # still in the log
        copy_manifest(path, to)
    manifest_with(path, 5)
    before = path.read_bytes()
    with Manifest(to, PREFIX) as copy:
        assert copy.row("a") == entry("a")
        copy.record([uploaded(entry("b"))])
    copy_manifest(path, to)
    assert path.read_bytes() == before
    assert beside(path) == set()
    with Manifest(to, PREFIX) as copy:
        assert copy.row("b") is None
        assert copy.count() == 6


def test_a_copy_of_nothing_is_a_new_manifest(path: Path, tmp_path: Path) -> None:
    copy_manifest(path, tmp_path / "copy.sqlite")
    assert query(tmp_path / "copy.sqlite", "SELECT count(*) FROM files") == [(0,)]
    assert not path.exists()


def test_a_copy_of_a_damaged_manifest_is_refused(path: Path, tmp_path: Path) -> None:
    _halve(manifest_with(path, 500))
    with pytest.raises(ManifestError, match="damaged"):
        copy_manifest(path, tmp_path / "copy.sqlite")


def test_a_new_manifest_takes_the_place_of_the_old_which_is_kept(path: Path) -> None:
    manifest_with(path)
    new = path.with_name("new.sqlite")
    with opened(new, replace(LIBRARY, name="rebuilt")) as (manifest, _):
        manifest.record([uploaded(entry("rebuilt"))])
    log = path.with_name(path.name + "-wal")
    log.write_bytes(b"what a killed run left")
    first = replace_manifest(new, path)
    assert first is not None
    assert query(path, "SELECT name FROM files") == [("rebuilt",)]
    assert first.with_name(first.name + "-wal").read_bytes() == b"what a killed run left"
    prepare(new)
    second = replace_manifest(new, path)
    assert second not in (None, first)
    assert query(path, "SELECT name FROM files") == []


def test_a_damaged_manifest_can_be_replaced_and_so_can_none(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    for number in range(2):
        new = tmp_path / f"new{number}.sqlite"
        prepare(new)
        backup = replace_manifest(new, path)
        assert (backup is None) == (number == 1)
        if backup is not None:
            assert backup.read_bytes() == b"damaged"
        assert query(path, "SELECT count(*) FROM files") == [(0,)]
        path.unlink()


# --- what is imported -------------------------------------------------------------------------------------


def test_a_quiet_night_imports_neither_sqlalchemy_nor_alembic(path: Path) -> None:
    manifest_with(path)
    script = (
        "import sys; from pathlib import Path; from lrsync.adapters.seals import Seals, ensure_current\n"
        "from lrsync.adapters.status_query import read_status; from lrsync.core.runs import *\n"
        "path = Path(sys.argv[1]); ensure_current(path)\n"
        "with Seals(path) as s:\n"
        "    s.library(); s.seals(); s.counts(); r = s.begin_run(RunKind.SYNC, 1)\n"
        "    s.finish_run(r, RunResult.OK, RunSummary(), [], complete=True)\n"
        "assert read_status(path).files == 3\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('sqlalchemy', 'alembic', 'boto3')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_no_orm_is_imported_for_rows(path: Path) -> None:
    manifest_with(path)
    script = (
        "import sys; from pathlib import Path; from lrsync.adapters.manifest import Manifest\n"
        "with Manifest(Path(sys.argv[1]), 'photos') as m: assert m.count() == 3\n"
        "print([m for m in sys.modules if m.startswith(('sqlalchemy.orm', 'alembic'))])\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
