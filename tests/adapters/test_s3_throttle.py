"""The bandwidth limit: exact on a clock of our own, roughly right on a real server."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from lrsync.adapters.s3 import S3Store
from lrsync.adapters.throttle import ThrottledBody, TokenBucket
from tests.stores.memory import content_of
from tests.stores.server import S3Server


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def make_bucket(rate: int) -> tuple[TokenBucket, FakeTime]:
    fake = FakeTime()
    return TokenBucket(rate, clock=fake.clock, sleep=fake.sleep), fake


@pytest.mark.parametrize("bite", [1, 100, 25_000])
def test_the_rate_holds_after_a_short_burst(bite: int) -> None:
    bucket, fake = make_bucket(100_000)
    for _ in range(1_000_000 // bite):
        bucket.take(bite)
    # Ten seconds' worth, less the burst of a quarter second.
    assert fake.now == pytest.approx(9.75, abs=0.01)


def test_idle_time_saves_up_no_more_than_a_burst() -> None:
    bucket, fake = make_bucket(100_000)
    bucket.take(1)
    fake.now += 3600
    start = fake.now
    for _ in range(10):
        bucket.take(10_000)
    assert fake.now - start == pytest.approx(0.75)


def test_a_rate_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="positive"):
        TokenBucket(0)


def test_only_sending_waits() -> None:
    bucket, fake = make_bucket(10_000)
    body = ThrottledBody(b"x" * 50_000, bucket)
    assert len(body.read()) == 50_000
    assert fake.now == 0, "signing reads the body too, and must not wait"
    body.seek(0)
    body.start_sending()
    sent = b"".join(iter(lambda: body.read(16_384), b""))
    assert (len(sent), fake.now) == (50_000, pytest.approx(4.75))
    body.seek(0)
    assert (len(body.read()), fake.now) == (50_000, pytest.approx(4.75)), "a retry signs again before it sends"


def test_a_sending_read_is_short_but_never_empty_before_the_end() -> None:
    bucket, _ = make_bucket(10_000)
    body = ThrottledBody(b"y" * 5_000, bucket)
    body.start_sending()
    sizes = [len(chunk) for chunk in iter(lambda: body.read(-1), b"")]
    assert sum(sizes) == 5_000
    assert max(sizes) <= bucket.slice_bytes
    assert body.tell() == body.seek(0, io.SEEK_END) == 5_000


@pytest.mark.parametrize(
    ("server", "transport"), [("seaweed", "curl"), ("seaweed_tls", "curl"), ("seaweed_tls", "boto3")]
)
def test_all_threads_share_the_limit(
    request: pytest.FixtureRequest,
    server: str,
    transport: str,
    bucket: Callable[..., str],
    open_store: Callable[..., S3Store],
) -> None:
    at: S3Server = request.getfixturevalue(server)
    store = open_store(at, bucket(at), bwlimit=400_000, transport=transport)
    store.put("warm", content_of(b"x"))  # the first write makes the volume
    contents = [content_of(bytes([number]) * 150_000) for number in range(4)]
    start = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda content: store.put(f"k{content.data[:1]!r}", content), contents))
    seconds = time.monotonic() - start
    # 600 kB at 400 kB/s, less the burst of 100 kB: 1.25 s. No upper bound: a busy machine is slower, and that is fine.
    assert seconds > 1.2
    for content in contents:
        with store.get(f"k{content.data[:1]!r}") as chunks:
            assert b"".join(chunks) == content.data
