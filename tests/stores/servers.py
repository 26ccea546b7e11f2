"""Fixtures that start real S3 servers, once for all workers of a run. See the package's docstring."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from lrsync.adapters.s3 import S3Store
from tests.stores import keeper
from tests.stores.canned import CannedS3, canned_s3
from tests.stores.server import Abilities, S3Server, without_aws

START_SECONDS = 90.0
HOST = "127.0.0.1"
_CREDENTIALS = S3Server(name="", endpoint="")

SEAWEED_ABILITIES = Abilities(byte_ordered_listing=False, backslashes_in_keys=False)
RCLONE_ABILITIES = Abilities(
    keeps_checksums=False,
    conditional_writes=False,
    conditional_copies=False,
    copies_parts=False,
    tells_part_sizes=False,
    versioning=False,
    long_metadata=False,
)
MOTO_ABILITIES = Abilities(conditional_copies=False, newlines_in_keys=False, archive=True)

Spec = tuple[list[str], dict[str, str]]
"""A command and what it adds to the environment."""


# --- starting one server for several processes -----------------------------------------------------------


def shared_root(factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    own = factory.getbasetemp()
    return own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own


@contextmanager
def served(
    folder: Path, prepare: Callable[[Path, list[int]], Spec], is_ready: Callable[[list[int]], bool]
) -> Iterator[list[int]]:
    """The ports of a server that runs from `folder`, started here unless another worker has."""
    (folder / "users").mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with keeper.locked(folder / "start.lock"):
            stack.enter_context(keeper.locked(folder / "users" / uuid.uuid4().hex))
            ready = folder / "ready"
            if not ready.exists():
                ports = free_ports(9)
                _launch(folder, prepare(folder, ports))
                _await(folder, lambda: is_ready(ports))
                ready.write_text(json.dumps(ports))
            ports = json.loads(ready.read_text())
        yield ports


def _launch(folder: Path, spec: Spec) -> None:
    command, environment = spec
    for name in ("started", "ended"):
        (folder / name).unlink(missing_ok=True)
    described = {"command": command, "environment": {**without_aws(), **environment}}
    (folder / "spec.json").write_text(json.dumps(described))
    with (folder / "keeper.log").open("ab") as log:
        script = [sys.executable, keeper.__file__, str(folder)]
        subprocess.run(script, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _await(folder: Path, is_ready: Callable[[], bool]) -> None:
    end = time.monotonic() + START_SECONDS
    while not is_ready():
        if (folder / "ended").exists() or time.monotonic() > end:
            logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(folder.glob("*.log")))
            pytest.fail(f"the server {folder.name} did not start:\n{logs}", pytrace=False)
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def answers(url: str, *, insecure: bool = False) -> str | None:
    """What the URL answers, whatever the status; None where nobody listens."""
    context = ssl._create_unverified_context() if insecure else None
    try:
        with urllib.request.urlopen(url, timeout=2, context=context) as response:
            return str(response.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode(errors="replace")
    except OSError:
        return None


def program(name: str) -> str:
    """The path of a program that comes with a package of the dev group."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        pytest.fail(f"the program {name} is not installed: uv sync", pytrace=False)
    return found


# --- SeaweedFS ---------------------------------------------------------------------------------------------


