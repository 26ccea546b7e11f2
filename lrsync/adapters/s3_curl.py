"""HTTP requests through libcurl: several at once from one thread, on connections that are kept; or one whose answer is
taken as it comes.

Knows nothing of S3 and retries nothing: an answer is a value, and so is a connection that failed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pycurl

from lrsync.adapters.s3_handle import MOST_HELD_BYTES, Lane, Reply, Request, WireSettings

_SELECT_S: Final = 1.0
"""libcurl's own timers (time-outs, a second address to try) want to be looked at this often at least."""
_MOST_ERROR_BYTES: Final = 1 << 20


class CutError(Exception):
    """The connection failed while a body was taken; `number` and `words` are libcurl's."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(words)
        self.number, self.words = number, words


class Wire:
    """Connections to one endpoint, for any number of threads; each exchange has some of them for itself."""

    def __init__(self, settings: WireSettings) -> None:
        self._settings = settings
        self._idle: list[_Channel] = []
        self._lock = threading.Lock()
        self._closed = False
        self.waiting: float | None = None
        """Which share of the time of the last requests that went side by side was spent waiting."""

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
                began, channel.waited_s = time.perf_counter(), 0.0
                yield from channel.together(requests, lanes, begin)
                self.waiting = channel.waited_s / max(time.perf_counter() - began, channel.waited_s)

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
        self._lanes: list[Lane] = []
        self._single: Lane | None = None
        self.waited_s = 0.0

    @property
    def single(self) -> Lane:
        """The handle for requests that go alone."""
        if self._single is None:
            self._single = Lane(self._settings)
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
        busy: dict[Any, Lane] = {}
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

    def _free_lanes(self, count: int) -> list[Lane]:
        while len(self._lanes) < count:
            self._lanes.append(Lane(self._settings))
        return self._lanes[:count]

    def _finished(self, busy: dict[Any, Lane]) -> Iterator[tuple[Lane, Reply]]:
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
        began, told_ms = time.perf_counter(), self.multi.timeout()
        self.multi.select(_SELECT_S if told_ms < 0 else min(_SELECT_S, told_ms / 1000))
        self.waited_s += time.perf_counter() - began

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
