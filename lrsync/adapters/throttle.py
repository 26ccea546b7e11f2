"""The bandwidth limit: one token bucket for all threads, and a request body that waits for it.

Knows nothing of S3; never reads a file.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 0.25
MIN_SLICE_BYTES: Final = 1024


class TokenBucket:
    """Lets `rate` bytes a second pass, over all threads together, after a short burst.

    `clock` gives seconds, `sleep` waits for them; both are arguments so that a test needs not wait.
    """

    def __init__(
        self, rate: int, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if rate <= 0:
            raise ValueError("the rate must be positive")
        self._rate = rate
        self._capacity = max(rate * BURST_SECONDS, MIN_SLICE_BYTES)
        self._tokens = self._capacity
        self._clock = clock
        self._sleep = sleep
        self._filled_at = clock()
        self._lock = threading.Lock()

    @property
    def slice_bytes(self) -> int:
        """The most to take at once: a larger bite would stall so long that the server gives up the connection."""
        return int(self._capacity)

    def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._capacity, self._tokens + (now - self._filled_at) * self._rate)
            self._filled_at = now
            # The balance may go below zero: whoever comes next waits for this debt too, so turns stay fair.
            self._tokens -= count
            wait_s = -self._tokens / self._rate
        if wait_s > 0:
            self._sleep(wait_s)


class ThrottledBody(io.BytesIO):
    """A request body whose reads wait for the bucket while it is being sent.

    Signing reads the body too, from start to end: only between `start_sending` and the next seek do reads wait,
    or each byte would be paid for twice.
    """

    def __init__(self, data: bytes, bucket: TokenBucket) -> None:
        super().__init__(data)
        self._bucket = bucket
        self._sending = False

    @property
    def length(self) -> int:
        """All its bytes."""
        return len(self.getbuffer())

    def start_sending(self) -> None:
        """The reads that follow go over the wire."""
        self._sending = True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; a retry rewinds the body, and it is signed again before it is sent again."""
        self._sending = False
        return super().seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes; fewer than asked for while sending, never none before the end."""
        if not self._sending:
            return super().read(size)
        most = self._bucket.slice_bytes
        chunk = super().read(most if size is None or size < 0 else min(size, most))
        if chunk:
            self._bucket.take(len(chunk))
        return chunk
