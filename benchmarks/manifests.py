"""Manifests of libraries that are nowhere: as many rows as there are objects on the listing server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import groupby, islice
from pathlib import Path

from benchmarks.listing_server import MTIME, PREFIX, Objects
from lrsync.adapters import sqlite
from lrsync.adapters.database import prepare
from lrsync.adapters.entry_codec import encode_entry
from lrsync.adapters.manifest import Manifest
from lrsync.adapters.schema_names import FILE_COLUMNS, FILES, placeholders
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.keys import split_path
from lrsync.core.library import LibraryRow
from lrsync.core.model import ManifestEntry
from lrsync.core.proof import encode_checksum

OWN_PREFIX = PREFIX.rstrip("/")
MTIME_NS = int(MTIME.replace(".", "").ljust(19, "0"))


def make_manifest(path: Path, objects: Objects) -> None:
    """A manifest that knows each of these objects. Its rows alone are there: who lists looks at nothing else."""
    prepare(path)
    with Manifest(path, OWN_PREFIX) as manifest:
        manifest.update_library(LibraryRow("benchmark", "default", "/nowhere", "", "b", OWN_PREFIX, created_at=1))
    with closing(sqlite.connect(path)) as connection, sqlite.immediate(connection):
        rows = rows_of(objects)
        directories = groupby(rows, lambda row: split_path(row.path)[0])
        for number, (folder, entries) in enumerate(directories, 1):
            connection.execute("INSERT INTO directories (id, path) VALUES (?, ?)", (number, folder))
            encoded = (encode_entry(entry, number, split_path(entry.path)[1], PREFIX) for entry in entries)
            statement = f"INSERT INTO {FILES} VALUES ({placeholders(FILE_COLUMNS)})"
            while batch := list(islice(encoded, 1000)):
                connection.executemany(statement, batch)


def rows_of(objects: Objects) -> Iterator[ManifestEntry]:
    """The rows of these objects, in the order of their keys."""
    for number in range(objects.count):
        key, sha256 = objects.key(number), objects.sha256(number)
        yield ManifestEntry(
            path=key.removeprefix(PREFIX),
            size=objects.size(number),
            mtime_ns=MTIME_NS,
            ctime_ns=MTIME_NS,
            key=key,
            sha256=sha256,
            checksum=Checksum(ChecksumKind.SHA256, encode_checksum(sha256)),
            etag=objects.etag(number),
            version_id=None,
            storage_class="STANDARD",
            uploaded_at=MTIME_NS,
        )
