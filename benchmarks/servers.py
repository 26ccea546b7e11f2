"""The servers that programs are measured against: a real one, and some that do as little as they can."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.stores.server import S3Server
from tests.stores.servers import _prepare_seaweed, _seaweed_is_ready, answers, free_ports, served


@contextmanager
def seaweed(folder: Path) -> Iterator[S3Server]:
    """SeaweedFS on loopback."""
    with served(folder, _prepare_seaweed, _seaweed_is_ready) as ports:
        yield S3Server(name="seaweed", endpoint=f"http://127.0.0.1:{ports[0]}")


def sink(folder: Path | None = None) -> AbstractContextManager[S3Server]:
    """A server that takes everything and keeps nothing; what it gives back lies in the folder."""
    return _own("sink", *([] if folder is None else [str(folder)]))


def lister(objects: int, delay_ms: int = 0) -> AbstractContextManager[S3Server]:
    """A server that lists so many objects, each answer held back for the delay."""
    return _own("listing_server", str(objects), str(delay_ms))


@contextmanager
def _own(module: str, *arguments: str) -> Iterator[S3Server]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", f"benchmarks.{module}", str(port), *arguments]
    with subprocess.Popen(command) as process:
        try:
            endpoint = f"http://127.0.0.1:{port}"
            while answers(endpoint) is None:
                time.sleep(0.1)
            yield S3Server(name=module, endpoint=endpoint)
        finally:
            process.kill()
