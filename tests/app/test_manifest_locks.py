"""Another program that looks into the manifest during a run takes nothing away from under it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lrsync.adapters import sqlite
from lrsync.adapters.database import prepare
from lrsync.adapters.sqlite import side_file
from lrsync.app import session
from lrsync.app.sync import run_sync
from lrsync.config import Config
from lrsync.core.model import Content
from lrsync.core.objects import Stored
from lrsync.core.ports import Sendable
from tests.stores.memory import MemoryStore
from tests.trees import make_tree

LOOK = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM library').fetchall(); c.close()"


class WatchedStore(MemoryStore):
    """While it takes an object, another program opens and closes the manifest."""

    def __init__(self, manifest: Path) -> None:
        super().__init__()
        self.manifest = manifest
        self.has_log: dict[str, bool] = {}

    def put(self, key: str, content: Content, *, if_absent: bool = False, source: Sendable | None = None) -> Stored:
        subprocess.run([sys.executable, "-c", LOOK, self.manifest], check=True)
        self.has_log[key] = side_file(self.manifest, "-wal").exists()
        return super().put(key, content, if_absent=if_absent, source=source)

    def close(self) -> None:
        """Nothing is open."""


def test_the_write_ahead_log_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes a database last deletes its log: what the run recorded after that would go with the process."""
    source, manifest = tmp_path / "Photos", tmp_path / "m.sqlite"
    make_tree(source, {"a.jpg": b"a"})
    store = WatchedStore(manifest)
    monkeypatch.setattr(session, "open_store", lambda config: store)
    config = Config(source=source, bucket="bucket", prefix="P", manifest=manifest)
    for content in (b"b", b"c"):
        (source / "a.jpg").write_bytes(content)
        run_sync(config, lambda event: None, threading.Event())
    assert any("/.lrsync/manifest/" in key for key in store.has_log)
    assert "P/a.jpg" in store.has_log
    assert set(store.has_log.values()) == {True}, store.has_log


def test_a_manifest_of_nobody_yet_is_not_looked_at_beside_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that made the file died before it could say whose it is; another program looks into it meanwhile."""
    source, manifest = tmp_path / "Photos", tmp_path / "m.sqlite"
    make_tree(source, {"a.jpg": b"a"})
    prepare(manifest)
    store = WatchedStore(manifest)
    monkeypatch.setattr(session, "open_store", lambda config: store)
    closed_beside: list[str] = []

    def check_header(path: Path) -> None:
        open_now = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
        closed_beside.extend({str(path.resolve())} & open_now)

    monkeypatch.setattr(sqlite, "check_header", check_header)
    config = Config(source=source, bucket="bucket", prefix="P", manifest=manifest)
    run_sync(config, lambda event: None, threading.Event())
    assert closed_beside == []
    assert set(store.has_log.values()) == {True}, store.has_log
