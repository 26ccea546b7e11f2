"""The life of a library, night after night, as one scenario that every store must see through."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.machine import Machine

HEAVY = ("boto3", "botocore", "alembic", "sqlalchemy.orm")

SYNC_FIELDS = {
    "": "command library run_id result exit_code dry_run scan changes actions bytes s3_requests drift seconds findings "
    "errors",
    "scan": "files directories bytes excluded unreadable special",
    "changes": "added modified touched missing unchanged settling",
    "actions": "uploaded copied adopted restated trashed quarantined failed raced",
    "bytes": "uploaded copied hashed",
    "s3_requests": "total put list head copy delete other",
    "drift": "checked missing altered unknown repaired",
    "seconds": "total scan",
}
STATUS_FIELDS = {
    *("command", "result", "exit_code", "files", "bytes", "safe", "pending", "missing", "quarantined"),
    *("last_run", "last_full_pass", "by_type", "by_folder"),
}


@dataclass(frozen=True)
class Roles:
    """Which file of the library plays which part; paths relative to the source, all of them different."""

    touched: str
    edited: str
    deleted: str
    corrupted: str
    lost: str
    original: str
    folder: str
    renamed: str


@dataclass
class Nights:
    """The scenario's state: one library, and what must be true of it."""

    machine: Machine
    roles: Roles
    always_ask: bool = True
    """Whether `status` is asked after every night, or only once in the end."""
    missing: int = 0
    unknown: set[str] = field(default_factory=set)

    def run(self) -> None:
        """All of it, in order."""
        self.first_night()
        self.quiet_night()
        self.touched()
        self.edited()
        self.added()
        self.renamed_folder()
        self.deleted()
        self.damaged_bucket()
        self.changed_original()
        self.lost_manifest()
        self.check_status()

    # --- the nights -----------------------------------------------------------------------------------------

    def first_night(self) -> None:
        files = self.machine.files()
        total = sum(path.stat().st_size for path in files.values())
        done = self.sync()
        check_fields(done)
        assert done["scan"]["files"] == done["changes"]["added"] == len(files)
        assert done["actions"]["uploaded"] + done["actions"]["copied"] == len(files)
        assert done["bytes"]["uploaded"] + done["bytes"]["copied"] == done["scan"]["bytes"] == total
        assert done["s3_requests"]["put"] >= done["actions"]["uploaded"]
        assert done["drift"]["checked"]
        self.check()

    def quiet_night(self) -> None:
        done, modules = self.machine.sync_watching_imports()
        expect(done, requests=0)
        assert done["changes"]["unchanged"] == len(self.machine.files())
        assert [name for name in HEAVY if name in modules] == []
        assert "lrsync.engine.sync" in modules
        self.check()

    def touched(self) -> None:
        os.utime(self.path(self.roles.touched))
        done = self.sync()
        expect(done, requests=0, restated=1)
        assert done["changes"]["touched"] == 1
        self.check()

    def edited(self) -> None:
        path = self.path(self.roles.edited)
        old = path.read_bytes()
        path.write_bytes(old + b"edited")
        done = self.sync()
        expect(done, uploaded=1, sent=len(old) + 6)
        assert done["changes"]["modified"] == 1
        self.check()
        assert self.machine.read(self.machine.trash()[self.roles.edited]) == old

    def added(self) -> None:
        self.path("Added, today.JPG").write_bytes(os.urandom(5000))
        expect(self.sync(), uploaded=1, sent=5000)
        self.check()

    def renamed_folder(self) -> None:
        folder = self.path(self.roles.folder)
        moved = [path for path in folder.rglob("*") if path.is_file()]
        self.gone = {key: path.read_bytes() for key, path in self.machine.files().items() if path in moved}
        size = sum(map(len, self.gone.values()))
        folder.rename(self.path(self.roles.renamed))
        done = self.sync()
        expect(done, copied=len(moved), sent=0)
        assert done["bytes"]["copied"] == size
        assert done["changes"]["missing"] == len(moved)
        self.missing = len(moved)
        self.check()

    def deleted(self) -> None:
        path = self.path(self.roles.deleted)
        self.gone[self.roles.deleted] = path.read_bytes()
        path.unlink()
        done = self.sync()
        expect(done, requests=0)
        assert done["changes"]["missing"] == len(self.gone)
        self.missing = len(self.gone)
        self.check()

        expect(self.sync("--delete", "--dry-run"), trashed=len(self.gone), sent=0)
        self.check()

        done = self.sync("--delete", "--full")
        expect(done, trashed=len(self.gone), sent=0)
        assert done["drift"] == {"checked": True, "missing": 0, "altered": 0, "unknown": 0, "repaired": 0}
        self.missing = 0
        trash, gone = self.machine.trash(), self.gone
        self.gone = {}
        self.check()
        assert {key: self.machine.read(trash[key]) for key in gone} == gone

    def damaged_bucket(self) -> None:
        corrupted = self.machine.read(self.roles.corrupted)
        self.machine.write(self.roles.corrupted, corrupted[:-1] + bytes([corrupted[-1] ^ 1]))
        self.machine.lose(self.roles.lost)
        self.machine.write("somebody else's.txt", b"not lrsync's")
        self.unknown = {"somebody else's.txt"}
        expect(self.sync(), requests=0)

        done = self.sync("--full")
        sizes = [self.path(path).stat().st_size for path in (self.roles.corrupted, self.roles.lost)]
        expect(done, uploaded=2, sent=sum(sizes))
        assert done["drift"] == {"checked": True, "missing": 1, "altered": 1, "unknown": 1, "repaired": 2}
        assert [(f["kind"], f["path"]) for f in done["findings"]] == [
            ("unknown-object", f"{self.machine.prefix}/somebody else's.txt")
        ]
        assert self.machine.read("somebody else's.txt") == b"not lrsync's"
        self.check()

    def changed_original(self) -> None:
        path = self.path(self.roles.original)
        good, stat = path.read_bytes(), path.stat()
        path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        for full in ([], ["--full"]):
            done = self.sync(*full, code=4)
            expect(done, quarantined=1, sent=0)
            assert [f["path"] for f in done["findings"] if f["kind"] == "original-changed"] == [self.roles.original]
            assert self.machine.read(self.roles.original) == good
        status = self.machine.status(code=4)
        assert (status["quarantined"], status["safe"]) == (1, len(self.machine.files()) - 1)
        messages = [f["message"] for f in done["findings"] if f["kind"] == "original-changed"]
        assert [f["message"] for f in status["findings"] if f["kind"] == "original-changed"] == messages
        path.write_bytes(good)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        expect(self.sync(), requests=0, restated=1)
        self.check()

    def lost_manifest(self) -> None:
        for file in self.machine.manifests():
            file.unlink()
        result = self.machine.run("rebuild-manifest", "--json")
        assert (result.code, result.json["command"], result.json["result"]) == (0, "rebuild-manifest", "ok"), result
        assert result.json["actions"]["adopted"] == len(self.machine.files())
        assert [f["kind"] for f in result.json["findings"]] == ["unknown-object"] * len(self.unknown)
        expect(self.sync("--delete"), uploaded=0, copied=0, trashed=0, sent=0)
        self.check()
        expect(self.sync(), requests=0)

    # --- checks ---------------------------------------------------------------------------------------------

    def path(self, relative: str) -> Path:
        return self.machine.files().get(relative, self.machine.source / relative)

    def sync(self, *args: str, code: int = 0) -> dict[str, Any]:
        return self.machine.sync(*args, code=code)

    gone: dict[str, bytes] = field(default_factory=dict)

    def check(self) -> None:
        """The bucket equals the disk, but for what is known to be elsewhere; status says so."""
        self.machine.check_bucket(extra=self.unknown | set(self.gone))
        if self.always_ask:
            self.check_status()

    def check_status(self) -> None:
        """`status` says what is on the disk and in the bucket."""
        files = self.machine.files()
        size = sum(path.stat().st_size for path in files.values())
        status = self.machine.status()
        assert set(status) >= STATUS_FIELDS
        assert (status["result"], status["files"], status["bytes"]) == ("ok", len(files), size)
        assert (status["safe"], status["pending"], status["quarantined"]) == (len(files), 0, 0)
        assert status["missing"] == self.missing
        assert sum(tally["files"] for tally in status["by_type"].values()) == len(files)
        assert sum(tally["bytes"] for tally in status["by_folder"].values()) == size
        assert status["last_full_pass"] is not None
        assert status["last_run"]["result"] == "ok"


def expect(done: dict[str, Any], *, requests: int | None = None, sent: int = 0, **actions: int) -> None:
    """These actions and no other, so many bytes sent, and (where given) so many requests."""
    counted = {name: count for name, count in done["actions"].items() if count}
    wanted = {name: count for name, count in actions.items() if count}
    if requests is not None:
        assert done["s3_requests"]["total"] == requests
        assert counted == wanted
    assert {name: counted.get(name, 0) for name in actions} == actions
    assert done["bytes"]["uploaded"] == sent
    assert done["errors"] == []


def check_fields(done: dict[str, Any]) -> None:
    """The object of `sync --json` has just the fields that it promises."""
    for name, fields in SYNC_FIELDS.items():
        assert set(done[name] if name else done) == set(fields.split()), name
    assert (done["command"], done["library"], done["result"]) == ("sync", "default", "ok")
