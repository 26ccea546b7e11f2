"""Whether an object is still what its row says, told by what S3 says of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.model import Drift, ManifestEntry
from lrsync.core.objects import ObjectInfo
from lrsync.core.parts import sha256_in
from lrsync.core.proof import encode_checksum, proves_entry


@dataclass(frozen=True, slots=True)
class Verdict:
    """What HEAD tells. `why` is a clause for people where there is drift.

    Neither drift nor `proven`: what the store says fits, and is too little to tell these bytes from others.
    """

    proven: bool = False
    drift: Drift | None = None
    why: str = ""


def judge_object(info: ObjectInfo, entry: ManifestEntry) -> Verdict:
    """Compare size, checksum, ETag and the sha256 in the metadata with the row.

    The metadata's mtime is left out: a file that was touched later has another one in its row, and the same bytes.
    """
    why = _difference(info, entry)
    if why:
        return Verdict(drift=Drift.ALTERED, why=why)
    same_etag = bool(info.etag) and info.etag == entry.etag
    return Verdict(proven=entry.sha256 is not None and (same_etag or proves_entry(info, entry)))


def _difference(info: ObjectInfo, entry: ManifestEntry) -> str:
    if info.size != entry.size:
        return f"it has {info.size:,} bytes instead of {entry.size:,}"
    if _contradicts(info.checksum, entry):
        return f"its {info.checksum.kind.value} is another one" if info.checksum is not None else ""
    told = sha256_in(dict(info.metadata))
    if told is not None and entry.sha256 is not None and told != entry.sha256:
        return "its metadata names other bytes"
    if info.etag and entry.etag and info.etag != entry.etag and not proves_entry(info, entry):
        return "something wrote it anew: its ETag is another one"
    return ""


def _contradicts(found: Checksum | None, entry: ManifestEntry) -> bool:
    if found is None:
        return False
    if found.kind is ChecksumKind.SHA256 and entry.sha256 is not None:
        return found.value != encode_checksum(entry.sha256)
    return entry.checksum is not None and found.kind is entry.checksum.kind and found != entry.checksum
