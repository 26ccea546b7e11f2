"""A server that takes every PUT, keeps nothing of it and answers at once: what is left is the client's own cost.

`python -m benchmarks.sink PORT [FOLDER]`. Echoes the checksum headers as an S3 store does, and knows multiparts. With
a FOLDER it also gives back and lists what was put, as far as FOLDER/BUCKET has a file of that key (without the key's
first step): the bytes come from there, never from the PUT.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"
BEGUN = b"<InitiateMultipartUploadResult><UploadId>sink</UploadId></InitiateMultipartUploadResult>"
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
"""So that the manifest's snapshot goes under its own key at once: a copy proves nothing here."""
ECHOED = (b"x-amz-checksum-sha256", b"x-amz-checksum-crc32", b"x-amz-checksum-crc64nvme")
ETAG = '"0123456789abcdef0123456789abcdef"'
WHEN = "Tue, 14 Nov 2023 22:13:20 GMT"
PAGE = 1000
SINGLE_BYTES = 16 << 20
"""A file of fewer bytes has its MD5 for an ETag, as if it had come in one request."""
RANGE = re.compile(rb"bytes=(\d+)-(\d*)")


@dataclass
class Put:
    """What was put under a path: its length, and its metadata as header lines."""

    size: int = 0
    metadata: bytes = b""
    etag: str = ETAG


puts: dict[bytes, Put] = {}
"""By path; a program may look whether its object is there."""
folder: Path | None = None


class Kept(NamedTuple):
    """A file whose bytes an object has, and its quoted ETag."""

    path: Path
    size: int
    etag: str


