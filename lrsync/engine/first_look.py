"""Take a first look at the source: names and sizes alone. Reads no file and asks no bucket."""

from __future__ import annotations

from lrsync.core.first_look import ASSUMED_RATE, FirstLook
from lrsync.core.ports import SourceTree


def first_look(tree: SourceTree, *, bwlimit: int | None) -> FirstLook:
    """Walk the source once. `bwlimit` in bytes a second."""
    files = size = excluded = unreadable = 0
    for folder in tree.walk():
        files += len(folder.columns.names)
        size += sum(folder.columns.sizes)
        excluded += folder.excluded
        unreadable += len(folder.problems)
    rate = min(bwlimit, ASSUMED_RATE) if bwlimit else ASSUMED_RATE
    return FirstLook(files, size, excluded, unreadable, rate, is_assumed=rate != bwlimit)
