"""An HTTP proxy that misbehaves by a script. Between lrsync and a real server; knows S3 only by its URLs.

The endpoint that lrsync is given is the proxy; the Host header goes on as it came, since the signature covers it.

    proxy.on("PutObject", reply(503, "SlowDown"), key="b.jpg", nth=2)

makes the second PutObject of a key that ends with `b.jpg` fail once. A fault is a function of an `Exchange`.
"""

from __future__ import annotations

import http.client
import io
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

UPSTREAM_SECONDS = 60
_NOT_FORWARDED = ("expect", "connection", "transfer-encoding")


@dataclass(frozen=True)
class Request:
    """What was asked for: `operation` is S3's name of it, `key` has no bucket and no percent signs."""

    operation: str
    key: str
    method: str
    target: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """An answer as it goes over the wire. Header names as the server wrote them."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str, value: str | None) -> Answer:
        """This answer with another value of a header; without it for None."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=kept if value is None else (*kept, (name, value)))


class Exchange:
    """One request in the proxy's hands: a fault may read it, forward it, answer it or break it off."""

    def __init__(self, proxy: FaultProxy, handler: _Handler, request: Request) -> None:
        self.proxy = proxy
        self.request = request
        self._handler = handler

    @cached_property
    def body(self) -> bytes:
        """The request's body, read to its end."""
        return self._handler.rfile.read(self._length)

    @property
    def _length(self) -> int:
        return int(self._handler.headers.get("Content-Length") or 0)

    def read_some(self, count: int) -> None:
        """Read the first bytes of the body and leave the rest where it is."""
        self._handler.rfile.read(min(count, self._length))

    def forward(self) -> Answer:
        """What the real server says."""
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=UPSTREAM_SECONDS)
        with closing(upstream):
            upstream.putrequest(self.request.method, self.request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in self._handler.headers.items():
                if name.lower() not in _NOT_FORWARDED:
                    upstream.putheader(name, value)
            upstream.endheaders(self.body or None)
            answer = upstream.getresponse()
            headers = tuple(pair for pair in answer.getheaders() if pair[0].lower() not in _NOT_FORWARDED)
            return Answer(answer.status, headers, answer.read())

    def send(self, answer: Answer, *, cut: int | None = None, pause_s: float = 0.0) -> None:
        """Answer; `cut` sends only so many bytes of the body and hangs up, `pause_s` waits before each 64 bytes."""
        data = self._serialise(answer)
        head, _, body = data.partition(b"\r\n\r\n")
        data = head + b"\r\n\r\n" + (body if cut is None else body[:cut])
        if not pause_s:
            self._handler.wfile.write(data)
        for start in range(0, len(data) if pause_s else 0, 64):
            self.proxy.wait(pause_s)
            self._handler.wfile.write(data[start : start + 64])
        if cut is not None:
            self._handler.close_connection = True

    def _serialise(self, answer: Answer) -> bytes:
        told = any(name.lower() == "content-length" for name, _ in answer.headers)
        length = () if told else (("Content-Length", str(len(answer.body))),)
        lines = [f"HTTP/1.1 {answer.status} As-Told", *(f"{name}: {value}" for name, value in answer.headers + length)]
        body = b"" if self.request.method == "HEAD" else answer.body
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def reset(self) -> None:
        """Break the connection off as a dead router does: RST, no goodbye."""
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The handler's stream holds the socket open, and what it still wants to say goes nowhere.
        self._handler.rfile.close()
        self._handler.wfile = io.BytesIO()
        connection.close()
        self._handler.close_connection = True


Fault = Callable[[Exchange], None]


@dataclass
class Rule:
    """A fault for the requests of one operation, from the `nth` on that match, `times` times (None: for ever)."""

    operation: str
    fault: Fault
    key: str
    nth: int
    times: int | None
    met: int = 0
    fired: int = 0

    def takes(self, request: Request) -> bool:
        """Whether this request gets the fault; counts it."""
        if self.operation not in ("*", request.operation) or not request.key.endswith(self.key):
            return False
        self.met += 1
        if self.met < self.nth or (self.times is not None and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def __str__(self) -> str:
        return f"{self.operation} {self.key or 'any key'}, from number {self.nth} on: met {self.met}"


@dataclass
class FaultProxy:
    """Forwards to `upstream` (host and port), except where a rule says otherwise. `seen` has every request."""

    upstream: str
    endpoint: str = ""
    rules: list[Rule] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _former: list[Rule] = field(default_factory=list)

    def on(self, operation: str, fault: Fault, *, key: str = "", nth: int = 1, times: int | None = 1) -> Rule:
        """Script a fault. `operation` is S3's name of a request, or `*`; `key` is the end of the key."""
        rule = Rule(operation, fault, key, nth, times)
        with self._lock:
            self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """No faults from now on. What was scripted and never came is still remembered."""
        with self._lock:
            self._former += self.rules
            self.rules.clear()

    def unfired(self) -> list[str]:
        """The scripted faults that never came: such a test has proven nothing."""
        with self._lock:
            return [str(rule) for rule in self._former + self.rules if not rule.fired]

    def count(self, operation: str, key: str = "") -> int:
        """How often this was asked for so far."""
        with self._lock:
            return sum(one.operation == operation and one.key.endswith(key) for one in self.seen)

    def wait(self, seconds: float) -> None:
        """Wait, or until the proxy ends: a hanging fault must not outlive its test."""
        self._over.wait(seconds)

    def end(self) -> None:
        """Let every waiting fault go."""
        self._over.set()

    def fault_for(self, request: Request) -> Fault:
        """What happens to this request."""
        with self._lock:
            self.seen.append(request)
            taking = [rule for rule in self.rules if rule.takes(request)]
        return taking[0].fault if taking else _pass_on


def _pass_on(exchange: Exchange) -> None:
    exchange.send(exchange.forward())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ClassVar[FaultProxy]
    wfile: Any

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ValueError):
            # The client gave up on us, or a fault broke the connection off.
            self.close_connection = True

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = described(self.command, self.path, headers)
        exchange = Exchange(self.proxy, self, request)
        self.proxy.fault_for(request)(exchange)
        if not self.close_connection:
            _ = exchange.body  # left unread it would be taken for the next request

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError):
            return  # the connection was broken off

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: pytest's output is no access log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def fault_proxy(upstream_url: str) -> Iterator[FaultProxy]:
    """A proxy before the server at `upstream_url` (http), on a free port, until the block ends."""

    class Handler(_Handler):
        pass

    proxy = FaultProxy(urlsplit(upstream_url).netloc)
    with _Server(("127.0.0.1", 0), Handler) as http_server:
        proxy.endpoint = f"http://127.0.0.1:{http_server.server_port}"
        Handler.proxy = proxy
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.end()
            http_server.shutdown()
            thread.join()


