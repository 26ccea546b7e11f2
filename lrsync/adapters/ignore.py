"""Which names of the source are left out. Knows patterns and relative paths; never touches the disk.

Patterns are gitignore's, read by pathspec, and matched with the path relative to the source, case-sensitively:
`*.tmp` names files and folders anywhere, `cache/` only folders, `/2019` or `2019/raw` start at the source's root.
On a command line there are no comments, so a leading `#` is a name; a leading `!` is refused (say it with includes).
Composed and decomposed spellings of a name are one: `Été/` typed here matches the `Été/` that a Mac wrote.

What wins, from weak to strong:

1. An exclude, or the default junk list, leaves out what it matches.
2. An include brings back what it matches, and all that is in a folder that it matches; but junk in there, such as
   `.DS_Store`, comes back only by an include that matches it by itself.
3. AppleDouble shadows (`._IMG_1.NEF`) come back only by an include that starts with `._`: who says `*.nef` means
   photos, not the 4 KB file that macOS puts beside each of them on an exFAT drive.

A folder that an exclude (or the junk list) names is closed: the walk never enters it, and an include of names
alone, such as `*.nef`, brings nothing back from in there. Two things open it: an include that matches the folder
itself (`*Previews.lrdata/`), or one whose path leads into it (`2019/best.nef` opens `2019/`).
An exclude that names nothing (`*`, `*.*`, `raw/*`) closes no folder as long as there are includes. So
`--exclude '*' --include '*.nef'` backs up every NEF, wherever it lies.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from lrsync.adapters.patterns import BadPatternError, Evaluator, Matcher, check_pattern, split_shapes
from lrsync.errors import UsageError

DEFAULT_JUNK: Final = (
    # macOS and Windows
    ".DS_Store",
    ".Spotlight-V100/",
    ".fseventsd/",
    ".Trashes/",
    "Thumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    # NAS: thumbnails, bins, snapshots
    "@eaDir/",
    "\\#recycle/",
    "\\#snapshot/",
    # Lightroom: caches that it can make again, locks
    "*Previews.lrdata/",
    "*Helper.lrdata/",
    "*.lrcat.lock",
    "*.lrcat-shm",
    # half-written files of lrsync's own
    ".lrsync-tmp-*",
    # what a restore in place replaced: bytes that a person found bad
    ".lrsync-replaced-*",
)
APPLE_DOUBLE: Final = "._*"
_FINGERPRINT_VERSION: Final = b"1"


class IgnoreRules:
    """The rules of one run, compiled.

    `fingerprint` is another one whenever a decision could be another one. `file_patterns` and `folder_patterns` are
    the rules as plain gitignore lines (the order as in gitignore: the last one wins): a file is left out when the
    first exclude it, or when the second exclude a folder above it. Raises UsageError for a pattern that is empty or
    malformed.
    """

    def __init__(self, exclude: Iterable[str] = (), include: Iterable[str] = (), *, defaults: bool = True) -> None:
        excludes = [canonical(pattern, "--exclude") for pattern in exclude]
        includes = [canonical(pattern, "--include") for pattern in include]
        junk = list(DEFAULT_JUNK) if defaults else []
        shadows = [APPLE_DOUBLE] if defaults else []
        self._excluding = (*excludes, *junk, *shadows)
        self._has_includes = bool(includes)
        self._folds = bool(excludes or includes)
        contents = [f"!{_contents(pattern)}" for pattern in includes]
        back = [f"!{pattern}" for pattern in includes]
        late = [f"!{pattern}" for pattern in includes if _segments(pattern)[-1].startswith("._")]
        tail = (*contents, *junk, *back, *shadows, *late)
        closing = [pattern for pattern in excludes if not includes or _names_something(pattern)]
        openers = [f"!{opener}" for pattern in includes for opener in _openers(pattern)]
        self.file_patterns: tuple[str, ...] = (*excludes, *tail)
        # Without its slash a folder's pattern matches the folder itself, which wins over what matches its parents.
        self.folder_patterns = tuple(line.rstrip("/") for line in (*closing, *tail, *openers))
        self.fingerprint: bytes = _digest("\0".join((*self.file_patterns, "", *self.folder_patterns)))
        files, self._file_rest = split_shapes(p for p in self._excluding if not p.endswith("/"))
        folders, self._folder_rest = split_shapes(self._excluding)
        self._has_shape, self._folder_has_shape = files.matcher(), folders.matcher()
        self._needles = files.needles()

    def left_out(self, folder: str, names: Sequence[str]) -> frozenset[str]:
        """Which of the names of files in one folder ('' is the root), which is not left out itself."""
        if not self._file_rest:
            # Of a million names hardly one is left out, and to look for a few words in all of a folder's costs less
            # than to look at each.
            joined = "\0".join(("", *names, ""))
            if self._folds:
                joined = fold(joined)
            if not any(needle in joined for needle in self._needles):
                return frozenset()
        return frozenset(filter(self.matcher(folder), names))

    def matcher(self, folder: str) -> Matcher:
        """The decision on the names of files in one folder ('' is the root), which is not left out itself."""
        if not self._folds:
            return self._has_shape
        if not self._has_includes and not self._file_rest:
            has_shape = self._has_shape
            return lambda name: has_shape(name if name.isascii() else fold(name))
        return self._composed_matcher(fold(f"{folder}/") if folder else "")

    def _composed_matcher(self, prefix: str) -> Matcher:
        # Composing acts across no slash: the name can be folded apart from its folder.
        if self._has_includes and self._any_exclude.excludes(prefix):
            decide = self._file_rules.in_folder(prefix)
            return lambda name: decide(fold(name))
        # Most files match no exclude at all, and that is cheap to know: includes have nothing to bring back then.
        has_shape, by_rest = self._has_shape, self._rest_of_files.in_folder(prefix)
        decide = self._file_rules.in_folder(prefix) if self._has_includes else lambda _name: True

        def leaves_out(name: str) -> bool:
            name = fold(name)
            return (has_shape(name) or by_rest(name)) and decide(name)

        return leaves_out

    def closes(self, folder: str) -> bool:
        """Whether the walk stays out of this folder; its parents are open."""
        name = folder.rpartition("/")[2]
        if self._has_includes:
            return self._folder_rules.excludes(fold(folder))
        if self._folder_has_shape(fold(name) if self._folds else name):
            return True
        return bool(self._folder_rest) and self._rest_of_folders.excludes(fold(folder) + "/")

    def is_excluded(self, path: str) -> bool:
        """Whether a file is left out, by itself or by one of its folders."""
        folder, _, name = path.rpartition("/")
        return any(self.closes(above) for above in _ancestors(path)) or self.matcher(folder)(name)

    # Expressions are compiled when first needed: the default rules need none, and so no pathspec.

    @cached_property
    def _file_rules(self) -> Evaluator:
        return Evaluator(self.file_patterns)

    @cached_property
    def _folder_rules(self) -> Evaluator:
        return Evaluator(self.folder_patterns)

    @cached_property
    def _any_exclude(self) -> Evaluator:
        return Evaluator(self._excluding)

    @cached_property
    def _rest_of_files(self) -> Evaluator:
        return Evaluator(self._file_rest)

    @cached_property
    def _rest_of_folders(self) -> Evaluator:
        return Evaluator(self._folder_rest)


def fold(path: str) -> str:
    """A name or path as it is matched: composed, and without newlines, which pathspec's `$` and `.` stumble over."""
    if "\n" in path:
        path = path.replace("\n", "\0")
    return path if path.isascii() else unicodedata.normalize("NFC", path)


