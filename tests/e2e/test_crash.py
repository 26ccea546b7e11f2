"""Killed at any moment, a run goes on where it was: nothing is lost, and nothing acknowledged is sent twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e.machine import RESERVED, Machine, kill_group, query, wait_until
from tests.faults import proxy as faults
from tests.faults.proxy import FaultProxy
from tests.stores.server import S3Server

# Dozens of processes each: on a busy machine they wait for their turn.
pytestmark = pytest.mark.timeout(600)

Make = Callable[..., Machine]

MANY, FEW = 2000, 500
LARGE_BYTES = 70 << 20
LARGE_PUTS = 7
"""Five parts, and the requests that begin and complete them."""
BATCH = 50
IN_FLIGHT = 8 * 4
"""Threads, and what waits for each of them."""


def make_photos(here: Machine, small_files: int) -> int:
    """So many small files and two large ones; returns how many they are together."""
    rng = random.Random("crash")
    for number in range(small_files):
        path = here.source / f"{number % 20:02}" / f"IMG_{number:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d " % number + rng.randbytes(200))
    for name in ("00/long.mov", "19/longer.mov"):
        (here.source / name).write_bytes(rng.randbytes(LARGE_BYTES))
    return small_files + 2


def versions(here: Machine) -> Counter[str]:
    """How many versions each key has, lrsync's own left out: how often it was sent."""
    pages = here.client.get_paginator("list_object_versions").paginate(Bucket=here.bucket, Prefix=f"{here.prefix}/")
    found: list[dict[str, Any]] = [version for page in pages for version in page.get("Versions", ())]
    return Counter(v["Key"] for v in found if not v["Key"].startswith(f"{here.prefix}/{RESERVED}"))


def killed(here: Machine, condition: Callable[[], bool], *command: str) -> bool:
    """Run the command and kill it without a warning once the condition holds; False where it ended before."""
    with here.started(*command) as process:
        in_time = wait_until(condition, process)
        kill_group(process)
        return in_time


@pytest.fixture
def road(seaweed: S3Server) -> Iterator[FaultProxy]:
    """The way to the server."""
    with faults.fault_proxy(seaweed.endpoint) as proxy:
        yield proxy


@contextmanager
def slow(road: FaultProxy, operation: str, seconds: float) -> Iterator[None]:
    """Each request of one kind is long on its way: the end is seconds away when what a test waits for is seen."""
    road.on(operation, faults.after(lambda: road.wait(seconds)), times=None)
    yield
    road.heal()


def after(seconds: float) -> Callable[[], bool]:
    """A condition that holds so much later."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def test_killed_again_and_again(seaweed: S3Server, road: FaultProxy, machine: Make) -> None:
    here: Machine = machine(replace(seaweed, endpoint=road.endpoint), {}, versioned=True)
    files = make_photos(here, MANY)
    sync = ("sync", "--quiet", "--batch-size", str(BATCH))
    seed = random.randrange(1 << 32)
    print(f"random seed {seed}")
    rng = random.Random(seed)
    kills = 0
    for more in (1, None, MANY // 5, None, MANY // 5):
        wanted = here.recorded() + (more or 0)
        condition = after(rng.uniform(0.2, 2.5)) if more is None else lambda n=wanted: here.recorded() >= n  # type: ignore[misc]
        with slow(road, "PutObject", 0.1):
            kills += killed(here, condition, *sync)
        for manifest in here.manifests():
            if manifest.suffix == ".sqlite":
                assert query(manifest, "PRAGMA integrity_check") == "ok"
    assert kills >= 3
    recorded, sent_before = here.recorded(), versions(here).total()

    done = here.sync("--batch-size", str(BATCH))
    assert done["s3_requests"]["put"] <= files - recorded + BATCH + IN_FLIGHT + 2 * LARGE_PUTS
    assert done["actions"]["uploaded"] <= files - recorded
    sent = versions(here)
    assert sent.total() - sent_before <= files - recorded
    assert set(sent) == {f"{here.prefix}/{key}" for key in here.files()}
    assert sent.total() - files <= kills * (BATCH + IN_FLIGHT)
    here.check_bucket(by_etag=True)
    assert here.recorded() == files
    assert query(here.manifest, "PRAGMA integrity_check") == "ok"
    assert here.status()["safe"] == files
    quiet = here.sync()
    assert (quiet["s3_requests"]["total"], quiet["changes"]["unchanged"]) == (0, files)


def test_killed_while_rebuilding_and_while_deleting(seaweed: S3Server, road: FaultProxy, machine: Make) -> None:
    through = replace(seaweed, endpoint=road.endpoint)
    here: Machine = machine(through, {f"{n:04}.jpg": b"%d" % n for n in range(300)})
    here.sync()
    old = here.manifest.read_bytes()
    rebuild = ("rebuild-manifest", "--quiet", "--batch-size", "20", "--threads", "1")
    with slow(road, "HeadObject", 0.02):
        assert killed(here, lambda: _rebuilt_rows(here) >= 60, *rebuild)
    assert here.manifest.read_bytes() == old
    assert here.run("rebuild-manifest", "--quiet").code == 0
    assert here.sync()["actions"]["uploaded"] == 0

    for number in range(150):
        (here.source / f"{number:04}.jpg").unlink()
    delete = ("--delete", "--max-delete", "150")
    with slow(road, "DeleteObject", 0.02):
        assert killed(here, lambda: len(here.photos()) < 280, "sync", "--quiet", "--threads", "1", *delete)
    here.sync(*delete)
    here.check_bucket(by_etag=True)
    assert {key: here.read(there) for key, there in here.trash().items()} == {
        f"{n:04}.jpg": b"%d" % n for n in range(150)
    }
    assert here.status()["missing"] == 0
    assert here.sync()["s3_requests"]["total"] == 0


def _rebuilt_rows(here: Machine) -> int:
    new = here.manifest.with_name(here.manifest.name + ".rebuilding")
    return int(query(new, "SELECT count(*) FROM files")) if new.exists() else 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop(seaweed: S3Server, machine: Make, number: signal.Signals) -> None:
    here: Machine = machine(seaweed, {})
    files = make_photos(here, FEW)
    # The two films take nine seconds at this speed, and one part of them one.
    with here.started("sync", "--batch-size", str(BATCH), "--bwlimit", "16M") as process:
        assert wait_until(lambda: here.recorded() >= 100, process)
        asked = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert time.monotonic() - asked < 10
    assert process.returncode == 130
    assert out == ""
    assert "press Ctrl-C again" in err
    error = err.splitlines()[-1]
    assert error.startswith("error: interrupted: what was acknowledged is recorded.")
    assert error.endswith("hint: run the same command again to go on.")
    acknowledged = len(here.photos())
    assert 100 <= acknowledged == here.recorded() < files
    status = here.status(code=3)
    assert status["last_run"]["result"] == "interrupted"
    assert "others may wait" in status["state"]

    done = here.sync()
    assert done["actions"]["uploaded"] == files - acknowledged
    here.check_bucket(by_etag=True)


def test_asked_twice_to_stop(seaweed: S3Server, machine: Make) -> None:
    here: Machine = machine(seaweed, {"long.mov": os.urandom(LARGE_BYTES), "a.jpg": b"a"})
    # A part takes half a minute at this speed, and is on its way when the first signal comes.
    with here.started("sync", "--bwlimit", "500K") as process:
        assert wait_until(lambda: here.recorded() >= 1, process)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(2) == 130
    here.sync()
    here.check_bucket(by_etag=True)
