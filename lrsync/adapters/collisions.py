"""Which names of the source become the same S3 key: those that differ only in their Unicode normal form. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence


def colliding_files(names: Sequence[str], names_in_twins: Iterable[str] = ()) -> frozenset[str]:
    """The names of a folder's files whose key another file has: in the folder, or in a twin of it."""
    others = list(names_in_twins)
    if not others and "".join(names).isascii():
        return frozenset()
    counts = Counter(map(_composed, names)) + Counter(map(_composed, others))
    return frozenset(name for name in names if counts[_composed(name)] > 1)


def child_twins(folders: Mapping[str, Sequence[str]], path: str) -> dict[str, tuple[str, ...]]:
    """The twins of each subfolder of `path`: folders elsewhere whose files' keys begin with the same letters.

    `folders` has the names of the subfolders of `path` and of each of its twins. Subfolders without twins are left
    out, which is nearly always all of them.
    """
    if len(folders) == 1 and "".join(folders[path]).isascii():
        return {}
    same: defaultdict[str, list[str]] = defaultdict(list)
    for parent, names in folders.items():
        for name in names:
            same[_composed(name)].append(f"{parent}/{name}" if parent else name)
    twins = {}
    for name in folders[path]:
        own = f"{path}/{name}" if path else name
        others = tuple(other for other in same[_composed(name)] if other != own)
        if others:
            twins[name] = others
    return twins


def _composed(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)
