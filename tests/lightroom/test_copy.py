"""Copies beside a writer that never asks: none is torn, whatever its journal mode, and however it ends.

`LRSYNC_COPIES=100` makes as many copies of each kind; the figures are in docs/lightroom.md.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from lrsync.adapters import catalog_copy
from lrsync.adapters.catalog_copy import Patience, guarded_copy
from lrsync.adapters.catalog_family import family_of
from lrsync.adapters.catalog_read import settle_copy
from lrsync.core.ports import CatalogBusyError, CatalogDamagedError, CatalogStoppedError
from tests.e2e.machine import tree_facts
from tests.lightroom import rocks_writer, writer

COPIES = int(os.environ.get("LRSYNC_COPIES", "10"))
MANY = COPIES >= 100
MODES = [("WAL", "NORMAL"), ("WAL", "EXCLUSIVE"), ("DELETE", "EXCLUSIVE")]


def patience(seconds: float = 120) -> Patience:
    return Patience(seconds, time.sleep, time.monotonic)


@contextmanager
def writing(script: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """The writer, at work; killed at the end."""
    command = [sys.executable, str(script), *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def writer_of(catalog: Path, mode: tuple[str, str]) -> tuple[Path, str, str, str]:
    return Path(writer.__file__), str(catalog), *mode


def is_sound(database: Path) -> bool:
    """Whether the copy is a state that was once committed."""
    try:
        settle_copy(database)
        with closing(sqlite3.connect(database)) as connection:
            total = connection.execute("SELECT sum(balance) FROM accounts").fetchone()[0]
            rows, counted = connection.execute(
                "SELECT (SELECT count(*) FROM ledger), transfers FROM counter"
            ).fetchone()
    except (CatalogDamagedError, sqlite3.Error):
        return False
    return bool(total == writer.TOTAL and rows == counted)


def alone(catalog: Path, to: Path) -> Path:
    """What a syncer does that takes one file after the other, and the log not at all."""
    return Path(shutil.copy(catalog, to / "catalog.lrcat"))


def with_log(catalog: Path, to: Path) -> Path:
    """What a syncer does that takes both."""
    copied = alone(catalog, to)
    for suffix in ("-wal", "-journal"):
        try:
            shutil.copy(f"{catalog}{suffix}", f"{copied}{suffix}")
        except FileNotFoundError:
            continue
    return copied


def guarded(catalog: Path, to: Path) -> Path:
    return guarded_copy(catalog, to, patience()).database


def torn(catalog: Path, home: Path, copy: Callable[[Path, Path], Path], alive: subprocess.Popen[str]) -> int:
    """How many of the copies are torn."""
    found = 0
    for number in range(COPIES):
        folder = home / f"{copy.__name__}-{number}"
        folder.mkdir()
        found += not is_sound(copy(catalog, folder))
        shutil.rmtree(folder)
    assert alive.poll() is None, "the writer must have written all the while"
    return found


@pytest.mark.parametrize("mode", MODES, ids="-".join)
def test_no_guarded_copy_is_torn(tmp_path: Path, mode: tuple[str, str]) -> None:
    catalog = tmp_path / "library" / "My.lrcat"
    catalog.parent.mkdir()
    with writing(*writer_of(catalog, mode)) as process:
        counts = {copy.__name__: torn(catalog, tmp_path, copy, process) for copy in (alone, with_log, guarded)}
    print(f"{'/'.join(mode)}: torn of {COPIES}: {counts}")
    assert counts["guarded"] == 0
    assert not MANY or counts["alone"] > 0


@pytest.mark.parametrize("mode", MODES, ids="-".join)
def test_a_writer_that_is_killed_leaves_a_catalog_that_is_copied_whole(tmp_path: Path, mode: tuple[str, str]) -> None:
    catalog = tmp_path / "library" / "My.lrcat"
    catalog.parent.mkdir()
    for kill in range(4):
        with writing(*writer_of(catalog, mode)) as process:
            family = family_of(str(catalog))
            while family_of(str(catalog)) == family:  # in the middle of its next burst
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
        before = tree_facts(catalog.parent)
        folder = tmp_path / str(kill)
        folder.mkdir()
        assert is_sound(guarded(catalog, folder))
        assert tree_facts(catalog.parent) == before


# --- waiting ----------------------------------------------------------------------------------------------


class Disturber:
    """Writes to the catalog whenever the copier pauses, so many times."""

    def __init__(self, catalog: Path, times: int) -> None:
        self.catalog, self.left, self.now_s = catalog, times, 0.0
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds
        if self.left:
            self.left -= 1
            with self.catalog.open("ab") as file:
                file.write(b"x")


def test_it_tries_again_with_longer_pauses(tmp_path: Path) -> None:
    catalog, to = tmp_path / "My.lrcat", tmp_path / "to"
    catalog.write_bytes(b"c" * 100)
    to.mkdir()
    disturber = Disturber(catalog, 5)
    copied = guarded_copy(catalog, to, Patience(60, disturber.wait, lambda: disturber.now_s))
    assert copied.database.read_bytes() == catalog.read_bytes()
    backoffs = [pause for pause in disturber.pauses if pause != catalog_copy.FINE_SETTLE_S]
    assert backoffs == sorted(backoffs)


def test_it_gives_up_in_time(tmp_path: Path) -> None:
    catalog, to = tmp_path / "My.lrcat", tmp_path / "to"
    catalog.write_bytes(b"c")
    to.mkdir()
    disturber = Disturber(catalog, 1_000_000)
    with pytest.raises(CatalogBusyError, match="60 s"):
        guarded_copy(catalog, to, Patience(60, disturber.wait, lambda: disturber.now_s))
    assert 60 <= disturber.now_s < 63
    assert list(to.iterdir()) == []


def test_a_stop_is_quick(tmp_path: Path) -> None:
    catalog, to = tmp_path / "My.lrcat", tmp_path / "to"
    catalog.write_bytes(b"c")
    to.mkdir()
    with pytest.raises(CatalogStoppedError):
        guarded_copy(catalog, to, Patience(60, lambda seconds: None, time.monotonic, lambda: True))


@pytest.mark.parametrize("what", ["-wal", "-journal", "-data/x", ""])
def test_whatever_changes_meanwhile_is_noticed(tmp_path: Path, what: str) -> None:
    catalog, to = tmp_path / "My.lrcat", tmp_path / "to"
    catalog.write_bytes(b"c" * 50)
    Path(f"{catalog}-data").mkdir()
    to.mkdir()
    changed = Path(f"{catalog}{what}")
    once = threading.Event()

    def stopping() -> bool:
        """Called for each chunk that is copied: the writer's chance."""
        if not once.is_set():
            once.set()
            changed.write_bytes(b"other" * 100)
        return False

    copied = guarded_copy(catalog, to, Patience(60, time.sleep, time.monotonic, stopping))
    assert Path(f"{copied.database}{what}").read_bytes() == b"other" * 100


