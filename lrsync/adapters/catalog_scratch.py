"""Private folders for copies of catalogs, and what lies beside a catalog in Lightroom's own backups.

Beside the manifest, since a system's folder for temporary files may be small and in memory, and a catalog is large.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from lrsync.core.audit import ZipState

_LEFTOVER_AFTER_S: Final = 86_400.0
BACKUPS: Final = "Backups"
BROKEN_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What reading a damaged zip, or one that is locked by a password or packed in an unknown way, raises."""


@contextmanager
def scratch_folder(manifest: Path) -> Iterator[Path]:
    """A new private folder; gone at the end. What a killed run left there a day ago goes too."""
    head = f"{manifest.name}.catalog-"
    manifest.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_leftovers(manifest.parent, head)
    folder = Path(tempfile.mkdtemp(prefix=head, dir=manifest.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(parent: Path, head: str) -> None:
    for folder in parent.glob(f"{head}*"):
        with suppress(FileNotFoundError):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > _LEFTOVER_AFTER_S:
                shutil.rmtree(folder, ignore_errors=True)


def backups_of(catalog: Path) -> list[Path]:
    """Lightroom's own backups of this catalog, the newest first: `Backups/<date>/X.lrcat.zip`.

    Up to version 5 they are not compressed, and only `X.lrcat` lies there. Some people keep the zips without folders.
    """
    folder = catalog.parent / BACKUPS
    names = (f"{catalog.name}.zip", f"{catalog.stem}.zip", catalog.name)
    found: list[tuple[int, Path]] = []
    try:
        dated = [entry.path for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []  # none there, or none to be read: either way there is none to use
    for place in (str(folder), *dated):
        for name in names:
            with suppress(OSError):
                path = Path(place, name)
                found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found, reverse=True)]


def newest_backup(catalog: Path) -> ZipState | None:
    """The newest of them, every byte of it read; None where there is none."""
    newest = next(iter(backups_of(catalog)), None)
    if newest is None:
        return None
    return ZipState(str(newest), newest.stat().st_mtime_ns, _problem_of(newest))


def _problem_of(path: Path) -> str:
    if path.suffix.lower() != ".zip":
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            if not any(name.lower().endswith(".lrcat") for name in archive.namelist()):
                return "it holds no catalog"
            bad = archive.testzip()
    except (*BROKEN_ZIP, OSError) as error:
        return f"it cannot be read: {error}"
    return f"{bad} in it is damaged" if bad else ""
