"""Rows, outcomes and manifests for the manifest's tests."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lrsync.adapters.database import prepare
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.seals import Seals
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.keys import listing_prefix
from lrsync.core.library import LibraryRow
from lrsync.core.model import (
    Change,
    ChangeKind,
    Content,
    Done,
    ManifestEntry,
    MarkMissing,
    Outcome,
    Quarantine,
    Trash,
    Upload,
)

PREFIX = "photos"
LIBRARY = LibraryRow("0b7f", "default", "/Volumes/Fotos", "", "bucket", PREFIX, created_at=5)


def entry(path: str, **other: object) -> ManifestEntry:
    """A row as an upload leaves it; bytes that are the path's own unless `sha256` says otherwise."""
    sha256 = other.get("sha256", hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest())
    assert sha256 is None or isinstance(sha256, bytes)
    checksum = None if sha256 is None else Checksum(ChecksumKind.SHA256, base64.b64encode(sha256).decode())
    values: dict[str, object] = {
        "size": 1000 + len(path),
        "mtime_ns": 1_700_000_000_123_456_789,
        "ctime_ns": 1_700_000_001_000_000_000,
        "key": listing_prefix(PREFIX) + path,
        "checksum": checksum,
        "etag": hashlib.md5(sha256 or b"").hexdigest(),
        "version_id": None,
        "storage_class": "STANDARD",
        "uploaded_at": 1_700_000_002_000_000_000,
    }
    return ManifestEntry(path=path, **{**values, "sha256": sha256, **other})  # type: ignore[arg-type]


def change(row: ManifestEntry) -> Change:
    """The change that leads to a row."""
    return Change(ChangeKind.UNSURE, row.path.rpartition("/")[0], None, row)


def content(row: ManifestEntry) -> Content:
    """What reading the row's file finds."""
    return Content(row.stat, row.sha256 or b"", 0)


def uploaded(row: ManifestEntry) -> Outcome:
    """The row's file was uploaded."""
    return Done(Upload(change(row), content(row)), row)


def gone(row: ManifestEntry) -> Outcome:
    """The row's file is missing; the row says since when."""
    return Done(MarkMissing(change(row)), row)


def trashed(row: ManifestEntry) -> Outcome:
    """The row's object is in the trash."""
    return Done(Trash(row), None)


def quarantined(row: ManifestEntry) -> Outcome:
    """The row's file is an original that changed."""
    return Done(Quarantine(change(row), content(row)), row)


@contextmanager
def opened(path: Path, library: LibraryRow | None = LIBRARY) -> Iterator[tuple[Manifest, Seals]]:
    """The manifest at `path`, made where there is none, by both of its doors."""
    prepare(path)
    with Manifest(path, PREFIX) as manifest, Seals(path, clock=lambda: 99) as seals:
        if library is not None:
            manifest.update_library(library)
        yield manifest, seals
