"""The first upload: lrsync against s5cmd, rclone and the AWS CLI, on SeaweedFS and on a server that only answers.

Rounds go A B C A B C, each into a bucket of its own, so that a busy minute of the machine hits all alike. On SeaweedFS
every object is compared with its file afterwards; a program that left one out fails the benchmark.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Table, cost_of, markdown, save
from benchmarks.servers import seaweed, sink
from benchmarks.trees import etags, make_tree
from tests.stores.server import S3Server
from tests.stores.servers import program

ROUNDS = 5
QUICK_ROUNDS = 1


@dataclass(frozen=True)
class Job:
    """One upload: from a folder into a bucket. `home` is a fresh folder for whatever the program keeps."""

    source: Path
    bucket: str
    endpoint: str
    home: Path


def _s5cmd(verb: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        return [program("s5cmd"), "--endpoint-url", job.endpoint, verb, f"{job.source}/", f"s3://{job.bucket}/p/"]

    return command


def _rclone(job: Job) -> list[str]:
    remote = f":s3,provider=Other,env_auth=true,endpoint='{job.endpoint}',force_path_style=true:{job.bucket}/p"
    options = ["--config", os.devnull, "--s3-no-check-bucket", "--transfers", "16", "--checkers", "16"]
    return [program("rclone"), "copy", *options, str(job.source), remote]


def _aws(job: Job) -> list[str]:
    target = f"s3://{job.bucket}/p/"
    return [program("aws"), "--endpoint-url", job.endpoint, "s3", "sync", "--quiet", str(job.source), target]


def _lrsync(*more: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        place = ["--source-path", str(job.source), "--s3-bucket", job.bucket, "--s3-prefix", "p"]
        files = ["--manifest", str(job.home / "m.sqlite"), "--log-file", str(job.home / "log")]
        return [program("lrsync"), "sync", *place, "--endpoint-url", job.endpoint, *files, "--quiet", *more]

    return command


PROGRAMS: Mapping[str, Callable[[Job], list[str]]] = {
    "lrsync": _lrsync(),
    "lrsync --transport boto3": _lrsync("--transport", "boto3"),
    "s5cmd cp": _s5cmd("cp"),
    "s5cmd sync": _s5cmd("sync"),
    "rclone copy": _rclone,
    "aws s3 sync": _aws,
}


def _check(server: S3Server, job: Job, expected: Mapping[str, tuple[int, str]]) -> None:
    """Every file is an object with its bytes. Raises RuntimeError."""
    found = {}
    with closing(server.client()) as client:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=job.bucket, Prefix="p/"):
            for item in page.get("Contents", ()):
                found[item["Key"].removeprefix("p/")] = (item["Size"], item["ETag"].strip('"'))
    for path, (size, digest) in expected.items():
        stored = found.get(path)
        # An object of parts has no MD5: its size must do, and its count of parts.
        if stored is None or stored[0] != size or ("-" not in stored[1] and stored[1] != digest):
            raise RuntimeError(f"{path} is {stored} in {job.bucket}, not {(size, digest)}")


def _measure(server: S3Server, source: Path, names: list[str], rounds: int, home: Path) -> dict[str, list[object]]:
    expected = etags(source) if server.name == "seaweed" else {}
    costs: dict[str, list[object]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            job = Job(source, f"b-{uuid.uuid4().hex[:16]}", server.endpoint, Path(tempfile.mkdtemp(dir=home)))
            if expected:
                with closing(server.client()) as client:
                    client.create_bucket(Bucket=job.bucket)
            # Byte code is kept, as in any installation: without it each Python program pays its imports anew.
            environment = server.environment(HOME=str(job.home), AWS_REGION=server.region)
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            cost = cost_of(PROGRAMS[name](job), environment, job.home / "out")
            (source / ".lrsync-library").unlink(missing_ok=True)
            if expected:
                _check(server, job, expected)
            costs[name].append(cost)
            print(f"{server.name} {source.name} round {number + 1} {name}: {cost}", flush=True)
    return costs


def main(args: list[str]) -> int:
    """Measure, print the table, and keep it unless this was a quick look."""
    parser = argparse.ArgumentParser(prog="benchmarks upload", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of a tenth, kept nowhere")
    parser.add_argument("--rounds", type=int, help=f"rounds of each program [default: {ROUNDS}]")
    parser.add_argument("--programs", help="comma separated; lrsync must be one of them")
    parser.add_argument("--cases", default="small,large,huge", help="comma separated [default: all]")
    parser.add_argument("--servers", default="sink,seaweed", help="comma separated [default: both]")
    given = parser.parse_args(args)
    names = given.programs.split(",") if given.programs else list(PROGRAMS)
    rounds = given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS)
    part = 10 if given.quick else 1
    cases = {
        "small": (f"{10_000 // part:,} files of 4 KiB", 10_000 // part, 4 << 10),
        "large": (f"{40 // part} files of 25 MiB", 40 // part, 25 << 20),
        "huge": (f"one file of {2048 // part} MiB", 1, (2048 // part) << 20),
    }
    table: Table = {}
    with tempfile.TemporaryDirectory(prefix="lrsync-bench-") as folder, ExitStack() as stack:
        home = Path(folder)
        open_server = {"sink": sink, "seaweed": lambda: seaweed(home / "seaweed")}
        for server_name in given.servers.split(","):
            server = stack.enter_context(open_server[server_name]())
            for case in given.cases.split(","):
                title, count, size = cases[case]
                source = home / case
                if not source.exists():
                    make_tree(source, count, size)
                table[f"{title}, {server_name}"] = _measure(server, source, names, rounds, home)  # type: ignore[assignment]
                if not given.quick:
                    save("upload", table)
    print(markdown(table))
    return 0
