"""`lrsync demo`: the whole life of a backup in under a minute, without an account.

Starts an S3-compatible server on loopback (moto's), works on a copy or on a small library that it makes, and
says at each step what was proven. Never writes to the folder it is given.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from lrsync import app
from lrsync.config import Config
from lrsync.core.events import ignore
from lrsync.core.keys import MARKER, key_for
from lrsync.core.runs import RunSummary
from lrsync.errors import LrsyncError, UsageError

Say = Callable[[str], None]

BUCKET: Final = "lrsync-demo"
PREFIX: Final = "Photos"
MAX_SAMPLE_FILES: Final = 300
MAX_SAMPLE_BYTES: Final = 300 << 20
"""What of a given folder is copied for the demo: enough to be real, little enough for a minute."""


class DemoError(LrsyncError):
    """A step of the demo did not do what it promises: a bug of lrsync's."""


def run_demo(source: Path | None, say: Say) -> None:
    """Run the demo, telling `say` a line at a time. Raises DemoError when anything is not as promised."""
    with tempfile.TemporaryDirectory(prefix="lrsync-demo-") as folder, _server() as endpoint:
        home = Path(folder)
        photos = home / "Photos"
        if source is None:
            _make_library(photos)
        else:
            _copy_sample(source, photos, say)
        config = Config(
            library="demo",
            source=photos,
            bucket=BUCKET,
            prefix=PREFIX,
            endpoint_url=endpoint,
            region="us-east-1",
            manifest=home / "manifest.sqlite",
        )
        app.create_bucket(config)
        _Demo(config, photos, say).run()


@dataclass(slots=True)
class _Demo:
    config: Config
    photos: Path
    say: Say
    step: int = 0

    def run(self) -> None:
        self._first_night()
        self._quiet_night()
        self._busy_night()
        self._bad_night()
        self._lost_manifest()
        self.say("")
        self.say("That was the whole of it: nothing was asked of S3 that the manifest knew already,")
        self.say("and nothing good was overwritten. Now with your own bucket: lrsync sync --help")

    def _first_night(self) -> None:
        self._title("The first night: everything goes up")
        summary = self._sync()
        files = _files(self.photos)
        self._expect(summary.actions.uploaded + summary.actions.copied == len(files), "every file was uploaded")
        self._say_summary(summary)
        self._prove_bucket(f"read all {len(files)} objects back: every byte is the file's")

    def _quiet_night(self) -> None:
        self._title("The second night: nothing changed")
        summary = self._sync()
        self._expect(summary.requests.total == 0, "S3 was not asked anything")
        self._proven(f"{summary.scan.files} files looked at, {summary.requests.total} S3 requests")

    def _busy_night(self) -> None:
        self._title("A busy day: one file edited, one added, one touched, one folder renamed, one deleted")
        edited, moved, deleted = self._disturb()
        summary = self._sync(delete=True)
        self._say_summary(summary)
        self._expect(summary.actions.copied >= moved, "renamed files were copied inside the bucket, not sent again")
        self._expect(summary.changes.touched >= 1, "the touched file was recognised by its bytes, not sent again")
        self._expect(summary.actions.trashed == moved + deleted, "what is gone went to the trash")
        self._prove_bucket(f"only {edited + 1} files were sent; the bucket equals the disk again")

    def _disturb(self) -> tuple[int, int, int]:
        """Do a day's work on the photos; returns how many files were edited, moved and deleted."""
        added = self.photos / "new.jpg"
        added.write_bytes(random.Random("added").randbytes(60_000))
        rewritable = [f for f in _files(self.photos) if f.suffix.lower() in (".jpg", ".xmp", ".tif") and f != added]
        edited, touched, deleted = rewritable[0], rewritable[1], rewritable[-1]
        with edited.open("ab") as file:
            file.write(b"edited")
        os.utime(touched)
        deleted.unlink()
        busy = (self.photos, edited.parent, touched.parent)
        folder = next(f.parent for f in _files(self.photos) if f.parent not in busy)
        moved = len(_files(folder))
        folder.rename(folder.with_name(folder.name + " renamed"))
        return 1, moved, 1

    def _bad_night(self) -> None:
        self._title("A bad day: an original rots on the disk, and an object is lost from the bucket")
        raw, other = self._damage()
        summary = self._sync(full=True)
        self._expect(summary.actions.quarantined == 1, "the rotten original did not replace the good one")
        self._expect(summary.drift.repaired == 1, "the lost object was found and sent again")
        self._proven(f"{raw.name}: quarantined, the good object was kept")
        self._proven(f"{other.name}: found missing by the full pass, and repaired from the disk")
        report = app.read_status(self.config)
        assert report is not None
        self._expect(report.quarantined == 1, "status says so")
        self.say(f"  status: {report.safe} of {report.files} files are safe, {report.quarantined} needs a decision")

    def _damage(self) -> tuple[Path, Path]:
        raw = next(f for f in _files(self.photos) if f.suffix.lower() in (".cr3", ".crw", ".nef", ".mov", ".kdc"))
        self.good_raw = raw.read_bytes()
        raw.write_bytes(self.good_raw[:-1] + bytes([self.good_raw[-1] ^ 1]))
        other = next(f for f in _files(self.photos) if f != raw)
        store = app.open_store(self.config)
        store.delete(key_for(PREFIX, other.relative_to(self.photos).as_posix()))
        return raw, other

    good_raw: bytes = b""

    def _lost_manifest(self) -> None:
        self._title("The worst day: the manifest is destroyed")
        raw = next(f for f in _files(self.photos) if f.read_bytes()[:-1] == self.good_raw[:-1])
        raw.write_bytes(self.good_raw)
        assert self.config.manifest is not None
        self.config.manifest.write_bytes(b"this is not a database any more" * 100)
        try:
            self._sync()
        except LrsyncError as error:
            self._proven(f"sync refuses to start from zero: {error.message}")
        else:
            raise DemoError("sync accepted a damaged manifest")
        app.run_rebuild(self.config, ignore, threading.Event())
        summary = self._sync()
        self._expect(summary.bytes.uploaded == 0, "nothing was uploaded again")
        self._prove_bucket("rebuilt from the bucket alone; the sync after it uploaded 0 bytes")

    # --- telling and proving ----------------------------------------------------------------------------

    def _title(self, text: str) -> None:
        self.step += 1
        self.say("")
        self.say(f"{self.step}. {text}")

    def _proven(self, text: str) -> None:
        self.say(f"  proven: {text}")

    def _say_summary(self, summary: RunSummary) -> None:
        actions = summary.actions
        self.say(
            f"  {actions.uploaded} uploaded ({summary.bytes.uploaded:,} bytes), {actions.copied} copied by the server, "
            f"{actions.restated} restated, {actions.trashed} to the trash, {summary.requests.total} S3 requests"
        )

    def _expect(self, holds: bool, promise: str) -> None:
        if not holds:
            raise DemoError(f"the demo's promise does not hold: {promise}", hint="please report this as a bug")

    def _sync(self, *, delete: bool = False, full: bool = False) -> RunSummary:
        return app.run_sync(replace(self.config, delete=delete, full=full), ignore, threading.Event())

    def _prove_bucket(self, text: str) -> None:
        """Read every object back and compare it with its file."""
        store = app.open_store(self.config)
        for file in _files(self.photos):
            key = key_for(PREFIX, file.relative_to(self.photos).as_posix())
            with store.get(key) as chunks:
                stored = hashlib.sha256(b"".join(chunks)).digest()
            self._expect(stored == hashlib.sha256(file.read_bytes()).digest(), f"{file.name} is in the bucket")
        self._proven(text)


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.rglob("*") if f.is_file() and f.name != MARKER)


