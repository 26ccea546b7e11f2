"""`lrsync restore --at` and of archived objects, as their user meets them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.machine import Machine, run
from tests.stores.keeper import locked
from tests.stores.server import S3Server

FIRST = {"2024": {"a.jpg": b"first", "gone.nef": b"raw" * 900}, "stays.txt": b"same"}


def restore(here: Machine, *args: str, code: int = 0) -> dict[str, Any]:
    result = here.run("restore", *args, "--json")
    assert result.code == code, result
    assert "Traceback" not in result.err
    return result.json


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("versioned", [False, True])
def test_the_library_as_it_was(versioned: bool, seaweed: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(seaweed, FIRST, versioned=versioned)
    here.sync()
    # The store tells times to the second: what follows must be in a later one.
    moment = int(time.time()) + 2
    time.sleep(moment + 1 - time.time())
    (here.source / "2024/a.jpg").write_bytes(b"second!")
    (here.source / "2024/gone.nef").unlink()
    here.sync("--delete")
    at = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    out = here.home / "out"
    done = restore(here, "--to", str(out), "--at", at)
    assert (done["restored"], done["errors"]) == (3, [])
    assert contents(out) == {"2024/a.jpg": b"first", "2024/gone.nef": b"raw" * 900, "stays.txt": b"same"}
    never = restore(here, "--to", str(here.home / "none"), "--at", "2001-01-01", code=2)
    assert "nothing was backed up here by that time" in never["error"]["message"]
    assert "--to" in restore(here, "--in-place", "--at", at, code=2)["error"]["hint"]

    # While another run holds the library's lock the bucket alone does.
    with locked(here.manifest.with_name(f"{here.manifest.name}.lock")):
        restore(here, "--to", str(here.home / "busy"), "--at", at, "stays.txt", code=7)
        restore(here, "--to", str(here.home / "busy"), "--at", at, "stays.txt", "--from", "snapshot")
    assert contents(here.home / "busy") == {"stays.txt": b"same"}

    # The same on a machine that knows nothing.
    bare = [*here.command("restore")[:4], *here.place()[2:], "--to", str(here.home / "bare"), "--at", at, "2024/a.jpg"]
    result = run(bare, {**here.variables(), "HOME": str(here.home / "other")}, here.home)
    assert result.code == 0, result
    assert contents(here.home / "bare") == {"2024/a.jpg": b"first"}


def test_archived_objects_are_asked_for_and_come_back(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, {"2024": {"a.nef": b"raw" * 900}, "b.txt": b"text"})
    here.sync("--storage-class", "DEEP_ARCHIVE")
    out = here.home / "out"
    assert restore(here, "--status")["thaws"]["waiting"]["objects"] == 0
    refused = restore(here, "--to", str(out), "--thaw", "expedited", code=3)
    assert "no expedited" in refused["errors"][0]["message"]
    done = restore(here, "--to", str(out), "--thaw", "bulk", "--thaw-days", "2", code=3)
    assert (done["thawing"], done["asked"], done["restored"], done["errors"]) == (2, 2, 0, [])
    assert done["ready_by"].endswith("Z")
    requests = restore(here, "--status")["thaws"]["waiting"]
    assert (requests["objects"], requests["bytes"]) == (2, 2704)
    assert "come back after" in here.run("restore", "--status").out
    # This server thaws in no time.
    assert restore(here, "--to", str(out))["restored"] == 2
    assert contents(out) == {"2024/a.nef": b"raw" * 900, "b.txt": b"text"}
    assert restore(here, "--status")["thaws"]["waiting"]["objects"] == 0
