"""A restore: lrsync against s5cmd, rclone and the AWS CLI, from SeaweedFS and from a server that only sends.

Rounds go A B C A B C, each into a folder of its own. Every file is compared with the original afterwards, byte by byte;
a program that left one out, or brought another's bytes, fails the benchmark. lrsync proves what comes by the manifest's
sha256, and has it on the disk when it ends; the others do neither.
"""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from benchmarks.compare import Case, Contest, cost_on, make_home, run
from benchmarks.measure import Cost
from benchmarks.programs import RESTORES, Job, Program, lrsync_up
from benchmarks.servers import seaweed, sink
from benchmarks.trees import make_tree
from tests.stores.server import S3Server

CASES: Mapping[str, Case] = {
    "small": Case("20,000 files of 20 kB", 20_000, 20_000),
    "large": Case("40 files of 25 MiB", 40, 25 << 20),
    "huge": Case("one file of 3 GiB", 1, 3 << 30),
}
KEPT_BYTES = 1 << 20
"""A restored file that is larger goes as soon as it was compared. Smaller ones stay until the end: where thousands of
files were just removed, ext4 looks long for a free inode, and whoever comes next would pay for it."""


def _begin(server: S3Server, case: Case, folder: Path) -> Callable[[Program], Cost]:
    """Make the files and upload them; what measures one restore of them by one program."""
    bucket, home = f"from-{folder.name}", make_home(folder)
    source = folder.parent / bucket
    if not source.exists():
        make_tree(source, case.count, case.size)
    uploaded = Job(source, bucket, server.endpoint, home, home / "m.sqlite")
    if server.name == "seaweed":
        with closing(server.client()) as client:
            client.create_bucket(Bucket=bucket)
    cost_on(server, Program(lrsync_up(), 1), uploaded)
    (source / ".lrsync-library").unlink(missing_ok=True)

    def once(program: Program) -> Cost:
        fresh = make_home(folder)
        job = replace(uploaded, folder=fresh / "target", home=fresh, manifest=fresh / "m.sqlite")
        job.folder.mkdir()
        shutil.copy(uploaded.manifest, job.manifest)
        cost = cost_on(server, program, job)
        _check(source, job.folder)
        _clear(job.folder)
        return cost

    return once


def _check(source: Path, target: Path) -> None:
    """Every file came, with its bytes. Raises RuntimeError."""
    paths = {path.relative_to(source) for path in source.rglob("*.jpg")}
    if left_out := paths - {path.relative_to(target) for path in target.rglob("*.jpg")}:
        raise RuntimeError(f"{target} is without {min(left_out)}, and {len(left_out)} in all")
    _, different, odd = filecmp.cmpfiles(source, target, [str(path) for path in paths], shallow=False)
    if different or odd:
        raise RuntimeError(f"{target}: {(different or odd)[0]} has other bytes, and {len(different) + len(odd)} in all")


def _clear(target: Path) -> None:
    for path in target.rglob("*.jpg"):
        with suppress(FileNotFoundError):
            if path.stat().st_size > KEPT_BYTES:
                path.unlink()


def main(args: list[str]) -> int:
    """Measure, print the table, and keep it unless this was a quick look."""
    servers = {"sink": lambda folder: sink(folder.parent), "seaweed": seaweed}
    return run(Contest("restore", RESTORES, CASES, servers, _begin), __doc__, args)
