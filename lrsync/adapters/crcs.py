"""The checksums that S3 keeps and that isal does not make: CRC64NVME and CRC32C. Opens nothing.

S3 makes a CRC64NVME of the whole object of whatever comes without a checksum (S3 user guide, "Checking object integrity
for data uploads"), also where the ETag tells nothing: of an object that KMS encrypts, or that came in odd parts.
"""

from __future__ import annotations

from typing import Final

import anycrc

from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.proof import encode_checksum

_MODELS: Final = {ChecksumKind.CRC64NVME: ("CRC64-NVME", 8), ChecksumKind.CRC32C: ("CRC32C", 4)}


class Crc:
    """Makes one checksum of bytes as they are read."""

    def __init__(self, kind: ChecksumKind) -> None:
        """Raises KeyError for a kind that is not made here."""
        name, self._width = _MODELS[kind]
        self._kind = kind
        self._model = anycrc.Model(name)
        self._value: int | None = None

    def update(self, data: memoryview | bytes) -> None:
        """Take the next bytes."""
        self._value = self._model.calc(data) if self._value is None else self._model.calc(data, self._value)

    def checksum(self) -> Checksum:
        """The checksum of all that was taken, as S3 writes it."""
        value = self._model.calc(b"") if self._value is None else self._value
        return Checksum(self._kind, encode_checksum(value.to_bytes(self._width, "big")))
