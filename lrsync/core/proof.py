"""When an object is proven to hold certain bytes. Pure; compares what S3 says with what was read."""

from __future__ import annotations

import base64
from binascii import b2a_base64

from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.model import Content, ManifestEntry
from lrsync.core.objects import ObjectInfo
from lrsync.core.parts import format_mtime, parse_mtime, sha256_in


def encode_checksum(digest: bytes) -> str:
    """A digest as S3 writes it: base64."""
    return b2a_base64(digest, newline=False).decode("ascii")


def encode_crc32(value: int) -> str:
    """A CRC32 as S3 writes it: base64 of the four bytes, big-endian (S3 user guide, "Checking object integrity")."""
    return encode_checksum(value.to_bytes(4, "big"))


def sha256_of(info: ObjectInfo) -> bytes | None:
    """The sha256 of the object's bytes, as S3 keeps it or as lrsync wrote it when S3 acknowledged them."""
    if info.checksum is not None and info.checksum.kind is ChecksumKind.SHA256:
        return base64.b64decode(info.checksum.value)
    return sha256_in(dict(info.metadata))


def proves_content(info: ObjectInfo, content: Content) -> bool:
    """Whether the object is proven to be these bytes.

    By sha256 where it is known; else by the ETag, where it is the MD5 of an object sent in one request, or of the
    MD5s of the parts that it was sent in.
    The same size and time alone prove nothing.
    """
    if info.size != content.stat.size:
        return False
    known = sha256_of(info)
    if known is not None:
        return known == content.sha256 and not _contradicts(info.checksum, content)
    etag = info.etag.lower()
    return (content.md5 is not None and etag == content.md5.hex()) or etag in content.part_etags


def disproves_content(info: ObjectInfo, content: Content) -> bool:
    """Whether the object is proven to be other bytes. An ETag proves nothing here: with KMS it is no MD5 at all."""
    if info.size != content.stat.size:
        return True
    known = sha256_of(info)
    return (known is not None and known != content.sha256) or _contradicts(info.checksum, content)


def entry_of(path: str, info: ObjectInfo) -> ManifestEntry:
    """The row of an object as it tells of itself. It is not settled: the next sync hashes the file on the disk."""
    return ManifestEntry(
        path=path,
        size=info.size,
        mtime_ns=parse_mtime(info.metadata.get("mtime", "")) or 0,
        ctime_ns=0,
        key=info.key,
        sha256=sha256_of(info),
        checksum=info.checksum,
        etag=info.etag,
        version_id=info.version_id,
        storage_class=info.storage_class,
        uploaded_at=info.last_modified_ns,
        settled=False,
    )


def row_note(row: ManifestEntry, info: ObjectInfo) -> dict[str, str]:
    """Metadata that a copy of another program's object needs to be proven once its row is gone: the row's.

    Nothing where the object tells its sha256 itself, or where it is not proven to be the very object of the row.
    """
    if row.sha256 is None or row.drift is not None or sha256_in(dict(info.metadata)) is not None:
        return {}
    if not info.etag or (info.etag, info.size) != (row.etag, row.size):
        return {}
    return {"mtime": format_mtime(row.mtime_ns), **info.metadata, "lrsync-sha256": row.sha256.hex()}


def _contradicts(checksum: Checksum | None, content: Content) -> bool:
    """Whether S3's own CRC speaks against metadata that was copied from another object."""
    return (
        checksum is not None and checksum.kind is ChecksumKind.CRC32 and checksum.value != encode_crc32(content.crc32)
    )


def proves_entry(info: ObjectInfo, entry: ManifestEntry) -> bool:
    """Whether an object with another ETag than the row's is still proven to be the row's bytes."""
    if info.size != entry.size or entry.sha256 is None:
        return False
    if info.checksum is not None and entry.checksum is not None and info.checksum.kind is entry.checksum.kind:
        return info.checksum == entry.checksum
    # Metadata alone does not do here: something rewrote the object, and may have kept the metadata.
    return (
        info.checksum is not None
        and info.checksum.kind is ChecksumKind.SHA256
        and info.checksum.value == encode_checksum(entry.sha256)
    )
