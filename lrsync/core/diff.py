"""Compare what was scanned with what is known. Touches no disk, network or clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from lrsync.core.keys import split_path
from lrsync.core.model import Change, ChangeKind, ManifestEntry
from lrsync.core.scan import ScannedDir, ScannedFile, Stat

L = TypeVar("L")
R = TypeVar("R")


def merge_join(
    left: Iterable[L], right: Iterable[R], left_key: Callable[[L], Any], right_key: Callable[[R], Any]
) -> Iterator[tuple[L | None, R | None]]:
    """Pair two iterables that are both strictly ascending by key; where one has no partner its place is None."""
    lefts, rights = iter(left), iter(right)
    a, b = next(lefts, None), next(rights, None)
    while a is not None and b is not None:
        ka, kb = left_key(a), right_key(b)
        if ka == kb:
            yield a, b
            a, b = next(lefts, None), next(rights, None)
        elif ka < kb:
            yield a, None
            a = next(lefts, None)
        else:
            yield None, b
            b = next(rights, None)
    while a is not None:
        yield a, None
        a = next(lefts, None)
    while b is not None:
        yield None, b
        b = next(rights, None)


def diff_directory(scanned: ScannedDir, rows: Iterable[ManifestEntry]) -> Iterator[Change]:
    """What changed in one directory; files that are as recorded are not named.

    `rows` are the directory's own, ascending by name. Of an incomplete scan nothing is called missing.
    """
    pairs = merge_join(scanned.files, rows, lambda f: f.name, lambda r: split_path(r.path)[1])
    for new, old in pairs:
        kind = _compare(new, old)
        if kind is None or (kind is ChangeKind.MISSING and not scanned.complete):
            continue
        yield Change(kind, scanned.path, new, old)


def _compare(new: ScannedFile | None, old: ManifestEntry | None) -> ChangeKind | None:
    if old is None:
        return ChangeKind.ADDED
    if new is None:
        return ChangeKind.MISSING if old.missing_since is None else None
    if not same_facts(new, old) or not old.settled or old.drift is not None:
        return ChangeKind.UNSURE
    return None if old.missing_since is None else ChangeKind.RETURNED


def is_settling(change: Change, now_ns: int, settle_ns: int) -> bool:
    """Whether a file was written so short a time ago that it may not be finished: then it waits for the next run.

    A time still further in the future than that is a camera's wrong clock, and would be waited for for years. A file
    that is as recorded does not wait: it is only hashed once more.
    """
    new, old = change.new, change.old
    if new is None or not now_ns - settle_ns < new.mtime_ns <= now_ns + settle_ns:
        return False
    return old is None or old.sha256 is None or not same_facts(new, old)


def same_facts(seen: ScannedFile | Stat, row: ManifestEntry | Stat) -> bool:
    """Whether a file's stat is the recorded one.

    Of a catalog the row has the size of the checked copy, which the live file may not have: the changes in its log are
    in the copy. Its ctime is a stamp of all its files, negative as no time is, and that is compared.
    """
    if (seen.mtime_ns, seen.ctime_ns) != (row.mtime_ns, row.ctime_ns):
        return False
    return seen.size == row.size or seen.ctime_ns < 0
