"""Write a snapshot's catalog into a folder: whole and checked, or not at all. Replaces nothing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from lrsync.adapters.catalog_pack import receive, unpack_file, unpack_folder
from lrsync.adapters.catalog_read import settle_copy
from lrsync.adapters.leftovers import TEMPORARY
from lrsync.core.catalogs import SnapshotNote, SnapshotPart
from lrsync.core.filetypes import DATA_SUFFIX
from lrsync.core.ports import CatalogDamagedError, SnapshotDamagedError

Fetch = Callable[[SnapshotPart], AbstractContextManager[Iterator[bytes]]]
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")


def place_catalog(note: SnapshotNote, fetch: Fetch, to: Path) -> list[Path]:
    """Restore the snapshot into the folder `to`, which is made; returns what was written.

    Raises FileExistsError where something of these names is there, SnapshotDamagedError, OSError, and whatever
    `fetch` raises; then nothing is left in the folder.
    """
    to.mkdir(parents=True, exist_ok=True)
    for part in note.parts:
        _refuse_existing(to / part.name)
    work = to / f"{TEMPORARY}{secrets.token_hex(8)}"
    work.mkdir(mode=0o700)
    try:
        unpacked = [_unpack(part, fetch, work) for part in note.parts]
        targets = [to / path.name for path in unpacked]
        for path, target in zip(unpacked, targets, strict=True):
            _refuse_existing(target)
            os.rename(path, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return targets


def place_database(note: SnapshotNote, fetch: Fetch, to: Path) -> Path:
    """Restore the snapshot's database alone into the empty folder `to`, to be read; returns its path.

    Raises SnapshotDamagedError, OSError, and whatever `fetch` raises.
    """
    database = next((part for part in note.parts if not part.name.endswith(DATA_SUFFIX)), None)
    if database is None:
        raise SnapshotDamagedError("it has no catalog in it")
    return _unpack(database, fetch, to)


def _refuse_existing(target: Path) -> None:
    # A log that lies beside the catalog's name would be replayed into it.
    for path in (target, *(target.with_name(target.name + suffix) for suffix in _SIDE_FILES)):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, "is there already", str(path))


def _unpack(part: SnapshotPart, fetch: Fetch, work: Path) -> Path:
    packed, target = work / f"{part.object}.part", work / part.name
    with fetch(part) as chunks:
        receive(chunks, bytes.fromhex(part.packed_sha256), part.packed_size, packed)
    if part.name.endswith(DATA_SUFFIX):
        target.mkdir()
        digest = unpack_folder(packed, target, part.size)
    else:
        digest = unpack_file(packed, target, part.size)
        _check(target)
    packed.unlink()
    if digest.hex() != part.digest:
        raise SnapshotDamagedError(f"{part.name} is not what was stored")
    return target


def _check(database: Path) -> None:
    try:
        settle_copy(database)
    except CatalogDamagedError as error:
        raise SnapshotDamagedError(str(error)) from error
