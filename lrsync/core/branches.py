"""Cut a folder's listing into prefixes that can be listed side by side. Touches no network; never needs an order.

S3 lists keys in byte order, but not every store does (SeaweedFS sorts by path component): here no border between two
keys is relied on. What a prefix holds is the same everywhere: the names of a folder's sub-folders are asked for first,
and grouped by what they begin with, so that each is in just one group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Branch:
    """Some sub-folders, by the prefix that they and no others have; `weight` is how many keys are thought to be there.

    `folder`: the prefix is one whole folder's, which may be cut again.
    """

    prefix: str
    weight: int
    folder: bool


def branches(parent: str, folders: Sequence[str], weights: Mapping[str, int], target: int) -> list[Branch]:
    """Cut a folder's sub-folders into groups of about `target` keys, or single folders where one has more.

    `folders` are prefixes below `parent`, all with `/` at their end; one that `weights` does not know counts as 1.
    """
    return list(_cut(parent, sorted(set(folders)), weights, target))


def _cut(prefix: str, folders: Sequence[str], weights: Mapping[str, int], target: int) -> list[Branch]:
    if not folders:
        return []
    weight = sum(weights.get(folder, 1) for folder in folders)
    if len(folders) == 1:
        return [Branch(folders[0], weight, folder=True)]
    shared = _shared_start(folders)
    # A control character in a prefix breaks the listing of some stores: there the group stays whole.
    if len(shared) > len(prefix) and shared.isprintable():
        return _cut(shared, folders, weights, target)
    if weight <= target and prefix.isprintable():
        return [Branch(prefix, weight, folder=False)]
    groups: dict[str, list[str]] = {}
    for folder in folders:
        groups.setdefault(folder[: len(prefix) + 1], []).append(folder)
    return [branch for start, group in groups.items() for branch in _cut_group(start, group, weights, target)]


def _cut_group(start: str, group: Sequence[str], weights: Mapping[str, int], target: int) -> list[Branch]:
    if start.isprintable():
        return _cut(start, group, weights, target)
    return [Branch(folder, weights.get(folder, 1), folder=True) for folder in group]


def _shared_start(names: Sequence[str]) -> str:
    """What all these sorted names begin with."""
    first, last = names[0], names[-1]
    differing = (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(differing, min(len(first), len(last)))]