# --- what a request is ------------------------------------------------------------------------------------

_OBJECT_OPERATIONS = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_BUCKET_OPERATIONS = {"GET": "ListObjects", "PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}
_UPLOAD_OPERATIONS = {
    "GET": "ListParts",
    "PUT": "UploadPart",
    "POST": "CompleteMultipartUpload",
    "DELETE": "AbortMultipartUpload",
}


def described(method: str, target: str, headers: dict[str, str]) -> Request:
    """What this request is to S3 (path-style URLs only)."""
    url = urlsplit(target)
    key = unquote(url.path).lstrip("/").partition("/")[2]
    query = parse_qs(url.query, keep_blank_values=True)
    return Request(_operation(method, key, query, headers), key, method, target, headers)


def _operation(method: str, key: str, query: dict[str, list[str]], headers: dict[str, str]) -> str:
    copies = "x-amz-copy-source" in headers
    if "uploadId" in query:
        return _UPLOAD_OPERATIONS[method] + ("Copy" if copies else "")
    if "uploads" in query:
        return "CreateMultipartUpload" if method == "POST" else "ListMultipartUploads"
    if not key:
        named = {"list-type": "ListObjectsV2", "versioning": "GetBucketVersioning"}
        return next((name for mark, name in named.items() if mark in query), _BUCKET_OPERATIONS[method])
    return "CopyObject" if copies else _OBJECT_OPERATIONS[method]


# --- faults -----------------------------------------------------------------------------------------------


def s3_error(status: int, code: str = "", **headers: str) -> Answer:
    """An S3 error; without a code an answer without a body, as from a gateway."""
    told = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    if not code:
        return Answer(status, told)
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>as scripted</Message></Error>'
    return Answer(status, (*told, ("Content-Type", "application/xml")), text.encode())


def reply(status: int, code: str = "", **headers: str) -> Fault:
    """Answer with an error; the server never hears of the request. `Retry_After="1"` is a header."""

    def fault(exchange: Exchange) -> None:
        _ = exchange.body
        exchange.send(s3_error(status, code, **headers))

    return fault


def reset() -> Fault:
    """The connection breaks off before there is an answer."""

    def fault(exchange: Exchange) -> None:
        _ = exchange.body
        exchange.reset()

    return fault


def reset_in_body(after: int = 10) -> Fault:
    """The connection breaks off while the request's body is on its way."""

    def fault(exchange: Exchange) -> None:
        exchange.read_some(after)
        exchange.reset()

    return fault


def lost_answer() -> Fault:
    """The server does what it was asked to, and nobody hears of it."""

    def fault(exchange: Exchange) -> None:
        exchange.forward()
        exchange.reset()

    return fault


def lands_late(seconds: float) -> Fault:
    """The server does what it was asked to, and says so when the client has long given up."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        exchange.proxy.wait(seconds)
        exchange.send(answer)

    return fault


def truncated(keep: int = 20) -> Fault:
    """The answer promises more bytes than come."""

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward()
        promised = len(answer.body) + (0 if len(answer.body) > keep else 1000)
        exchange.send(answer.header("Content-Length", str(promised)), cut=keep)

    return fault


def hang(seconds: float = 60) -> Fault:
    """Nothing comes: no answer, no end."""

    def fault(exchange: Exchange) -> None:
        _ = exchange.body
        exchange.proxy.wait(seconds)
        exchange.reset()

    return fault


def slowly(pause_s: float) -> Fault:
    """The answer comes in drops of 64 bytes."""

    def fault(exchange: Exchange) -> None:
        exchange.send(exchange.forward(), pause_s=pause_s)

    return fault


def changed(change: Callable[[Answer], Answer]) -> Fault:
    """The server did it, and its answer is not what it said."""

    def fault(exchange: Exchange) -> None:
        exchange.send(change(exchange.forward()))

    return fault


def instead(answer: Answer) -> Fault:
    """This answer, whatever the server would have said."""

    def fault(exchange: Exchange) -> None:
        _ = exchange.body
        exchange.send(answer)

    return fault


def after(act: Callable[[], object]) -> Fault:
    """Something happens behind lrsync's back, and then the request goes on."""

    def fault(exchange: Exchange) -> None:
        act()
        exchange.send(exchange.forward())

    return fault


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.monotonic()
    call()
    return time.monotonic() - began
