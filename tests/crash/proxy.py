"""A pass-through in front of a real S3 server that logs every request, and kills or hangs at the one it is told to."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit


class Moment(Enum):
    """When, in the life of a request, the process that sent it dies."""

    BEFORE = "before the server sees it"
    DONE = "done, and not answered"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Logged:
    """One request that was passed on. `answered`: the client was sent the whole answer, and was not killed first."""

    method: str
    key: str
    query: dict[str, str]
    size: int
    status: int
    answered: bool

    @property
    def is_upload(self) -> bool:
        """Whether it made an object of its body."""
        return self.method == "PUT" and not self.query and self.size > 0 and self.status == 200

    @property
    def part(self) -> tuple[str, str] | None:
        """(upload id, part number) of a part that the server took."""
        if self.method == "PUT" and "partNumber" in self.query and self.status == 200:
            return self.query["uploadId"], self.query["partNumber"]
        return None


@dataclass
class Proxy:
    """What the pass-through saw and is to do. `log` is of this run: `begin` starts a new one."""

    upstream: tuple[str, int]
    endpoint: str = ""
    log: list[Logged] = field(default_factory=list)
    count: int = 0
    kill_at: int = 0
    moment: Moment = Moment.BEFORE
    hang_from: int = 0
    victim: int = 0
    fired: bool = False
    connections: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, *, kill_at: int = 0, moment: Moment = Moment.BEFORE, hang_from: int = 0) -> None:
        """A new run: forget what was seen. Counted from 1; 0 is never."""
        with self.lock:
            self.log = []
            self.count, self.victim, self.fired = 0, 0, False
            self.kill_at, self.moment, self.hang_from = kill_at, moment, hang_from

    def settle(self) -> None:
        """The run is over: wait until what it had sent has been dealt with, so that nothing lands later."""
        self.victim = 0
        end = time.monotonic() + 30
        while self.connections:
            assert time.monotonic() < end, "a connection of a process that is dead stays open"
            time.sleep(0.002)

    def next_number(self) -> int:
        """Which request of the run this one is."""
        with self.lock:
            self.count += 1
            return self.count

    def kill(self) -> None:
        """SIGKILL to the run."""
        with self.lock:
            if self.fired or not self.victim:
                return
            self.fired = True
            with suppress(ProcessLookupError):
                os.kill(self.victim, signal.SIGKILL)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[Proxy]

    def setup(self) -> None:
        super().setup()
        with self.proxy.lock:
            self.proxy.connections += 1

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            with self.proxy.lock:
                self.proxy.connections -= 1

    def _handle(self) -> None:
        proxy = self.proxy
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # it died while it sent this
            self.close_connection = True
            return
        number = proxy.next_number()
        if proxy.hang_from and number >= proxy.hang_from:
            proxy.released.wait()
            self.close_connection = True
            return
        if number == proxy.kill_at and proxy.moment is Moment.BEFORE:
            proxy.kill()
        if proxy.fired and proxy.moment is Moment.BEFORE:
            self.close_connection = True
            return
        status, headers, answer = self._pass_on(body)
        if number == proxy.kill_at and proxy.moment is Moment.DONE:
            proxy.kill()
        self._log(body, status, answered=not proxy.fired)
        if proxy.fired:
            self.close_connection = True
            return
        self._answer(status, headers, answer)
        if number == proxy.kill_at:
            proxy.kill()

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(*self.proxy.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "expect"):
                    upstream.putheader(name, value)
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            upstream.close()

    def _log(self, body: bytes, status: int, *, answered: bool) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        key = unquote(url.path).split("/", 2)[-1]
        with self.proxy.lock:
            self.proxy.log.append(Logged(self.command, key, query, len(body), status, answered))

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = {name.lower(): value for name, value in headers}.get("content-length", "0")
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    disable_nagle_algorithm = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed breaks its connections; that is what all this is for."""


@contextmanager
def proxied(endpoint: str) -> Iterator[Proxy]:
    """A pass-through on a free port to the server at `endpoint`."""
    url = urlsplit(endpoint)
    assert url.hostname is not None
    assert url.port is not None
    proxy = Proxy((url.hostname, url.port))

    class Handler(_Handler):
        pass

    Handler.proxy = proxy
    with _Server(("127.0.0.1", 0), Handler) as server:
        proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.released.set()
            server.shutdown()
            thread.join()
