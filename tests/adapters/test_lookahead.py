"""Folders are listed side by side while the disk answers slowly, and one after the other while it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from lrsync.adapters import localfs, lookahead
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.listing import Listing
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.lookahead import FEW_ENTRIES, MOST_WORKERS, SLOW_NS, Lookahead
from lrsync.core.model import ScannedFile
from tests.trees import make_tree

FILES = [ScannedFile(f"{number}.jpg", 1, 1, 1) for number in range(FEW_ENTRIES)]
ORDER = [f"{number:03}" for number in range(40)]


class Disk:
    """Lists folders; knows how many it listed at once, and waits until `together` of them do."""

    def __init__(self, wait_ns: int, together: int = 1) -> None:
        self.now_ns, self.wait_ns = 0, wait_ns
        self.together = threading.Barrier(together)
        self.main = threading.current_thread()
        self.asked: list[str] = []
        self.by_others = 0

    def list_folder(self, path: str) -> Listing:
        self.asked.append(path)
        if threading.current_thread() is self.main:
            self.now_ns += self.wait_ns * (len(FILES) + 1)
        else:
            self.by_others += 1
            self.together.wait(timeout=60)
        return Listing(files=list(FILES))


def walk(disk: Disk, order: Sequence[str]) -> list[str]:
    met = []
    with Lookahead(disk.list_folder, clock=lambda: disk.now_ns, work_clock=lambda: 0) as ahead:
        for at, path in enumerate(order):

            def following(count: int, at: int = at) -> Iterable[str]:
                return order[at + 1 : at + 1 + count]

            assert ahead.get(path, following).files == FILES
            met.append(path)
    return met


def test_a_slow_disk_is_asked_by_eight_at_once() -> None:
    disk = Disk(wait_ns=2 * SLOW_NS, together=MOST_WORKERS)
    order = ORDER[: 2 + 4 * MOST_WORKERS]  # two in the main thread, then whole rounds of eight
    assert walk(disk, order) == order
    assert sorted(disk.asked) == order, "each folder is listed once"


def test_a_fast_disk_is_asked_by_nobody_else() -> None:
    disk = Disk(wait_ns=SLOW_NS // 10)
    assert walk(disk, ORDER) == ORDER
    assert disk.asked == ORDER
    assert disk.by_others == 0


def test_an_error_comes_where_its_folder_is_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole walk, with every folder listed ahead: the same folders in the same order."""
    tree = {f"{number:02}": {"a.jpg": b"x", "deep": {"b.jpg": b"y"}} for number in range(30)}
    make_tree(tmp_path, tree)
    rules = IgnoreRules()
    plain = list(LocalTree(tmp_path, rules).walk())
    monkeypatch.setattr(lookahead, "SLOW_NS", -1)
    monkeypatch.setattr(lookahead, "FEW_ENTRIES", 1)
    assert list(LocalTree(tmp_path, rules).walk()) == plain
    original = localfs.Lister.list_folder

    def failing(self: localfs.Lister, base: int | str, path: str) -> Listing:
        if path == "05/deep":
            raise PermissionError(13, "Permission denied")
        return original(self, base, path)

    monkeypatch.setattr(localfs.Lister, "list_folder", failing)
    found = {scanned.path: scanned for scanned in LocalTree(tmp_path, rules).walk()}
    assert [path for path, scanned in found.items() if not scanned.complete] == ["05/deep"]
