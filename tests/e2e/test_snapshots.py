"""The manifest is lost, and comes back from its snapshot in the bucket."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.e2e.machine import MARKER, Machine, Result
from tests.stores.server import S3Server

LIBRARY = {"2024": {"a.nef": b"raw a" * 500, "b.jpg": b"jpeg b" * 50}, "c.jpg": b"c"}


def rebuild(here: Machine, code: int = 0) -> dict[str, Any]:
    result = here.run("rebuild-manifest", "--json")
    assert result.code == code, result
    return result.json


def snapshots(here: Machine) -> list[str]:
    return sorted(key for key in here.objects() if key.startswith(".lrsync/manifest/"))


def lose_manifest(here: Machine) -> None:
    for file in here.manifests():
        file.unlink()


@pytest.mark.parametrize("store", ["seaweed_tls", "rclone_s3", "moto_s3"])
@pytest.mark.parametrize("versioned", [False, True])
def test_it_comes_back_without_asking_about_each_object(
    store: str, versioned: bool, machine: Callable[..., Machine], request: pytest.FixtureRequest
) -> None:
    server: S3Server = request.getfixturevalue(store)
    if versioned and not server.abilities.versioning:
        return  # the contract's suite says so
    here = machine(server, LIBRARY, versioned=versioned)
    here.let_settle()
    here.sync()
    assert len(snapshots(here)) == (1 if versioned else 2)
    quiet = here.sync()
    assert quiet["s3_requests"]["total"] == 0
    lose_manifest(here)
    done = rebuild(here)
    assert (done["snapshot"]["rows"], done["actions"]["adopted"]) == (3, 3)
    assert done["s3_requests"]["head"] <= 1
    synced = here.sync()
    assert (synced["bytes"]["uploaded"], synced["bytes"]["hashed"]) == (0, 0)
    assert here.sync()["s3_requests"]["total"] == 0
    assert here.status()["safe"] == 3
    here.check_bucket()


def test_damaged_ones_fall_back(seaweed: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(seaweed, LIBRARY)
    here.sync()
    first = snapshots(here)[-1]
    time.sleep(1.1)  # copies are named by the second
    (here.source / "d.jpg").write_bytes(b"d")
    here.sync()
    for key in snapshots(here):
        if key != first:
            here.write(key, b"damaged")
    lose_manifest(here)
    done = rebuild(here)
    assert done["snapshot"]["key"].endswith(first)
    assert (done["snapshot"]["rows"], done["actions"]["adopted"]) == (3, 4)
    here.write(first, b"damaged too")
    lose_manifest(here)
    done = rebuild(here)
    assert (done["snapshot"], done["actions"]["adopted"]) == (None, 4)
    assert here.sync()["bytes"]["uploaded"] == 0


def test_a_lost_marker_comes_back_with_it(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    here.sync()
    marker = (here.source / MARKER).read_text()
    (here.source / MARKER).unlink()
    lose_manifest(here)
    assert rebuild(here)["snapshot"] is not None
    assert (here.source / MARKER).read_text() == marker
    assert here.sync()["bytes"]["uploaded"] == 0


def test_snapshots_of_an_archive_can_be_read_at_once(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    done = here.sync("--storage-class", "DEEP_ARCHIVE")
    assert (done["exit_code"], done["findings"]) == (0, [])
    pages = here.client.list_objects_v2(Bucket=here.bucket, Prefix="Photos/")["Contents"]
    classes = {listed["Key"].removeprefix("Photos/"): listed["StorageClass"] for listed in pages}
    assert {classes[key] for key in snapshots(here)} == {"STANDARD"}
    assert classes["c.jpg"] == "DEEP_ARCHIVE"
    lose_manifest(here)
    assert rebuild(here)["snapshot"]["rows"] == 3


def test_another_library_may_not_share_the_prefix(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    here.sync()
    other = Machine(here.home / "other", here.home / "elsewhere", moto_s3, here.bucket, here.client)
    other.home.mkdir()
    shutil.copytree(here.source, other.source, ignore=shutil.ignore_patterns(MARKER))
    before = here.objects()
    result: Result = other.run("sync")
    assert result.code == 6
    assert "another library is backed up" in result.error_line
    assert here.objects().keys() == before.keys()
    other.nothing_was_made()
    # It is that library on a new computer: so the hint says, and so it goes on.
    assert rebuild(other)["snapshot"]["rows"] == 3
    assert other.sync()["bytes"]["uploaded"] == 0


def test_what_another_tool_sent_in_parts_is_adopted(seaweed: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(seaweed, {"clip.mov": bytes(range(256)) * 70_000, "small.jpg": b"small"})
    with closing(seaweed.client()) as client:
        for path in (here.source / "clip.mov", here.source / "small.jpg"):
            client.upload_file(
                str(path),
                here.bucket,
                f"Photos/{path.name}",
                Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20),
            )
    rebuild(here)
    done = here.sync()
    assert (done["actions"]["adopted"], done["bytes"]["uploaded"]) == (2, 0)
    assert here.status()["safe"] == 2


def test_a_bare_bucket_is_advised_about_once(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    assert "keeps no old versions" in here.run("sync").err
    (here.source / "d.jpg").write_bytes(b"d")
    assert "keeps no old versions" not in here.run("sync", "--full").err


def test_a_versioned_bucket_needs_no_advice(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY, versioned=True)
    assert "keeps no old versions" not in here.run("sync").err
