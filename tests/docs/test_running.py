"""The commands of README and docs, run block by block in the world that they speak of.

Anna's computer has `~/Pictures` with a catalog, backed up to the bucket `my-photos`, and a config file that says so.
What only the test can know is put in the place of what is written: the bucket, the store's address, `/Volumes`.
"""

from __future__ import annotations

import shlex
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.e2e.machine import Machine, Result, run
from tests.lightroom.generator import Photo, write_catalog
from tests.stores.server import S3Server
from tests.trees import make_tree

RUN = [block for block in blocks() if block.commands and not block.why]


def box(data: bytes) -> bytes:
    """A film, or a CR3, as small as one can be: one box, of just its length."""
    return struct.pack(">I4s", 8 + len(data), b"ftyp") + data


PICTURES = {
    "2024": {
        "Iceland": {
            "a.nef": b"not a RAW of any kind" * 50,
            "IMG_1201.CR3": box(b"1" * 1000),
            "IMG_1201.xmp": "<x/>",
            "IMG_1202.CR3": box(b"2" * 1000),
        },
        "clip.mov": box(b"film" * 500),
    },
}
JULY_2024_NS = 1_720_000_000 * 10**9
FROM_NOTHING = "docs/getting-started.md"
"""The page that begins without a config file, and without a backup."""


@dataclass(frozen=True)
class Desk:
    """Anna's computer as the pages speak of it."""

    machine: Machine
    home: Path

    def type(self, args: list[str]) -> Result:
        """One command as it is written there, with what only the test knows in its place."""
        places = {
            "my-photos": self.machine.bucket,
            "https://s3.example.com": self.machine.server.endpoint,
            "/Volumes/": f"{self.home}/Volumes/",
            "/mnt/photos": f"{self.home}/Pictures",
            "/var/lib/node_exporter/textfile/": f"{self.home}/",
            "~/": f"{self.home}/",
            "eu-central-1": "us-east-1",
        }
        typed = []
        for before, arg in zip(["", *args], args, strict=False):
            for written, here in places.items():
                arg = arg.replace(written, here)
            # Anna has backed up since 2024 and often; the test just now, and once.
            typed.append({"--at": f"{datetime.now(UTC).date()}", "history": arg.replace("12", "1")}.get(before, arg))
        return run([sys.executable, "-m", "lrsync", *typed], self.machine.variables(), self.home)


@pytest.fixture
def desk(tmp_path: Path, machine: Callable[..., Machine], moto_s3: S3Server) -> Desk:
    anna = machine(moto_s3, None)
    home = anna.home
    make_tree(home / "Pictures", PICTURES, mtime_ns=JULY_2024_NS)
    photos = [Photo("IMG_1201.CR3", "xmp", rating=5, pick=1, captured="2024-05-20T10:00:00"), Photo("IMG_1202.CR3")]
    folders = {f"{home}/Pictures/": {"2024/Iceland/": photos}}
    collections = {"Trips/Iceland best": ["IMG_1201.CR3"], "Prints": ["IMG_1202.CR3"]}
    write_catalog(home / "Pictures" / "My.lrcat", folders, collections=collections)
    write_catalog(home / "Lightroom" / "My.lrcat", {})
    (home / "Desktop").mkdir()
    (home / "Volumes").mkdir()
    variables = {"LRSYNC_ENDPOINT_URL": moto_s3.endpoint, "LRSYNC_CATALOG_WAIT": "1s"}
    here = Machine(home, home / "Pictures", moto_s3, anna.bucket, anna.client, environment=variables)
    return Desk(here, home)


def write_config(desk: Desk) -> None:
    """What `lrsync init` would write."""
    config = desk.home / ".config/lrsync/config.toml"
    config.parent.mkdir(parents=True)
    place = {"source_path": f"{desk.home}/Pictures", "s3_bucket": desk.machine.bucket, "s3_prefix": "Photos"}
    lines = [f'{name} = "{value}"' for name, value in place.items()]
    config.write_text("\n".join(["[libraries.default]", *lines, ""]))


@pytest.mark.parametrize("block", [block for block in RUN if block.page != FROM_NOTHING], ids=str)
def test_the_block_works(desk: Desk, block: Block) -> None:
    write_config(desk)
    first = desk.type(["sync", "--quiet"])
    assert first.code == 0, first.out
    run_block(desk, block)


def test_the_first_page_works_from_nothing(desk: Desk) -> None:
    steps = [block for block in RUN if block.page == FROM_NOTHING]
    assert [args[0] for block in steps for args in block.commands] == ["init", "doctor", "sync", "status"]
    desk.machine.client.delete_bucket(Bucket=desk.machine.bucket)
    for block in steps:
        run_block(desk, block)
    assert len(desk.machine.photos()) == 6


def run_block(desk: Desk, block: Block) -> None:
    """Run its commands, in their order; all of them must end well."""
    for args in block.commands:
        done = desk.type(args)
        assert done.code == 0, f"{block}: lrsync {shlex.join(args)}\n{done.err}\n{done.out}"
        assert "Traceback" not in done.err
