"""What a user may mean by a path: one in the source, one where they stand, or an absolute one. Opens no file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from lrsync.core.requests import Named


def name_files(texts: Iterable[str], source: Path, cwd: Path) -> tuple[Named, ...]:
    """Each text with the relative paths in the source that it may stand for, the likeliest first.

    Someone who stands in the source means what they see there; anywhere else a relative path starts at the source.
    A path outside of the source has no candidates. `*` and `?` are kept: who calls may match patterns with them.
    """
    roots = _roots(source)
    here = _relative(os.path.realpath(cwd), roots)
    return tuple(Named(text, _spellings(_candidates(text, roots, here))) for text in texts)


def place_in(source: Path, cwd: Path) -> str:
    """Where in the source somebody stands, as a relative path; '.' at its root, and anywhere outside of it."""
    return _relative(os.path.realpath(cwd), _roots(source)) or "."


def _roots(source: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys((os.path.abspath(source), os.path.realpath(source))))


def _candidates(text: str, roots: tuple[str, ...], here: str | None) -> list[str]:
    if os.path.isabs(text):
        found = _relative(os.path.normpath(text), roots)
        return [] if found is None else [found]
    starts = ["" if here is None else here, ""]
    joined = (os.path.normpath(os.path.join(start, text)).replace(os.sep, "/") for start in starts)
    return [path for path in joined if path != ".." and not path.startswith("../")]


def _relative(path: str, roots: tuple[str, ...]) -> str | None:
    for root in roots:
        if path == root:
            return "."
        if path.startswith(root.rstrip(os.sep) + os.sep):
            return os.path.relpath(path, root).replace(os.sep, "/")
    return None


def _spellings(paths: list[str]) -> tuple[str, ...]:
    """A name typed here is composed, the one that a Mac wrote is not: both are the user's name for it."""
    forms = [*paths, *(unicodedata.normalize(form, p) for p in paths for form in ("NFC", "NFD"))]
    return tuple(dict.fromkeys(forms))
