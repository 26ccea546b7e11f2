"""Folders are listed side by side while the disk answers slowly, and one after the other while it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from lrsync.adapters import localfs, lookahead
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.listing import Listing
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.lookahead import FEW_ENTRIES, MOST_WORKERS, SLOW_NS, VERDICTS, Lookahead
from lrsync.core.scan import FileColumns, ScannedFile
from tests.trees import make_tree

FILES = [ScannedFile(f"{number}.jpg", 1, 1, 1) for number in range(FEW_ENTRIES)]
ORDER = [f"{number:03}" for number in range(40)]


class Disk:
    """Lists folders, of which each entry takes its time; knows who listed, and waits until `together` others do.

    `waits` has the wait of each entry by folder, for those that do not take `wait_ns`.
    """

    def __init__(self, wait_ns: int, together: int = 1, waits: Mapping[str, int] | None = None) -> None:
        self.wait_ns, self.waits = wait_ns, waits or {}
        self.together = threading.Barrier(together)
        self.main = threading.current_thread()
        self.own = threading.local()
        self.asked: list[str] = []
        self.asked_by_others: list[str] = []

    def clock(self) -> int:
        """Each thread waits for itself."""
        return getattr(self.own, "now_ns", 0)

    def list_folder(self, path: str) -> Listing:
        self.asked.append(path)
        self.own.now_ns = self.clock() + self.waits.get(path, self.wait_ns) * (len(FILES) + 1)
        if threading.current_thread() is not self.main:
            self.asked_by_others.append(path)
            self.together.wait(timeout=60)
        return Listing(columns=FileColumns.of(FILES))


def walk(disk: Disk, order: Sequence[str]) -> list[str]:
    met = []
    with Lookahead(disk.list_folder, clock=disk.clock) as ahead:
        for at, path in enumerate(order):

            def following(count: int, at: int = at) -> Iterable[str]:
                return order[at + 1 : at + 1 + count]

            assert ahead.get(path, following).columns == FileColumns.of(FILES)
            met.append(path)
    return met


def test_a_slow_disk_is_asked_by_eight_at_once() -> None:
    disk = Disk(wait_ns=2 * SLOW_NS, together=MOST_WORKERS)
    # Until that is known by the main thread, which then also lists the one that it stands at; then rounds of eight.
    order = ORDER[: VERDICTS + 1 + 4 * MOST_WORKERS]
    assert walk(disk, order) == order
    assert sorted(disk.asked) == order, "each folder is listed once"
    assert len(disk.asked_by_others) == 4 * MOST_WORKERS


def test_a_fast_disk_is_asked_by_nobody_else() -> None:
    disk = Disk(wait_ns=SLOW_NS // 10)
    assert walk(disk, ORDER) == ORDER
    assert disk.asked == ORDER
    assert disk.asked_by_others == []


def test_a_busy_machine_is_no_slow_disk() -> None:
    """Now and then the thread waits long for a core, and looks as if it waited for the disk."""
    disk = Disk(wait_ns=0, waits={path: 100 * SLOW_NS for number, path in enumerate(ORDER) if number % VERDICTS})
    assert walk(disk, ORDER) == ORDER
    assert disk.asked_by_others == []


def test_a_disk_that_woke_up_is_asked_by_one_again() -> None:
    asleep = ORDER[:10]
    disk = Disk(wait_ns=0, waits=dict.fromkeys(asleep, 2 * SLOW_NS))
    assert walk(disk, ORDER) == ORDER
    assert sorted(disk.asked) == ORDER, "each folder is listed once"
    assert disk.asked_by_others, "while it slept"
    alone = disk.asked[disk.asked.index(max(disk.asked_by_others)) + 1 :]
    assert alone == ORDER[-len(alone) :]
    assert len(alone) >= len(ORDER) - len(asleep) - VERDICTS - 2 * MOST_WORKERS


def test_an_error_comes_where_its_folder_is_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole walk, with every folder listed ahead: the same folders in the same order."""
    tree = {f"{number:02}": {"a.jpg": b"x", "deep": {"b.jpg": b"y"}} for number in range(30)}
    make_tree(tmp_path, tree)
    rules = IgnoreRules()
    plain = list(LocalTree(tmp_path, rules).walk())
    monkeypatch.setattr(lookahead, "SLOW_NS", -1)
    monkeypatch.setattr(lookahead, "FEW_ENTRIES", 1)
    monkeypatch.setattr(lookahead, "VERDICTS", 1)
    assert list(LocalTree(tmp_path, rules).walk()) == plain
    original = localfs.Lister.list_folder

    def failing(self: localfs.Lister, base: int | str, path: str) -> Listing:
        if path == "05/deep":
            raise PermissionError(13, "Permission denied")
        return original(self, base, path)

    monkeypatch.setattr(localfs.Lister, "list_folder", failing)
    found = {scanned.path: scanned for scanned in LocalTree(tmp_path, rules).walk()}
    assert [path for path, scanned in found.items() if not scanned.complete] == ["05/deep"]
