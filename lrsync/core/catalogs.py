"""Snapshots of catalogs in the bucket: their keys, their notes, which of them are kept. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from lrsync.core.keys import RESERVED, listing_prefix, split_path, time_of_stamp
from lrsync.core.scan import Stat

NOTE: Final = "snapshot.json"
"""Written last: a snapshot without it was never finished."""
FORMAT: Final = 1
KEPT: Final = 10
_WEEK_NS: Final = 7 * 86_400 * 1_000_000_000
_YEAR_NS: Final = 366 * 86_400 * 1_000_000_000
_NAME_BYTES: Final = 120
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f/\ud800-\udfff]")
_OBJECT: Final = re.compile(r"[a-z.]{1,40}")
_PLAIN: Final = re.compile(r"[^/\\\x00-\x1f]{1,255}")


class Origin(Enum):
    """Where a snapshot's bytes come from: the live catalog, or a backup that Lightroom had made."""

    COPY = "copy"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class SnapshotPart:
    """One object of a snapshot. `name` is the file's (or data folder's) own, `digest` of its content, as hex.

    Sizes in bytes; `packed_sha256`, as hex, is of the object's bytes.
    """

    name: str
    object: str
    digest: str
    size: int
    packed_size: int
    packed_sha256: str


@dataclass(frozen=True, slots=True)
class SnapshotNote:
    """What a snapshot says of itself. `catalog`: the path below the source, or an absolute one outside of it.

    `taken_ns`: when its content was what it is, since the epoch; of a backup by Lightroom when that was made.
    """

    catalog: str
    origin: Origin
    taken_ns: int
    db_version: str
    photos: int
    parts: tuple[SnapshotPart, ...]

    @property
    def digests(self) -> frozenset[tuple[str, str]]:
        """What tells two states of a catalog apart."""
        return frozenset((part.object, part.digest) for part in self.parts)

    @property
    def packed_size(self) -> int:
        """Bytes in the bucket."""
        return sum(part.packed_size for part in self.parts)


class SnapshotId(NamedTuple):
    """One snapshot: the catalog's name among the snapshots, and its time as it stands in keys."""

    name: str
    stamp: str


class StoredSnapshot(NamedTuple):
    """A whole snapshot. `size`: its bytes in the bucket."""

    id: SnapshotId
    note: SnapshotNote
    size: int


class OutsideCatalog(NamedTuple):
    """A catalog that does not lie in the source and is kept all the same: its absolute path, and its stat as one file.

    `stat` is None where it is not there; `problem` says why it cannot be looked at.
    """

    path: str
    stat: Stat | None
    problem: str = ""


class CatalogRestored(NamedTuple):
    """A snapshot that was brought back, and the paths that were written."""

    id: SnapshotId
    note: SnapshotNote
    written: tuple[str, ...]


def encode_note(note: SnapshotNote) -> bytes:
    """The note as it is stored."""
    values = {"format": FORMAT, **asdict(note), "origin": note.origin.value}
    return json.dumps(values, ensure_ascii=True, indent=1).encode()


def decode_note(data: bytes) -> SnapshotNote:
    """The note that was stored. It comes from a bucket and is not trusted. Raises ValueError."""
    try:
        values: dict[str, Any] = json.loads(data)
        if values.pop("format") != FORMAT:
            raise ValueError("it was made by a newer lrsync")
        parts = tuple(_checked(SnapshotPart(**part)) for part in values.pop("parts"))
        note = SnapshotNote(**{**values, "origin": Origin(values["origin"])}, parts=parts)
        ok = isinstance(note.catalog, str) and isinstance(note.photos, int) and isinstance(note.taken_ns, int)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"it is not a snapshot's note: {error}") from error
    if not ok or not parts:
        raise ValueError("it is not a snapshot's note")
    return note


def _checked(part: SnapshotPart) -> SnapshotPart:
    """Its names become paths and keys: none may lead elsewhere."""
    named = _PLAIN.fullmatch(part.name) and part.name not in (".", "..") and _OBJECT.fullmatch(part.object)
    bytes.fromhex(part.digest + part.packed_sha256)
    if not named or part.size < 0 or part.packed_size < 0:
        raise ValueError("it names something that no snapshot has")
    return part


# --- keys -------------------------------------------------------------------------------------------------


def catalogs_folder(prefix: str) -> str:
    """Below which all snapshots lie."""
    return f"{listing_prefix(prefix)}{RESERVED}catalogs/"


def snapshot_name(path: str) -> str:
    """What a catalog is called among the snapshots: its own name, and a digest that tells two of one name apart.

    >>> snapshot_name("2024/My.lrcat")
    'My-d1e3c3'
    """
    composed = unicodedata.normalize("NFC", path)
    digest = hashlib.sha256(composed.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    stem = _CONTROL.sub("_", split_path(composed)[1].rpartition(".")[0]) or "catalog"
    while len(stem.encode()) > _NAME_BYTES:
        stem = stem[:-1]
    return f"{stem}-{digest}"


def snapshot_object(prefix: str, snapshot: SnapshotId, name: str) -> str:
    """The key of one of a snapshot's objects."""
    return f"{catalogs_folder(prefix)}{snapshot.name}/{snapshot.stamp}/{name}"


def split_snapshot_key(prefix: str, key: str) -> tuple[SnapshotId, str] | None:
    """The snapshot and the object's name; None for a key that is no snapshot's."""
    folder = catalogs_folder(prefix)
    parts = key[len(folder) :].split("/") if key.startswith(folder) else []
    if len(parts) != 3 or not parts[0] or not _OBJECT.fullmatch(parts[2]):
        return None
    try:
        time_of_stamp(parts[1])
    except ValueError:
        return None
    return SnapshotId(parts[0], parts[1]), parts[2]


# --- retention --------------------------------------------------------------------------------------------


def to_prune(stamps: Iterable[str], now_ns: int, keep: int = KEPT) -> list[str]:
    """Which of a catalog's snapshots may go: all but the newest `keep`, and of the others one a week for a year."""
    newest_first = sorted(stamps, key=lambda stamp: (time_of_stamp(stamp), stamp), reverse=True)
    weeks: set[int] = set()
    pruned = []
    for stamp in newest_first[keep:]:
        taken_ns = time_of_stamp(stamp)
        week = taken_ns // _WEEK_NS
        if now_ns - taken_ns > _YEAR_NS or week in weeks:
            pruned.append(stamp)
        weeks.add(week)
    return pruned
