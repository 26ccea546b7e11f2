"""What is looked at after a run: the bucket behind lrsync's back, and a copy of the manifest as the run left it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESERVED = ".lrsync/"
TRASH = ".lrsync/trash/"


@dataclass(frozen=True)
class Rows:
    """What the manifest vouches for: the sha256 of every good object by its path, and the uploads that it has noted."""

    good: dict[str, bytes]
    uploads: dict[str, str]


def read_manifest(path: Path, scratch: Path) -> Rows:
    """Check a copy of the manifest and read it: the original is left as the run left it, its log not replayed."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for suffix in ("", "-wal"):
        source = path.with_name(path.name + suffix)
        if source.exists():
            shutil.copy(source, scratch / f"copy.sqlite{suffix}")
    copy = scratch / "copy.sqlite"
    if not copy.exists():
        return Rows({}, {})
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        good = connection.execute(
            "SELECT CASE d.path WHEN '' THEN f.name ELSE d.path || '/' || f.name END, f.sha256 FROM files f "
            "JOIN directories d ON d.id = f.dir_id "
            "WHERE f.sha256 IS NOT NULL AND f.drift IS NULL"
        ).fetchall()
        uploads = connection.execute("SELECT key, upload_id FROM multiparts").fetchall()
    return Rows(dict(good), dict(uploads))


@dataclass
class Bucket:
    """The objects below a prefix. Each is read once for as long as it stays the same."""

    client: Any
    name: str
    prefix: str
    _known: dict[tuple[str, str, Any], bytes] = field(default_factory=dict)

    def digests(self) -> dict[str, bytes]:
        """The sha256 of every object, by its key below the prefix; lrsync's own left out, its trash not."""
        found: dict[str, bytes] = {}
        known: dict[tuple[str, str, Any], bytes] = {}
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=f"{self.prefix}/")
        for listed in (item for page in pages for item in page.get("Contents", ())):
            key = listed["Key"][len(self.prefix) + 1 :]
            if key.startswith(RESERVED) and not key.startswith(TRASH):
                continue
            version = (key, listed["ETag"], listed["LastModified"])
            found[key] = known[version] = self._known.get(version) or self._read(key)
        self._known = known
        return found

    def _read(self, key: str) -> bytes:
        with closing(self.client.get_object(Bucket=self.name, Key=f"{self.prefix}/{key}")["Body"]) as body:
            return hashlib.sha256(body.read()).digest()

    def uploads(self) -> dict[str, str]:
        """The multipart uploads in progress: key below the prefix, upload id."""
        answer = self.client.list_multipart_uploads(Bucket=self.name, Prefix=f"{self.prefix}/")
        assert not answer.get("IsTruncated")
        return {item["Key"][len(self.prefix) + 1 :]: item["UploadId"] for item in answer.get("Uploads", ())}

    def begin_upload(self, key: str) -> str:
        """A multipart upload of another program."""
        return str(self.client.create_multipart_upload(Bucket=self.name, Key=f"{self.prefix}/{key}")["UploadId"])

    def lose(self, key: str) -> None:
        """Delete an object behind lrsync's back."""
        self.client.delete_object(Bucket=self.name, Key=f"{self.prefix}/{key}")

    def alter(self, key: str, data: bytes) -> None:
        """Write other bytes over an object behind lrsync's back."""
        self.client.put_object(Bucket=self.name, Key=f"{self.prefix}/{key}", Body=data)
