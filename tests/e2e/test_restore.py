"""The worst day, as a user lives it: another computer, no manifest, no config; and restores that are killed."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.adapters.partfile import PARTIAL
from tests.e2e.machine import MARKER, Machine, Result, kill_group, run, wait_until
from tests.faults import proxy as faults
from tests.faults.proxy import FaultProxy, fault_proxy
from tests.stores.server import S3Server
from tests.trees import LONG_AGO_NS, Tree, make_tree

FILM = random.Random(2).randbytes(52_000_000)
LIBRARY: Tree = {
    "2024": {"a b.nef": b"raw a", "a b.xmp": b"<x/>", "ü.jpg": b"jpeg", "empty.jpg": b""},
    "notes": {"x": {"y": {"z.txt": b"deep"}}},
}


@pytest.fixture
def here(machine: Callable[..., Machine], seaweed: S3Server) -> Machine:
    """A library that was backed up, on a computer that then lost everything but its credentials."""
    made: Machine = machine(seaweed)
    make_tree(made.source, LIBRARY, mtime_ns=LONG_AGO_NS + 123_456_789)
    made.sync()
    return made


def facts(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != MARKER)
    return {path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def bare_command(machine: Machine, *args: str, prefix: str | None = None) -> list[str]:
    """A restore on another computer: nobody says where the source was."""
    place = ["--s3-bucket", machine.bucket, "--endpoint-url", machine.server.endpoint]
    place += ["--s3-prefix", machine.prefix if prefix is None else prefix]
    return [sys.executable, "-m", "lrsync", "restore", *place, *args]


def bare(machine: Machine, *args: str, prefix: str | None = None) -> Result:
    return run(bare_command(machine, *args, prefix=prefix), machine.variables(), machine.home)


def forget(machine: Machine) -> None:
    """The computer is another one."""
    shutil.rmtree(machine.home / ".local")


def test_the_worst_day(here: Machine, tmp_path: Path) -> None:
    expected = facts(here.source)
    forget(here)
    shutil.rmtree(here.source)
    done = bare(here, "--to", str(tmp_path / "back"), "--json")
    assert (done.code, done.json["restored"], done.json["failed"]) == (0, 5, 0), done
    assert done.json["snapshot"]["key"].endswith(".sqlite.zst")
    assert done.json["run_id"] is None, "no history has it"
    assert facts(tmp_path / "back") == expected
    assert here.manifests() == [], "no manifest is made of what was only restored"
    again = bare(here, "--to", str(tmp_path / "back"), "--json")
    assert (again.code, again.json["restored"], again.json["intact"]) == (0, 0, 5)


def test_without_a_snapshot_the_objects_tell(here: Machine, tmp_path: Path) -> None:
    expected = facts(here.source)
    forget(here)
    for key in here.objects():
        if key.startswith(".lrsync/"):
            here.lose(key)
    here.write("2024/from another tool.jpg", b"no metadata")
    done = bare(here, "--to", str(tmp_path / "back"))
    assert done.code == 0, done
    assert "6 files restored; 1 had no recorded checksum" in done.out
    found = facts(tmp_path / "back")
    assert found.pop("2024/from another tool.jpg")[0] == b"no metadata"
    assert found == expected
    since = bare(here, "--to", str(tmp_path / "new"), "--since", "30d", "--json")
    assert (since.code, set(facts(tmp_path / "new"))) == (0, {"2024/from another tool.jpg"}), since


def test_a_selection_and_a_list(here: Machine, tmp_path: Path) -> None:
    done = bare(here, "*.nef", "--to", str(tmp_path / "raws"), "--json")
    assert (done.code, set(facts(tmp_path / "raws"))) == (0, {"2024/a b.nef", "2024/a b.xmp"}), done
    (tmp_path / "list").write_bytes("2024/ü.jpg\0notes/x/y/z.txt\0".encode())
    listed = ("--files-from", str(tmp_path / "list"), "--null")
    dry = here.run("restore", *listed, "--to", str(tmp_path / "listed"), "--dry-run", "--json")
    assert (dry.code, dry.json["restored"], dry.json["dry_run"]) == (0, 2, True), dry
    assert not (tmp_path / "listed").exists()
    assert here.run("restore", *listed, "--to", str(tmp_path / "listed")).code == 0
    assert set(facts(tmp_path / "listed")) == {"2024/ü.jpg", "notes/x/y/z.txt"}


def test_what_is_missing_comes_back_in_place(here: Machine) -> None:
    expected = facts(here.source)
    shutil.rmtree(here.source / "2024")
    (here.source / "notes/x/y/z.txt").write_bytes(b"my own")
    done = here.run("restore", "--in-place", "--json")
    assert (done.code, done.json["restored"], done.json["skipped"]) == (0, 4, 1), done
    assert facts(here.source).items() >= {k: v for k, v in expected.items() if k.startswith("2024")}.items()
    assert (here.source / "notes/x/y/z.txt").read_bytes() == b"my own"
    assert here.sync()["actions"]["uploaded"] == 1


def test_two_libraries_under_one_prefix(here: Machine, tmp_path: Path) -> None:
    (snapshot,) = [key for key in here.objects() if key.count("/") == 2 and key.startswith(".lrsync/manifest/")]
    uuid = snapshot.removeprefix(".lrsync/manifest/").removesuffix(".sqlite.zst")
    other = "11111111-2222-3333-4444-555555555555"
    here.write(f".lrsync/manifest/{other}.sqlite.zst", here.read(snapshot))
    refused = bare(here, "--to", str(tmp_path / "back"))
    assert refused.code == 2
    assert uuid in refused.err and other in refused.err
    assert bare(here, "--to", str(tmp_path / "back"), "--library", uuid, "--quiet").code == 0
    assert facts(tmp_path / "back") == facts(here.source)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--to", "{source}"), "is the source"),
        (("--to", "{source}/2024/back"), "lies in the source"),
        (("--to", "{source}/.."), "holds the source"),
        (("--to", "back", "--since", "yesterday"), "no date or time"),
        (("--to", "back", "--type", "r*w"), "no type of file"),
        (("--to", "back", "--files-from", "nowhere"), "cannot be read"),
        (("--to", "back", "--null"), "--files-from"),
        (("", "--to", "back"), "PATH is empty"),
        (("!*.nef", "--to", "back"), "hint: write '\\!' for its name."),
    ],
)
def test_wrong_usage(here: Machine, args: tuple[str, ...], words: str) -> None:
    done = here.run("restore", *(arg.format(source=here.source) for arg in args))
    assert (done.code, words in done.error_line) == (2, True), done
    assert not (here.home / "back").exists()


def test_a_wrong_prefix_is_no_empty_backup(here: Machine, tmp_path: Path) -> None:
    done = bare(here, "--to", str(tmp_path / "back"), "--json", prefix="Phot")
    assert (done.code, "there is no backup in" in done.json["error"]["message"]) == (2, True), done
    assert done.json["error"]["hint"] == f"check --s3-bucket and --s3-prefix; the bucket has {here.prefix}"
    assert not (tmp_path / "back").exists()


@pytest.fixture
def proxy(seaweed: S3Server) -> Iterator[FaultProxy]:
    with fault_proxy(seaweed.endpoint) as running:
        yield running
        assert running.unfired() == []


def test_a_killed_restore_goes_on_without_what_is_there(
    machine: Callable[..., Machine], seaweed: S3Server, proxy: FaultProxy, tmp_path: Path
) -> None:
    here: Machine = machine(seaweed, {"film.mov": FILM})
    here.sync()
    slow = replace(here, server=replace(seaweed, endpoint=proxy.endpoint))
    target = tmp_path / "back"
    proxy.on("GetObject", faults.hang(), key="film.mov", nth=3, times=None)

    def two_ranges_are_there() -> bool:
        return proxy.count("GetObject", "film.mov") == 3 and any(
            note.read_bytes().count(b"\n") == 3 for note in target.glob(f"{PARTIAL}*.note")
        )

    command = ("film.mov", "--to", str(target), "--threads", "1")
    with slow.started("restore", *command) as process:
        assert wait_until(two_ranges_are_there, process)
        kill_group(process)
    proxy.heal()
    before = proxy.count("GetObject", "film.mov")
    done = slow.run("restore", *command, "--json")
    assert (done.code, json.loads(done.out)["restored"]) == (0, 1), done
    assert proxy.count("GetObject", "film.mov") - before == 2, "of four ranges two were there"
    assert (target / "film.mov").read_bytes() == FILM
    assert [path.name for path in target.iterdir()] == ["film.mov"]
