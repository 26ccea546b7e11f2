"""verify, accept and restore as a user runs them, on real stores."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.machine import Machine, query, wait_until
from tests.faults import proxy as faults
from tests.stores.server import S3Server
from tests.trees import LONG_AGO_NS, make_tree

LARGE = bytes(range(256)) * (17 << 12)
LIBRARY = {"2024": {"a b.nef": b"original a", "ü.jpg": b"jpeg"}, "clip.mov": LARGE}
FIELDS = {
    *("command", "library", "run_id", "result", "exit_code", "checked", "proven", "bytes", "failed", "rotten"),
    *("changed", "gone", "archived", "unproven", "drift", "findings", "errors", "seconds", "s3_requests"),
}


@pytest.fixture
def here(machine: Callable[..., Machine], seaweed: S3Server) -> Machine:
    made = machine(seaweed)
    make_tree(made.source, LIBRARY, mtime_ns=LONG_AGO_NS)
    made.sync()
    return made


def rot(here: Machine, path: str, data: bytes) -> None:
    """Write other bytes and let the row have the file's stat: what a disk does that fails without a word."""
    file = here.source / path
    assert len(data) == file.stat().st_size
    file.write_bytes(data)
    stat = file.stat()
    with closing(sqlite3.connect(here.manifest)) as connection, connection:
        connection.execute(
            "UPDATE files SET mtime_ns = ?, ctime_ns = ?, settled = 1 WHERE name = ?",
            (stat.st_mtime_ns, stat.st_ctime_ns, file.name),
        )


@pytest.mark.parametrize("store", ["seaweed_tls", "rclone_s3"])
def test_every_way_of_proof_on_every_store(
    store: str, machine: Callable[..., Machine], request: pytest.FixtureRequest
) -> None:
    here = machine(request.getfixturevalue(store), LIBRARY)
    here.sync()
    for flags in ((), ("--local",), ("--download",), ("--local", "--remote", "--download", "--sample", "100%")):
        done = here.run("verify", *flags, "--json")
        assert done.code == 0, done
        found = done.json
        assert set(found) == FIELDS
        assert (found["command"], found["result"]) == ("verify", "ok")
        assert (found["checked"], found["proven"], found["unproven"]) == (3, 3, 0), flags
    here.lose("clip.mov")
    here.write("2024/a b.nef", b"damaged !!")
    found = here.run("verify", "--json").json
    assert (found["exit_code"], found["drift"]) == (4, {"checked": True, "missing": 1, "altered": 1})
    assert here.status(code=3)["drifted"] == 2
    assert here.sync()["drift"]["repaired"] == 2
    here.check_bucket()
    assert here.run("verify", "--download", "--quiet").code == 0


def test_rot_is_told_until_the_good_bytes_are_back(here: Machine) -> None:
    rot(here, "2024/ü.jpg", b"gepj")
    assert here.sync()["exit_code"] == 0
    done = here.run("verify", "--local")
    assert done.code == 4
    assert "1 went bad on the disk" in done.out
    assert here.status(code=4)["rotten"] == 1
    assert here.sync("--full", code=4)["findings"][0]["kind"] == "rot"
    assert "gone bad on the disk" in here.run("status").out
    done = here.run("restore", "--in-place", "2024/ü.jpg", "--json")
    assert (done.code, done.json["restored"]) == (0, 1), done
    assert (here.source / "2024/ü.jpg").read_bytes() == b"jpeg"
    assert here.sync()["exit_code"] == 0
    assert here.status()["rotten"] == 0
    assert here.photos() == {"2024/a b.nef", "2024/ü.jpg", "clip.mov"}, "what was replaced is no photo"


def test_a_changed_original_is_accepted_or_restored(here: Machine) -> None:
    (here.source / "2024/a b.nef").write_bytes(b"changed on purpose")
    (here.source / "clip.mov").write_bytes(LARGE[::-1])
    here.sync(code=4)
    assert here.run("accept", "--all", "--dry-run").code == 0
    assert here.status(code=4)["quarantined"] == 2
    done = here.run("accept", "2024/a b.nef", "--json")
    assert (done.code, done.json["actions"]["uploaded"]) == (0, 1), done
    done = here.run("restore", "--in-place", str(here.source / "clip.mov"), "--json")
    assert (done.code, done.json["restored"]) == (0, 1), done
    assert (here.source / "clip.mov").read_bytes() == LARGE
    assert here.sync()["exit_code"] == 0
    assert list(here.trash()) == ["2024/a b.nef"]
    kept = list(here.source.rglob(".lrsync-replaced-*"))
    assert [path.read_bytes() for path in kept] == [LARGE[::-1]]
    kept[0].unlink()
    here.check_bucket()
    assert here.status()["verified"]["within_7_days"]["files"] == 3


def test_files_come_back_without_the_drive(here: Machine, tmp_path: Path) -> None:
    here.source.rename(tmp_path / "pulled out")
    done = here.run("restore", "2024", "--to", str(tmp_path / "back"), "--json")
    assert (done.code, done.json["restored"]) == (0, 2), done
    assert (tmp_path / "back/2024/a b.nef").read_bytes() == b"original a"
    assert here.run("verify", "--remote").code == 0
    assert here.run("verify", "--local").code == 6
    assert here.run("restore", "--in-place", "clip.mov").code == 6


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("verify", "--sample", "0%"), "percentage"),
        (("verify", "--sample", "some"), "number of files"),
        (("verify", "--max-age", "never"), "never"),
        (("accept",), "--all"),
        (("accept", "--all", "a.nef"), "--all"),
        (("restore", "a.nef"), "--in-place"),
        (("restore", "a.nef", "--in-place", "--to", "x"), "--to"),
    ],
)
def test_wrong_usage(here: Machine, args: tuple[str, ...], words: str) -> None:
    done = here.run(*args)
    assert done.code == 2
    assert words in done.error_line


@pytest.mark.parametrize("command", [("verify",), ("accept", "--all"), ("restore", "--in-place", "a")])
def test_nothing_begins_without_a_backup(
    command: tuple[str, ...], machine: Callable[..., Machine], seaweed: S3Server
) -> None:
    here = machine(seaweed, {"a.jpg": b"a"})
    done = here.run(*command)
    assert (done.code, "never backed up" in done.error_line) == (2, True)
    here.nothing_was_made()


def test_ctrl_c_keeps_what_was_proven(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    with faults.fault_proxy(seaweed.endpoint) as proxy:
        here = machine(replace(seaweed, endpoint=proxy.endpoint), {f"{i}.jpg": b"%d" % i for i in range(300)})
        here.sync()
        sent = query(here.manifest, "SELECT max(verified_at) FROM files")
        proven = f"SELECT count(*) FROM files WHERE verified_at > {sent}"
        # Its end is seconds away when the first of them are seen to be proven.
        proxy.on("GetObject", faults.after(lambda: proxy.wait(0.02)), times=None)
        with here.started("verify", "--download", "--threads", "1", "--batch-size", "10") as process:
            assert wait_until(lambda: bool(query(here.manifest, proven)), process)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
        proxy.heal()
        assert query(here.manifest, "SELECT result FROM runs ORDER BY id DESC") == "interrupted"
        done = query(here.manifest, proven)
        assert 0 < done < 300
        left = 300 - done
        found = here.run("verify", "--download", "--sample", str(left), "--json").json
        assert (found["proven"], query(here.manifest, proven)) == (left, 300), "it goes on with what is left"
