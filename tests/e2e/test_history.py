"""`lrsync history` as its user meets it: past runs, one of them, and the versions of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.machine import Machine
from tests.stores.server import S3Server


def history(here: Machine, *args: str, code: int = 0) -> dict[str, Any]:
    result = here.run("history", *args, "--json")
    assert result.code == code, result
    assert "Traceback" not in result.err
    return result.json


@pytest.mark.parametrize("versioned", [False, True])
def test_what_happened_to_a_photo(versioned: bool, seaweed: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(seaweed, {"2024": {"a.jpg": b"first", "b.jpg": b"b"}}, versioned=versioned)
    assert history(here)["runs"] == []
    here.sync()
    (here.source / "2024/a.jpg").write_bytes(b"second!")
    here.sync()
    (here.source / "2024/a.jpg").unlink()
    here.sync("--delete")

    runs = history(here)["runs"]
    assert [(run["run_id"], run["kind"], run["result"]) for run in runs] == [
        (3, "sync", "ok"),
        (2, "sync", "ok"),
        (1, "sync", "ok"),
    ]
    assert runs[0]["counts"]["actions"]["trashed"] == 1
    assert len(history(here, "--limit", "1")["runs"]) == 1
    one = history(here, "2")
    assert (one["run"]["run_id"], one["run"]["counts"]["actions"]["uploaded"], one["findings"]) == (2, 1, [])
    assert "there is no run 99" in history(here, "99", code=2)["error"]["message"]

    found = history(here, "2024/a.jpg")
    held = [version for version in found["versions"] if version["where"] != "deleted"]
    assert (found["path"], [version["size"] for version in held]) == ("2024/a.jpg", [7, 5])
    assert {version["where"] for version in held} == {"version" if versioned else "trash"}
    assert all(version["sha256"] and version["at"] for version in held)
    told = here.run("history", "2024/a.jpg")
    assert "2 versions in the bucket" in told.out and "lrsync restore '2024/a.jpg' --at 20" in told.out
    assert "was ever backed up here" in history(here, "2024/c.jpg", code=2)["error"]["message"]


def test_a_failed_run_stays_told(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, {"a.jpg": b"a", "b.nef": b"raw"})
    here.sync()
    here.let_settle()
    (here.source / "b.nef").write_bytes(b"RAW")
    here.sync(code=4)
    (here.source / "b.nef").write_bytes(b"raw")
    here.sync()
    one = history(here, "2")
    assert one["findings"] == [], "settled meanwhile"
    (problem,) = one["run"]["counts"]["problems"]["first"]
    assert (problem["kind"], problem["path"]) == ("original-changed", "b.nef")
    assert "original-changed b.nef" in here.run("history", "2").out