@cache
def kept(path: bytes) -> Kept | None:
    """The file whose bytes an object has."""
    steps = unquote(path.decode()).split("/", 3)
    if folder is None or len(steps) < 4 or not (file := folder / steps[1] / steps[3]).is_file():
        return None
    size = file.stat().st_size
    if size >= SINGLE_BYTES:
        return Kept(file, size, f'{ETAG[:-1]}-2"')
    return Kept(file, size, f'"{hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}"')


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.head = bytearray()
        self.left = 0
        self.request = b""
        self.path = b""
        self.headers: dict[bytes, bytes] = {}
        self.echo = b""

    def data_received(self, data: bytes) -> None:
        """Swallow bodies; answer each when its last byte is here."""
        while data or not self.left:
            if self.left:
                taken = min(self.left, len(data))
                self.left -= taken
                data = data[taken:]
                if not self.left:
                    self.answer()
                continue
            self.head += data
            data = b""
            head, end, rest = bytes(self.head).partition(b"\r\n\r\n")
            if not end:
                return
            self.head.clear()
            data = rest
            self.begin(head)
            if not self.left:
                self.answer()
                if not data:
                    return

    def begin(self, head: bytes) -> None:
        """Read the headers of a request."""
        first, *lines = head.split(b"\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
        self.request, self.headers = first, headers
        self.path, _, query = first.split()[1].partition(b"?")
        self.left = int(headers.get(b"content-length", 0))
        self.echo = b"".join(b"%s: %s\r\n" % (name, headers[name]) for name in ECHOED if name in headers)
        if first.startswith(b"PUT"):
            self.note(is_part=b"partNumber" in query)
        elif first.startswith(b"POST") and b"uploads" in query:
            puts[self.path] = Put(0, self.metadata())
        if headers.get(b"expect"):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def note(self, *, is_part: bool) -> None:
        """Remember what is put: a part makes its object longer."""
        if is_part:
            puts.setdefault(self.path, Put()).size += self.left
        else:
            # A body is not looked at; a program that compares the ETag with an MD5 has told that before.
            told = self.headers.get(b"content-md5")
            etag = ETAG if told is None else f'"{base64.b64decode(told).hex()}"'
            puts[self.path] = Put(self.left, self.metadata(), etag)

    def metadata(self) -> bytes:
        """The metadata that came, as header lines."""
        told = (pair for pair in self.headers.items() if pair[0].startswith(b"x-amz-meta-"))
        return b"".join(b"%s: %s\r\n" % pair for pair in told)

    def answer(self) -> None:
        """Say that all is well."""
        body = b""
        if self.request.startswith((b"HEAD", b"GET")) and self.path.count(b"/") > 1 and self.path[-1:] != b"/":
            self.give()
            return
        if b"?versioning" in self.request:
            body = VERSIONED
        elif self.request.startswith(b"GET"):
            body = self.listing() if folder is not None else LISTING
        elif self.request.startswith(b"POST"):
            body = BEGUN if b"uploads" in self.request else self.completed()
        etag = puts[self.path].etag if self.path in puts else ETAG
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: %s\r\n%s\r\n" % (len(body), etag.encode(), self.echo)
        self.transport.write(head + body)

    def give(self) -> None:
        """Give an object back, or a range of it; of one without a file only say what was put there."""
        put, file = puts.get(self.path), kept(self.path)
        if put is None or (file is None and self.request.startswith(b"GET")):
            self.transport.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        size, etag = (put.size, put.etag) if file is None else (file.size, file.etag)
        match = RANGE.fullmatch(self.headers.get(b"range", b""))
        first, last = 0, size - 1
        if match is not None:
            first, last = int(match[1]), min(size - 1, int(match[2] or size))
        status = b"200 OK"
        if match is not None:
            status = b"206 Partial Content\r\nContent-Range: bytes %d-%d/%d" % (first, last, size)
        facts = f"ETag: {etag}\r\nLast-Modified: {WHEN}\r\nAccept-Ranges: bytes\r\n".encode()
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s%s\r\n" % (status, last - first + 1, facts, put.metadata)
        self.transport.write(head)
        if file is not None and self.request.startswith(b"GET"):
            self.send(file.path, first, last - first + 1)

    def send(self, file: Path, offset: int, length: int) -> None:
        """Send bytes of a file."""
        if length > 1 << 20:
            self.streaming = asyncio.ensure_future(self.stream(file, offset, length))
            return
        with file.open("rb", buffering=0) as opened:
            opened.seek(offset)
            self.transport.write(opened.read(length) or b"")

    async def stream(self, file: Path, offset: int, length: int) -> None:
        """Send many bytes of a file as fast as they are taken."""
        with file.open("rb") as opened, suppress(OSError, RuntimeError):
            await asyncio.get_running_loop().sendfile(self.transport, opened, offset, length)

    def listing(self) -> bytes:
        """A page of what was put into a bucket and can be given back."""
        query = parse_qs(self.request.split()[1].partition(b"?")[2].decode())
        bucket = self.path.rstrip(b"/") + b"/"
        below, ends = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
        after = query.get("continuation-token", [""])[0]
        keys = (unquote(path.removeprefix(bucket).decode()) for path in puts if path.startswith(bucket) and kept(path))
        names = sorted({_shown(key, below, ends) for key in keys if key.startswith(below)})
        names = [name for name in names if name > after]
        page, more = names[:PAGE], len(names) > PAGE
        entries = "".join(self.entry(bucket, name) for name in page)
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        told = f"<IsTruncated>{str(more).lower()}</IsTruncated><KeyCount>{len(page)}</KeyCount>{token}"
        return f"<ListBucketResult>{told}{entries}</ListBucketResult>".encode()

    def entry(self, bucket: bytes, name: str) -> str:
        """One object in a listing, or one folder."""
        file = kept(bucket + quote(name, safe="/~").encode())
        if file is None:
            return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
        facts = f"<Size>{file.size}</Size><ETag>{file.etag}</ETag><StorageClass>STANDARD</StorageClass>"
        when = "2023-11-14T22:13:20.000Z"
        return f"<Contents><Key>{escape(name)}</Key><LastModified>{when}</LastModified>{facts}</Contents>"

    def completed(self) -> bytes:
        """The answer to a complete."""
        crc = self.echo.partition(b"x-amz-checksum-crc32: ")[2].partition(b"\r")[0]
        told = b"<ChecksumCRC32>%s</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>" % crc if crc else b""
        return b'<CompleteMultipartUploadResult><ETag>"e-1"</ETag>%s</CompleteMultipartUploadResult>' % told


def _shown(key: str, below: str, ends: str) -> str:
    """What a listing shows of a key: itself, or its first folder below the prefix."""
    name, end, _ = key[len(below) :].partition(ends) if ends else (key[len(below) :], "", "")
    return below + name + end


async def serve(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        folder = Path(sys.argv[2])
    asyncio.run(serve(int(sys.argv[1])))
