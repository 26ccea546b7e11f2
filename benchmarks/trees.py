"""Folders of files that are the same on every machine and in every run."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

LONG_AGO_S = 1_700_000_000
PER_FOLDER = 250
CHUNK_BYTES = 1 << 20


def make_tree(root: Path, count: int, size: int, per_folder: int = PER_FOLDER) -> int:
    """`count` files of `size` random bytes each, so many to a folder, long untouched; returns all their bytes."""
    source = random.Random(f"{count} {size}")
    for number in range(count):
        path = path_of(root, number, per_folder)
        if number % per_folder == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, size, CHUNK_BYTES):
                file.write(source.randbytes(min(CHUNK_BYTES, size - start)))
        os.utime(path, (LONG_AGO_S, LONG_AGO_S))
    return count * size


def path_of(root: Path, number: int, per_folder: int = PER_FOLDER) -> Path:
    """Where `make_tree` puts its file of this number."""
    return root / "2024" / f"{number // per_folder:03}" / f"IMG_{number:05}.jpg"


def etags(root: Path) -> dict[str, tuple[int, str]]:
    """Size and MD5 of every file by its relative path: what a store says of an object that came in one request."""
    found = {}
    for path in sorted(root.rglob("*.jpg")):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "md5").hexdigest()
        found[path.relative_to(root).as_posix()] = (path.stat().st_size, digest)
    return found
