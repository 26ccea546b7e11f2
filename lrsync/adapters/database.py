"""The manifest's file: where it lies, making it, upgrading it, copying it, opening it.

Owns the schema's version and the migrations' way to run; never reads or writes a row about a file.
SQLAlchemy and Alembic are imported only where a schema is made or rows are needed: the version check is cheap.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lrsync.adapters import sqlite
from lrsync.adapters.schema_names import APPLICATION_ID, RUNS, SCHEMA_VERSION
from lrsync.core.runs import RunResult
from lrsync.errors import ManifestError

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

BEGIN = "lrsync-begin"
"""In a connection's `info`: the statement that begins its next transaction; absent for a writer's."""


_ALEMBICS_TABLE: Final = (
    "CREATE TABLE alembic_version "
    "(version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


def migrations_dir() -> Path:
    """The folder with Alembic's scripts: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def prepare(path: Path, *, check: bool = True, scripts: Path | None = None, version: int = SCHEMA_VERSION) -> None:
    """See that a manifest of this version is there: make a new one, or upgrade an older one after backing it up.

    `check`: after a run that did not end, look the whole file over as well. Call it under the library's lock.
    `scripts` and `version` are for other migrations than lrsync's own.
    Raises ManifestError for what is damaged, newer, another program's, or cannot be written.
    """
    with sqlite.translating(path):
        if not os.path.lexists(path):
            _create(path, scripts)
        sqlite.check_header(path)
        found = _user_version(path)
        if found > version:
            raise newer(path)
        if found < version:
            _backup(path, sqlite.side_file(path, f".v{found}-backup"))
            _upgrade(path, scripts or migrations_dir())
        if check and needs_check(path):
            quick_check(path)


def newer(path: Path) -> ManifestError:
    """The manifest was made by a later lrsync."""
    return ManifestError(
        "the manifest was made by a newer lrsync", hint="upgrade lrsync on this machine", path=str(path)
    )


def needs_check(path: Path) -> bool:
    """Whether the last run never ended: then the disk may have ended with it. Raises ManifestError."""
    with sqlite.translating(path), closing(sqlite.connect(path)) as connection:
        last = connection.execute(f"SELECT result FROM {RUNS} ORDER BY id DESC LIMIT 1").fetchone()
    return last is not None and last[0] == RunResult.RUNNING.value


def quick_check(path: Path) -> None:
    """Read every page and check it (about a second for 200 MB). Raises ManifestError for a damaged file."""
    with sqlite.translating(path), closing(sqlite.connect(path)) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite.damaged(path, str(found).strip().splitlines()[-1])


def copy_manifest(path: Path, to: Path, *, is_open: bool = False) -> None:
    """A private, current copy of the manifest at `to`; where there is none, a new and empty one.

    The original is only read, also while a run writes to it. `is_open`: this process has it open, and would lose its
    locks by a look into it beside SQLite. Raises ManifestError.
    """
    if os.path.lexists(path):
        with sqlite.translating(path):
            if not is_open:
                sqlite.check_header(path)
        sqlite.read_only(path, lambda connection: _backup_into(connection, to))
    try:
        prepare(to)
    except ManifestError as error:
        # What is wrong with the copy is wrong with the original, and that is the one that the user knows.
        raise ManifestError(error.message, hint=error.hint, path=str(path)) from error


def replace_manifest(new: Path, path: Path) -> Path | None:
    """Put a finished, closed manifest in the place of another; returns where that one is kept, None if there was none.

    At every moment a manifest lies at `path`: a crash in between must not look like a first run.
    Raises ManifestError.
    """
    with sqlite.translating(path):
        _fold_log(new)
        backup = _free_name(path) if os.path.lexists(path) else None
        if backup is not None:
            _make_private(backup)  # copied into, it is never anybody else's, not even while it is written
            shutil.copy2(path, backup)
            _move_log(path, backup)
        # A log left beside the new file would be replayed into it.
        _remove_side_files(path)
        new.replace(path)
    return backup


# --- inside -----------------------------------------------------------------------------------------------


def _user_version(path: Path) -> int:
    with closing(sqlite.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _fold_log(path: Path) -> None:
    """Bring all of a database into its one file: only that is renamed."""
    with closing(sqlite.connect(path)) as connection:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy or sqlite.has_wal(path):
        raise ManifestError("the new manifest is still in use", hint="run the same command again", path=str(path))


def _free_name(path: Path) -> Path:
    names = (sqlite.side_file(path, f".replaced-{number}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _move_log(path: Path, backup: Path) -> None:
    if sqlite.side_file(path, "-wal").exists():
        sqlite.side_file(path, "-wal").replace(sqlite.side_file(backup, "-wal"))


def _remove_side_files(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        sqlite.side_file(path, suffix).unlink(missing_ok=True)


def _create(path: Path, scripts: Path | None) -> None:
    """Make it under another name and rename it: a crash must not leave half a manifest, which would look damaged.

    Without `scripts` from the schema as it is now: importing Alembic costs as much as sending a thousand photos. A
    test holds that the migrations make the same.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = sqlite.side_file(path, ".new")
    _remove_side_files(path)
    _make_private(new)
    with closing(sqlite.connect(new)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    if scripts is None:
        _create_current(new)
    else:
        _upgrade(new, scripts)
    new.replace(path)


def _create_current(path: Path) -> None:
    from lrsync.adapters.schema import metadata

    with make_engine(path).begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql(_ALEMBICS_TABLE)
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (f"{SCHEMA_VERSION:04}",))
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _make_private(path: Path) -> None:
    """An empty file that only its owner can read, in the place of whatever a crash left there."""
    path.unlink(missing_ok=True)
    _remove_side_files(path)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _backup(path: Path, to: Path) -> None:
    with closing(sqlite.connect(path)) as connection:
        _backup_into(connection, to)


def _backup_into(connection: sqlite3.Connection, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = sqlite.side_file(to, ".part")
    _make_private(part)
    with closing(sqlite.connect(part)) as target:
        connection.backup(target)
    _remove_side_files(to)
    part.replace(to)


def _upgrade(path: Path, scripts: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic's settings pass through ConfigParser, which takes `%` for the start of a reference.
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with make_engine(path).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def make_engine(path: Path) -> Engine:
    """An engine whose transactions are SQLite's own: BEGIN IMMEDIATE, unless the connection asks for another."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.pool import NullPool

    engine = create_engine("sqlite://", creator=lambda: sqlite.connect(path), poolclass=NullPool)

    # The driver would begin transactions by its own rules, and only before some statements: see "Transactions with
    # SQLite and the sqlite3 driver" in SQLAlchemy's documentation of the dialect.
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.info.get(BEGIN, "BEGIN IMMEDIATE"))

    return engine
