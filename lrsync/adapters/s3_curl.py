"""HTTP requests with a body, through libcurl: several at once from one thread, on connections that are kept.

Knows nothing of S3 and retries nothing: an answer is a value, and so is a connection that failed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import pycurl

from lrsync.adapters.throttle import ThrottledBody

_SELECT_S: Final = 1.0
"""libcurl's own timers (time-outs, a second address to try) want to be looked at this often at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSettings:
    """What all requests have in common. Times in seconds; `proxy` '' for none; `ca` None: certificates go unchecked."""

    user_agent: str
    ca: str | None
    proxy: str = ""
    connect_timeout_s: float = 10
    stall_timeout_s: float = 60


class Request(NamedTuple):
    """One PUT. `headers` as they are sent, `Name: value` each."""

    url: str
    headers: list[str]
    body: bytes | ThrottledBody


class Reply(NamedTuple):
    """What came of it: an answer (header names in lower case, values as they came), or libcurl's error."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    error: tuple[int, str] | None = None

    def header(self, name: bytes) -> str:
        """One header's value, '' where there is none."""
        return self.headers.get(name, b"").strip().decode("latin-1")


class _Lane:
    """One easy handle, and where its answer goes."""

    def __init__(self, settings: WireSettings) -> None:
        self.index = -1
        self.head: list[bytes] = []
        self.body: list[bytes] = []
        self.curl = pycurl.Curl()
        prepare(self.curl, settings)
        self.curl.setopt(pycurl.HEADERFUNCTION, self.head.append)
        self.curl.setopt(pycurl.WRITEFUNCTION, self.body.append)

    def load(self, request: Request) -> None:
        self.head.clear()
        self.body.clear()
        self.curl.setopt(pycurl.URL, request.url)
        self.curl.setopt(pycurl.HTTPHEADER, request.headers)
        if isinstance(request.body, ThrottledBody):
            self._load_throttled(request.body)
        else:
            self.curl.setopt(pycurl.POSTFIELDS, request.body)

    def _load_throttled(self, body: ThrottledBody) -> None:
        body.seek(0)
        body.start_sending()
        self.curl.setopt(pycurl.UPLOAD, 1)
        self.curl.setopt(pycurl.INFILESIZE_LARGE, len(body.getbuffer()))
        self.curl.setopt(pycurl.READFUNCTION, body.read)
        # libcurl sends again by itself what a connection that had died meanwhile did not take.
        self.curl.setopt(pycurl.SEEKFUNCTION, lambda offset, whence: _rewind(body, offset, whence))

    def reply(self) -> Reply:
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return Reply(status, headers_of(self.head), b"".join(self.body))

    def failure(self, number: int, words: str) -> Reply:
        return Reply(0, {}, b"", (number, words))


class Wire:
    """Connections to one endpoint, for any number of threads; each exchange has some of them for itself."""

    def __init__(self, settings: WireSettings) -> None:
        self._settings = settings
        self._idle: list[_Channel] = []
        self._lock = threading.Lock()
        self._closed = False

    def exchange(
        self, requests: Sequence[Request], *, lanes: int, begin: Callable[[], bool]
    ) -> Iterator[tuple[int, Reply]]:
        """Send them, at most `lanes` at a time: of each its place and what came of it, as it comes.

        `begin` is asked before each; once it says no, what is under way ends and no other is sent.
        """
        with self._channel() as channel:
            if len(requests) == 1:
                if begin():
                    yield 0, channel.alone(requests[0])
            else:
                yield from channel.together(requests, lanes, begin)

    @contextmanager
    def _channel(self) -> Iterator[_Channel]:
        with self._lock:
            # The last one used: its connections are the likeliest to be still alive.
            channel = self._idle.pop() if self._idle else _Channel(self._settings)
        yield channel
        # Not after an exception: handles that are half under way would answer the next exchange.
        with self._lock:
            if not self._closed:
                self._idle.append(channel)

    def close(self) -> None:
        """Close the connections that nobody uses; the others go when their exchange has ended."""
        with self._lock:
            self._closed = True
            channels, self._idle = self._idle, []
        for channel in channels:
            channel.close()