def _make_library(photos: Path) -> None:
    """A small library: RAWs with sidecars, JPEGs and a video, of bytes that nothing else has."""
    rng = random.Random("lrsync demo")
    for shoot, extension in (("2024/Iceland", "CR3"), ("2024/Wedding, Anna & Jon", "NEF"), ("2025/Tōkyō", "jpg")):
        folder = photos / shoot
        folder.mkdir(parents=True)
        for number in range(1, 13):
            (folder / f"IMG_{number:04}.{extension}").write_bytes(rng.randbytes(rng.randint(20_000, 120_000)))
            (folder / f"IMG_{number:04}.xmp").write_bytes(b"<x:xmpmeta/>" + rng.randbytes(300))
    (photos / "2025/clip.mov").write_bytes(rng.randbytes(400_000))
    (photos / "readme.txt").write_text("A library made by lrsync demo.\n", encoding="utf-8")


def _copy_sample(source: Path, photos: Path, say: Say) -> None:
    if not source.is_dir():
        raise UsageError(f"{source} is not a folder", hint="give a folder with photos, or leave out --source-path")
    photos.mkdir()
    copied = size = 0
    for file in _files(source):
        size += file.stat().st_size
        if copied >= MAX_SAMPLE_FILES or size > MAX_SAMPLE_BYTES:
            break
        target = photos / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
        copied += 1
    if copied == 0:
        raise UsageError(f"{source} has no files", hint="give a folder with photos, or leave out --source-path")
    say(f"Working on a copy of {copied} files of {source}; the folder itself is only read.")


@contextmanager
def _server() -> Iterator[str]:
    """moto's S3 on a free loopback port, with made-up credentials for this process only."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        raise UsageError("the demo needs its extra", hint="install lrsync[demo], or use uv run lrsync demo") from None
    names = {"AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo", "AWS_EC2_METADATA_DISABLED": "true"}
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(names)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request is not what the demo shows
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
