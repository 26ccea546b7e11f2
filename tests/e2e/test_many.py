"""Twenty thousand small files: the same promises, and a time that a test can wait for."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.machine import Machine
from tests.e2e.nights import expect
from tests.stores.server import S3Server

FILES = 20_000
FOLDERS = 200


def make_many(root: Path) -> None:
    """Small files, no two with the same bytes."""
    rng = random.Random("many")
    for folder in range(FOLDERS):
        path = root / f"{2000 + folder // 10}" / f"shoot {folder:03}"
        path.mkdir(parents=True)
        for number in range(FILES // FOLDERS):
            (path / f"IMG_{number:04}.jpg").write_bytes(b"%d/%d " % (folder, number) + rng.randbytes(300))


BUSY = (
    "boto3",
    "sqlalchemy",
    "rich",
    "concurrent.futures",
    "lrsync.engine.changes",
    "lrsync.core.model",
    "lrsync.adapters.reader",
)
"""What only a night with changes needs."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_thousand_files(seaweed: S3Server, machine: Callable[..., Machine]) -> None:
    here: Machine = machine(seaweed, {})
    make_many(here.source)

    done = here.sync()
    expect(done, uploaded=FILES, sent=done["scan"]["bytes"])
    here.check_bucket(by_etag=True)

    here.sync()  # what was written in the two seconds before the first is hashed once more
    done, modules = here.sync_watching_imports()
    expect(done, requests=0)
    assert done["changes"]["unchanged"] == FILES
    assert [name for name in BUSY if name in modules] == []
    assert done["seconds"]["total"] < 5

    first, second = here.source / "2000/shoot 000", here.source / "2000/shoot 001"
    corrupted = "2019/shoot 199/IMG_0099.jpg"
    os.utime(first / "IMG_0000.jpg")
    with (first / "IMG_0001.jpg").open("ab") as file:
        file.write(b"edited")
    (first / "added.jpg").write_bytes(b"added")
    (first / "IMG_0002.jpg").unlink()
    second.rename(second.with_name("renamed"))
    here.write(corrupted, b"corrupted")
    edited = (first / "IMG_0001.jpg").stat().st_size
    repaired = (here.source / corrupted).stat().st_size
    done = here.sync("--delete", "--full")
    expect(done, restated=1, uploaded=3, copied=100, trashed=101, sent=edited + len(b"added") + repaired)
    assert (done["drift"]["altered"], done["drift"]["repaired"], done["drift"]["unknown"]) == (1, 1, 0)
    here.check_bucket(by_etag=True)
    status = here.status()
    assert (status["files"], status["safe"], status["missing"]) == (FILES, FILES, 0)

    for file in here.manifests():
        file.unlink()
    assert here.run("rebuild-manifest", "--quiet").code == 0
    expect(here.sync(), uploaded=0, copied=0, sent=0)
    expect(here.sync(), requests=0)
