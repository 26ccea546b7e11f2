"""Ask S3 without a body, through libcurl: a page of a listing, or HEAD. boto3's errors, at a tenth of its cost.

botocore takes an answer's XML apart three times: to see whether a 200 is an error after all, for its own parser, and
for us. Here it stays what came. Signs along the route that botocore told, and looks for no other.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import pycurl

from lrsync.adapters.s3_courier import OPERATIONS, REMOVED, is_late_error, pause_before, refusal, wire_failure
from lrsync.adapters.s3_curl import Reply, WireSettings, headers_of, prepare
from lrsync.adapters.s3_route import Route
from lrsync.adapters.s3_sign import Keys, Signer
from lrsync.adapters.s3_uploads import Question

_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_BUFFER_BYTES: Final = 256 << 10
"""A page of a thousand keys is about that long: each piece of it costs a call into Python."""


class Asker:
    """Asks along one route, from any thread; each has a connection of its own. `count` hears of every request."""

    def __init__(
        self,
        route: Route,
        settings: WireSettings,
        *,
        keys: Callable[[], Keys],
        count: Callable[[str, int], None],
        attempts: int,
    ) -> None:
        self._route = route
        self._settings = settings
        self._keys = keys
        self._count = count
        self._attempts = attempts
        self._signer = Signer(route.scope)
        self._idle: list[_Line] = []
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, question: Question) -> Reply:
        """A successful answer, retries included. Raises boto3's errors, and ElsewhereError."""
        attempt = 0
        while True:
            attempt += 1
            self._count(OPERATIONS[question.operation], 1)
            reply = self._ask_once(question)
            problem = self._problem(question, reply)
            if problem is None:
                return reply
            pause = pause_before(problem, reply, attempt) if attempt < self._attempts else None
            if pause is None:
                raise problem
            time.sleep(pause)

    def _ask_once(self, question: Question) -> Reply:
        url, lines = self._signed(question)
        with self._line() as line:
            return line.ask(question.method, url, lines)

    def _signed(self, question: Question) -> tuple[str, list[str]]:
        keys, stamp = self._keys(), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {"host": self._route.host, "x-amz-date": stamp, "x-amz-content-sha256": _NOTHING, **question.headers}
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        name = quote(question.key, safe="/~")
        query = "&".join(f"{key}={quote(value, safe='~')}" for key, value in sorted(question.query.items()))
        path, base = self._route.path + name, self._route.base + name
        if not name and self._route.path != "/":
            # A bucket in the path is asked for without the slash, as by every other client: not all stores mind.
            path, base = path[:-1], base[:-1]
        authorization = self._signer.authorization(
            question.method, path, query, headers=headers, payload_hash=_NOTHING, keys=keys
        )
        del headers["host"]  # libcurl writes it, from the URL
        lines = [*REMOVED, f"authorization: {authorization}", *[f"{key}: {value}" for key, value in headers.items()]]
        return f"{base}{'?' if query else ''}{query}", lines

    def _problem(self, question: Question, reply: Reply) -> Exception | None:
        if reply.error is not None:
            return wire_failure(*reply.error, url=self._route.base)
        if is_late_error(reply):
            return refusal(question.operation, 500, reply)
        return None if 200 <= reply.status < 300 else refusal(question.operation, reply.status, reply)

    @contextmanager
    def _line(self) -> Iterator[_Line]:
        with self._lock:
            # The last one used: its connection is the likeliest to be still alive.
            line = self._idle.pop() if self._idle else _Line(self._settings)
        try:
            yield line
        finally:
            with self._lock:
                closed = self._closed
                if not closed:
                    self._idle.append(line)
            if closed:
                line.close()

    def close(self) -> None:
        """Close the connections that nobody uses; the others go with their answer."""
        with self._lock:
            self._closed = True
            lines, self._idle = self._idle, []
        for line in lines:
            line.close()


class _Line:
    """One handle with its connection; one thread at a time uses it."""

    def __init__(self, settings: WireSettings) -> None:
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._curl = pycurl.Curl()
        prepare(self._curl, settings)
        self._curl.unsetopt(pycurl.CUSTOMREQUEST)
        self._curl.setopt(pycurl.BUFFERSIZE, _BUFFER_BYTES)
        self._curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        self._curl.setopt(pycurl.WRITEFUNCTION, self._body.append)

    def ask(self, method: str, url: str, lines: list[str]) -> Reply:
        self._head.clear()
        self._body.clear()
        self._curl.setopt(pycurl.NOBODY if method == "HEAD" else pycurl.HTTPGET, 1)
        self._curl.setopt(pycurl.URL, url)
        self._curl.setopt(pycurl.HTTPHEADER, lines)
        try:
            self._curl.perform()
        except pycurl.error as error:
            number, words = error.args
            return Reply(0, {}, b"", (number, words))
        body = b"".join(self._body)
        self._body.clear()
        return Reply(self._curl.getinfo(pycurl.RESPONSE_CODE), headers_of(self._head), body)

    def close(self) -> None:
        self._curl.close()
