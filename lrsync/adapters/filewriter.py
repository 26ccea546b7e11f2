"""Write files into a folder: whole or not at all, on the disk when it says so, and never through a link.

Owns every byte that lrsync writes into a photographer's folder but the marker. Replaces nothing that it was not
told of; what it replaces it keeps beside it unless told otherwise: those bytes may be the only ones of their kind.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lrsync.adapters.folders import Folder, numbered, opened
from lrsync.adapters.leftovers import temporary_name
from lrsync.adapters.newfiles import safe_split, write_new
from lrsync.adapters.partfile import PartFile, part_name
from lrsync.core.keys import join_path
from lrsync.core.ports import Damaged, NewFile, Placed, Placing
from lrsync.core.scan import Stat

REPLACED: Final = ".lrsync-replaced-"
"""Left out by the default rules, as temporary files are: neither is a photo of the user's."""


class FileWriter:
    """One folder to write into: a `core.ports.TargetFolder`. Many threads may use it."""

    def __init__(self, root: Path, *, stamp: str) -> None:
        """`root` must be there; `stamp` names the run in the names of what was replaced."""
        self._root = os.path.abspath(root)
        self._stamp = stamp

    def stat(self, path: str) -> Stat | None:
        """The regular file's stat, reached without following a link; None where there is none."""
        folder, name = safe_split(path)
        try:
            with opened(self._root, folder, create=False) as at:
                return at.facts(name)
        except FileNotFoundError:
            return None

    def demand_free(self, path: str) -> None:
        """See `TargetFolder.demand_free`."""
        folder, name = safe_split(path)
        with suppress(FileNotFoundError), opened(self._root, folder, create=False) as at:
            at.demand(name, None)

    def write(self, path: str, chunks: Iterator[bytes], sha256: bytes | None, placing: Placing) -> Placed | Damaged:
        """See `TargetFolder.write`."""
        folder, name = safe_split(path)
        with opened(self._root, folder, create=True) as at:
            at.demand(name, placing.replacing)
            part = temporary_name()
            try:
                with at.filled(part, chunks, placing.mtime_ns, at.mode(name)) as found:
                    if sha256 not in (None, found):
                        return Damaged(join_path(folder, at.keep(part, lambda n: numbered(name, ".damaged", n))))
                    return self._placed(at, part, path, placing)._replace(sha256=found)
            finally:
                at.drop(part)

    def write_many(self, files: Sequence[NewFile]) -> list[Placed | OSError]:
        """See `TargetFolder.write_many`."""
        return write_new(self._root, files)

    @contextmanager
    def partial(self, path: str, replacing: Stat | None) -> Iterator[PartFile]:
        """See `TargetFolder.partial`."""
        folder, name = safe_split(path)
        with opened(self._root, folder, create=True) as at:
            at.demand(name, replacing)
            with PartFile(at, path, lambda part, placing: self._placed(at, part, path, placing)) as part:
                yield part

    def left(self, path: str) -> int:
        """See `TargetFolder.left`."""
        folder, name = safe_split(path)
        try:
            with opened(self._root, folder, create=False) as at:
                return at.allocated(part_name(name))
        except FileNotFoundError:
            return 0

    def clear_left(self, folder: str) -> None:
        """See `TargetFolder.clear_left`."""
        with suppress(FileNotFoundError), opened(self._root, folder, create=False) as at:
            at.clear_left()

    def _placed(self, at: Folder, part: str, path: str, placing: Placing) -> Placed:
        """Give a finished file its name."""
        folder, name = safe_split(path)
        # Looked at again: a download may take an hour, and somebody may have worked on the file meanwhile.
        at.demand(name, placing.replacing)
        replaces = placing.replacing is not None
        kept = at.set_aside(name, f"{REPLACED}{self._stamp}-") if replaces and placing.keep else None
        at.put(part, name, replace=replaces)
        at.drop(part)
        at.sync()
        placed = at.facts(name)
        if placed is None:
            raise FileNotFoundError(errno.ENOENT, "vanished as soon as it was written", path)
        return Placed(placed, None if kept is None else join_path(folder, kept))
