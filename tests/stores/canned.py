"""A tiny HTTP server that answers what a test tells it to, for the answers that no real store gives on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from tests.stores.server import S3Server


@dataclass(frozen=True)
class Reply:
    """One answer. `cut` promises more bytes than are sent, and closes the connection."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def error(status: int, code: str, message: str = "as told") -> Reply:
    """An S3 error."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Reply(status, text.encode())


def xml(root: str, inner: str = "", **headers: str) -> Reply:
    """An S3 answer with a body."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><{root}>{inner}</{root}>'
    return Reply(200, text.encode(), headers)


class CannedS3:
    """Answers with `replies`, in order; the last one again and again. `asked` keeps every request."""

    def __init__(self, server: S3Server) -> None:
        self.server = server
        self.replies: list[Reply] = []
        self.asked: list[Asked] = []
        self._lock = threading.Lock()

    def answer(self, *replies: Reply) -> None:
        """What to say from now on."""
        with self._lock:
            self.replies[:] = replies

    def next_reply(self, asked: Asked) -> Reply:
        """The answer to this request."""
        with self._lock:
            self.asked.append(asked)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    canned: ClassVar[CannedS3]

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.canned.next_reply(Asked(self.command, self.path, headers, body))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body) + (1000 if reply.cut else 0)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # whoever asked has heard enough
                self.wfile.write(reply.body)
        self.close_connection = self.close_connection or reply.cut

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: pytest's output is no access log."""


@contextmanager
def canned_s3() -> Iterator[CannedS3]:
    """A canned server on a free port."""

    class Handler(_Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        canned = CannedS3(S3Server(name="canned", endpoint=f"http://127.0.0.1:{http.server_port}"))
        Handler.canned = canned
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield canned
        finally:
            http.shutdown()
            thread.join()
