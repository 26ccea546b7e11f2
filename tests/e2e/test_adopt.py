"""Buckets that other tools filled, on real stores: adopted, and not a byte of a photo is sent."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from tests.e2e.machine import Machine
from tests.stores.server import S3Server
from tests.stores.servers import program

MIB = 1 << 20
BIG = bytes(range(256)) * (11 * MIB // 256) + b"rest"
TREE = {"2024": {"a.nef": b"raw" * 1000, "Århus": {"b.jpg": b"jpg"}}, "clip.mov": BIG, "empty.xmp": b""}
Fill = Callable[[Machine], None]


def in_parts(size: int, threshold: int) -> Fill:
    """As the AWS CLI (8 MiB, from 8 MiB on) and s5cmd (50 MiB) do: no metadata, parts of one length."""

    def fill(machine: Machine) -> None:
        config = TransferConfig(multipart_threshold=threshold, multipart_chunksize=size, use_threads=False)
        for key, path in machine.files().items():
            machine.client.upload_file(str(path), machine.bucket, f"{machine.prefix}/{key}", Config=config)

    return fill


def by_rclone(machine: Machine) -> None:
    """`rclone copy`, with parts of 5 MiB from 6 MiB on (it does so from 200 MiB on)."""
    server = machine.server
    flags = {
        "provider": "Other",
        "endpoint": server.endpoint,
        "access-key-id": server.access_key,
        "secret-access-key": server.secret_key,
        "upload-cutoff": "6Mi",
        "chunk-size": "5Mi",
    }
    options = [f"--s3-{name}={value}" for name, value in flags.items()]
    command = [program("rclone"), "--config", "/dev/null", *options, "copy", "--exclude", ".lrsync-library"]
    target = f":s3:{machine.bucket}/{machine.prefix}"
    subprocess.run([*command, str(machine.source), target], check=True, env=machine.variables(), timeout=120)


FILLED = [
    pytest.param(in_parts(8 * MIB, 8 * MIB), {"md5": 3, "multipart-etag": 1}, id="aws s3 sync"),
    pytest.param(in_parts(50 * MIB, 50 * MIB), {"md5": 4}, id="s5cmd"),
    pytest.param(in_parts(7 * MIB + 13, 7 * MIB), {"md5": 3, "multipart-etag": 1}, id="a script's parts"),
    pytest.param(by_rclone, {"md5": 4}, id="rclone"),
]


def adopt(machine: Machine, *args: str, code: int = 0) -> dict[str, Any]:
    result = machine.run("adopt", *args, "--json")
    assert result.code == code, result
    return result.json


def proven(told: dict[str, Any]) -> dict[str, int]:
    return {name: pile["files"] for name, pile in told["proven"]["by"].items() if pile["files"]}


def photos(machine: Machine) -> dict[str, Any]:
    return {key: found["ETag"] for key, found in machine.objects().items() if not key.startswith(".lrsync/")}


@pytest.mark.parametrize(("fill", "by"), FILLED)
@pytest.mark.parametrize("store", ["seaweed", "moto_s3"])
def test_nothing_is_sent(
    machine: Callable[..., Machine], request: pytest.FixtureRequest, store: str, fill: Fill, by: dict[str, int]
) -> None:
    server: S3Server = request.getfixturevalue(store)
    anna = machine(server, TREE)
    anna.let_settle()
    fill(anna)
    before = photos(anna)
    told = adopt(anna, "--dry-run")
    assert (proven(told), told["absent"]["files"], told["run_id"]) == (by, 0, None)
    assert sum(trial["proven"] for trial in told["tried"].values()) == 4
    anna.nothing_was_made()
    done = adopt(anna)
    assert (proven(done), done["bytes"]["uploaded"], done["actions"]["adopted"]) == (by, 0, 4)
    assert done["snapshot"] is not None
    assert photos(anna) == before
    after = anna.sync()
    assert (after["actions"]["uploaded"], after["actions"]["adopted"], after["bytes"]["hashed"]) == (0, 0, 0)
    assert after["changes"]["unchanged"] == 4
    assert photos(anna) == before
    assert anna.status()["safe"] == 4
    assert anna.sync()["s3_requests"]["total"] == 0


def test_all_comes_back_with_its_times(machine: Callable[..., Machine], seaweed: S3Server, tmp_path: Path) -> None:
    """The objects know no times: the manifest's snapshot does, also on a computer that has nothing."""
    anna = machine(seaweed, TREE)
    in_parts(8 * MIB, 8 * MIB)(anna)
    adopt(anna)
    expected = {key: (path.read_bytes(), path.stat().st_mtime_ns) for key, path in anna.files().items()}
    flags = ["--s3-bucket", anna.bucket, "--s3-prefix", anna.prefix, "--endpoint-url", seaweed.endpoint]
    other = Machine(tmp_path / "other", tmp_path / "back", seaweed, anna.bucket, anna.client)
    other.home.mkdir()
    restored = _lrsync(other, "restore", *flags, "--to", str(other.source))
    assert restored.code == 0, restored
    found = {key: (path.read_bytes(), path.stat().st_mtime_ns) for key, path in other.files().items()}
    assert found == expected


