"""One libcurl handle: how it is set up for a request, what a request is, and what comes of it. Sends nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import pycurl

SEND_BUFFER_BYTES: Final = 1 << 20
"""A body that is read while it is sent comes in pieces of this size: measured, 64 KiB cost half as much CPU again."""
RECEIVE_BUFFER_BYTES: Final = 64 << 10
"""libcurl fills it ten times before it looks up: no answer takes more than 640 KiB of memory, however slow the disk."""
MOST_HELD_BYTES: Final = 64 << 20
"""An answer that is to be held in memory and is longer than this is no answer."""


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


class Lane:
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
        if not _is_whole(self.head):
            return Reply(0, (), b"", (pycurl.E_PARTIAL_FILE, "the connection was closed within the answer's head"))
        status = self.curl.getinfo(pycurl.RESPONSE_CODE)
        return Reply(status, tuple(self.head), b"".join(self.body) if with_body else b"")

    def thought_s(self) -> float:
        """How long the server took from the request's end, or its body's beginning, to the answer's."""
        began: float = self.curl.getinfo(pycurl.PRETRANSFER_TIME)
        return float(self.curl.getinfo(pycurl.STARTTRANSFER_TIME)) - began

    def failure(self, number: int, words: str) -> Reply:
        """Raises what the body that was to be sent raised."""
        if self.broken is not None:
            raise self.broken
        return Reply(0, (), b"", (number, words))


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
    curl.setopt(pycurl.NOPROXY, "")
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


def _is_whole(head: Sequence[bytes]) -> bool:
    """Whether a head has its end: libcurl takes a connection that closes before for the end of an empty answer."""
    for line in reversed(head):  # behind the end there may be trailers
        if not line.strip():
            return True
        if line[:5] == b"HTTP/":
            return False
    return False


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
