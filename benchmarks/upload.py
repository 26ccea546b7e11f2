"""The first upload: lrsync against s5cmd, rclone and the AWS CLI, on SeaweedFS and on a server that only answers.

Rounds go A B C A B C, each into a bucket of its own, so that a busy minute of the machine hits all alike. On SeaweedFS
every object is compared with its file afterwards; a program that left one out fails the benchmark.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from benchmarks.compare import Case, Contest, cost_on, make_home, run
from benchmarks.measure import Cost
from benchmarks.programs import UPLOADS, Job, Program
from benchmarks.servers import seaweed, sink
from benchmarks.trees import etags, make_tree
from tests.stores.server import S3Server

CASES: Mapping[str, Case] = {
    "small": Case("10,000 files of 4 KiB", 10_000, 4 << 10),
    "large": Case("40 files of 25 MiB", 40, 25 << 20),
    "huge": Case("one file of 2 GiB", 1, 2 << 30),
}


def _begin(server: S3Server, case: Case, folder: Path) -> Callable[[Program], Cost]:
    """Make the files; what measures one upload of them by one program."""
    source = folder / "source"
    if not source.exists():
        make_tree(source, case.count, case.size)
    expected = etags(source) if server.name == "seaweed" else {}

    def once(program: Program) -> Cost:
        home = make_home(folder)
        job = Job(source, f"b-{uuid.uuid4().hex[:16]}", server.endpoint, home, home / "m.sqlite")
        if expected:
            with closing(server.client()) as client:
                client.create_bucket(Bucket=job.bucket)
        cost = cost_on(server, program, job)
        (source / ".lrsync-library").unlink(missing_ok=True)
        if expected:
            _check(server, job, expected)
        return cost

    return once


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


def main(args: list[str]) -> int:
    """Measure, print the table, and keep it unless this was a quick look."""
    servers = {"sink": lambda folder: sink(), "seaweed": seaweed}
    return run(Contest("upload", UPLOADS, CASES, servers, _begin), __doc__, args)
