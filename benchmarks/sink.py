"""A server that takes every PUT, keeps nothing and answers at once: what is left is the client's own cost.

`python -m benchmarks.sink PORT`. Echoes the checksum headers as an S3 store does, lists nothing, and knows multiparts.
"""

from __future__ import annotations

import asyncio
import sys

LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>"
BEGUN = b"<InitiateMultipartUploadResult><UploadId>sink</UploadId></InitiateMultipartUploadResult>"
VERSIONED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
"""So that the manifest's snapshot goes under its own key at once: a copy proves nothing here."""
ECHOED = (b"x-amz-checksum-sha256", b"x-amz-checksum-crc32", b"x-amz-checksum-crc64nvme")


sizes: dict[bytes, int] = {}
"""What was put, by its path: some programs look whether their object is there."""


class Sink(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.head = bytearray()
        self.left = 0
        self.request = b""
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
        self.request = first
        self.left = int(headers.get(b"content-length", 0))
        self.echo = b"".join(b"%s: %s\r\n" % (name, headers[name]) for name in ECHOED if name in headers)
        if first.startswith(b"PUT"):
            sizes[first.split()[1]] = self.left
        if headers.get(b"expect"):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[attr-defined]

    def answer(self) -> None:
        """Say that all is well."""
        body = b""
        if self.request.startswith(b"HEAD"):
            self.answer_head()
            return
        if b"?versioning" in self.request:
            body = VERSIONED
        elif self.request.startswith(b"GET"):
            body = LISTING
        elif self.request.startswith(b"POST"):
            body = BEGUN if b"uploads" in self.request else self.completed()
        etag = b'ETag: "0123456789abcdef0123456789abcdef"\r\n'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s%s\r\n" % (len(body), etag, self.echo)
        self.transport.write(head + body)  # type: ignore[attr-defined]

    def answer_head(self) -> None:
        """Say what was put there."""
        size = sizes.get(self.request.split()[1])
        known = b'200 OK\r\nContent-Length: %d\r\nETag: "e"' % size if size is not None else b"404 Not Found"
        self.transport.write(b"HTTP/1.1 %s\r\n\r\n" % known)  # type: ignore[attr-defined]

    def completed(self) -> bytes:
        """The answer to a complete."""
        crc = self.echo.partition(b"x-amz-checksum-crc32: ")[2].partition(b"\r")[0]
        told = b"<ChecksumCRC32>%s</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType>" % crc if crc else b""
        return b'<CompleteMultipartUploadResult><ETag>"e-1"</ETag>%s</CompleteMultipartUploadResult>' % told


async def serve(port: int) -> None:
    """Until it is ended."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
