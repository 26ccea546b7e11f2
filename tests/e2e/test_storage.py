"""Storage classes by the kind of a file, on a server that has archives; and what `lrsync cost` says of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.machine import Machine, run
from tests.stores.server import S3Server

LARGE = 200 << 10
TREE = {
    "2024": {
        "a.nef": b"raw" + bytes(LARGE),
        "tiny.nef": b"tiny raw",
        "b.jpg": b"jpeg" + bytes(LARGE),
        "a.xmp": b"edit",
        "c.mov": b"film" + bytes(17 << 20),
    },
    "notes.txt": b"notes" + bytes(LARGE),
}


def configure(here: Machine, lines: str, **settings: str) -> Path:
    """A config file beside the flags: the table that no flag has."""
    file = here.home / "storage.toml"
    plain = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    file.write_text(f"[libraries.default]\n{plain}[libraries.default.storage]\n{lines}")
    return file


def classes(here: Machine) -> dict[str, str]:
    return {key: found["StorageClass"] for key, found in here.objects().items()}


def test_each_kind_goes_into_its_class(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, TREE)
    file = configure(here, 'original = "DEEP_ARCHIVE"\nrewritable = "STANDARD_IA"\nother = "GLACIER_IR"')
    first = here.run("sync", "--config", str(file))
    assert first.code == 0, first
    assert first.err.count("cannot be copied to lrsync's trash") == 1
    found = classes(here)
    assert {name: kind for name, kind in found.items() if not name.startswith(".lrsync/")} == {
        "2024/a.nef": "DEEP_ARCHIVE",
        "2024/tiny.nef": "STANDARD",
        "2024/b.jpg": "STANDARD_IA",
        "2024/a.xmp": "STANDARD",
        "2024/c.mov": "DEEP_ARCHIVE",
        "notes.txt": "GLACIER_IR",
    }
    assert {kind for name, kind in found.items() if name.startswith(".lrsync/")} == {"STANDARD"}

    # Said once; a server-side copy goes by the same rules.
    (here.source / "2024/b.jpg").rename(here.source / "2024/moved.jpg")
    second = here.run("sync", "--config", str(file))
    assert second.code == 0 and "trash" not in second.err
    assert classes(here)["2024/moved.jpg"] == "STANDARD_IA"

    (here.source / "notes.txt").write_bytes(b"other notes" + bytes(LARGE))
    assert here.run("sync", "--config", str(file)).code == 0
    found = classes(here)
    (kept,) = [kind for name, kind in found.items() if "/trash/" in name]
    assert kept == "GLACIER_IR"

    costs = cost(here, "--config", str(file), "--prices", str(_prices(here)))
    lines = {(line["kind"], line["storage_class"]): line["objects"] for line in costs["storage"]}
    assert lines == {
        ("original", "DEEP_ARCHIVE"): 2,
        ("original", "STANDARD"): 1,
        ("rewritable", "STANDARD_IA"): 2,
        ("sidecar", "STANDARD"): 1,
        ("other", "GLACIER_IR"): 1,
    }
    assert costs["what_if"] is None, "everything lies where it is configured to"


def test_what_replaces_an_archived_object_fails(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, TREE)
    file = configure(here, 'other = "DEEP_ARCHIVE"')
    assert here.run("sync", "--config", str(file)).code == 0
    (here.source / "notes.txt").write_bytes(b"other notes" + bytes(LARGE))
    done = here.run("sync", "--config", str(file), "--json")
    told = json.loads(done.out)
    assert (done.code, told["errors"][0]["path"]) == (3, "notes.txt")
    assert "archive" in told["errors"][0]["message"]


def cost(here: Machine, *arguments: str) -> Any:
    result = here.run("cost", "--json", *arguments)
    assert result.code == 0, result
    told = json.loads(result.out)
    assert set(told) == {
        *("command", "library", "result", "exit_code", "prices", "a_month", "unpriced"),
        *("storage", "last_run", "restore", "what_if"),
    }
    return told


def _prices(here: Machine) -> Path:
    """lrsync's own list, named: of a store that is not AWS it says nothing by itself."""
    import lrsync

    file = here.home / "prices.toml"
    file.write_bytes((Path(lrsync.__file__).parent / "data/prices.toml").read_bytes())
    return file


def test_what_it_costs_and_would_cost(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, TREE)
    assert here.run("cost").out == "Nothing is backed up yet, so it costs nothing.\n"
    done = here.sync()
    unknown = cost(here)
    assert (unknown["prices"], unknown["a_month"], len(unknown["storage"])) == (None, None, 4)
    assert unknown["last_run"]["s3_requests"]["total"] == done["s3_requests"]["total"]

    prices = str(_prices(here))
    told = cost(here, "--prices", prices, "--what-if", "original=DEEP_ARCHIVE")
    assert told["prices"]["region"] == "us-east-1" and told["a_month"] > 0
    assert told["last_run"]["price"] > 0 and set(told["restore"]) == {"any"}
    what_if = told["what_if"]
    assert (what_if["objects"], what_if["classes"]) == (2, {"original": "DEEP_ARCHIVE"})
    assert what_if["a_month"] < what_if["a_month_now"] and what_if["least_days"] == {"DEEP_ARCHIVE": 180}

    text = here.run("cost", "--prices", prices, "--what-if", "original=deep_archive").out
    assert "Storage costs less than 0.01 USD a month by the list prices of us-east-1" in text
    assert "With original in DEEP_ARCHIVE, 2 objects" in text and max(map(len, text.splitlines())) < 180
    wrong = here.run("cost", "--what-if", "originals=GLACIER")
    assert wrong.code == 2 and "did you mean 'original'" in wrong.err
    assert here.run("cost", "--what-if", "catalog=GLACIER").code == 2
    slip = here.run("cost", "--prices", prices, "--what-if", "original=DEEP_ARCHVE")
    assert slip.code == 2 and "no price is known of DEEP_ARCHVE. hint: did you mean DEEP_ARCHIVE?" in slip.err


def test_config_check_and_doctor_warn(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    here = machine(moto_s3, TREE)
    place = {"source_path": str(here.source), "s3_bucket": here.bucket}
    file = configure(here, 'original = "DEEP_ARCHIVE"', **place)
    command = [sys.executable, "-m", "lrsync", "config", "check", "--config", str(file), "--json"]
    checked = run(command, here.variables(), here.home)
    told = json.loads(checked.out)
    assert checked.code == 0
    (library,) = told["libraries"]
    assert any("180 days" in line for line in library["warnings"])
    assert any("versioning" in line for line in library["warnings"])
    examined = json.loads(here.run("doctor", "--config", str(file), "--json").out)
    verdicts = {check["name"]: check["verdict"] for check in examined["checks"]}
    assert (verdicts["storage"], verdicts["archive"]) == ("warn", "warn")