class _Channel:
    """Handles that one thread at a time uses."""

    def __init__(self, settings: WireSettings) -> None:
        self._settings = settings
        self._multi = pycurl.CurlMulti()
        self._lanes: list[_Lane] = []
        self._single: _Lane | None = None

    def alone(self, request: Request) -> Reply:
        """One request: libcurl waits by itself, without asking for the interpreter between two packets."""
        if self._single is None:
            self._single = _Lane(self._settings)
        lane = self._single
        lane.load(request)
        try:
            lane.curl.perform()
        except pycurl.error as error:
            number, words = error.args
            return lane.failure(number, words)
        finally:
            if isinstance(request.body, bytes):
                lane.curl.setopt(pycurl.POSTFIELDS, b"")  # or the idle handle keeps a part of 16 MiB
        return lane.reply()

    def together(
        self, requests: Sequence[Request], lanes: int, begin: Callable[[], bool]
    ) -> Iterator[tuple[int, Reply]]:
        free = self._free_lanes(min(lanes, len(requests)))
        busy: dict[Any, _Lane] = {}
        waiting = deque(enumerate(requests))
        while waiting or busy:
            while free and waiting:
                if not begin():
                    waiting.clear()
                    break
                lane = free.pop()
                lane.index, request = waiting.popleft()
                lane.load(request)
                self._multi.add_handle(lane.curl)
                busy[lane.curl] = lane
            for lane, reply in self._finished(busy):
                free.append(lane)
                yield lane.index, reply

    def _free_lanes(self, count: int) -> list[_Lane]:
        while len(self._lanes) < count:
            self._lanes.append(_Lane(self._settings))
        return self._lanes[:count]

    def _finished(self, busy: dict[Any, _Lane]) -> Iterator[tuple[_Lane, Reply]]:
        """Let libcurl go on until at least one request has ended, or for a moment."""
        self._multi.perform()
        _, done, failed = self._multi.info_read()
        if not (done or failed):
            self._multi.select(self._pause_s())
            return
        for curl in done:
            self._multi.remove_handle(curl)
            lane = busy.pop(curl)
            yield lane, lane.reply()
        for curl, number, words in failed:
            self._multi.remove_handle(curl)
            lane = busy.pop(curl)
            yield lane, lane.failure(number, words)

    def _pause_s(self) -> float:
        told_ms = self._multi.timeout()
        return _SELECT_S if told_ms < 0 else min(_SELECT_S, told_ms / 1000)

    def close(self) -> None:
        for lane in self._lanes if self._single is None else [*self._lanes, self._single]:
            lane.curl.close()
        self._multi.close()


def prepare(curl: Any, settings: WireSettings) -> None:
    """Everything that stays the same from request to request."""
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.CUSTOMREQUEST, "PUT")
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    # Or a key with "/../" in it would name another object.
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.USERAGENT, settings.user_agent)
    curl.setopt(pycurl.CONNECTTIMEOUT_MS, round(settings.connect_timeout_s * 1000))
    curl.setopt(pycurl.LOW_SPEED_LIMIT, 1)
    curl.setopt(pycurl.LOW_SPEED_TIME, max(1, round(settings.stall_timeout_s)))
    curl.setopt(pycurl.TCP_KEEPALIVE, 1)
    # '' also keeps libcurl from reading the environment by itself, by other rules than botocore's.
    curl.setopt(pycurl.PROXY, settings.proxy)
    curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
    if settings.ca is None:
        curl.setopt(pycurl.SSL_VERIFYPEER, 0)
        curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    else:
        curl.setopt(pycurl.CAPATH if Path(settings.ca).is_dir() else pycurl.CAINFO, settings.ca)


def _rewind(body: ThrottledBody, offset: int, whence: int) -> int:
    body.seek(offset, whence)
    body.start_sending()
    return int(pycurl.SEEKFUNC_OK)


def headers_of(lines: list[bytes]) -> dict[bytes, bytes]:
    """The last answer's headers: a 100 Continue or a proxy's own answer may have come before it."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        if line.startswith(b"HTTP/"):
            headers.clear()
            continue
        name, _, value = line.partition(b":")
        headers[name.lower()] = value
    return headers
