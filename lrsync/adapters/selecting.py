"""What a user means by the names of a restore, as a `core.selection.Selection`: paths, folders, gitignore patterns.

Opens no file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lrsync.adapters.ignore import canonical, fold
from lrsync.adapters.naming import name_files, place_in
from lrsync.adapters.patterns import Evaluator, Matcher
from lrsync.core.requests import Named, RestoreRequest
from lrsync.core.selection import NameTest, Selection
from lrsync.errors import UsageError


def selection_of(request: RestoreRequest, source: Path, cwd: Path) -> Selection:
    """The selection of a request. Who stands in the source means what they see there. Raises UsageError."""
    here = place_in(source, cwd)
    listed = None
    if request.listed is not None:
        named = name_files(request.listed, source, cwd)
        listed = {path: one.text for one in named for path in one.candidates}
        # A line that can mean nothing still is to be told.
        listed |= {one.text: one.text for one in named if not one.candidates}
    return Selection(
        names=tuple(_name_test(named, here) for named in name_files(request.paths, source, cwd)),
        folders=frozenset(_folders(request.folders)),
        listed=listed,
        since_ns=request.since_ns,
        until_ns=request.until_ns,
        types=request.types,
        companions=request.companions,
    )


def _folders(texts: Iterable[str]) -> Iterable[str]:
    """Folders by their path in the library, in the spelling of the keys."""
    for text in texts:
        yield os.path.normpath(text.replace(os.sep, "/").strip("/") or ".")


def _name_test(named: Named, here: str) -> NameTest:
    if not named.text.strip():
        # Most often a shell variable that is not set: taken for '.', it would be everything.
        raise UsageError("a PATH is empty", hint="write '.' for everything")
    if "." in named.candidates:
        return NameTest(named.text, frozenset({"."}), lambda path: True)
    pattern = _rooted(named.text, here)
    return NameTest(named.text, frozenset(named.candidates), _Pattern(pattern).matches)


def _rooted(text: str, here: str) -> str:
    """The pattern as it reads at the library's root: what is typed in a folder is about that folder."""
    line = canonical(text, "the pattern")
    if here == "." or line.startswith("/"):
        return line
    folder = re.sub(r"([\\*?\[])", r"\\\1", here)
    between = "/" if "/" in line.rstrip("/") else "/**/"
    return f"/{folder}{between}{line}"


@dataclass(slots=True)
class _Pattern:
    """One gitignore line. Paths come sorted: what is known of a folder is kept for its next file."""

    line: str
    _rules: Evaluator | None = None
    _folder: str | None = None
    _decide: Matcher = field(default=lambda name: False)

    def matches(self, path: str) -> bool:
        """Whether the line matches the path, or a folder above it."""
        if self._rules is None:
            self._rules = Evaluator([self.line])
        folder, slash, name = path.rpartition("/")
        if folder != self._folder:
            self._folder, self._decide = folder, self._rules.in_folder(fold(folder + slash))
        return self._decide(fold(name))
