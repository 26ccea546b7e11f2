"""Search everything that a run said and wrote for secrets, in every form in which they could have slipped out."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import zstandard

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def forms(secret: str) -> set[bytes]:
    """The secret as it is, quoted for URLs, in hex, and in base64 at each of the three offsets in a longer text."""
    raw = secret.encode()
    encoded = {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
    plain = {
        raw,
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        raw.hex().encode(),
        repr(secret).encode(),
    }
    return plain | encoded | {raw[::-1]}


def found_in(data: bytes, secrets: Iterable[str]) -> list[str]:
    """The secrets that `data` holds."""
    return [secret for secret in secrets if any(form in data for form in forms(secret))]


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they unpack to."""
    data = path.read_bytes()
    yield data
    if data.startswith(ZSTD_MAGIC):
        yield zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read()


def leaks(folder: Path, secrets: Iterable[str]) -> dict[str, list[str]]:
    """Which file below `folder` (or its name) holds which secret."""
    wanted = list(secrets)
    leaking: dict[str, list[str]] = {}
    for path in folder.rglob("*"):
        told = found_in(str(path).encode(), wanted)
        if path.is_file():
            told += [secret for data in contents(path) for secret in found_in(data, wanted)]
        if told:
            leaking[str(path)] = told
    return leaking
