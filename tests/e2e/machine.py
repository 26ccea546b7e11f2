"""A computer with photos, a bucket, and lrsync on it: what every end-to-end test starts from.

Runs the command line as a process of its own, with an empty home folder; looks into the bucket behind its back.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import schemas
from tests.forked import Order, the_zygote
from tests.stores.server import S3Server

MARKER = ".lrsync-library"
RESERVED = ".lrsync/"
RUN_SECONDS = 240

PROBE = """
import atexit, json, os, runpy, sys
atexit.register(lambda: open(os.environ["MODULES_FILE"], "w").write(json.dumps(sorted(sys.modules))))
runpy.run_module("lrsync", run_name="__main__", alter_sys=True)
"""
"""Runs `python -m lrsync`, and writes down what it had imported when it ended."""


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout, which must be all there is."""
        assert self.out.endswith("\n"), self
        assert self.out.count("\n") == 1, self
        found: dict[str, Any] = json.loads(self.out)
        assert found["exit_code"] == self.code
        schemas.check(found)
        return found

    @property
    def error_line(self) -> str:
        """The one line on stderr that says what is wrong."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: "), self.err
        assert " hint: " in lines[0], self.err
        return lines[0]


@dataclass(frozen=True)
class Machine:
    """One library: `source` goes to `prefix` of `bucket`; the user's `home` holds the manifest and the log."""

    home: Path
    source: Path
    server: S3Server
    bucket: str
    client: Any = field(repr=False)
    """A boto3 client, to look into the bucket behind lrsync's back."""
    prefix: str = "Photos"
    environment: dict[str, str] = field(default_factory=dict)
    _proven: set[tuple[str, str, bytes]] = field(default_factory=set, repr=False)

    # --- the disk -------------------------------------------------------------------------------------------

    def let_settle(self) -> None:
        """Wait until every file is older than the two seconds within which a second write may look the same."""
        newest_s = max(file.lstat().st_ctime for file in self.source.rglob("*"))
        time.sleep(max(0.0, newest_s + 2.2 - time.time()))

    # --- running --------------------------------------------------------------------------------------------

    def variables(self) -> dict[str, str]:
        """The environment of a user who has only credentials."""
        dropped = ("XDG_", "PYTHON", "LC_", "LANG", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
        inherited = self.server.environment(HOME=str(self.home))
        kept = {name: value for name, value in inherited.items() if not name.startswith(dropped)}
        return {**kept, "PYTHONWARNINGS": "error", **self.environment}

    def place(self) -> list[str]:
        """The flags that name this library."""
        return [
            *("--source-path", str(self.source), "--s3-bucket", self.bucket, "--s3-prefix", self.prefix),
            *("--endpoint-url", self.server.endpoint),
        ]

    def command(self, name: str, *args: str) -> list[str]:
        """The command line of a command on this library."""
        return [sys.executable, "-m", "lrsync", name, *self.place(), *args]

    def run(self, name: str, *args: str) -> Result:
        """Run a command on this library to its end."""
        return run(self.command(name, *args), self.variables(), self.home)

    def sync(self, *args: str, code: int = 0) -> dict[str, Any]:
        """`lrsync sync --json`, which must end with `code`."""
        return self._json("sync", *args, code=code)

    def status(self, code: int = 0) -> dict[str, Any]:
        """`lrsync status --json`, which must end with `code`."""
        return self._json("status", code=code)

    def _json(self, name: str, *args: str, code: int) -> dict[str, Any]:
        result = self.run(name, *args, "--json")
        assert result.code == code, result
        assert "error:" not in result.err or code not in (0, 3, 4), result.err
        assert "Traceback" not in result.err, result.err
        assert "Warning" not in result.err, result.err
        return result.json

    def sync_watching_imports(self) -> tuple[dict[str, Any], set[str]]:
        """`lrsync sync --json`, and the modules that it had imported at its end."""
        file = self.home / "modules.json"
        command = [sys.executable, "-c", PROBE, *self.command("sync", "--json")[3:]]
        result = run(command, {**self.variables(), "MODULES_FILE": str(file)}, self.home)
        assert result.code == 0, result
        return result.json, set(json.loads(file.read_text()))

    @contextmanager
    def started(self, name: str, *args: str) -> Iterator[subprocess.Popen[str]]:
        """A command that runs in a process group of its own; killed at the end if it still does."""
        process = subprocess.Popen(
            self.command(name, *args),
            env=self.variables(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                yield process
            finally:
                kill_group(process)

    # --- the disk -------------------------------------------------------------------------------------------

    def files(self) -> dict[str, Path]:
        """Every file that should be in the bucket, by its key below the prefix."""
        found = (path for path in self.source.rglob("*") if path.is_file() and path.name != MARKER)
        return {unicodedata.normalize("NFC", path.relative_to(self.source).as_posix()): path for path in found}

    def manifests(self) -> list[Path]:
        """Everything that lies where manifests are."""
        return sorted(self.home.glob(".local/share/lrsync/manifests/*"))

    @property
    def manifest(self) -> Path:
        """The one manifest."""
        (path,) = [path for path in self.manifests() if path.suffix == ".sqlite"]
        return path

    def recorded(self) -> int:
        """How many files the manifest has a row of; 0 where it is not made yet."""
        found = [path for path in self.manifests() if path.suffix == ".sqlite"]
        return int(query(found[0], "SELECT count(*) FROM files")) if found else 0

    def nothing_was_made(self) -> None:
        """Neither a manifest nor a marker."""
        assert [path.name for path in self.manifests() if not path.name.endswith(".lock")] == []
        assert not (self.source / MARKER).exists()

    # --- the bucket -----------------------------------------------------------------------------------------

    def objects(self) -> dict[str, dict[str, Any]]:
        """Every object below the prefix as a listing tells it, by its key without the prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        return {found["Key"][len(self.prefix) + 1 :]: found for page in pages for found in page.get("Contents", ())}

    def photos(self) -> set[str]:
        """The keys below the prefix that are not lrsync's own."""
        return {key for key in self.objects() if not key.startswith(RESERVED)}

    def trash(self) -> dict[str, str]:
        """The trash's keys by the path that each object had."""
        trashed = [key for key in self.objects() if key.startswith(f"{RESERVED}trash/")]
        return {key.split("/", 3)[3]: key for key in trashed}

    def read(self, key: str) -> bytes:
        """An object's bytes."""
        return self._get(key)[0]

    def _get(self, key: str) -> tuple[bytes, dict[str, str]]:
        answer = self.client.get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")
        with closing(answer["Body"]) as body:
            return body.read(), {name.lower(): value for name, value in answer["Metadata"].items()}

    def write(self, key: str, data: bytes) -> None:
        """Put an object there, as another program would."""
        self.client.put_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}", Body=data)

    def lose(self, key: str) -> None:
        """Delete an object, as another program would."""
        self.client.delete_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")

    def check_bucket(self, *, extra: set[str] | frozenset[str] = frozenset(), by_etag: bool = False) -> None:
        """Every file's object is there and has its bytes and sha256; nothing else is there but `extra`.

        What has the ETag with which it was read before is not read again. `by_etag`: where there are too many to
        read, an ETag that is the MD5 of the file's bytes will do.
        """
        files, found = self.files(), self.objects()
        assert {key for key in found if not key.startswith(RESERVED)} == set(files) | extra
        contents = {key: path.read_bytes() for key, path in files.items()}
        if by_etag:
            md5s = {key: hashlib.md5(data, usedforsecurity=False).hexdigest() for key, data in contents.items()}
            contents = {key: data for key, data in contents.items() if found[key]["ETag"] != f'"{md5s[key]}"'}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda key: self._check_object(key, found[key]["ETag"], contents[key]), contents))

    def _check_object(self, key: str, etag: str, data: bytes) -> None:
        sha256 = hashlib.sha256(data)
        if (key, etag, sha256.digest()) in self._proven:
            return
        stored, metadata = self._get(key)
        assert stored == data, key
        assert metadata["lrsync-sha256"] == sha256.hexdigest(), key
        self._proven.add((key, etag, sha256.digest()))


