"""A listing of everything: lrsync against boto3's paginator, s5cmd, rclone and the AWS CLI.

On a server that lists a million objects that are nowhere, at once and with 50 ms before each answer; and on SeaweedFS,
with some that are there. Each program's count of keys is checked. Rounds go A B C A B C.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.listing_server import Objects
from benchmarks.manifests import make_manifest
from benchmarks.measure import Cost, Table, cost_of, markdown, save
from benchmarks.servers import lister, seaweed
from tests.stores.memory import content_of
from tests.stores.server import S3Server
from tests.stores.servers import program

ROUNDS = 3
KEYS = 1_000_000
REAL_KEYS = 20_000
REBUILT_KEYS = 100_000
DELAY_MS = 50
QUICK_PART = 5
PASS = "lrsync full pass"


@dataclass(frozen=True)
class Job:
    """One listing of `p/` in a bucket. `manifest` knows its keys; `home` is a fresh folder."""

    endpoint: str
    bucket: str
    manifest: Path
    home: Path


def _script(what: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        return [sys.executable, "-m", "benchmarks.listers", what, job.endpoint, job.bucket, str(job.manifest)]

    return command


def _s5cmd(job: Job) -> list[str]:
    return [program("s5cmd"), "--endpoint-url", job.endpoint, "ls", f"s3://{job.bucket}/p/*"]


def _aws(job: Job) -> list[str]:
    return [program("aws"), "--endpoint-url", job.endpoint, "s3", "ls", "--recursive", f"s3://{job.bucket}/p/"]


def _rclone(job: Job) -> list[str]:
    remote = f":s3,provider=AWS,env_auth=true,endpoint='{job.endpoint}',force_path_style=true:{job.bucket}/p"
    return [program("rclone"), "--config", os.devnull, "lsf", "-R", "--fast-list", "--files-only", remote]


def _rebuild(*more: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        (job.home / "source").mkdir()
        (job.home / "source" / "a.txt").write_text("a")
        place = ["--source-path", str(job.home / "source"), "--s3-bucket", job.bucket, "--s3-prefix", "p"]
        files = ["--manifest", str(job.home / "m.sqlite"), "--log-file", str(job.home / "log")]
        return [program("lrsync"), "rebuild-manifest", *place, "--endpoint-url", job.endpoint, *files, "--quiet", *more]

    return command


LISTERS: Mapping[str, Callable[[Job], list[str]]] = {
    "lrsync listing": _script("listing"),
    "lrsync listing, no manifest": _script("blind"),
    PASS: _script("pass"),
    "boto3 paginator": _script("boto3"),
    "s5cmd ls": _s5cmd,
    "rclone lsf --fast-list": _rclone,
    "aws s3 ls --recursive": _aws,
}
ON_SEAWEED = {name: command for name, command in LISTERS.items() if name != PASS}
"""Without what compares: the objects there are not those of the manifest."""
REBUILDERS: Mapping[str, Callable[[Job], list[str]]] = {
    "lrsync": _rebuild(),
    "with --transport boto3": _rebuild("--transport", "boto3"),
}


@dataclass(frozen=True)
class Case:
    """What is listed, and by whom. `fill` puts it into the bucket where it must really be there."""

    title: str
    keys: int
    server: Callable[[Path], AbstractContextManager[S3Server]]
    programs: Mapping[str, Callable[[Job], list[str]]]
    fill: Callable[[S3Server, str, int], None] | None = None


def _fill(server: S3Server, bucket: str, count: int) -> None:
    """Store tiny objects under the keys of the first so many."""
    with closing(server.client()) as client:
        client.create_bucket(Bucket=bucket)
    objects = Objects(count)
    with closing(server.open_store(bucket, threads=32)) as store:
        for start in range(0, count, 500):
            uploads = [
                (objects.key(number), content_of(b"%d" % number)) for number in range(start, min(start + 500, count))
            ]
            for _, answer in store.put_many(uploads, if_absent=False, more=lambda: True):
                if isinstance(answer, Exception):
                    raise answer


def _met(case: Case, log: Path) -> int:
    """How many keys the program said there were: its number, or a line each. Of a rebuild, nothing is said."""
    with log.open("rb") as lines:
        first = next(lines, b"")
        rest = sum(1 for _ in lines)
    return int(first) if first.strip().isdigit() and not rest else rest + bool(first)


def _measure(case: Case, rounds: int, home: Path, names: Sequence[str]) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in names if name in case.programs}
    manifest = home / f"{case.keys}.sqlite"
    if not manifest.exists():
        make_manifest(manifest, Objects(case.keys))
    with case.server(home / "server") as server:
        bucket = f"b-{uuid.uuid4().hex[:16]}"
        if case.fill is not None:
            case.fill(server, bucket, case.keys)
        for number in range(rounds):
            for name, of_program in costs.items():
                job = Job(server.endpoint, bucket, manifest, Path(tempfile.mkdtemp(dir=home)))
                # Byte code is kept, as in any installation: without it each Python program pays its imports anew.
                environment = server.environment(HOME=str(job.home), AWS_REGION=server.region)
                environment.pop("PYTHONDONTWRITEBYTECODE", None)
                cost = cost_of(case.programs[name](job), environment, job.home / "out")
                met = _met(case, job.home / "out")
                if case.programs is not REBUILDERS and met != case.keys:
                    raise RuntimeError(f"{name} met {met:,} of {case.keys:,} keys")
                of_program.append(cost)
                print(f"{case.title}, round {number + 1}, {name}: {cost}", flush=True)
    return costs


def _cases(part: int) -> dict[str, Case]:
    keys, real, rebuilt = KEYS // part, REAL_KEYS // part, REBUILT_KEYS // part
    return {
        "plain": Case(f"{keys:,} keys", keys, lambda _: lister(keys), LISTERS),
        "delay": Case(f"{keys:,} keys, {DELAY_MS} ms a request", keys, lambda _: lister(keys, DELAY_MS), LISTERS),
        "seaweed": Case(f"{real:,} keys, SeaweedFS", real, seaweed, ON_SEAWEED, _fill),
        "rebuild": Case(f"rebuild of {rebuilt:,} objects", rebuilt, lambda _: lister(rebuilt), REBUILDERS),
    }


def main(args: list[str]) -> int:
    """Measure, print the table, and keep it unless this was a quick look."""
    parser = argparse.ArgumentParser(prog="benchmarks list", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of a fifth, kept nowhere")
    parser.add_argument("--rounds", type=int, help=f"rounds of each program [default: {ROUNDS}]")
    parser.add_argument("--programs", help="comma separated; what the first costs is compared with the others")
    parser.add_argument("--cases", default="plain,delay,seaweed,rebuild", help="comma separated [default: all]")
    given = parser.parse_args(args)
    cases = _cases(QUICK_PART if given.quick else 1)
    names = given.programs.split(",") if given.programs else [*LISTERS, *REBUILDERS]
    rounds = given.rounds or (1 if given.quick else ROUNDS)
    table: Table = {}
    with tempfile.TemporaryDirectory(prefix="lrsync-bench-") as folder:
        for name in given.cases.split(","):
            table[cases[name].title] = _measure(cases[name], rounds, Path(folder), names)
            if not given.quick:
                save("list", table)
    print(markdown(table))
    return 0
