"""Bad input: one clear line with a hint, the right exit code, and nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.disks import read_only_folder, small_disk
from tests.e2e.machine import MARKER, Machine, Result, query, run, tree_facts
from tests.stores.server import S3Server

TREE = {"2024": {"a.jpg": b"first", "b.nef": b"second"}, "c.xmp": b"third"}

Make = Callable[..., Machine]


@pytest.fixture
def fresh(seaweed: S3Server, machine: Make) -> Machine:
    """A machine on which nothing was backed up yet."""
    here: Machine = machine(seaweed, TREE)
    return here


@pytest.fixture
def synced(fresh: Machine) -> Machine:
    """A machine whose library is backed up."""
    fresh.sync()
    return fresh


def refused(result: Result, code: int, *words: str) -> Result:
    """It ended with this code and one line with these words; with --json also with one object that says the same."""
    assert result.code == code, result
    for word in words:
        assert word in result.error_line, result.error_line
    if result.out:
        found = result.json
        assert found["result"] == "failed"
        assert found["error"]["message"].rstrip(".") in result.err
        assert found["error"]["hint"].rstrip(".") in result.err
    return result


def lrsync(here: Machine, *args: str) -> Result:
    """Any command line, without this library's flags."""
    return run([sys.executable, "-m", "lrsync", *args], here.variables(), here.home)


@pytest.fixture
def untouched(fresh: Machine) -> Iterator[Machine]:
    """A machine on which nothing may be made."""
    before = tree_facts(fresh.source)
    yield fresh
    fresh.nothing_was_made()
    assert tree_facts(fresh.source) == before
    assert fresh.objects() == {}


# --- before anything was backed up ---------------------------------------------------------------------------


def test_the_source_is_missing(untouched: Machine) -> None:
    there = replace(untouched, source=untouched.source / "not here")
    refused(there.run("sync", "--json"), 6, "not here does not exist", "mounted")


def test_the_source_is_a_file(untouched: Machine) -> None:
    there = replace(untouched, source=untouched.source / "c.xmp")
    refused(there.run("sync", "--json"), 6, "is not a folder")


def test_the_bucket_is_missing(untouched: Machine) -> None:
    there = replace(untouched, bucket="no-such-bucket-here")
    refused(there.run("sync", "--json"), 5, "no-such-bucket-here does not exist", "--s3-bucket")
    there.nothing_was_made()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "does not accept the secret key"),
        ({"AWS_ACCESS_KEY_ID": "AKIAWRONG"}, "does not know the access key"),
    ],
)
def test_wrong_credentials(untouched: Machine, variables: dict[str, str], words: str) -> None:
    result = replace(untouched, environment=variables).run("sync", "--json")
    refused(result, 5, words, "AWS_SECRET_ACCESS_KEY, ")
    assert "testsecret" not in result.err + result.out


def test_no_credentials(untouched: Machine) -> None:
    none = {name: value for name, value in untouched.variables().items() if not name.startswith("AWS_ACCESS_KEY")}
    del none["AWS_SECRET_ACCESS_KEY"]
    refused(run(untouched.command("sync", "--json"), none, untouched.home), 5, "no AWS credentials were found")


