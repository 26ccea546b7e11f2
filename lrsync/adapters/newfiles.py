"""Write many small new files together: the bytes of all are on the disk before the first of them gets its name.

One after the other each file waits for the disk; together they wait once. Replaces nothing, and follows no link.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from lrsync.adapters.folders import Folder, opened
from lrsync.adapters.leftovers import HOLDS, temporary_name
from lrsync.core.keys import KeyProblem, path_for, split_path
from lrsync.core.ports import NewFile, Placed


@dataclass(slots=True)
class _Part:
    """One file on its way: its temporary name while it has one, its descriptor while that is open, its failure."""

    file: NewFile
    at: Folder
    name: str
    temporary: str = ""
    handle: int = -1
    result: Placed | OSError | None = None

    def begin(self) -> None:
        self.at.demand(self.name, None)
        self.temporary = temporary_name()
        self.handle = self.at.begin(self.temporary, self.file.data, self.file.mtime_ns)

    def settle(self) -> None:
        os.fsync(self.handle)
        if not HOLDS:
            self.let_go()
        self.at.set_time(self.temporary, self.file.mtime_ns)

    def place(self) -> None:
        self.at.put(self.temporary, self.name, replace=False)
        self.at.drop(self.temporary)
        self.temporary = ""
        self.let_go()

    def let_go(self) -> None:
        """Close the file, and with that end the lock on it."""
        if self.handle >= 0:
            handle, self.handle = self.handle, -1
            os.close(handle)

    def look(self) -> None:
        facts = self.at.facts(self.name)
        if facts is None:
            raise FileNotFoundError(errno.ENOENT, "vanished as soon as it was written", self.file.path)
        self.result = Placed(facts)

    def clear_away(self) -> None:
        self.let_go()
        if self.temporary:
            with suppress(OSError):
                self.at.drop(self.temporary)


def write_new(root: str, files: Sequence[NewFile]) -> list[Placed | OSError]:
    """See `TargetFolder.write_many`."""
    with ExitStack() as stack:
        folders: dict[str, Folder] = {}
        parts = [_part(root, file, folders, stack) for file in files]
        made = [part for part in parts if isinstance(part, _Part)]
        for part in made:
            stack.callback(part.clear_away)
        for step in (_Part.begin, _Part.settle, _Part.place):
            _take(step, made)
        _sync(folders, made)
        _take(_Part.look, made)
        return [part if isinstance(part, OSError) else _result_of(part) for part in parts]


def _part(root: str, file: NewFile, folders: dict[str, Folder], stack: ExitStack) -> _Part | OSError:
    try:
        folder, name = safe_split(file.path)
        if folder not in folders:
            folders[folder] = stack.enter_context(opened(root, folder, create=True))
    except OSError as error:
        return error
    return _Part(file, folders[folder], name)


def _take(step: Callable[[_Part], None], parts: Sequence[_Part]) -> None:
    """Take one step with all that have not failed."""
    for part in parts:
        if part.result is None:
            try:
                step(part)
            except OSError as error:
                part.result = error


def _sync(folders: dict[str, Folder], parts: Sequence[_Part]) -> None:
    """See that the names are on the disk: once for each folder."""
    for folder in folders.values():
        try:
            folder.sync()
        except OSError as error:
            for part in parts:
                if part.at is folder and part.result is None:
                    part.result = error


def _result_of(part: _Part) -> Placed | OSError:
    assert part.result is not None, "looked at last"
    return part.result


def safe_split(path: str) -> tuple[str, str]:
    """Folder and name of a path that cannot leave the target. Raises OSError (EINVAL) for any other."""
    try:
        checked = path_for("", path)
    except KeyProblem as problem:
        raise OSError(errno.EINVAL, f"is no safe path: {problem}", path) from problem
    if os.name == "nt" and any(c in checked for c in "\\:"):
        raise OSError(errno.EINVAL, "has a character that leads elsewhere on this system", path)
    return split_path(checked)
