"""Copies of the source's catalogs, checked and ready to be stored: a `core.ports.CatalogSource`.

Reads beside the user's catalog and writes into a scratch folder only.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from lrsync.adapters.catalog_copy import DATABASE, Patience, guarded_copy
from lrsync.adapters.catalog_family import is_noise
from lrsync.adapters.catalog_pack import folder_digest, packed
from lrsync.adapters.catalog_read import CatalogReader, settle_copy
from lrsync.adapters.catalog_scratch import BROKEN_ZIP, backups_of
from lrsync.adapters.reader import read_content, read_range
from lrsync.core.checksums import ChecksumKind
from lrsync.core.filetypes import DATA_SUFFIX, catalog_of, is_catalog
from lrsync.core.lightroom import CatalogFacts
from lrsync.core.model import Content
from lrsync.core.parts import part_size_for
from lrsync.core.ports import CatalogCopy, CatalogDamagedError, CatalogNames, CatalogPart, PackedManifest, SourceTree
from lrsync.core.scan import ScannedDir, Stat

BACKUPS_TRIED = 3


class ScratchCatalogs:
    """Copies of catalogs below `root`. `scratch` gives a new private folder that is gone when its context ends."""

    def __init__(
        self, root: Path, scratch: Callable[[], AbstractContextManager[Path]], patience: Callable[[], Patience]
    ) -> None:
        self._root = root
        self._scratch = scratch
        self._patience = patience

    @contextmanager
    def copied(self, path: str) -> Iterator[CatalogCopy]:
        """A copy of the catalog at this relative path; see `CatalogSource.copied`."""
        with self._scratch() as scratch:
            live = self._root / path
            copied = guarded_copy(live, scratch, self._patience())
            noted = copied.family.stat
            yield _looked_into(_Paths(live.name, scratch, copied.database, copied.data), noted)

    @contextmanager
    def newest_backup(self, path: str) -> Iterator[CatalogCopy | None]:
        """The newest sound backup that Lightroom itself made of it, unpacked; None where there is none."""
        live = self._root / path
        with self._scratch() as scratch:
            for number, backup in enumerate(backups_of(live)[:BACKUPS_TRIED]):
                folder = scratch / str(number)
                folder.mkdir()
                copy = _from_backup(backup, live.name, folder)
                if copy is not None:
                    yield copy
                    return
            yield None


@dataclass(frozen=True, slots=True)
class _Paths:
    """Where a copy lies. `name` is the live catalog's."""

    name: str
    scratch: Path
    database: Path
    data: Path | None


def _looked_into(paths: _Paths, noted: Stat) -> ScratchCopy:
    facts, problem = CatalogFacts(), ""
    try:
        settle_copy(paths.database)
        with CatalogReader(paths.database) as catalog:
            facts = catalog.facts()
    except CatalogDamagedError as error:
        problem = str(error)
    stat = Stat(paths.database.stat().st_size, noted.mtime_ns, noted.ctime_ns)
    return ScratchCopy(paths, facts, problem, stat)


def _from_backup(backup: Path, name: str, folder: Path) -> ScratchCopy | None:
    """The catalog in one of Lightroom's backups; None where it is not sound."""
    try:
        if backup.suffix.lower() == ".zip":
            with zipfile.ZipFile(backup) as archive:
                _unzip(archive, folder)
        else:
            shutil.copyfile(backup, folder / DATABASE)
    except BROKEN_ZIP:
        return None
    database, data = folder / DATABASE, folder / (DATABASE + DATA_SUFFIX)
    if not database.is_file():
        return None
    made_ns = backup.stat().st_mtime_ns
    paths = _Paths(name, folder, database, data if data.is_dir() else None)
    copy = _looked_into(paths, Stat(0, made_ns, made_ns))
    return None if copy.problem else copy


def _unzip(archive: zipfile.ZipFile, folder: Path) -> None:
    """The catalog and its data folder, whatever folders they lie in; nothing else, and nothing outside of `folder`."""
    for entry in archive.infolist():
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if entry.is_dir() or not parts or ".." in parts:
            continue
        at = next((index for index, part in enumerate(parts) if catalog_of(part) and part.endswith(DATA_SUFFIX)), None)
        if at is not None and not is_noise(parts[-1]) and at + 1 < len(parts):
            target = folder.joinpath(DATABASE + DATA_SUFFIX, *parts[at + 1 :])
        elif at is None and is_catalog(parts[-1]):
            target = folder / DATABASE
        else:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)


@dataclass(frozen=True)
class ScratchCopy:
    """One copy in its scratch folder: a `core.ports.CatalogCopy`."""

    _paths: _Paths
    facts: CatalogFacts
    problem: str
    stat: Stat

    def names(self) -> AbstractContextManager[CatalogNames]:
        """What the catalog names."""
        return CatalogReader(self._paths.database)

    @property
    def tree(self) -> SourceTree:
        """Reads the copy's bytes in the place of the live catalog's."""
        return _CopyTree(self._paths.database, self.stat)

    @cached_property
    def parts(self) -> Sequence[CatalogPart]:
        """The database, and the data folder where there is one."""
        database, data, name = self._paths.database, self._paths.data, self._paths.name
        with database.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        parts = [CatalogPart(name, "catalog.lrcat.zst", digest, database.stat().st_size)]
        if data is not None:
            data_digest, size = folder_digest(data)
            parts.append(CatalogPart(name + DATA_SUFFIX, "data.tar.zst", data_digest, size))
        return parts

    def pack(self, part: CatalogPart) -> AbstractContextManager[PackedManifest]:
        """One part, compressed. Raises OSError."""
        source = self._paths.data if part.name.endswith(DATA_SUFFIX) else self._paths.database
        assert source is not None, "a part of this copy"
        return packed(source, self._paths.scratch / part.object)


class _CopyTree:
    """A source of one file: whatever path is asked for, the copy's bytes are read."""

    fingerprint = b""

    def __init__(self, database: Path, stat: Stat) -> None:
        self._folder, self._name = str(database.parent), database.name
        self._stat = stat

    def walk(self) -> Iterator[ScannedDir]:
        """Nothing: the copy is not scanned."""
        return iter(())

    def is_excluded(self, path: str) -> bool:
        """Never."""
        return False

    def stat(self, path: str) -> Stat | None:
        """The copy's."""
        return self._stat

    def gone_since_ns(self, path: str) -> int | None:
        """The copy is there."""
        return None

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
        """The copy's content, with the times of the catalog; its own part size, since its length is its own, too."""
        content = read_content(
            self._folder,
            self._name,
            hold_below=hold_below,
            part_size=part_size_for(self._stat.size),
            want_md5=want_md5,
            etag_part_sizes=etag_part_sizes,
            want_checksum=want_checksum,
        )
        return replace(content, stat=self._stat)

    def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Exactly these bytes of the copy."""
        return read_range(self._folder, self._name, offset, length)
