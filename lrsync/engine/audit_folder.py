"""One folder of the source as an audit sees it: on the disk and in the manifest, whatever way a name is spelled."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cached_property

from lrsync.core.audit import DiskFacts, Recorded
from lrsync.core.keys import composed
from lrsync.core.scan import ScannedDir


class FolderHere:
    """One folder on the disk and in the manifest, asked by the catalog's spelling of a name."""

    def __init__(self, scanned: ScannedDir, rows: Mapping[str, Recorded]) -> None:
        self._disk = {file[0]: file for file in scanned.files}
        self._rows = rows
        self._composed: dict[str, str] | None = None

    @cached_property
    def safe(self) -> dict[str, Recorded]:
        """The rows of the files that are on the disk just as they were backed up, proven and not rotten."""
        rows = self._rows
        return {
            file[0]: row
            for file in self._disk.values()
            if (row := rows.get(file[0])) is not None and row[:4] == file and row.good and not row.rotten
        }

    def find(self, name: str) -> tuple[DiskFacts | None, str]:
        """The file's facts, and its name as the disk spells it (a Mac's disk may have it decomposed)."""
        found = self._disk.get(name)
        if found is None and not name.isascii():
            name = self._spellings().get(composed(name), name)
            found = self._disk.get(name)
        return (None if found is None else DiskFacts(found.size, found.mtime_ns, found.ctime_ns)), name

    def in_another_case(self, name: str) -> str | None:
        """The file that a disk which does not tell cases apart gives for this name."""
        wanted = composed(name).casefold()
        return next((other for other in self._disk if composed(other).casefold() == wanted), None)

    def row(self, name: str) -> Recorded | None:
        """The manifest's row."""
        row = self._rows.get(name)
        if row is None and not name.isascii():
            row = next((self._rows[other] for other in _forms(name) if other in self._rows), None)
        return row

    def _spellings(self) -> Mapping[str, str]:
        if self._composed is None:
            self._composed = {composed(name): name for name in self._disk}
        return self._composed


def _forms(name: str) -> Iterable[str]:
    return (unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
