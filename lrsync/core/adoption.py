"""What an object that another tool put there has to be compared with, and what comes of it. Pure.

`core.proof` says when a sync believes that an object is a file's bytes. Here it is all that S3 tells of an object:
checksums that other tools asked for or S3 made by itself, and the parts that it came in.
"""

from __future__ import annotations

import base64
import re
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.etags import part_sizes_for, parts_in
from lrsync.core.filetypes import is_original
from lrsync.core.keys import folded, key_for, listing_prefix
from lrsync.core.parts import sha256_in
from lrsync.core.proof import encode_checksum, encode_crc32

if TYPE_CHECKING:
    from lrsync.core.model import Content
    from lrsync.core.objects import ObjectInfo

_MD5: Final = re.compile(r"[0-9a-f]{32}")
ASLEEP: Final = frozenset({"GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"})
"""Nothing is copied onto itself there: that costs its retrieval, and the rest of the old one's least duration."""
MD5_NOTE: Final = "md5chksum"
"""The metadata in which rclone notes the MD5 (base64) of what it sends in parts, or to a bucket with KMS."""
_COMPUTED: Final = (ChecksumKind.CRC64NVME, ChecksumKind.CRC32C, ChecksumKind.CRC32)


class Proof(Enum):
    """By what an object is proven to hold a file's bytes."""

    SHA256 = "sha256"
    CHECKSUM = "checksum"
    MD5 = "md5"
    PARTS = "multipart-etag"
    BYTES = "bytes"
    """They were read back and compared."""


