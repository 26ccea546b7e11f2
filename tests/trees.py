"""Trees of files as literals, and hypothesis strategies for the names that break backups."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias, Union

from hypothesis import strategies as st

Tree: TypeAlias = Mapping[str, Union[bytes, str, "Tree"]]

LONG_AGO_NS = 1_700_000_000_000_000_000

AWKWARD_NAMES = (
    "with space.jpg",
    " leading and trailing ",
    "+%#&?=;:@.jpg",
    "'single' \"double\" `back`.nef",
    "emoji \U0001f4f7\ufe0f.jpg",
    unicodedata.normalize("NFC", "Éléonore.cr3"),
    unicodedata.normalize("NFD", "Århus.cr3"),
    "new\nline.jpg",
    "tab\tand\x7f.jpg",
    ".hidden",
    "...",
    "back\\slash.jpg",
    "日本語.arw",
    "-rf",
    "*[!a]?.jpg",
    "n" * 255,
)


def make_tree(root: Path, tree: Tree, *, mtime_ns: int | None = None) -> Path:
    """Write a tree of folders and files (bytes or text) below `root`, which is made; returns `root`.

    `mtime_ns`: every file's, in nanoseconds; by default the time of writing.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name, value in tree.items():
        path = root / name
        if isinstance(value, Mapping):
            make_tree(path, value, mtime_ns=mtime_ns)
            continue
        path.write_bytes(value.encode() if isinstance(value, str) else value)
        if mtime_ns is not None:
            os.utime(path, ns=(mtime_ns, mtime_ns))
    return root


def file_paths(tree: Tree, folder: str = "") -> set[str]:
    """The relative paths of a literal tree's files."""
    found: set[str] = set()
    for name, value in tree.items():
        path = f"{folder}/{name}" if folder else name
        found |= file_paths(value, path) if isinstance(value, Mapping) else {path}
    return found


def _fits(name: str) -> bool:
    return name not in (".", "..") and 0 < len(os.fsencode(name)) <= 255


_letters = st.characters(codec="utf-8", exclude_characters="/\0")

names = st.one_of(
    st.sampled_from(AWKWARD_NAMES),
    st.text("abAB._- é\u0301*?#!\n\\", min_size=1, max_size=8),
    st.text(_letters, min_size=1, max_size=20),
).filter(_fits)
"""One file or folder name, any that a POSIX disk and UTF-8 take."""

paths = st.lists(names, min_size=1, max_size=4).map("/".join)
"""A relative path."""

trees = st.recursive(
    st.dictionaries(names, st.binary(max_size=20), max_size=4),
    lambda inner: st.dictionaries(names, st.one_of(st.binary(max_size=20), inner), max_size=4),
    max_leaves=8,
)
"""A tree for `make_tree`."""
