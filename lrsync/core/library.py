"""Is this the right source for this manifest, and the right bucket? Pure: compares values that others read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lrsync.core.model import LibraryRow
from lrsync.errors import LrsyncError, SourceError, UsageError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a library is, as the settings say it."""

    name: str
    source: str
    endpoint: str
    bucket: str
    prefix: str


def match_library(row: LibraryRow, place: Place, marker: str | None) -> LibraryRow:
    """The library's row, brought up to date, when settings, manifest and marker are of one library.

    A library may move: the same marker in another folder is the same library.
    Raises SourceError when the marker is missing or another's, UsageError when the bucket is another one.
    """
    if (row.endpoint, row.bucket, row.prefix) != (place.endpoint, place.bucket, place.prefix):
        raise UsageError(
            f"this manifest is of {_address(row.endpoint, row.bucket, row.prefix)}, "
            f"not of {_address(place.endpoint, place.bucket, place.prefix)}",
            hint="leave out --manifest to use this bucket's own, or correct the bucket, prefix or endpoint",
        )
    wrong = source_problem(row, place.source, marker)
    if wrong is not None:
        raise wrong
    return replace(row, name=place.name, source=place.source)


def source_problem(row: LibraryRow, source: str, marker: str | None) -> LrsyncError | None:
    """Why this folder is not the library's source; None when it is."""
    if marker is not None:
        if marker == row.uuid:
            return None
        return SourceError(
            f"{source} belongs to another library than this manifest",
            hint="mount the right drive, or give the manifest and bucket that belong to this folder",
        )
    if row.has_marker:
        return SourceError(
            f"{source} does not have the library's marker (.lrsync-library)",
            hint="is the drive mounted? If the marker was deleted, rebuild-manifest makes it anew",
        )
    if source != row.source:
        return SourceError(
            f"this manifest is of {row.source}, not of {source}", hint="leave out --manifest to use this folder's own"
        )
    return None


def _address(endpoint: str, bucket: str, prefix: str) -> str:
    where = f"{bucket}/{prefix}" if prefix else bucket
    return f"{where} at {endpoint}" if endpoint else where
