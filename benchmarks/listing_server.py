"""A server that lists objects that are nowhere: as many as are asked for, the same on every machine, in byte order.

`python -m benchmarks.listing_server PORT OBJECTS DELAY_MS`. Speaks ListObjectsV2 (prefix, delimiter, start-after,
continuation-token, max-keys, encoding-type) and HEAD as S3 does; each answer is held back for the delay, as by a line.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

PREFIX = "p/"
YEARS = 10
PER_FOLDER = 100
MTIME = "1714557600.25"
_MOST_KEYS = 1000
_AFTER_SLASH = "0"
"""The character after the slash: what comes after everything in a folder."""

_ITEM = (
    b"<Contents><Key>%b</Key><LastModified>2024-05-01T10:%02d:%02d.000Z</LastModified>"
    b"<ETag>&quot;%032x&quot;</ETag><ChecksumAlgorithm>SHA256</ChecksumAlgorithm>"
    b"<ChecksumType>FULL_OBJECT</ChecksumType><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


@dataclass(frozen=True)
class Objects:
    """The first `count` objects: ten years, folders of a hundred photos each. In byte order by their number."""

    count: int

    def key(self, number: int) -> str:
        """The key of one; their numbers have the order of their keys."""
        return f"{PREFIX}{2015 + number * YEARS // self.count}/{number // PER_FOLDER:05}/IMG_{number:07}.jpg"

    def size(self, number: int) -> int:
        """Bytes."""
        return 20_000_000 + number

    def etag(self, number: int) -> str:
        """As an object's that came in one request."""
        return f"{_etag(number):032x}"

    def sha256(self, number: int) -> bytes:
        """What the metadata says."""
        return hashlib.sha256(b"%d" % number).digest()

    def from_key(self, key: str) -> int:
        """The number of the first object that is not before this key."""
        return bisect_left(range(self.count), key, key=self.key)

    def after_key(self, key: str) -> int:
        """The number of the first object after this key."""
        return bisect_right(range(self.count), key, key=self.key)

    def item(self, number: int) -> bytes:
        """As a listing tells it."""
        times = number // 60 % 60, number % 60
        return _ITEM % (self.key(number).encode(), *times, _etag(number), self.size(number))


def _etag(number: int) -> int:
    return (number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)


def page(objects: Objects, asked: dict[str, str]) -> bytes:
    """The answer to one ListObjectsV2 request."""
    prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
    token = asked.get("continuation-token")
    start = int(token) if token else max(objects.from_key(prefix), objects.after_key(asked.get("start-after", "")))
    most = min(int(asked.get("max-keys", _MOST_KEYS)), _MOST_KEYS)
    if delimiter:
        names = list(_names(objects, prefix, start, most + 1))
    else:
        end = objects.count if not prefix else objects.from_key(prefix[:-1] + chr(ord(prefix[-1]) + 1))
        names = [(number, "") for number in range(start, min(end, start + most + 1))]
    items = b"".join(
        b"<CommonPrefixes><Prefix>%b</Prefix></CommonPrefixes>" % name.encode() if name else objects.item(number)
        for number, name in names[:most]
    )
    rest = names[most:]
    more = b"<NextContinuationToken>%d</NextContinuationToken>" % rest[0][0] if rest else b""
    encoding = b"<EncodingType>url</EncodingType>" if asked.get("encoding-type") == "url" else b""
    head = (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Name>b</Name><Prefix>%b</Prefix>%b<KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys>%b<IsTruncated>%b</IsTruncated>"
    )
    told = (prefix.encode(), more, len(names[:most]), most, encoding, b"true" if rest else b"false")
    return head % told + items + b"</ListBucketResult>"


def _names(objects: Objects, prefix: str, start: int, most: int) -> Iterator[tuple[int, str]]:
    """What lies directly below a prefix: the number where it begins, and the sub-folder's prefix, '' for an object."""
    number = start
    while most and number < objects.count and (key := objects.key(number)).startswith(prefix):
        folder, slash, _ = key[len(prefix) :].partition("/")
        yield number, f"{prefix}{folder}/" if slash else ""
        number = objects.from_key(f"{prefix}{folder}{_AFTER_SLASH}") if slash else number + 1
        most -= 1


class Lister(asyncio.Protocol):
    """One connection. Requests come one after the other, and have no body."""

    objects = Objects(1000)
    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.head = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answer when a request is here."""
        self.head += data
        head, end, rest = bytes(self.head).partition(b"\r\n\r\n")
        if not end:
            return
        self.head = bytearray(rest)
        answer = self.answer(head.split(b"\r\n", 1)[0].decode("ascii"))
        asyncio.get_running_loop().call_later(self.delay_s, self.transport.write, answer)  # type: ignore[attr-defined]

    def answer(self, first: str) -> bytes:
        """What to say."""
        method, target, _ = first.split(" ")
        url = urlsplit(target)
        if method == "HEAD":
            return self.headers_of(unquote(url.path))
        body = page(self.objects, dict(parse_qsl(url.query, keep_blank_values=True)))
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    def headers_of(self, path: str) -> bytes:
        """The answer to HEAD."""
        key = path.lstrip("/").partition("/")[2]
        number = self.objects.from_key(key)
        if number == self.objects.count or self.objects.key(number) != key:
            return b"HTTP/1.1 404 Not Found\r\n\r\n" if key else b"HTTP/1.1 200 OK\r\n\r\n"
        digest = self.objects.sha256(number)
        lines = [
            "HTTP/1.1 200 OK",
            f"Content-Length: {self.objects.size(number)}",
            f'ETag: "{self.objects.etag(number)}"',
            "Last-Modified: Wed, 01 May 2024 10:00:00 GMT",
            f"x-amz-checksum-sha256: {base64.b64encode(digest).decode('ascii')}",
            "x-amz-checksum-type: FULL_OBJECT",
            f"x-amz-meta-mtime: {MTIME}",
            f"x-amz-meta-lrsync-sha256: {digest.hex()}",
        ]
        return "\r\n".join([*lines, "", ""]).encode("ascii")


async def serve(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Lister, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    Lister.objects = Objects(int(sys.argv[2]))
    Lister.delay_s = int(sys.argv[3]) / 1000
    asyncio.run(serve(int(sys.argv[1])))