# --- the data folder --------------------------------------------------------------------------------------


def rocks_is_sound(folder: Path) -> bool:
    from rocksdict import Options, Rdict

    try:
        database = Rdict(str(folder), Options())
        pairs = [(database[f"a{key}"], database[f"b{key}"]) for key in range(rocks_writer.KEYS)]
        database.close()
    except Exception:  # noqa: BLE001 - whatever RocksDB says against it
        return False
    return len({value for pair in pairs for value in pair}) == 1


def test_no_guarded_copy_of_a_data_folder_is_torn(tmp_path: Path) -> None:
    catalog = tmp_path / "library" / "My.lrcat"
    catalog.parent.mkdir()
    catalog.write_bytes(b"c")
    counts = {"naive": 0, "guarded": 0}
    with writing(Path(rocks_writer.__file__), f"{catalog}-data") as process:
        for number in range(COPIES):
            naive, folder = tmp_path / f"naive{number}", tmp_path / f"guarded{number}"
            counts["naive"] += not _naive_is_sound(Path(f"{catalog}-data"), naive)
            folder.mkdir()
            copied = guarded_copy(catalog, folder, patience())
            assert copied.data is not None
            counts["guarded"] += not rocks_is_sound(copied.data)
            shutil.rmtree(folder)
        assert process.poll() is None
    print(f"RocksDB: torn of {COPIES}: {counts}")
    assert counts["guarded"] == 0


def _naive_is_sound(data: Path, to: Path) -> bool:
    try:
        shutil.copytree(data, to)
    except shutil.Error:
        return False  # a file went while the folder was copied
    finally_sound = rocks_is_sound(to)
    shutil.rmtree(to)
    return finally_sound
