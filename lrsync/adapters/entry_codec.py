"""How a ManifestEntry becomes a row and comes back, in as few bytes as it takes. Opens nothing.

Left out of a row is what the rest of it tells: the key where it is just the prefix and the path, the checksum's
value where it is the sha256 (or the ETag's MD5) in other letters, the commonest storage class.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Final

from lrsync.adapters.schema_names import PROOF_CODES, PROOFS
from lrsync.adapters.sqlite import from_int, from_text, to_int, to_text
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.keys import join_path
from lrsync.core.model import Drift, ManifestEntry
from lrsync.core.proof import encode_checksum

_STANDARD: Final = "STANDARD"
_MD5_HEX: Final = 32


def encode_etag(etag: str) -> str | bytes:
    """An ETag as it is stored: the 16 bytes where it is the hex of an MD5, which it mostly is."""
    if len(etag) == _MD5_HEX:
        try:
            raw = bytes.fromhex(etag)
        except ValueError:
            return etag
        if raw.hex() == etag:  # upper case and blanks would not come back as they were
            return raw
    return etag


def decode_etag(value: str | bytes) -> str:
    """The ETag that `encode_etag` stored."""
    return value if isinstance(value, str) else value.hex()


def encode_entry(entry: ManifestEntry, dir_id: int, name: str, head: str) -> tuple[object, ...]:
    """The row of an entry, in the order of FILE_COLUMNS. `head` is the listing prefix of all keys."""
    etag = encode_etag(entry.etag)
    checksum, sha256 = entry.checksum, entry.sha256
    implied = checksum is not None and checksum.value == _implied_value(checksum.kind, sha256, etag)
    return (
        dir_id,
        to_text(name),
        entry.size,
        to_int(entry.mtime_ns),
        to_int(entry.ctime_ns),
        None if entry.key == head + entry.path else entry.key,
        sha256,
        PROOF_CODES[None if checksum is None else checksum.kind],
        None if checksum is None or implied else checksum.value,
        etag,
        entry.version_id,
        None if entry.storage_class == _STANDARD else entry.storage_class,
        entry.uploaded_at,
        entry.verified_at,
        entry.missing_since,
        None if entry.drift is None else entry.drift.value,
        int(entry.settled),
        entry.image,
    )


def decode_entry(folder: str, row: Sequence[Any], head: str) -> ManifestEntry:
    """The entry of a row in the order of FILE_COLUMNS, in the directory `folder`."""
    path = join_path(folder, from_text(row[1]))
    sha256, etag = row[6], row[9]
    return ManifestEntry(
        path=path,
        size=row[2],
        mtime_ns=from_int(row[3]),
        ctime_ns=from_int(row[4]),
        key=head + path if row[5] is None else row[5],
        sha256=sha256,
        checksum=_decode_checksum(PROOFS[row[7]], row[8], sha256, etag),
        etag=decode_etag(etag),
        version_id=row[10],
        storage_class=_STANDARD if row[11] is None else row[11],
        uploaded_at=row[12],
        verified_at=row[13],
        missing_since=row[14],
        drift=None if row[15] is None else Drift(row[15]),
        settled=bool(row[16]),
        image=row[17],
    )


def _decode_checksum(
    kind: ChecksumKind | None, value: str | None, sha256: bytes | None, etag: str | bytes
) -> Checksum | None:
    if kind is None:
        return None
    found = value if value is not None else _implied_value(kind, sha256, etag)
    assert found is not None, "a checksum's value is left out only where the row implies it"
    return Checksum(kind, found)


def _implied_value(kind: ChecksumKind, sha256: bytes | None, etag: str | bytes) -> str | None:
    """What the checksum is bound to be, going by the rest of the row; None where that does not tell."""
    if kind is ChecksumKind.SHA256 and sha256 is not None:
        return encode_checksum(sha256)
    if kind is ChecksumKind.MD5 and isinstance(etag, bytes):
        return base64.b64encode(etag).decode("ascii")
    return None
