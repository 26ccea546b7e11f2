"""Compare originals that are backed up for the first time with the sizes that Lightroom noted when it imported them.

A RAW that was cut off on its way from the card has a sound stat and a sound hash: only the catalog knows better. Looked
at are the folders of tonight's new originals alone, and only in catalogs that were copied tonight anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from lrsync.core.filetypes import is_original
from lrsync.core.findings import Finding
from lrsync.core.keys import composed, join_path, split_path
from lrsync.core.lightroom import below, import_size, path_here
from lrsync.core.model import ManifestEntry
from lrsync.core.ports import CatalogCopy, CatalogDamagedError, CatalogNames
from lrsync.engine import reports
from lrsync.engine.catalogs import SourceHere


@dataclass(slots=True)
class ImportWitness:
    """What catalogs say of one run's new originals. `folders`: where these are; `since_ns`: when the run began."""

    where: SourceHere
    rows: Callable[[str], list[ManifestEntry]]
    folders: Collection[str]
    since_ns: int
    findings: dict[str, Finding] = field(default_factory=dict)

    def look(self, copy: CatalogCopy) -> None:
        """Add what this catalog says. A catalog that cannot be asked says nothing: its backup must not fail by it."""
        if not self.folders:
            return
        with suppress(CatalogDamagedError), copy.names() as catalog:
            for path, imported in self._imported(catalog):
                row = self._new_rows(split_path(path)[0]).get(composed(path))
                if row is not None and row.size != imported:
                    self.findings[row.path] = reports.import_differs(row, imported)

    def _imported(self, catalog: CatalogNames) -> Iterator[tuple[str, int]]:
        """The originals in these folders: their paths below the source, and their bytes at import."""
        wanted = {composed(folder): folder for folder in self.folders}
        roots: dict[str, str] = {}
        for folder in catalog.folders():
            if folder.root not in roots:
                roots[folder.root] = self.where.resolve(folder.root.rstrip("/") or "/")
            inside = below(path_here(folder, roots[folder.root]), self.where.paths)
            if inside is None or composed(inside) not in wanted:
                continue
            for name, _, import_hash in catalog.photos(folder.id):
                size = import_size(import_hash)
                if size is not None and is_original(name):
                    yield join_path(wanted[composed(inside)], name), size

    def _new_rows(self, folder: str) -> Mapping[str, ManifestEntry]:
        if folder != self._folder:
            new = [row for row in self.rows(folder) if row.uploaded_at >= self.since_ns and row.missing_since is None]
            self._folder, self._rows = folder, {composed(row.path): row for row in new}
        return self._rows

    _folder: str | None = None
    _rows: Mapping[str, ManifestEntry] = field(default_factory=dict)
