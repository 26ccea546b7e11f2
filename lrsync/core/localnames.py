"""What a path of the backup is called on the disk that it comes back to. Pure: the disk's rules are a value.

A name that the disk cannot hold, or that leads elsewhere on this system, gets another one; so does a name that this
disk takes for another file's. What was renamed is told: nothing is left out, and nothing overwrites its neighbour.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from lrsync.core.keys import path_for

_DEVICES: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(?:[.:].*)?",
    re.IGNORECASE,
)
"""Windows' "Naming Files, Paths, and Namespaces": devices, with any extension, in whatever folder."""
_FORBIDDEN: Final = re.compile(r'[<>:"|?*\\\x00-\x1f]')


@dataclass(frozen=True, slots=True)
class NameRules:
    """What a disk does with names. `folds_case`, `folds_forms`: it takes `A` for `a`, and NFC for NFD."""

    windows: bool = False
    folds_case: bool = False
    folds_forms: bool = False
    max_name_bytes: int = 255

    def fold(self, name: str) -> str:
        """What names that are one to this disk have in common."""
        # By the rules of Windows trailing dots and blanks are replaced before, so they need no folding.
        if self.folds_forms:
            name = unicodedata.normalize("NFC", name)
        return name.casefold() if self.folds_case else name


POSIX: Final = NameRules()
WINDOWS: Final = NameRules(windows=True, folds_case=True)
MAC: Final = NameRules(folds_case=True, folds_forms=True)


def safe_name(name: str, rules: NameRules) -> str:
    """One name as this disk can hold it; the same for most."""
    safe = name
    if rules.windows:
        safe = _FORBIDDEN.sub("_", safe)
        if safe[-1:] in (".", " "):
            safe = f"{safe[:-1]}_"
        if _DEVICES.fullmatch(safe):
            safe = f"_{safe}"
    if len(_encoded(safe)) > rules.max_name_bytes:
        safe = _told_apart(safe, name, rules)
    return safe


@dataclass(slots=True)
class Namer:
    """Names the files of one restore, in the order of their paths. Remembers the folders that it is in, and no more.

    The first of two paths that are one to the disk keeps its name; the other's gets a few letters of its own, which
    are the same in every run. Raises KeyProblem for a path that could leave the target.
    """

    rules: NameRules
    _open: list[_Folder] = field(default_factory=list)

    def local_path(self, path: str) -> str:
        """What this file is called on the disk."""
        *folders, name = path_for("", path).split("/")
        if not self._open:
            self._open.append(_Folder("", "", {}))
        depth = self._common(folders)
        del self._open[depth + 1 :]
        for folder in folders[depth:]:
            parent = self._open[-1]
            local = parent.name_for(folder, self.rules)
            self._open.append(_Folder(folder, f"{parent.local}{local}/", {}))
        return self._open[-1].local + self._open[-1].name_for(name, self.rules)

    def _common(self, folders: list[str]) -> int:
        depth = 0
        for folder, known in zip(folders, self._open[1:], strict=False):
            if folder != known.name:
                break
            depth += 1
        return depth


@dataclass(slots=True)
class _Folder:
    """A folder that files are being named in. `taken`: the folded local names, and whose they are."""

    name: str
    local: str
    taken: dict[str, str]

    def name_for(self, name: str, rules: NameRules) -> str:
        local = safe_name(name, rules)
        owner = self.taken.setdefault(rules.fold(local), name)
        if owner == name:
            return local
        local = _told_apart(local, name, rules)
        self.taken[rules.fold(local)] = name
        return local


def _told_apart(local: str, name: str, rules: NameRules) -> str:
    """The name with letters that come from its exact spelling before its extension, in as many bytes as it may have."""
    stem, dot, extension = local.rpartition(".")
    if not stem or len(_encoded(extension)) > 16:
        stem, dot, extension = local, "", ""
    tail = f"~{hashlib.sha256(_encoded(name)).hexdigest()[:8]}{dot}{extension}"
    room = rules.max_name_bytes - len(_encoded(tail))
    while len(_encoded(stem)) > room:
        stem = stem[:-1]
    return stem + tail


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
