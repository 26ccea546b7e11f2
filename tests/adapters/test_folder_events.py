"""The system's own events of a real folder."""

from __future__ import annotations

import builtins
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrsync.adapters.folder_events import FolderEvents, demand_library
from lrsync.app.watch import matters
from lrsync.errors import UsageError


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_it_hears_of_files_in_folders_old_and_new(tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    with FolderEvents(tmp_path, lambda path: True) as events:
        assert not events.take()
        (tmp_path / "2024" / "a.nef").write_bytes(b"raw")
        assert within(10, events.take)
        (tmp_path / "2025").mkdir()
        assert within(10, events.take)
        time.sleep(0.3)
        events.take()
        (tmp_path / "2025" / "b.nef").write_bytes(b"raw")
        assert within(10, events.take)


def test_what_does_not_matter_is_not_told(tmp_path: Path) -> None:
    with FolderEvents(tmp_path, lambda path: path.endswith(".nef")) as events:
        (tmp_path / "a.tmp").write_bytes(b"x")
        assert not within(1.5, events.take)
        (tmp_path / "a.nef").write_bytes(b"x")
        assert within(10, events.take)


def test_a_storm_keeps_no_path(tmp_path: Path) -> None:
    with FolderEvents(tmp_path, lambda path: True) as events:
        for number in range(3000):
            (tmp_path / f"{number}.jpg").touch()
        assert within(10, events.take)
        assert within(10, lambda: not events.take())
        assert set(vars(events)) == {
            *("_root", "_matters", "_poll", "_stop", "_changed", "_ready", "_error", "_thread"),
        }


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name == "watchfiles":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as caught:
        demand_library()
    assert "pip install watchfiles" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("2024/a.nef", True),
        (".lrsync-library", False),
        ("My.lrcat", False),
        ("My.lrcat-wal", False),
        ("My.lrcat-data/000123.sst", False),
        ("x.tmp", False),
    ],
)
def test_what_is_a_reason_to_sync(path: str, expected: bool) -> None:
    assert matters(path, lambda name: name.endswith(".tmp")) is expected
