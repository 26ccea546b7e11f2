"""The source with each Lightroom catalog and its companions seen as one file. Lists and stats; copies nothing.

A catalog's log, lock and data folder are never files of their own: half of a database is none. Its `.lrcat` has a stat
that stands for all of them (`catalog_family.Family.stat`), so that a change to any is a change of the catalog.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lrsync.adapters.catalog_family import family_of
from lrsync.core.filetypes import CATALOG_SUFFIX, catalog_of, is_catalog
from lrsync.core.keys import join_path, split_path
from lrsync.core.scan import FileFacts, ScannedDir, ScannedFile, ScanProblem, Stat

if TYPE_CHECKING:
    from lrsync.core.checksums import ChecksumKind
    from lrsync.core.model import Content
    from lrsync.core.ports import SourceTree


class CatalogTree:
    """A `core.ports.SourceTree` around another one, whose root is `root`."""

    def __init__(self, inner: SourceTree, root: str) -> None:
        self._inner = inner
        self._root = os.path.abspath(root)
        self.fingerprint = inner.fingerprint

    def walk(self) -> Iterator[ScannedDir]:
        """As the inner walk, without data folders and the companions beside a catalog."""
        data_folders: tuple[str, ...] = ()
        for scanned in self._inner.walk():
            if data_folders and f"{scanned.path}/".startswith(data_folders):
                continue
            names = scanned.columns.names
            # One look at all of a folder's names: one at each would cost a tenth of the whole walk.
            if CATALOG_SUFFIX in "\0".join(names).lower() and (catalogs := set(filter(is_catalog, names))):
                data_folders += tuple(f"{join_path(scanned.path, name)}-data/" for name in catalogs)
                scanned = self._as_families(scanned, catalogs)
            yield scanned

    def _as_families(self, scanned: ScannedDir, catalogs: set[str]) -> ScannedDir:
        files: list[FileFacts] = []
        problems = list(scanned.problems)
        for file in scanned.files:
            if catalog_of(file.name) in catalogs:
                continue
            if file.name not in catalogs:
                files.append(file)
                continue
            path = join_path(scanned.path, file.name)
            try:
                stat = self._family_stat(path)
            except OSError as error:
                problems.append(ScanProblem(path, error.strerror or str(error), "allow this user to read its folder"))
                continue
            if stat is not None:  # gone since it was listed: the next run sees that
                files.append(ScannedFile(file.name, *stat))
        complete = scanned.complete and len(problems) == len(scanned.problems)
        return replace(scanned.with_files(files), problems=tuple(problems), complete=complete)

    def _family_stat(self, path: str) -> Stat | None:
        family = family_of(os.path.join(self._root, path))
        return None if family is None else family.stat

    def is_excluded(self, path: str) -> bool:
        """Whether the rules leave it out, or it belongs to a catalog that is there: then nothing is missing."""
        return self._inner.is_excluded(path) or self._is_companion(path)

    def _is_companion(self, path: str) -> bool:
        if CATALOG_SUFFIX not in path.lower():
            return False
        while path:
            folder, name = split_path(path)
            catalog = catalog_of(name)
            if catalog is not None and self._is_there(join_path(folder, catalog)):
                return True
            path = folder
        return False

    def _is_there(self, catalog: str) -> bool:
        try:
            return not self._inner.is_excluded(catalog) and self._inner.stat(catalog) is not None
        except OSError:
            return True  # unknown is not missing

    def stat(self, path: str) -> Stat | None:
        """As the inner stat; of a catalog, its family's."""
        return self._family_stat(path) if is_catalog(path) else self._inner.stat(path)

    def gone_since_ns(self, path: str) -> int | None:
        """As the inner tree."""
        return self._inner.gone_since_ns(path)

    def read(
        self,
        path: str,
        *,
        hold_below: int,
        part_size: int,
        want_md5: bool = False,
        etag_part_sizes: Sequence[int] = (),
        want_checksum: ChecksumKind | None = None,
    ) -> Content:
        """As the inner tree: the file as it lies there."""
        return self._inner.read(
            path,
            hold_below=hold_below,
            part_size=part_size,
            want_md5=want_md5,
            etag_part_sizes=etag_part_sizes,
            want_checksum=want_checksum,
        )

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        """As the inner tree: the file as it lies there."""
        return self._inner.read_part(path, offset, length)