def _prepare_seaweed(folder: Path, ports: list[int]) -> Spec:
    http, https, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = ports
    (folder / "data").mkdir(exist_ok=True)
    (folder / "filerldb2").mkdir(exist_ok=True)
    keys = [{"accessKey": _CREDENTIALS.access_key, "secretKey": _CREDENTIALS.secret_key}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    identities = {"identities": [{"name": "tester", "credentials": keys, "actions": actions}]}
    (folder / "s3.json").write_text(json.dumps(identities))
    _make_certificate(folder)
    # A socket's path may be some 100 bytes long, and a test's folder may be longer: these are relative to it.
    options = {
        "dir": folder / "data",
        "ip": HOST,
        "ip.bind": HOST,
        "master.port": master,
        "master.port.grpc": master_grpc,
        "master.volumeSizeLimitMB": 256,
        "master.volumePreallocate": "false",
        "master.telemetry": "false",
        "master.electionTimeout": "1s",
        "master.heartbeatInterval": "200ms",
        "volume.port": volume,
        "volume.port.grpc": volume_grpc,
        "volume.max": 5000,
        "volume.preStopSeconds": 0,
        "filer": "true",
        "filer.port": filer,
        "filer.port.grpc": filer_grpc,
        "filer.localSocket": "filer.sock",
        "s3": "true",
        "s3.port": http,
        "s3.port.grpc": s3_grpc,
        "s3.port.https": https,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.cert.file": folder / "server.pem",
        "s3.key.file": folder / "server.key",
        "s3.config": folder / "s3.json",
        "s3.autoCreateBucket": "false",
        "s3.localSocket": "s3.sock",
    }
    command = [program("weed"), f"-logdir={folder}", "server", *(f"-{name}={value}" for name, value in options.items())]
    # A bucket is a collection: one volume for each, not seven, or some hundred buckets fill the server.
    return command, {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}


def _make_certificate(folder: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost", HOST)
    certificate.private_key_pem.write_to_path(folder / "server.key")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "server.pem", append=number > 0)


def _seaweed_is_ready(ports: list[int]) -> bool:
    http, https, _, master, _, volume, *_ = ports
    # The gateway answers before the volume server has found its master; until then every PUT is a 500.
    topology = answers(f"http://{HOST}:{master}/dir/status") or ""
    if f'"{HOST}:{volume}"' not in topology:
        return False
    listening = answers(f"http://{HOST}:{http}/") is not None
    return listening and answers(f"https://localhost:{https}/", insecure=True) is not None


@pytest.fixture(scope="session")
def _seaweed_ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[int]]]:
    folder = shared_root(tmp_path_factory) / "seaweed"
    with served(folder, _prepare_seaweed, _seaweed_is_ready) as ports:
        yield folder, ports


@pytest.fixture(scope="session")
def seaweed(_seaweed_ports: tuple[Path, list[int]]) -> S3Server:
    """SeaweedFS over http."""
    _, ports = _seaweed_ports
    return S3Server(name="seaweed", endpoint=f"http://{HOST}:{ports[0]}", abilities=SEAWEED_ABILITIES)


@pytest.fixture(scope="session")
def seaweed_tls(_seaweed_ports: tuple[Path, list[int]]) -> S3Server:
    """The same SeaweedFS over https."""
    folder, ports = _seaweed_ports
    return S3Server(
        name="seaweed_tls",
        endpoint=f"https://localhost:{ports[1]}",
        ca_bundle=folder / "ca.pem",
        abilities=SEAWEED_ABILITIES,
    )


# --- rclone and moto ---------------------------------------------------------------------------------------


def _prepare_rclone(folder: Path, ports: list[int]) -> Spec:
    (folder / "data").mkdir(exist_ok=True)
    keys = f"{_CREDENTIALS.access_key},{_CREDENTIALS.secret_key}"
    options = ["--config", os.devnull, "--auth-key", keys, "--vfs-cache-mode", "off", "--local-encoding", "Slash,Dot"]
    return [program("rclone"), "serve", "s3", *options, "--addr", f"{HOST}:{ports[0]}", str(folder / "data")], {}


def _prepare_moto(folder: Path, ports: list[int]) -> Spec:
    return [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(ports[0])], {}


def _first_answers(ports: list[int]) -> bool:
    return answers(f"http://{HOST}:{ports[0]}/") is not None


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """`rclone serve s3`: a poor store."""
    with served(shared_root(tmp_path_factory) / "rclone", _prepare_rclone, _first_answers) as ports:
        yield S3Server(name="rclone", endpoint=f"http://{HOST}:{ports[0]}", abilities=RCLONE_ABILITIES)


@pytest.fixture(scope="session")
def moto_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """moto's server."""
    with served(shared_root(tmp_path_factory) / "moto", _prepare_moto, _first_answers) as ports:
        yield S3Server(name="moto", endpoint=f"http://{HOST}:{ports[0]}", abilities=MOTO_ABILITIES)


# --- buckets and stores ------------------------------------------------------------------------------------


@pytest.fixture
def bucket() -> Callable[..., str]:
    """Makes a fresh bucket: `bucket(server, versioned=False)` returns its name. It goes with the server."""

    def make(server: S3Server, *, versioned: bool = False) -> str:
        name = f"t-{uuid.uuid4().hex[:20]}"
        with closing(server.client()) as client:
            client.create_bucket(Bucket=name)
            if versioned:
                client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    return make


@pytest.fixture
def open_store() -> Iterator[Callable[..., S3Store]]:
    """Opens S3Stores, as `S3Server.open_store` does, and closes them after the test."""
    with ExitStack() as stack:

        def opened(server: S3Server, name: str, **settings: Any) -> S3Store:
            return stack.enter_context(closing(server.open_store(name, **settings)))

        yield opened


@pytest.fixture
def canned() -> Iterator[CannedS3]:
    """A server that answers what the test says."""
    with canned_s3() as server:
        yield server
