"""The trash as its user meets it, on real servers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.machine import Machine
from tests.stores.server import S3Server

LIBRARY = {"2024": {"a.nef": b"raw a" * 500, "b.jpg": b"jpeg b" * 50}, "stays.txt": b"stays"}


def trash(here: Machine, *args: str, code: int = 0) -> dict[str, Any]:
    """`lrsync trash ... --json`."""
    command, *rest = args
    whole = here.command("trash", command)
    at = whole.index("trash")
    place = [word for word in whole[at + 1 :] if word != command]
    from tests.e2e.machine import run

    result = run([*whole[: at + 1], command, *place, *rest, "--json"], here.variables(), here.home)
    assert result.code == code, result
    assert "Traceback" not in result.err
    return result.json


def paths(answer: dict[str, Any]) -> list[str]:
    return [item["path"] for item in answer["items"]]


@pytest.mark.parametrize(
    ("store", "versioned"),
    [("seaweed", False), ("seaweed", True), ("rclone_s3", False)],
)
def test_a_deleted_photo_comes_back(
    store: str, versioned: bool, machine: Callable[..., Machine], request: pytest.FixtureRequest
) -> None:
    server: S3Server = request.getfixturevalue(store)
    here = machine(server, LIBRARY, versioned=versioned)
    here.sync()
    assert paths(trash(here, "list")) == []
    photo = here.source / "2024/a.nef"
    before = photo.stat()
    photo.unlink()
    (here.source / "2024/b.jpg").write_bytes(b"edited")
    here.sync("--delete")
    assert here.photos() == {"2024/b.jpg", "stays.txt"}

    listed = trash(here, "list")
    assert (paths(listed), listed["count"]) == (["2024/a.nef", "2024/b.jpg"], 2)
    assert paths(trash(here, "list", "*.nef")) == ["2024/a.nef"]

    done = trash(here, "restore", "2024/a.nef")
    assert (paths(done), done["bytes"]) == (["2024/a.nef"], 2500)
    assert photo.read_bytes() == b"raw a" * 500
    assert photo.stat().st_mtime_ns == before.st_mtime_ns
    here.check_bucket()
    assert here.status()["pending"] == 0
    synced = here.sync()
    assert (synced["bytes"]["uploaded"], synced["actions"]["uploaded"]) == (0, 0)

    refused = trash(here, "restore", "2024/b.jpg", code=3)
    assert "already" in refused["errors"][0]["message"]
    target = here.home / "found"
    trash(here, "restore", "2024/b.jpg", "--to", str(target))
    assert (target / "2024/b.jpg").read_bytes() == b"jpeg b" * 50

    assert trash(here, "purge", "--yes")["count"] == 0  # younger than 30 days
    foretold = trash(here, "purge", "--older-than", "0h", "--dry-run")
    assert foretold["dry_run"] is True
    assert len(trash(here, "list")["items"]) == len(listed["items"])
    done = trash(here, "purge", "--older-than", "0h", "--yes")
    assert (done["count"], done["errors"]) == (foretold["count"], [])
    assert done["count"] >= 1
    here.check_bucket()
    done = here.sync("--full")
    assert (done["findings"], done["bytes"]["uploaded"]) == ([], 0)


def test_it_asks_before_it_destroys(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    here.sync()
    (here.source / "2024/b.jpg").unlink()
    here.sync("--delete")
    answer = trash(here, "purge", "--older-than", "0h", code=2)
    assert "nobody is there to be asked" in answer["error"]["message"]
    assert paths(trash(here, "list")) == ["2024/b.jpg"]


def test_what_is_not_there_is_a_usage_error(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    here.sync()
    answer = trash(here, "restore", "nothing.jpg", code=2)
    assert "nothing in the trash" in answer["error"]["message"]
    assert trash(here, "purge", "--older-than", "never", code=2)["error"]["hint"]


def test_the_wrong_drive_is_not_written_to(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, LIBRARY)
    here.sync()
    (here.source / "2024/b.jpg").unlink()
    here.sync("--delete")
    (here.source / ".lrsync-library").unlink()
    trash(here, "restore", "2024/b.jpg", code=6)
    assert not (here.source / "2024/b.jpg").exists()
