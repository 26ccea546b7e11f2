"""Cut a listing into ranges of keys, by what is known of them, and tell whether what came of it is whole. Pure.

A range is asked for with StartAfter, and read until a key beyond it comes. That key must be the one with which the
next range begins: then the ranges lie end to end in the store's own list, whatever its order is, and nothing can be
missing between two of them. Where it is another, the store does not list in byte order, or does not know StartAfter.
Only of the folder that is left out it is taken for granted that it lies in one piece, as it does by bytes and by path.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple


class KeyRange(NamedTuple):
    """The keys after one and up to another, by their bytes; without end where `until` is None."""

    after: str
    until: str | None


class Seam(NamedTuple):
    """Where a listed range met its neighbours: the first key that came, and the first beyond. None: the list ended."""

    begin: str | None
    beyond: str | None


def places(counts: Mapping[str, int], every: int) -> Iterator[tuple[str, int]]:
    """Where to cut so that `every` files lie between two cuts: folders, and the number of a file in each, from 1.

    `counts` says how many files are directly in each folder ('' is the root). Those of a folder and of its
    sub-folders mix in the bucket, so the ranges may be larger where both are many, by as much as folders are deep.
    """
    left = every
    for folder in sorted(counts, key=lambda folder: f"{folder}/" if folder else ""):
        yield from ((folder, number) for number in range(left, counts[folder] + 1, every))
        left -= counts[folder]
        if left <= 0:
            left = every - (-left % every)


def ranges(borders: Iterable[str], without: str) -> list[KeyRange]:
    """All keys, cut after each border; the keys that begin with `without`, a folder's prefix, are left out.

    Of those only what begins in ASCII: no key is the last below a folder that every store would take for one.
    """
    beyond = f"{without}~"
    edges = ["", *sorted({border for border in borders if border and not without <= border <= beyond}), None]
    found: list[KeyRange] = []
    for after, until in pairwise(edges):
        assert after is not None
        if after < without and (until is None or without < until):
            found += [KeyRange(after, without), KeyRange(beyond, until)]
        else:
            found.append(KeyRange(after, until))
    return found


def is_ascending(keys: Sequence[str], after: str) -> bool:
    """Whether each key comes after the one before it, and the first after `after`, by their bytes.

    UTF-8 has the order of the characters' numbers, which is how Python compares text.
    """
    return not keys or (after < keys[0] and all(one < other for one, other in pairwise(keys)))


def count_inside(keys: Sequence[str], until: str | None) -> int:
    """How many of these ascending keys are not beyond the end of a range."""
    return len(keys) if until is None else bisect_right(keys, until)


def meet(one: KeyRange, seam: Seam, following: Seam, without: str) -> bool:
    """Whether a listed range ended just where the next one begins, or in the folder that is left out between them."""
    left_out = one.until == without and seam.beyond is not None and seam.beyond.startswith(without)
    return left_out or seam.beyond == following.begin
