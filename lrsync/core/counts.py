"""What commands other than a plain sync count. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CatalogCounts:
    """What became of the catalogs that changed. `waiting`: not in the bucket as they are now."""

    changed: int = 0
    snapshots: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class CatalogUse:
    """A snapshot of a catalog that said which photos a restore is about: its path, its time in keys, and in
    nanoseconds since the epoch. `roots`: a folder of the catalog, where it is in the backup, what says so, and for
    how many photos.
    """

    catalog: str
    snapshot: str
    taken_ns: int
    photos: int
    roots: tuple[tuple[str, str, str, int], ...] = ()


@dataclass(slots=True)
class VerifyCounts:
    """What a verification found. A file counts as `proven` when all that was asked of it holds.

    `bytes` were read, from the disk and from S3. `changed` since the last sync, `gone` from the disk, `archived` and
    so not read, `unproven`: nothing is known to compare with. None of these four is a failure.
    """

    checked: int = 0
    proven: int = 0
    bytes: int = 0
    rotten: int = 0
    changed: int = 0
    gone: int = 0
    archived: int = 0
    unproven: int = 0


@dataclass(slots=True)
class RestoreCounts:
    """What a restore did. `selected` files of `selected_bytes` were wanted; `bytes` were brought back.

    `existing`: another file was there already, and is as it was, which is a failure; `skipped`: the same, as it was
    meant; `intact`: it has these bytes. `replaced` and `unproven` are among `restored`: the latter had no recorded
    sha256 to be compared with. `thawing` objects of `thawing_bytes` are on their way out of an archive; `asked` of
    them were asked for just now. `ready_ns`: when the last of them should be there, as far as that is known.
    """

    selected: int = 0
    selected_bytes: int = 0
    restored: int = 0
    intact: int = 0
    existing: int = 0
    skipped: int = 0
    replaced: int = 0
    unproven: int = 0
    bytes: int = 0
    thawing: int = 0
    thawing_bytes: int = 0
    asked: int = 0
    ready_ns: int | None = None


@dataclass(slots=True)
class DrillCounts:
    """What a restore drill did: of `sample` files `good` came back as they were recorded, `bytes` in all.

    `compared` of these also with the file on the disk. `archived` and `unproven` ones (no sha256 is recorded) were
    left out.
    """

    sample: int = 0
    good: int = 0
    bytes: int = 0
    compared: int = 0
    archived: int = 0
    unproven: int = 0


@dataclass(frozen=True, slots=True)
class Renamed:
    """A path of the backup that this disk cannot hold under its own name, and what the file is called there."""

    path: str
    local: str