def test_access_denied_on_put_only(untouched: Machine) -> None:
    deny = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{untouched.bucket}/*",
            }
        ],
    }
    untouched.client.put_bucket_policy(Bucket=untouched.bucket, Policy=json.dumps(deny))
    refused(untouched.run("sync", "--quiet", "--json"), 5, "s3:PutObject")


def test_the_endpoint_is_unreachable(untouched: Machine) -> None:
    with closing(socket.socket()) as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        there = replace(untouched, server=replace(untouched.server, endpoint=f"http://127.0.0.1:{port}"))
        refused(there.run("sync", "--json"), 5, "cannot be reached", "--endpoint-url")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--max-delete", "many"], "'many' is not a number of files"),
        (["--max-delete", "-1"], "-1"),
        (["--max-delete", "200%"], "200%"),
        (["--bwlimit", "fast"], "'fast' is not a speed"),
        (["--bwlimit", "5"], "too slow"),
        (["--storage-class", "no such"], "is not a storage class"),
        (["--s3-prefix", "a/../b"], "'..'"),
        (["--s3-prefix", "/Photos"], "slash"),
        (["--full-every", "soon"], "'soon' is not a period"),
        (["--endpoint-url", "s3.example.com"], "http"),
        (["--s3-bukket", "x"], "--s3-bucket"),
    ],
)
def test_nonsense_flags(untouched: Machine, flags: list[str], words: str) -> None:
    refused(untouched.run("sync", "--json", *flags), 2, words)


def test_a_storage_class_that_s3_does_not_have(untouched: Machine) -> None:
    flags = ["--source-path", str(untouched.source), "--s3-bucket", "b", "--storage-class", "STANDRAD"]
    refused(lrsync(untouched, "sync", "--json", *flags), 2, "STANDRAD", "did you mean STANDARD?")


def test_a_command_that_does_not_exist(untouched: Machine) -> None:
    refused(lrsync(untouched, "snyc", "--json"), 2, "'snyc'", "did you mean 'sync'?")


def test_nothing_was_given(untouched: Machine) -> None:
    refused(lrsync(untouched, "sync", "--json"), 2, "no source folder", "--source-path", "config.toml")


@pytest.mark.parametrize(
    ("text", "flags", "words"),
    [
        ("[libraries.travel]\ns3_bucket = 'b'", ["--library", "travle"], "did you mean 'travel'?"),
        ("[libraries.default]\ns3_buckit = 'b'", [], "did you mean 's3_bucket'?"),
        ("[libraries.default]\nthreads = 'eight'", [], "a whole number"),
        ("[libraries.default]\ndry_run = true", [], "--dry-run"),
        ("[libraries.default\n", [], "is not TOML"),
        ("s3_bucket = 'b'", [], "[libraries.default]"),
    ],
)
def test_a_config_file_with_a_mistake(untouched: Machine, text: str, flags: list[str], words: str) -> None:
    config = untouched.home / ".config/lrsync/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(text)
    refused(lrsync(untouched, "sync", "--json", *flags), 2, words, "config.toml")


def test_the_manifests_folder_is_read_only(untouched: Machine, tmp_path: Path) -> None:
    with read_only_folder(tmp_path / "read-only") as folder:
        refused(untouched.run("sync", "--json", "--manifest", str(folder / "m.sqlite")), 8, "m.sqlite", "--manifest")
        assert list(folder.iterdir()) == []


def test_the_disk_is_full_before_there_is_a_manifest(untouched: Machine, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 64) as disk:
        disk.fill()
        refused(untouched.run("sync", "--json", "--manifest", str(disk.folder / "m.sqlite")), 8, "full", "free some")
        assert not list(disk.folder.glob("*.sqlite"))


def test_the_disk_fills_up_while_the_manifest_is_made(untouched: Machine, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 48) as disk:
        flags = ("--json", "--manifest", str(disk.folder / "m.sqlite"))
        refused(untouched.run("sync", *flags), 8, "full", "free some")
        assert not list(disk.folder.glob("*.sqlite"))


# --- once something was backed up -----------------------------------------------------------------------------


def test_the_disk_fills_up_during_a_run(fresh: Machine, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", 8192) as disk:
        manifest = disk.folder / "m.sqlite"
        flags = ("--manifest", str(manifest))
        fresh.sync(*flags)
        for number in range(400):
            (fresh.source / f"{number:05} {'long name ' * 12}.jpg").write_bytes(b"%d" % number)
        used = sum(path.stat().st_blocks for path in disk.folder.iterdir()) // 2
        disk.resize(used + 64)
        refused(fresh.run("sync", "--quiet", "--json", *flags), 8, "full", "free some")
        acknowledged = len(fresh.photos())
        disk.resize(8192)
        assert query(manifest, "PRAGMA integrity_check") == "ok"
        assert query(manifest, "SELECT count(*) FROM files") <= acknowledged
        done = fresh.sync(*flags)
        assert done["actions"]["uploaded"] == 403 - acknowledged
        assert fresh.sync(*flags)["s3_requests"]["total"] == 0
        fresh.check_bucket()


def broken_manifests() -> dict[str, Callable[[Path], object]]:
    """Ways for a manifest to be no good."""

    def newer(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 999")

    return {
        "is not a database": lambda path: path.write_bytes(b"this was never a manifest, whatever its name is" * 9),
        "damaged": lambda path: os.truncate(path, path.stat().st_size // 2),
        "newer lrsync": newer,
        "is empty": lambda path: os.truncate(path, 0),
        "not an lrsync manifest": lambda path: path.write_bytes(_another_database(path.with_name("other"))),
    }


def _another_database(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE another_programs (data)")
    data = path.read_bytes()
    path.unlink()
    return data


@pytest.mark.parametrize("words", broken_manifests())
def test_a_manifest_that_is_no_good(synced: Machine, words: str) -> None:
    broken_manifests()[words](synced.manifest)
    before = (tree_facts(synced.source), synced.objects(), synced.manifest.read_bytes())
    refused(synced.run("sync", "--json"), 8, words, synced.manifest.name)
    refused(synced.run("status", "--json"), 8, words)
    assert (tree_facts(synced.source), synced.objects(), synced.manifest.read_bytes()) == before


def test_a_damaged_manifest_is_replaced_and_kept(synced: Machine) -> None:
    path, damaged = synced.manifest, b"gone to the dogs" * 100
    path.write_bytes(damaged)
    assert synced.run("rebuild-manifest", "--quiet") == Result(0, "", "")
    assert path.with_name(path.name + ".replaced-1").read_bytes() == damaged
    done = synced.sync()
    assert (done["bytes"]["uploaded"], done["actions"]["uploaded"]) == (0, 0)


def test_the_marker_says_another_library(synced: Machine, tmp_path: Path) -> None:
    other = replace(synced, home=tmp_path / "other home", source=tmp_path / "other photos", prefix="Other")
    other.home.mkdir()
    shutil.copytree(synced.source, other.source)
    (other.source / MARKER).unlink()
    other.sync()

    def everything() -> object:
        return tree_facts(other.source), synced.objects(), other.objects(), synced.manifest.read_bytes()

    before = everything()
    flags = ("--json", "--manifest", str(synced.manifest))
    refused(replace(other, prefix=synced.prefix).run("sync", *flags), 6, "another library", "right drive")
    refused(other.run("sync", *flags), 2, f"{synced.bucket}/Photos", f"{synced.bucket}/Other")
    assert everything() == before


def test_the_bucket_holds_another_library(synced: Machine, tmp_path: Path) -> None:
    other = replace(synced, home=tmp_path / "other home", source=tmp_path / "other photos")
    other.home.mkdir()
    shutil.copytree(synced.source, other.source)
    (other.source / MARKER).unlink()
    before = (tree_facts(other.source), synced.objects())
    refused(other.run("sync", "--json"), 6, "rebuild-manifest", "--s3-prefix")
    assert (tree_facts(other.source), synced.objects()) == before
    other.nothing_was_made()


@pytest.mark.parametrize("flags", [[], ["--delete", "--max-delete", "100%"]])
def test_the_drive_is_not_mounted(synced: Machine, flags: list[str]) -> None:
    synced.source.rename(synced.source.with_name("unplugged"))
    synced.source.mkdir()
    before = (synced.objects(), synced.manifest.read_bytes())
    refused(synced.run("sync", "--json", *flags), 6, MARKER, "mounted")
    assert list(synced.source.iterdir()) == []
    assert (synced.objects(), synced.manifest.read_bytes()) == before