def run(command: list[str], environment: dict[str, str], folder: Path, **more: Any) -> Result:
    """Run a command to its end: `python -m lrsync` as a fork of a process that has imported it."""
    if command[:3] == [sys.executable, "-m", "lrsync"] and not more:
        return _run_forked(command[3:], environment, folder)
    done = subprocess.run(
        command,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        **more,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def _run_forked(argv: list[str], environment: dict[str, str], folder: Path) -> Result:
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        code = the_zygote().run(Order(argv, environment, str(folder), str(out), str(err)))
        return Result(code, out.read_text(), err.read_text())


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process and all that it started, if it has not ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60) -> bool:
    """Wait for the condition; False where the process ended first."""
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            return False
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.01)
    return True


def query(manifest: Path, statement: str) -> Any:
    """The first value that a statement finds, read beside whoever writes."""
    with closing(sqlite3.connect(f"{manifest.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        return connection.execute(statement).fetchone()[0]


def tree_facts(folder: Path) -> dict[str, tuple[int, int]]:
    """Sizes and times of everything in a folder: equal before and after when nothing was changed."""
    found = ((path, path.lstat()) for path in folder.rglob("*"))
    return {path.relative_to(folder).as_posix(): (stat.st_size, stat.st_mtime_ns) for path, stat in found}
