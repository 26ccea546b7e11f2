"""The names and codes of the manifest's database: the one place that SQL text and the schema take them from.

Holds constants only, so that a quiet night and `status` read the manifest without importing SQLAlchemy.
"""

from __future__ import annotations

from typing import Final

from lrsync.core.checksums import ChecksumKind

SCHEMA_VERSION: Final = 5
"""`PRAGMA user_version` of the newest schema; each migration sets it."""

APPLICATION_ID: Final = 0x6C727379
"""`PRAGMA application_id`, "lrsy": another program's SQLite file, a Lightroom catalog say, must never be migrated."""

LIBRARY: Final = "library"
DIRECTORIES: Final = "directories"
FILES: Final = "files"
RUNS: Final = "runs"
FINDINGS: Final = "findings"
MULTIPARTS: Final = "multiparts"
DISK_PROOFS: Final = "disk_proofs"
FOLDER_COUNTS: Final = "folder_counts"
UNCOUNTED: Final = "uncounted"

LIBRARY_COLUMNS: Final = (
    "uuid",
    "name",
    "source",
    "endpoint",
    "bucket",
    "prefix",
    "created_at",
    "has_marker",
    "last_full_pass",
    "identity",
)
FILE_COLUMNS: Final = (
    "dir_id",
    "name",
    "size",
    "mtime_ns",
    "ctime_ns",
    "key",
    "sha256",
    "proof",
    "checksum",
    "etag",
    "version_id",
    "storage_class",
    "uploaded_at",
    "verified_at",
    "missing_since",
    "drift",
    "settled",
    "image",
)
RUN_COLUMNS: Final = ("id", "kind", "result", "exit_code", "started_at", "finished_at", "counts")
FINDING_COLUMNS: Final = (
    "kind",
    "path",
    "message",
    "hint",
    "size",
    "mtime_ns",
    "ctime_ns",
    "sha256",
    "run_id",
    "first_seen",
)
MULTIPART_COLUMNS: Final = (
    "key",
    "path",
    "upload_id",
    "part_size",
    "size",
    "mtime_ns",
    "ctime_ns",
    "sha256",
    "started_at",
)
DISK_PROOF_COLUMNS: Final = ("dir_id", "name", "proven_at")
FOLDER_COUNT_COLUMNS: Final = ("dir_id", "extension", "proof", "state", "proven_day", "files", "bytes")

PROOF_CODES: Final[dict[ChecksumKind | None, int]] = {
    None: 0,
    ChecksumKind.SHA256: 1,
    ChecksumKind.CRC64NVME: 2,
    ChecksumKind.CRC32: 3,
    ChecksumKind.CRC32C: 4,
    ChecksumKind.MD5: 5,
}
"""How a row's checksum kind is stored. A code, once given, is never given to another kind."""

PROOFS: Final = {code: kind for kind, code in PROOF_CODES.items()}


def listed(columns: tuple[str, ...]) -> str:
    """Column names as SQL lists them."""
    return ", ".join(columns)


def placeholders(columns: tuple[str, ...]) -> str:
    """As many question marks as there are columns."""
    return ", ".join("?" * len(columns))
