"""Fixtures of the crash tests: a server, a pass-through to it, and a process that forks for each run."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.crash.checks import Bucket
from tests.crash.life import Life
from tests.crash.proxy import Proxy, proxied
from tests.forked import the_zygote
from tests.stores.server import S3Server


@pytest.fixture(scope="session")
def proxy(seaweed: S3Server) -> Iterator[Proxy]:
    """A pass-through to SeaweedFS."""
    with proxied(seaweed.endpoint) as found:
        yield found


@pytest.fixture(scope="session")
def crash_client(seaweed: S3Server) -> Iterator[Any]:
    """boto3 on the server itself, past the proxy."""
    with closing(seaweed.client()) as client:
        yield client


@pytest.fixture(scope="session")
def crash_bucket(crash_client: Any) -> str:
    """One bucket for all lives of a worker: each has its own prefix."""
    name = f"crash-{uuid.uuid4().hex[:16]}"
    crash_client.create_bucket(Bucket=name)
    return name


@pytest.fixture
def new_life(
    tmp_path: Path, seaweed: S3Server, proxy: Proxy, crash_client: Any, crash_bucket: str
) -> Callable[..., Life]:
    """Begins a life: the seed decides what happens in it."""

    def begin(seed: int, **more: Any) -> Life:
        home = tmp_path / f"life-{seed}"
        bucket = Bucket(crash_client, crash_bucket, f"life-{seed}-{uuid.uuid4().hex[:6]}")
        environment = {**seaweed.environment(HOME=str(home)), "PYTHONWARNINGS": "error"}
        kept = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
        return Life(home, bucket, proxy, the_zygote(), kept, random.Random(seed), **more)

    return begin
