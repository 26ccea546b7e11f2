"""Take a first look at the source: names and sizes alone. Reads no file and asks no bucket."""

from __future__ import annotations

from lrsync.core.first_look import ASSUMED_RATE, FirstLook
from lrsync.core.ports import SourceTree
from lrsync.core.storage import StorageRules


def first_look(tree: SourceTree, *, bwlimit: int | None, storage: StorageRules) -> FirstLook:
    """Walk the source once. `bwlimit` in bytes a second."""
    excluded = unreadable = 0
    by_class: dict[str, tuple[int, int]] = {}
    for folder in tree.walk():
        excluded += folder.excluded
        unreadable += len(folder.problems)
        for name, size in zip(folder.columns.names, folder.columns.sizes, strict=True):
            chosen = storage.recorded_class(name, size)
            files, total = by_class.get(chosen, (0, 0))
            by_class[chosen] = (files + 1, total + size)
    rate = min(bwlimit, ASSUMED_RATE) if bwlimit else ASSUMED_RATE
    return FirstLook(
        files=sum(files for files, _ in by_class.values()),
        bytes=sum(total for _, total in by_class.values()),
        excluded=excluded,
        unreadable=unreadable,
        rate=rate,
        is_assumed=rate != bwlimit,
        by_class=by_class,
    )
