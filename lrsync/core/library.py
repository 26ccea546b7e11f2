"""Is this the right source for this manifest, and the right bucket? Pure: compares values that others read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from lrsync.core import identity
from lrsync.core.identity import SourceIdentity
from lrsync.errors import LrsyncError, SourceError, UsageError


@dataclass(frozen=True, slots=True)
class LibraryRow:
    """The manifest's own idea of which library it is. Times in nanoseconds since the epoch.

    `identity`: what proves a source that takes no marker, as `core.identity` writes it; None where only a marker does.
    """

    uuid: str
    name: str
    source: str
    endpoint: str
    bucket: str
    prefix: str
    created_at: int
    has_marker: bool = True
    last_full_pass: int | None = None
    identity: str | None = None

    @property
    def address(self) -> tuple[str, str, str]:
        """Endpoint, bucket and prefix: no two libraries have the same."""
        return self.endpoint, self.bucket, self.prefix


class RowCounts(NamedTuple):
    """How many rows are of missing files, and how many of any files have drift."""

    missing: int
    drifted: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a library is, as the settings say it."""

    name: str
    source: str
    endpoint: str
    bucket: str
    prefix: str

    @property
    def address(self) -> tuple[str, str, str]:
        """Endpoint, bucket and prefix, as in `LibraryRow`."""
        return self.endpoint, self.bucket, self.prefix


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found at the source: the UUID in its marker; its identity, where that was looked at.

    `no_marker`: a source without a marker is welcome, whatever it had before.
    """

    marker: str | None
    identity: SourceIdentity | None = None
    no_marker: bool = False


def match_library(row: LibraryRow, place: Place, seen: Seen, *, accept_source: bool = False) -> LibraryRow:
    """The library's row, brought up to date, when settings, manifest and source are of one library.

    A library may move: the same marker, or the same folder of the same file system, is the same library elsewhere.
    `accept_source`: take the folder, though nothing proves it, unless a marker says that it is another library's.
    Raises SourceError when the proof is missing or another's, and for an empty folder that is to be accepted;
    UsageError when the bucket is another one.
    """
    if row.address != place.address:
        raise UsageError(
            f"this manifest is of {_address(*row.address)}, not of {_address(*place.address)}",
            hint="leave out --manifest to use this bucket's own, or correct the bucket, prefix or endpoint",
        )
    wrong = source_problem(row, place.source, seen)
    if wrong is not None:
        if not accept_source or seen.marker is not None:
            raise wrong
        identity.demand_entries(seen.identity, place.source)
    row = replace(row, name=place.name, source=place.source, has_marker=row.has_marker or seen.marker is not None)
    if wrong is None and seen.identity is not None and seen.identity.entries and is_proof(row, seen):
        return replace(row, identity=identity.to_text(seen.identity))  # folders come and go: these are today's
    return row


def goes_by_identity(row: LibraryRow, *, no_marker: bool) -> bool:
    """Whether a source without a marker is proven by its identity; a library with a marker must be asked to."""
    return row.identity is not None and (no_marker or not row.has_marker)


def is_proof(row: LibraryRow, seen: Seen) -> bool:
    """Whether what was seen, in which `source_problem` finds nothing wrong, proves the source."""
    return seen.marker is not None or goes_by_identity(row, no_marker=seen.no_marker)


def source_problem(row: LibraryRow, source: str, seen: Seen) -> LrsyncError | None:
    """Why this folder is not the library's source; None when it is, or when nothing speaks against it."""
    if seen.marker is not None:
        if seen.marker == row.uuid:
            return None
        return SourceError(
            f"{source} belongs to another library than this manifest",
            hint="mount the right drive, or give the manifest and bucket that belong to this folder",
        )
    if goes_by_identity(row, no_marker=seen.no_marker):
        return _identity_problem(row, source, seen)
    if row.has_marker:
        return SourceError(
            f"{source} does not have the library's marker (.lrsync-library)", hint=_missing_marker_hint(seen)
        )
    if source != row.source:
        return SourceError(
            f"this manifest is of {row.source}, not of {source}", hint="leave out --manifest to use this folder's own"
        )
    return None


def _missing_marker_hint(seen: Seen) -> str:
    if seen.no_marker:
        return "is the drive mounted? If it has no marker any more, run 'lrsync sync --no-marker --accept-source' once"
    return "is the drive mounted? If the marker was deleted, rebuild-manifest makes it anew"


def _identity_problem(row: LibraryRow, source: str, seen: Seen) -> LrsyncError | None:
    assert row.identity is not None
    if seen.identity is None:
        why: str | None = "its file system tells nothing that lasts"
    else:
        why = identity.difference(identity.from_text(row.identity), seen.identity)
    if why is None:
        return None
    return SourceError(
        f"{source} is not known as the library's source: {why}",
        hint="mount the right drive. If this is the library all the same (its folders were renamed, or it lies on a "
        "new drive), run 'lrsync sync --accept-source' once",
    )


def _address(endpoint: str, bucket: str, prefix: str) -> str:
    where = f"{bucket}/{prefix}" if prefix else bucket
    return f"{where} at {endpoint}" if endpoint else where