def canonical(pattern: str, flag: str) -> str:
    """A user's pattern as a gitignore line; `flag` is where they gave it. Raises UsageError."""
    text = fold(pattern)
    text = text if text.endswith("\\ ") else text.rstrip()
    if not text.strip("/"):
        raise UsageError(f"{flag} '{pattern}' is an empty pattern", hint="use a name or a pattern such as '*.tmp'")
    if text.startswith("!"):
        way = "bring files back with --include, or write '\\!'" if flag.startswith("--") else "write '\\!' for its name"
        raise UsageError(f"{flag} '{pattern}' starts with '!'", hint=way)
    text = f"\\{text}" if text.startswith("#") else text
    try:
        # A plain name is a pattern in any case; whatever else is given, pathspec must be able to read.
        if split_shapes([text])[1]:
            check_pattern(text)
    except BadPatternError as error:
        raise UsageError(f"{flag} '{pattern}' is not a pattern: {error}", hint="see the gitignore rules") from error
    return text


def _segments(pattern: str) -> list[str]:
    return [part for part in pattern.split("/") if part] or [pattern]


def _is_anchored(pattern: str) -> bool:
    return "/" in pattern.rstrip("/")


def _names_something(pattern: str) -> bool:
    """Whether the pattern tells names apart, rather than meaning all of them."""
    return bool(_segments(pattern)[-1].strip("*?."))


def _contents(pattern: str) -> str:
    """The pattern of all that lies in a folder which `pattern` matches."""
    body = pattern.rstrip("/")
    return f"{body}/**" if _is_anchored(pattern) else f"**/{body}/**"


def _openers(pattern: str) -> Iterator[str]:
    """The folders that a path leads through, as patterns: `a/b/c.nef` leads through `/a` and `/a/b`."""
    if not _is_anchored(pattern):
        return
    parts = _segments(pattern)
    for depth in range(1, len(parts)):
        if "**" in parts[:depth]:
            return
        yield "/" + "/".join(parts[:depth])


def _ancestors(path: str) -> Iterator[str]:
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)


def _digest(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(encoded, digest_size=8, person=_FINGERPRINT_VERSION).digest()
