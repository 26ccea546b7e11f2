"""Compile gitignore patterns so that a decision costs a fraction of a microsecond. Never touches the disk.

pathspec says what a pattern means, and how one among several wins; here is only a faster way to the same answer.
It is not imported for patterns that need no reading (`.DS_Store`, `._*`, `*.tmp`): that takes longer than a small scan.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

Matcher = Callable[[str], bool]
_Search = Callable[[str], re.Match[str] | None]

_SPECIAL: Final = frozenset("*?[]\\!/\0")
_DIR_MARK: Final = "(?P<ps_d>/)"
"""How pathspec's expressions say that a folder of the path matched, rather than the path itself."""
_SELF_OR_BELOW: Final = f"(?:{_DIR_MARK}|$)"
_ANYWHERE: Final = "^(?:.+/)?"


class BadPatternError(ValueError):
    """pathspec cannot read this pattern, or it can match nothing."""


class Shapes(NamedTuple):
    """Patterns of names that need no expression: `Thumbs.db`, `._*`, `*.tmp`."""

    literals: frozenset[str]
    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]

    def matcher(self) -> Matcher:
        """Whether a name has one of the shapes."""
        literals, prefixes, suffixes = self
        return lambda name: name in literals or name.startswith(prefixes) or name.endswith(suffixes)

    def needles(self) -> tuple[str, ...]:
        """What a folder's names, each between two NULs, contain where any of them has one of the shapes."""
        literals, prefixes, suffixes = self
        return (
            *(f"\0{name}\0" for name in literals),
            *(f"\0{start}" for start in prefixes),
            *(f"{end}\0" for end in suffixes),
        )


def split_shapes(patterns: Iterable[str]) -> tuple[Shapes, list[str]]:
    """The simple shapes among patterns (their final slash is ignored), and the patterns that are none."""
    literals, prefixes, suffixes, rest = [], [], [], []
    for pattern in patterns:
        name = pattern.removesuffix("/")
        name = name[1:] if name[:2] == "\\#" else name
        if _is_plain(name):
            literals.append(name)
        elif name[-1:] == "*" and _is_plain(name[:-1]):
            prefixes.append(name[:-1])
        elif name[:1] == "*" and _is_plain(name[1:]):
            suffixes.append(name[1:])
        else:
            rest.append(pattern)
    return Shapes(frozenset(literals), tuple(prefixes), tuple(suffixes)), rest


def _is_plain(text: str) -> bool:
    return bool(text) and _SPECIAL.isdisjoint(text)


class _Block(NamedTuple):
    """Neighbouring patterns that decide alike: what matches the path itself, and what a folder of it."""

    excludes: bool
    itself: _Search | None
    folder: _Search | None


class Evaluator:
    """Decides a path by gitignore lines as pathspec's GitIgnoreSpec does: the last line that matches it wins.

    A line that matches the path itself wins over one that matches only a folder of it.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        expressions = [_expression(line) for line in lines]
        self._blocks = [
            _block(sign, [expression for expression, _ in group])
            for sign, group in groupby(reversed(expressions), key=lambda pair: pair[1])
        ]

    def excludes(self, path: str) -> bool:
        """Whether the lines leave this path out; a folder's ends with `/`."""
        folder, slash, name = path.rpartition("/")
        return self.in_folder(folder + slash)(name)

    def in_folder(self, prefix: str) -> Matcher:
        """The decision on names directly below `prefix`, which is '' or ends with `/`."""
        # What a line says through one of the path's folders is the same for all names in there: asked once.
        weak = next((excludes for excludes, _, folder in self._blocks if folder and folder(prefix)), False)
        strong = [(excludes, itself) for excludes, itself, _ in self._blocks if itself]

        def decide(name: str) -> bool:
            path = prefix + name
            return next((excludes for excludes, itself in strong if itself(path)), weak)

        return decide


def check_pattern(pattern: str) -> None:
    """Raises BadPatternError, with the reason, for a pattern that pathspec cannot read."""
    _expression(pattern)


def _expression(line: str) -> tuple[str, bool]:
    """pathspec's expression for a line, and whether the line excludes."""
    from pathspec import GitIgnoreSpec

    try:
        with warnings.catch_warnings():
            # `[[x]` is a fine pattern, but `re` warns on stderr that it may mean something else one day.
            warnings.simplefilter("ignore", FutureWarning)
            pattern = next(iter(GitIgnoreSpec.from_lines([line], backend="simple").patterns))
    except (ValueError, re.error) as error:
        raise BadPatternError(str(error)) from error
    if pattern.include is None or pattern.regex is None:
        raise BadPatternError("it can match nothing")
    return str(pattern.regex.pattern), bool(pattern.include)


def _block(excludes: bool, expressions: Iterable[str]) -> _Block:
    itself, folder = [], []
    for text in expressions:
        if text.endswith(_SELF_OR_BELOW):
            head = text.removesuffix(_SELF_OR_BELOW)
            itself.append(f"{head}$")
            folder.append(f"{head}/")
        elif _DIR_MARK in text:
            folder.append(text.replace(_DIR_MARK, "/"))
        else:
            itself.append(text)
    return _Block(excludes, _search(itself), _search(folder))


def _search(expressions: Sequence[str]) -> _Search | None:
    if not expressions:
        return None
    floating = [text.removeprefix(_ANYWHERE) for text in expressions if text.startswith(_ANYWHERE)]
    others = [text for text in expressions if not text.startswith(_ANYWHERE)]
    # Finding the path's last slash once for all floating patterns makes this several times as fast.
    joined = [f"{_ANYWHERE}(?:{_either(floating)})"] if floating else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(_either(joined + others)).search


def _either(expressions: Iterable[str]) -> str:
    return "|".join(f"(?:{text})" for text in expressions)
