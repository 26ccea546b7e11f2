"""HTTP requests through libcurl: several at once from one thread, on connections that are kept; or one whose answer is
taken as it comes.

Knows nothing of S3 and retries nothing: an answer is a value, and so is a connection that failed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import pycurl

_SELECT_S: Final = 1.0
"""libcurl's own timers (time-outs, a second address to try) want to be looked at this often at least."""
SEND_BUFFER_BYTES: Final = 1 << 20
"""A body that is read while it is sent comes in pieces of this size: measured, 64 KiB cost half as much CPU again."""
RECEIVE_BUFFER_BYTES: Final = 64 << 10
"""libcurl fills it ten times before it looks up: no answer takes more than 640 KiB of memory, however slow the disk."""
MOST_HELD_BYTES: Final = 64 << 20
"""An answer that is to be held in memory and is longer than this is no answer."""
_MOST_ERROR_BYTES: Final = 1 << 20


class Outflow(Protocol):
    """A body that is read while it is sent."""

    @property
    def length(self) -> int:
        """All its bytes."""

    def seek(self, offset: int, whence: int = ..., /) -> int:
        """Go back, for another attempt."""

    def start_sending(self) -> None:
        """What is read from now on goes over the wire."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes, none at the end. Whatever it raises comes back to whoever sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSettings:
    """What all requests have in common. Times in seconds; `proxy` '' for none; `ca` None: certificates go unchecked."""

    user_agent: str
    ca: str | None
    proxy: str = ""
    connect_timeout_s: float = 10
    stall_timeout_s: float = 60


class Request(NamedTuple):
    """One request. `headers` as they are sent, `Name: value` each; `body` None for none."""

    method: str
    url: str
    headers: list[str]
    body: bytes | Outflow | None = None


class Reply(NamedTuple):
    """What came of it: an answer, its head in lines as they came, or libcurl's error."""

    status: int
    head: Sequence[bytes]
    body: bytes
    error: tuple[int, str] | None = None

    @property
    def headers(self) -> dict[bytes, bytes]:
        """Values as they came, by names in lower case."""
        return _headers_of(self.head)

    def header(self, name: bytes) -> str:
        """One header's value, '' where there is none."""
        return self.headers.get(name, b"").strip().decode("latin-1")


