"""Ctrl-C and SIGTERM to a run whose server answers no more: it ends in time, and what was acknowledged is recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lrsync.ui.signals import LATE_MESSAGE, SAME_PRESS_S
from tests.crash.checks import Bucket, read_manifest
from tests.crash.proxy import Proxy, proxied
from tests.stores.server import S3Server
from tests.trees import LONG_AGO_NS, make_tree

FILES = 30
OPENING = 2
"""With the second request a first run still looks what bucket this is; no file is handed to a worker yet."""
UPLOADING = 16
INTERRUPTED = "error: interrupted: what was acknowledged is recorded. hint: run the same command again to go on."


@dataclass
class Run:
    """A real command line, on a library of small files."""

    home: Path
    bucket: Bucket
    proxy: Proxy
    environment: dict[str, str]

    @property
    def manifest(self) -> Path:
        return self.home / "manifest.sqlite"

    def command(self, *args: str) -> list[str]:
        place = ["--source-path", str(self.home / "photos"), "--s3-bucket", self.bucket.name]
        where = ["--s3-prefix", self.bucket.prefix, "--endpoint-url", self.proxy.endpoint]
        work = ["--manifest", str(self.manifest), "--threads", "3", "--batch-size", "4", "--json", *args]
        return [sys.executable, "-m", "lrsync", "sync", *place, *where, *work]

    @contextmanager
    def started(self, *args: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            self.command(*args),
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def await_requests(self, count: int, process: subprocess.Popen[str]) -> None:
        """Wait until the server got so many."""
        end = time.monotonic() + 60
        while self.proxy.count < count:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(0.3)  # what was answered before the server fell silent arrives

    def acknowledged(self) -> set[str]:
        """The files whose PUT was answered."""
        uploads = (asked.key for asked in self.proxy.log if asked.is_upload and asked.answered)
        names = (key[len(self.bucket.prefix) + 1 :] for key in uploads)
        return {name for name in names if not name.startswith(".lrsync/")}

    def recorded(self) -> set[str]:
        return set(read_manifest(self.manifest, self.home / "scratch").good)


@pytest.fixture
def run(tmp_path: Path, seaweed: S3Server, crash_client: Any, crash_bucket: str) -> Iterator[Run]:
    make_tree(tmp_path / "photos", {f"{n:02}.jpg": b"photo %d" % n for n in range(FILES)}, mtime_ns=LONG_AGO_NS)
    bucket = Bucket(crash_client, crash_bucket, f"stop-{uuid.uuid4().hex[:8]}")
    environment = {**seaweed.environment(HOME=str(tmp_path)), "PYTHONWARNINGS": "error"}
    with proxied(seaweed.endpoint) as proxy:
        yield Run(tmp_path, bucket, proxy, environment)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_falls_silent_while_uploading(run: Run, number: signal.Signals) -> None:
    out, err = stopped(run, UPLOADING, number)
    assert err.splitlines()[-1] == INTERRUPTED
    assert json.loads(out)["result"] == "interrupted"
    assert run.recorded() == run.acknowledged()
    assert len(run.recorded()) > 0
    goes_on(run)


def test_a_server_that_falls_silent_while_listing(run: Run) -> None:
    with run.started() as process:
        assert process.wait(60) == 0
    out, err = stopped(run, 1, signal.SIGINT, "--full")
    assert err.splitlines()[-1] == INTERRUPTED
    assert json.loads(out)["result"] == "interrupted"
    goes_on(run)


def test_a_server_that_falls_silent_before_anything(run: Run) -> None:
    _, err = stopped(run, OPENING, signal.SIGINT)
    assert err.splitlines()[-1] == LATE_MESSAGE
    goes_on(run)


def stopped(run: Run, silent_from: int, number: signal.Signals, *args: str) -> tuple[str, str]:
    """What a run says whose server answers no request from this one on, and that is sent a signal then."""
    run.proxy.begin(hang_from=silent_from)
    with run.started(*args) as process:
        run.await_requests(silent_from, process)
        began = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        assert time.monotonic() - began < 10
    assert process.returncode == 130, err
    return out, err


def goes_on(run: Run) -> None:
    """The next run sends what is left, and only that."""
    before = run.recorded()
    run.proxy.begin()
    run.proxy.released.set()
    with run.started() as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["actions"]["failed"] == 0
    assert not before & run.acknowledged()
    assert len(run.recorded()) == FILES


def test_the_second_stops_at_once(run: Run) -> None:
    run.proxy.begin(hang_from=UPLOADING)
    with run.started() as process:
        run.await_requests(UPLOADING, process)
        process.send_signal(signal.SIGINT)
        time.sleep(SAME_PRESS_S + 0.2)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
        assert time.monotonic() - began < 2
    assert process.returncode == 130, err
    goes_on(run)


def test_what_is_in_flight_is_let_end(run: Run) -> None:
    with run.started() as process:
        run.await_requests(UPLOADING, process)
        os.killpg(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    # A library this small may be done before the signal comes, and Python on its way out, where nobody listens.
    done = len(run.recorded()) == FILES
    assert process.returncode in ((0, 130, -signal.SIGTERM) if done else (130,)), err
    assert run.recorded() == run.acknowledged()