def _lrsync(machine: Machine, *args: str) -> Any:
    import sys

    from tests.e2e.machine import run

    return run([sys.executable, "-m", "lrsync", *args], machine.variables(), machine.home)


@pytest.mark.parametrize("store", ["seaweed", "moto_s3"])
def test_with_metadata_the_listing_alone_is_enough(
    machine: Callable[..., Machine], request: pytest.FixtureRequest, store: str, tmp_path: Path
) -> None:
    anna = machine(request.getfixturevalue(store), TREE)
    in_parts(8 * MIB, 8 * MIB)(anna)
    anna.client.copy_object(
        Bucket=anna.bucket,
        Key="Photos/2024/a.nef",
        CopySource={"Bucket": anna.bucket, "Key": "Photos/2024/a.nef"},
        MetadataDirective="REPLACE",
        Metadata={"by": "anna"},
        ContentType="image/x-nikon-nef",
    )
    refused = anna.run("adopt", "--rewrite-metadata")
    assert (refused.code, "nobody is there to be asked" in refused.err) == (2, True)
    done = adopt(anna, "--rewrite-metadata", "--yes")
    assert (done["rewritten"]["files"], done["known"]["files"], done["bytes"]["hashed"]) == (4, 4, 0)
    anna.check_bucket()
    kept = anna.client.head_object(Bucket=anna.bucket, Key="Photos/2024/a.nef")
    assert (kept["ContentType"], kept["Metadata"]["by"]) == ("image/x-nikon-nef", "anna")
    assert anna.sync("--full")["drift"] == {"checked": True, "missing": 0, "altered": 0, "unknown": 0, "repaired": 0}
    verified = anna.run("verify", "--download", "--json").json
    assert (verified["proven"], verified["exit_code"]) == (4, 0)
    flags = ["--s3-bucket", anna.bucket, "--s3-prefix", anna.prefix, "--endpoint-url", anna.server.endpoint]
    back = Machine(anna.home, tmp_path / "back", anna.server, anna.bucket, anna.client)
    assert _lrsync(anna, "restore", *flags, "--from", "listing", "--to", str(back.source)).code == 0
    times = {key: path.stat().st_mtime_ns for key, path in back.files().items()}
    assert times == {key: path.stat().st_mtime_ns for key, path in anna.files().items()}


def test_what_kms_hides_is_read_back(machine: Callable[..., Machine], moto_s3: S3Server) -> None:
    """With KMS an ETag says nothing of the bytes (moto says that it is KMS, and makes MD5s all the same)."""
    anna = machine(moto_s3, {"a.nef": b"raw", "b.jpg": b"new"})
    for key, data in (("a.nef", b"raw"), ("b.jpg", b"old")):
        anna.client.put_object(
            Bucket=anna.bucket, Key=f"Photos/{key}", Body=data, ServerSideEncryption="aws:kms", SSEKMSKeyId="key"
        )
    left = adopt(anna, code=4)
    assert (left["unproven"]["files"], left["findings"][0]["kind"]) == (2, "unproven-objects")
    assert anna.status(code=3)["unproven"] == 2
    done = adopt(anna, "--unproven", "download")
    assert (proven(done), done["differing"]["files"]) == ({"bytes": 1}, 1)
    assert anna.sync()["actions"]["uploaded"] == 1
    assert anna.status()["safe"] == 2


def test_trusted_objects_never_look_safe(machine: Callable[..., Machine], moto_s3: S3Server) -> None:
    anna = machine(moto_s3, {"a.nef": b"raw"})
    anna.let_settle()
    anna.client.put_object(
        Bucket=anna.bucket, Key="Photos/a.nef", Body=b"raw", ServerSideEncryption="aws:kms", SSEKMSKeyId="key"
    )
    done = adopt(anna, "--unproven", "trust")
    assert (done["trusted"]["files"], done["unproven"]["files"]) == (1, 0)
    assert anna.sync()["actions"]["uploaded"] == 0
    status = anna.status(code=3)
    assert (status["safe"], status["unproven"]) == (0, 1)


def test_the_wrong_prefix_is_told(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    anna = machine(seaweed, {"2024": {"a.nef": b"raw" * 99}})
    anna.write("Pictures/2024/a.nef", b"raw" * 99)
    told = adopt(anna, "--dry-run")
    assert (told["elsewhere"]["files"], told["other_prefix"]) == (1, {"in_bucket": "Pictures", "on_disk": ""})
    text = anna.run("adopt", "--dry-run")
    assert "with Pictures added to --s3-prefix" in text.out
    assert "This was a dry run" in text.out


def test_without_a_bucket_it_says_so(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    anna = machine(seaweed, {"a.nef": b"raw"})
    anna.client.delete_bucket(Bucket=anna.bucket)
    result = anna.run("adopt")
    assert result.code == 5
    assert "bucket" in result.error_line
    anna.nothing_was_made()
