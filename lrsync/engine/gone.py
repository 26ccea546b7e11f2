"""The files that a walk did not find any more, kept until the whole walk is known to be of the right source.

Keeps names only: of a library that was reorganised they fit into memory, its rows would not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lrsync.core.keys import split_path
from lrsync.core.model import Change, ChangeKind
from lrsync.core.ports import ManifestStore


@dataclass(slots=True)
class GoneFiles:
    """Names by folder, in the order of the walk. Folders that are gone whole are not here: nobody walked them."""

    _names: dict[str, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self._names)

    def add(self, change: Change) -> None:
        """Remember a file that is in the manifest and not on the disk."""
        self._names.setdefault(change.folder, set()).add(split_path(change.path)[1])

    def changes(self, manifest: ManifestStore) -> Iterator[Change]:
        """Each file once more as a change, with its row as it is now. Raises ManifestError."""
        for folder, names in self._names.items():
            for row in manifest.rows(folder):
                if split_path(row.path)[1] in names and row.missing_since is None:
                    yield Change(ChangeKind.MISSING, folder, None, row)