class CutError(Exception):
    """The connection failed while a body was taken; `number` and `words` are libcurl's."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(words)
        self.number, self.words = number, words


class _Kind(Enum):
    """What a handle is set up for."""

    FRESH = auto()
    HELD = auto()
    """A body in memory."""
    READ = auto()
    """A body that is read while it is sent."""
    NO_BODY = auto()
    NO_ANSWER = auto()
    """HEAD: the answer has no body, whatever its length says."""


class _Lane:
    """One easy handle, and where its answer goes."""

    def __init__(self, settings: WireSettings) -> None:
        self.index = -1
        self.head: list[bytes] = []
        self.body: list[bytes] = []
        self.broken: Exception | None = None
        self.curl = pycurl.Curl()
        self._settings = settings
        self._kind = _Kind.FRESH
        self._method = ""

    def load(self, request: Request) -> None:
        self.head.clear()
        self.body.clear()
        self.broken = None
        kind = _kind_of(request)
        if kind is not self._kind or request.method != self._method:
            self._set_up(kind, request.method)
        self.curl.setopt(pycurl.URL, request.url)
        self.curl.setopt(pycurl.HTTPHEADER, request.headers)
        if kind is _Kind.HELD:
            self.curl.setopt(pycurl.POSTFIELDS, request.body)
        elif kind is _Kind.READ:
            self._load_outflow(request.body)

    def _set_up(self, kind: _Kind, method: str) -> None:
        """Everything that stays the same from request to request of a kind."""
        # Of what another kind had set nothing may stay: a GET with the length of the PUT before it waits for a body.
        self.curl.reset()
        _prepare(self.curl, self._settings)
        self.curl.setopt(pycurl.HEADERFUNCTION, self.head.append)
        self.curl.setopt(pycurl.WRITEFUNCTION, self.body.append)
        self.curl.setopt(pycurl.CUSTOMREQUEST, method)
        if kind is _Kind.READ:
            self.curl.setopt(pycurl.UPLOAD, 1)
            self.curl.setopt(pycurl.UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES)
        elif kind is _Kind.NO_BODY:
            self.curl.setopt(pycurl.BUFFERSIZE, RECEIVE_BUFFER_BYTES)
        elif kind is _Kind.NO_ANSWER:
            self.curl.setopt(pycurl.NOBODY, 1)
            self.curl.setopt(pycurl.MAXFILESIZE_LARGE, 0)  # libcurl measures what is not sent, too
        self._kind, self._method = kind, method

    def _load_outflow(self, body: Any) -> None:
        body.seek(0)
        body.start_sending()
        self.curl.setopt(pycurl.INFILESIZE_LARGE, body.length)
        self.curl.setopt(pycurl.READFUNCTION, lambda size: self._read(body, size))
        # libcurl sends again by itself what a connection that had died meanwhile did not take.
        self.curl.setopt(pycurl.SEEKFUNCTION, lambda offset, whence: _rewind(body, offset, whence))

    def _read(self, body: Outflow, size: int) -> bytes | int:
        try:
            return body.read(size)
        except Exception as error:  # noqa: BLE001 - not swallowed: libcurl cannot carry it, whoever asked gets it
            self.broken = error
            return int(pycurl.READFUNC_ABORT)

    def unload(self) -> None:
        """Hold on to nothing that was sent: an idle handle would keep it."""
        if self._kind is _Kind.HELD:
            self.curl.setopt(pycurl.POSTFIELDS, b"")
        elif self._kind is _Kind.READ:
            self.curl.unsetopt(pycurl.READFUNCTION)
            self.curl.unsetopt(pycurl.SEEKFUNCTION)

    def reply(self, *, with_body: bool = True) -> Reply:
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return Reply(status, tuple(self.head), b"".join(self.body) if with_body else b"")

    def failure(self, number: int, words: str) -> Reply:
        """Raises what the body that was to be sent raised."""
        if self.broken is not None:
            raise self.broken
        return Reply(0, (), b"", (number, words))


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

    def ask(self, request: Request) -> Reply:
        """Send one, and have all of its answer."""
        with self._channel() as channel:
            return channel.alone(request)

    def open(self, request: Request) -> Inflow:
        """Send one, and take the body of its answer as it comes. To be closed."""
        return Inflow(self._take(), request, self._give_back)

    @contextmanager
    def _channel(self) -> Iterator[_Channel]:
        channel = self._take()
        yield channel
        # Not after an exception: handles that are half under way would answer the next exchange.
        self._give_back(channel)

    def _take(self) -> _Channel:
        with self._lock:
            # The last one used: its connections are the likeliest to be still alive.
            return self._idle.pop() if self._idle else _Channel(self._settings)

    def _give_back(self, channel: _Channel) -> None:
        with self._lock:
            closed = self._closed
            if not closed:
                self._idle.append(channel)
        if closed:
            channel.close()

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
        self.multi = pycurl.CurlMulti()
        self._lanes: list[_Lane] = []
        self._single: _Lane | None = None

    @property
    def single(self) -> _Lane:
        """The handle for requests that go alone."""
        if self._single is None:
            self._single = _Lane(self._settings)
        return self._single

    def alone(self, request: Request) -> Reply:
        """One request: libcurl waits by itself, without asking for the interpreter between two packets."""
        lane = self.single
        lane.load(request)
        try:
            lane.curl.perform()
        except pycurl.error as error:
            number, words = error.args
            return lane.failure(number, words)
        finally:
            lane.unload()
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
                self.multi.add_handle(lane.curl)
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
        self.multi.perform()
        _, done, failed = self.multi.info_read()
        if not (done or failed):
            self.wait()
            return
        for curl in done:
            self.multi.remove_handle(curl)
            lane = busy.pop(curl)
            yield lane, lane.reply()
        for curl, number, words in failed:
            self.multi.remove_handle(curl)
            lane = busy.pop(curl)
            yield lane, lane.failure(number, words)

    def wait(self) -> None:
        """Wait until a connection has something to say, or libcurl something to do."""
        told_ms = self.multi.timeout()
        self.multi.select(_SELECT_S if told_ms < 0 else min(_SELECT_S, told_ms / 1000))

    def close(self) -> None:
        for lane in self._lanes if self._single is None else [*self._lanes, self._single]:
            lane.curl.close()
        self.multi.close()


class Inflow:
    """An answer whose body is taken as it comes: what nobody takes waits at the sender's, not in memory."""

    def __init__(self, channel: _Channel, request: Request, give_back: Callable[[_Channel], None]) -> None:
        self._channel, self._give_back = channel, give_back
        self._lane = channel.single
        self._lane.load(request)
        self._lane.curl.setopt(pycurl.MAXFILESIZE_LARGE, 0)
        self._ended = self._closed = False
        self._error: tuple[int, str] | None = None
        channel.multi.add_handle(self._lane.curl)

    def head(self) -> Reply:
        """The answer without its body, once that begins; with it where it is no success."""
        self._go_on()
        if 200 <= self._lane.curl.getinfo(pycurl.RESPONSE_CODE) < 300:
            return self._lane.reply(with_body=False)  # of a body that broke off, what came is still to be had
        while not self._ended and sum(map(len, self._lane.body)) < _MOST_ERROR_BYTES:
            self._go_on()
        return self._lane.reply() if self._error is None else self._lane.failure(*self._error)

    def __iter__(self) -> Iterator[bytes]:
        """The body, some hundred kilobytes at a time. Raises CutError."""
        body = self._lane.body
        while True:
            if body:
                chunk = b"".join(body)
                body.clear()
                yield chunk
            if self._ended:
                break
            self._go_on()
        if self._error is not None:
            raise CutError(*self._error)

    def _go_on(self) -> None:
        """Let libcurl go on until there are more bytes, or it has ended."""
        multi, before = self._channel.multi, len(self._lane.body)
        while not self._ended:
            multi.perform()
            _, done, failed = multi.info_read()
            self._ended = bool(done or failed)
            for _, number, words in failed:
                self._error = (number, words)
            if len(self._lane.body) > before:
                return
            if not self._ended:
                self._channel.wait()

    def close(self) -> None:
        """Take no more. A connection with bytes on their way is given up."""
        if self._closed:
            return
        self._closed = True
        self._channel.multi.remove_handle(self._lane.curl)
        self._lane.curl.setopt(pycurl.MAXFILESIZE_LARGE, MOST_HELD_BYTES)
        self._lane.body.clear()
        self._give_back(self._channel)


def _kind_of(request: Request) -> _Kind:
    if request.body is None:
        return _Kind.NO_ANSWER if request.method == "HEAD" else _Kind.NO_BODY
    return _Kind.HELD if isinstance(request.body, bytes) else _Kind.READ


def _prepare(curl: Any, settings: WireSettings) -> None:
    """What is the same for all requests."""
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    # Or a key with "/../" in it would name another object.
    curl.setopt(pycurl.PATH_AS_IS, 1)
    # A photo that was stored gzipped comes back as it was stored.
    curl.setopt(pycurl.HTTP_CONTENT_DECODING, 0)
    curl.setopt(pycurl.MAXFILESIZE_LARGE, MOST_HELD_BYTES)
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


def _rewind(body: Outflow, offset: int, whence: int) -> int:
    body.seek(offset, whence)
    body.start_sending()
    return int(pycurl.SEEKFUNC_OK)


def _headers_of(lines: Sequence[bytes]) -> dict[bytes, bytes]:
    """The last answer's headers: a 100 Continue or a proxy's own answer may have come before it."""
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:5] == b"HTTP/":
            headers.clear()
        elif colon:
            headers[name.lower()] = value
    return headers
