"""From nothing to a verified backup on a real store, by the commands that README names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.e2e.machine import Machine, Result, run, tree_facts
from tests.stores.server import S3Server

TREE = {"2024": {"a.nef": b"raw" * 1000, "a.xmp": b"<x/>"}, "b.jpg": b"jpg"}


def lrsync(machine: Machine, *args: str) -> Result:
    """A command by the config file alone."""
    return run([sys.executable, "-m", "lrsync", *args], machine.variables(), machine.home)


def test_from_nothing_to_a_backup(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    anna = machine(seaweed, TREE)
    anna = replace(anna, bucket=f"{anna.bucket}-new")
    made = lrsync(anna, "init", "--yes", *anna.place(), "--json")
    assert made.code == 0, made
    assert made.json["bucket"]["created"]
    assert made.json["bucket"]["features"]["versioning"]["state"] == "on"
    assert made.json["first_backup"]["files"] == 3
    assert lrsync(anna, "config", "check").code == 0
    before = tree_facts(anna.source)
    first = lrsync(anna, "doctor", "--json")
    assert first.code == 0, first
    assert tree_facts(anna.source) == before
    assert lrsync(anna, "sync", "--quiet").code == 0
    assert lrsync(anna, "status").code == 0
    keys: Any = [one["Key"] for one in anna.client.list_objects_v2(Bucket=anna.bucket)["Contents"]]
    assert {"Photos/2024/a.nef", "Photos/2024/a.xmp", "Photos/b.jpg"} <= set(keys)
    found = {check["name"]: check for check in lrsync(anna, "doctor", "--json").json["checks"]}
    wanted = [
        "source",
        "marker",
        "manifest",
        "lock",
        "credentials",
        "clock",
        "bucket",
        "list",
        "write",
        "read",
        "delete",
    ]
    assert {name: found[name]["verdict"] for name in wanted} == dict.fromkeys(wanted, "pass")
    assert found["versioning"]["verdict"] == "pass"
    versions = anna.client.list_object_versions(Bucket=anna.bucket, Prefix="Photos/.lrsync/probe/")
    assert "Versions" not in versions and "DeleteMarkers" not in versions
    again = lrsync(anna, "init", "--yes", *anna.place())
    assert again.code == 2
    assert "is in" in again.error_line


def test_the_doctor_says_what_is_wrong(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    anna = machine(seaweed, TREE)
    no_bucket = replace(anna, bucket="not-there").run("doctor", "--json")
    assert no_bucket.code == 5
    assert {c["name"]: c["verdict"] for c in no_bucket.json["checks"]}["bucket"] == "fail"
    no_source = replace(anna, source=anna.home / "gone").run("doctor", "--offline")
    assert no_source.code == 4
    assert "FAIL: source: is the drive connected and mounted?" in no_source.out
    assert "thing is wrong" in no_source.out
