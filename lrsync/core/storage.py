"""Into which storage class a file goes, by what it is. Pure: a name and a size in, a class out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from lrsync.core.filetypes import FileType, type_of
from lrsync.core.keys import RESERVED

ARCHIVES: Final = frozenset({"GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"})
"""They ask for 90 or 180 days of each object, and two of them for hours before it is read."""
ASLEEP: Final = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Those whose objects cannot be read, and so not be copied either, before they are thawed."""
STANDARD: Final = "STANDARD"
MIN_SIZE: Final = 128 << 10
"""40 KiB of overhead are billed with each archived object, and GLACIER_IR bills 128 KiB at least: a sidecar costs more
there than in STANDARD."""

KINDS: Final = (FileType.ORIGINAL, FileType.REWRITABLE, FileType.SIDECAR, FileType.CATALOG, FileType.OTHER)
"""What a class can be chosen for; previews, where they are backed up at all, go with the others."""
_TRASH: Final = f"{RESERVED}trash/"


def kind_of(name: str) -> FileType:
    """Which of `KINDS` a file is, by its name.

    >>> kind_of("2024/a.NEF"), kind_of("x.lrprev")
    (<FileType.ORIGINAL: 'original'>, <FileType.OTHER: 'other'>)
    """
    kind = type_of(name.rpartition("/")[2])
    return FileType.OTHER if kind is FileType.PREVIEW else kind


@dataclass(frozen=True, slots=True)
class StorageRules:
    """The class for each kind of file, and `default` for the others; None is the bucket's own.

    What is smaller than `min_size` bytes goes into no archive, and neither does anything that lrsync needs at once: a
    catalog, a snapshot.
    """

    default: str | None = None
    by_kind: Mapping[FileType, str] = field(default_factory=dict)
    min_size: int = 0

    def class_for(self, key: str, size: int) -> str | None:
        """The class of the object under this key (or of the file at this path), of so many bytes."""
        if not self.by_kind and self.default not in ARCHIVES:
            return self.default  # the usual case: it is asked for twice with every file
        if _is_own(key):
            return self._readable
        kind = kind_of(key)
        chosen = self.by_kind.get(kind, self.default)
        if chosen in ARCHIVES and (kind is FileType.CATALOG or size < self.min_size):
            return self._readable
        return chosen

    def recorded_class(self, path: str, size: int) -> str:
        """The same, as a row has it."""
        return self.class_for(path, size) or STANDARD

    @property
    def _readable(self) -> str | None:
        return None if self.default in ARCHIVES else self.default

    @property
    def classes(self) -> frozenset[str]:
        """Every class that files may go into."""
        return frozenset(one or STANDARD for one in (self.default, *self.by_kind.values()))


def sleeping_of(rules: StorageRules) -> list[str]:
    """The classes whose objects have to be thawed before anything can be done with them."""
    return sorted(rules.classes & ASLEEP)


def _is_own(key: str) -> bool:
    """Whether this is lrsync's own. What lies in the trash is not: it is a file under another key."""
    return f"/{RESERVED}" in f"/{key}" and f"/{_TRASH}" not in f"/{key}"