class Standing(Enum):
    """What is known of an object after it was compared with a file."""

    PROVEN = "proven"
    DIFFERS = "differs"
    DOUBTFUL = "doubtful"
    """Its ETag speaks against it, and nothing else speaks at all: in some stores an ETag is none of the bytes'."""
    UNPROVEN = "unproven"
    """There is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of comparing; `proof` only where it is proven."""

    standing: Standing
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What an object can be proven by, the best first, and what a reading of the file has to find for that."""

    proofs: tuple[Proof, ...]
    md5: bool = False
    part_sizes: tuple[int, ...] = ()
    checksum: ChecksumKind | None = None
    part_size: int | None = None
    """How long the parts were whose CRC32s are wanted."""
    is_guess: bool = False
    """Nobody said how long the parts were: where none of `part_sizes` agrees, they may have been of another length."""

    @property
    def best(self) -> Proof | None:
        """What it is proven by where the bytes are the same; None where nothing can tell."""
        return self.proofs[0] if self.proofs else None


def means_of(info: ObjectInfo, part_size: int | None) -> Means:
    """What there is to compare with. `part_size`: how long the object's first part was, where the store tells.

    An MD5 costs more than all else: it is asked for only where nothing else is there.
    """
    if _sha256_of(info) is not None:
        return Means((Proof.SHA256,))
    if info.checksum is not None and info.checksum.kind in _COMPUTED:
        kind = info.checksum.kind
        return Means((Proof.CHECKSUM,), checksum=None if kind is ChecksumKind.CRC32 else kind)
    if info.parts_checksum is not None and part_size is not None:
        return Means((Proof.CHECKSUM,), part_size=part_size)
    return etag_means(info, part_size)


def etag_means(info: ObjectInfo, part_size: int | None) -> Means:
    """The same by ETag and by what rclone noted, whatever else there is: for a second opinion."""
    if not info.opaque_etag:
        if _is_md5(info.etag):
            return Means((Proof.MD5,), md5=True)
        sizes = (part_size,) if part_size and parts_in(info.etag) else part_sizes_for(info.etag, info.size)
        if sizes and _noted_md5(info) is None:
            return Means((Proof.PARTS,), part_sizes=sizes, is_guess=part_size is None)
    return Means((Proof.MD5,), md5=True) if _noted_md5(info) is not None else Means(())


def needs_part_size(info: ObjectInfo) -> bool:
    """Whether it helps to know how long the parts were."""
    if _sha256_of(info) is not None or info.checksum is not None:
        return False
    by_etag = not info.opaque_etag and parts_in(info.etag) is not None and _noted_md5(info) is None
    return by_etag or info.parts_checksum is not None


def explains_parts(info: ObjectInfo, part_size: int) -> bool:
    """Whether parts of this length, the last one shorter, make the number of parts that the object came in.

    Parts may all be of different lengths: then the first one's says nothing of the others, and nobody can compare.
    """
    told = info.parts_checksum.value.rpartition("-")[2] if info.parts_checksum is not None else ""
    count = int(told) if told.isdecimal() else parts_in(info.etag)
    return 0 < part_size <= info.size and count == -(-info.size // part_size)


def judge(info: ObjectInfo, content: Content) -> Judgement:
    """Compare an object with what a reading of a file found.

    What the store made of the bytes counts before what an uploader wrote beside them. The same size proves nothing.
    """
    if info.size != content.stat.size:
        return Judgement(Standing.DIFFERS)
    told = dict(_told_by_store(info, content))
    for proof in (Proof.SHA256, Proof.CHECKSUM, Proof.MD5, Proof.PARTS):
        if told.get(proof):
            return Judgement(Standing.PROVEN, proof)
    if told.get(Proof.SHA256) is False or told.get(Proof.CHECKSUM) is False:
        return Judgement(Standing.DIFFERS)
    for proof, agrees in _noted(info, content):
        return Judgement(Standing.PROVEN, proof) if agrees else Judgement(Standing.DIFFERS)
    return Judgement(Standing.DOUBTFUL if told else Standing.UNPROVEN)


def _told_by_store(info: ObjectInfo, content: Content) -> Iterator[tuple[Proof, bool]]:
    """What agrees and what does not, of that which the store itself says."""
    if info.checksum is not None:
        if info.checksum.kind is ChecksumKind.SHA256:
            yield Proof.SHA256, info.checksum.value == encode_checksum(content.sha256)
        elif (own := _own_checksum(info.checksum.kind, content)) is not None:
            yield Proof.CHECKSUM, info.checksum.value == own
    elif info.parts_checksum is not None and (parts := composite_crc32(content)) is not None:
        yield Proof.CHECKSUM, info.parts_checksum.value == parts
    if info.opaque_etag:
        return
    if _is_md5(info.etag) and content.md5 is not None:
        yield Proof.MD5, info.etag.lower() == content.md5.hex()
    elif content.part_etags:
        yield Proof.PARTS, info.etag.lower() in content.part_etags


def _noted(info: ObjectInfo, content: Content) -> Iterator[tuple[Proof, bool]]:
    """The same of what the uploader wrote into the metadata."""
    sha256, md5 = sha256_in(dict(info.metadata)), _noted_md5(info)
    if sha256 is not None:
        yield Proof.SHA256, sha256 == content.sha256
    elif md5 is not None and content.md5 is not None:
        yield Proof.MD5, md5 == content.md5


def _own_checksum(kind: ChecksumKind, content: Content) -> str | None:
    if kind is ChecksumKind.CRC32:
        return encode_crc32(content.crc32)
    own: Checksum | None = content.checksum
    return own.value if own is not None and own.kind is kind else None


def composite_crc32(content: Content) -> str | None:
    """The CRC32 of the parts' CRC32s as S3 writes it; None where the parts' are not known.

    S3 user guide, "Checking object integrity": the checksum of the parts' checksums, a dash, their number.
    """
    if not content.part_crc32s:
        return None
    joined = b"".join(value.to_bytes(4, "big") for value in content.part_crc32s)
    return f"{encode_crc32(zlib.crc32(joined))}-{len(content.part_crc32s)}"


def _sha256_of(info: ObjectInfo) -> bytes | None:
    if info.checksum is not None and info.checksum.kind is ChecksumKind.SHA256:
        return base64.b64decode(info.checksum.value)
    return sha256_in(dict(info.metadata))


def _is_md5(etag: str) -> bool:
    return _MD5.fullmatch(etag.lower()) is not None


def _noted_md5(info: ObjectInfo) -> bytes | None:
    try:
        digest = base64.b64decode(info.metadata.get(MD5_NOTE, ""), validate=True)
    except ValueError:
        return None
    return digest if len(digest) == 16 else None


# --- keys -------------------------------------------------------------------------------------------------


def spellings(prefix: str, path: str) -> tuple[str, ...]:
    """The keys under which a tool may have put this file, lrsync's own first; the others differ in Unicode form alone.

    `aws s3 sync` and others take a name as the disk spells it, which on a Mac may be NFD. Raises KeyProblem.
    """
    key, head = key_for(prefix, path), listing_prefix(prefix)
    if path.isascii():
        return (key,)
    return tuple(dict.fromkeys([key, head + path, head + unicodedata.normalize("NFD", path)]))


def same_place(path: str, other: str) -> bool:
    """Whether two paths differ at most in case, Unicode form, and backslashes for slashes."""
    return folded(path).replace("\\", "/") == folded(other).replace("\\", "/")


@dataclass(frozen=True, slots=True)
class Offset:
    """How the bucket's layout differs from the disk's: a folder more in the bucket, or one more on the disk."""

    in_bucket: str = ""
    on_disk: str = ""


def offset_between(path: str, other: str) -> Offset | None:
    """By which leading folder the key's path `other` differs from the file's `path`; None where that is not all.

    >>> offset_between("2024/a.jpg", "Pictures/2024/a.jpg"), offset_between("old/2024/a.jpg", "2024/a.jpg").on_disk
    (Offset(in_bucket='Pictures', on_disk=''), 'old')
    """
    if other.endswith(f"/{path}"):
        return Offset(in_bucket=other[: -len(path) - 1])
    if path.endswith(f"/{other}"):
        return Offset(on_disk=path[: -len(other) - 1])
    return None


def likely_offset(found: Mapping[Offset, int], in_place: int) -> Offset | None:
    """The one folder by which most objects are off; None where more of them lie where they should."""
    if not found:
        return None
    best = max(found, key=lambda offset: found[offset])
    return best if found[best] > max(in_place, sum(found.values()) - found[best]) else None


# --- what came of it --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Pile:
    """So many files or objects, and their bytes."""

    files: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """Count one more."""
        self.files += 1
        self.bytes += size

    def take(self, size: int) -> None:
        """Count one less."""
        self.files -= 1
        self.bytes -= size


def add_by_class(counts: dict[str, tuple[int, int]], storage_class: str, size: int) -> None:
    """Count one object of this class."""
    objects, total = counts.get(storage_class, (0, 0))
    counts[storage_class] = (objects + 1, total + size)


@dataclass(slots=True)
class Trial:
    """Of so many files that a dry run read, so many objects were proven."""

    files: int = 0
    proven: int = 0


def _by_proof() -> dict[str, Pile]:
    return {proof.value: Pile() for proof in Proof}


@dataclass(slots=True)
class AdoptCounts:
    """What an adoption found. Each file of the source is in one of the first eight.

    `known`: it has a row, and is as its row says. `changed`: it is not any more. `proven`: by what (in a dry run: by
    what it can be). `unproven`: an object of its size, and nothing tells more. `differing`: an object with other bytes;
    `originals`: of these, those that no sync sends by itself. `absent`: none. `elsewhere`: none, but its bytes lie
    under another key. `catalogs`: Lightroom's, which sync stores in its own way. Of objects: `strangers` have no file
    in the source, `left_out` a file that the rules leave out. Some that were unproven were `trusted`, `sent` again, or
    `downloaded` and compared, and are counted there; some are `archived`. `without_metadata`: proven ones that lack
    lrsync's own; `without_times`: those that lack any time of their file; `rewritten` got it. `read_rate`: bytes a
    second, as tried.
    """

    listed: int = 0
    known: Pile = field(default_factory=Pile)
    changed: Pile = field(default_factory=Pile)
    proven: dict[str, Pile] = field(default_factory=_by_proof)
    unproven: Pile = field(default_factory=Pile)
    differing: Pile = field(default_factory=Pile)
    originals: Pile = field(default_factory=Pile)
    absent: Pile = field(default_factory=Pile)
    elsewhere: Pile = field(default_factory=Pile)
    catalogs: Pile = field(default_factory=Pile)
    strangers: Pile = field(default_factory=Pile)
    left_out: Pile = field(default_factory=Pile)
    trusted: Pile = field(default_factory=Pile)
    sent: Pile = field(default_factory=Pile)
    downloaded: Pile = field(default_factory=Pile)
    archived: Pile = field(default_factory=Pile)
    rewritten: Pile = field(default_factory=Pile)
    without_metadata: Pile = field(default_factory=Pile)
    without_times: Pile = field(default_factory=Pile)
    by_class: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Objects and bytes by storage class, of those that nothing proves."""
    to_rewrite: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The same of those that are to get metadata."""
    offset: Offset | None = None
    """By which folder most of `elsewhere` are off, where that is all."""
    folders: list[str] = field(default_factory=list)
    """What lies at the bucket's root, where nothing lies below the prefix."""
    tried: dict[str, Trial] = field(default_factory=dict)
    read_rate: int = 0

    def differ(self, path: str, size: int) -> None:
        """Count a file whose object has other bytes."""
        self.differing.add(size)
        if is_original(path):
            self.originals.add(size)

    @property
    def proven_files(self) -> Pile:
        """All that is proven, by whatever."""
        piles = self.proven.values()
        return Pile(sum(pile.files for pile in piles), sum(pile.bytes for pile in piles))
