"""Fixtures of the fault tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.faults.night import Behind, Night
from tests.faults.proxy import FaultProxy, fault_proxy
from tests.stores.server import S3Server


@pytest.fixture
def proxy(seaweed: S3Server) -> Iterator[FaultProxy]:
    """A proxy before SeaweedFS. The test fails if a fault that it scripted never came."""
    with fault_proxy(seaweed.endpoint) as running:
        yield running
        assert running.unfired() == []


@pytest.fixture
def night(
    tmp_path: Path,
    seaweed: S3Server,
    bucket: Callable[..., str],
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Night]:
    """A library behind the proxy. The pauses between attempts are written down instead of made."""
    made = Night(tmp_path, behind=Behind(seaweed, bucket(seaweed)), proxy=proxy)
    pauses = SimpleNamespace(sleep=made.waits.append, strftime=time.strftime, gmtime=time.gmtime)
    monkeypatch.setattr("botocore.endpoint.time", pauses)
    monkeypatch.setattr("lrsync.adapters.s3_courier.time", pauses)
    yield made
    made.close()
