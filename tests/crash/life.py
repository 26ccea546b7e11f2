"""One library through many nights, most of which end with SIGKILL; after each the next run must make all of it good."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.checks import TRASH, Bucket, Rows, read_manifest
from tests.crash.figures import Figures
from tests.crash.hooks import PART_BYTES
from tests.crash.proxy import Logged, Proxy
from tests.crash.runner import KILLED, Kill, run_until_killed
from tests.forked import Order, Zygote

MARKER = ".lrsync-library"
FOREIGN = "another program's upload.bin"
BATCH, THREADS = 3, 2
LARGE_FILES = 3
"""Enough for uploads in parts in most nights; each is some 5 to 10 MB."""
UNRECORDED = BATCH + THREADS * 4 + THREADS
"""The most files that S3 has acknowledged and no row knows of: a batch, what is handed out, what is being sent."""
FOLDERS = ("2024", "2024/Iceland", "2025", "2025/Été à la mer")


@dataclass
class Life:
    """The library, where it is kept, and what must be true of it. `rng` decides everything that is by chance."""

    home: Path
    bucket: Bucket
    proxy: Proxy
    zygote: Zygote
    environment: dict[str, str]
    rng: random.Random
    small: int = 12
    large: int = 2
    figures: Figures = field(default_factory=Figures)
    damaged: set[str] = field(default_factory=set)
    kept: set[bytes] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    foreign: str = ""
    orphans: set[str] = field(default_factory=set)
    serial: int = 0
    requests: int = 40
    writes: int = 25

    def __post_init__(self) -> None:
        self.source.mkdir(parents=True)
        for _ in range(self.small):
            self.add_small()
        for _ in range(self.large):
            self.add_large()
        self.foreign = self.bucket.begin_upload(FOREIGN)

    @property
    def source(self) -> Path:
        """The photos."""
        return self.home / "photos"

    @property
    def manifest(self) -> Path:
        """The manifest."""
        return self.home / "manifest.sqlite"

    # --- nights -------------------------------------------------------------------------------------------

    def live(self, kills: int) -> Figures:
        """Night after night until so many runs were killed."""
        while self.figures.killed < kills:
            assert self.figures.nights < 20 + 6 * kills, "too few runs are killed"
            self.night()
        code = self.run(["sync"], Kill())
        assert code == 0, self.said()
        assert [asked for asked in self.proxy.log if asked.is_upload or asked.part] == []
        return self.figures

    def night(self) -> None:
        """Something changes, a run is killed, the next one makes it good."""
        command = self.change() if self.figures.nights else ["sync", "--delete"]
        self.interrupted(command, Kill.draw(self.rng, self.requests, self.writes, 0.6))

    def interrupted(self, command: list[str], kill: Kill) -> None:
        """Run this command until it is killed, then a sync to its end, and look at everything."""
        self.figures.nights += 1
        if self.run(command, kill) == KILLED:
            self.figures.kills[kill.kind] += 1
            self.figures.killed_while[" ".join(command)] += 1
        before, rows = list(self.proxy.log), self.read_rows()
        self.check_truth(rows)
        gone = self.lose_interest(rows)
        self.orphans |= gone
        if command[0] != "sync":
            self.after_rebuild(command)
        code = self.run(["sync", "--delete", *(["--full"] if self.damaged else [])], Kill())
        assert code == 0, self.said()
        self.requests = max(8, len(self.proxy.log) + len(before) // 2)
        self.check_sent(before, rows, gone)
        self.check_all()
        self.damaged.clear()
        self.busy.clear()

    def after_rebuild(self, command: list[str]) -> None:
        """A rebuild that was killed is run again, or is not: sync must do in either case."""
        if self.rng.random() < 0.5:
            assert self.run(command, Kill()) == 0, self.said()

    def run(self, command: list[str], kill: Kill) -> int:
        """One run."""
        self.figures.runs += 1
        place = ["--source-path", self.source, "--s3-bucket", self.bucket.name, "--s3-prefix", self.bucket.prefix]
        work = ["--manifest", self.manifest, "--threads", THREADS, "--batch-size", BATCH]
        argv = [command[0], *place, "--endpoint-url", self.proxy.endpoint, *work, *command[1:]]
        output = str(self.home / "output.txt")
        order = Order([str(arg) for arg in argv], self.environment, str(self.home), output, output)
        code = run_until_killed(self.zygote, order, self.proxy, kill)
        self.figures.bytes_sent += sum(asked.size for asked in self.proxy.log if asked.is_upload or asked.part)
        assert code in (0, KILLED), self.said()
        return code

    def said(self) -> str:
        """The end of what the runs said."""
        return (self.home / "output.txt").read_text(errors="replace")[-3000:]

    # --- changes ------------------------------------------------------------------------------------------

    def change(self) -> list[str]:
        """Change the library, or what is known of it; the command to run then."""
        if self.rng.random() < 0.15:
            if self.rng.random() < 0.3:
                for path in self.home.glob("manifest.sqlite*"):
                    path.unlink()
            return ["rebuild-manifest"]
        changes: list[Callable[[], None]] = [
            *(self.add_small, self.add_small, self.add_large, self.overwrite, self.overwrite),
            *(self.rename, self.rename_folder, self.delete, self.touch),
        ]
        for change in self.rng.sample(changes, self.rng.randint(2, 5)):
            change()
        if self.rng.random() < 0.25:
            self.damage()
            return ["sync", "--delete", "--full"]
        return ["sync", "--delete"]

    def files(self) -> dict[str, Path]:
        """The photos by their relative path."""
        found = (path for path in self.source.rglob("*") if path.is_file() and path.name != MARKER)
        return {path.relative_to(self.source).as_posix(): path for path in found}

    def pick(self) -> Path | None:
        """A file that nothing happened to tonight."""
        free = sorted(name for name in self.files() if name not in self.busy)
        if len(free) < 5:
            return None
        name = self.rng.choice(free)
        self.busy.add(name)
        return self.source / name

    def add(self, size: int, suffix: str) -> None:
        self.serial += 1
        path = self.source / self.rng.choice(FOLDERS) / f"IMG {self.serial:04}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.write(path, size)
        self.busy.add(path.relative_to(self.source).as_posix())

    def write(self, path: Path, size: int) -> None:
        path.write_bytes(self.rng.randbytes(size))
        when = 1_700_000_000_000_000_000 + self.rng.randrange(10**15)
        os.utime(path, ns=(when, when))

    def add_small(self) -> None:
        self.add(self.rng.randint(1, 5000), self.rng.choice((".jpg", ".xmp")))

    def add_large(self) -> None:
        if sum(name.endswith(".tif") for name in self.files()) < LARGE_FILES:
            self.add(self.rng.randint(1, 2) * PART_BYTES + self.rng.randint(0, 5000), ".tif")

    def overwrite(self) -> None:
        path = self.pick()
        if path is not None:
            self.keep(path)
            self.write(path, path.stat().st_size + self.rng.choice((-1, 1, 100)) or 1)

    def delete(self) -> None:
        path = self.pick()
        if path is not None:
            self.keep(path)
            path.unlink()

    def rename(self) -> None:
        path = self.pick()
        if path is not None:
            self.serial += 1
            path.rename(path.with_name(f"renamed {self.serial}{path.suffix}"))

    def rename_folder(self) -> None:
        folder = self.source / FOLDERS[1]
        inside = {name for name in self.files() if name.startswith(f"{FOLDERS[1]}/")}
        if folder.is_dir() and not inside & self.busy and len(inside) < 6:
            self.serial += 1
            folder.rename(folder.with_name(f"Iceland {self.serial}"))
            self.busy |= set(self.files())  # its names are others now

    def touch(self) -> None:
        path = self.pick()
        if path is not None:
            os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + self.serial))

    def damage(self) -> None:
        """The bucket loses an object, or has other bytes."""
        path = self.pick()
        if path is not None:
            name = path.relative_to(self.source).as_posix()
            self.damaged.add(name)
            if self.rng.random() < 0.5:
                self.bucket.lose(name)
            else:
                self.bucket.alter(name, b"other bytes")

    def keep(self, path: Path) -> None:
        """These bytes were backed up: whatever happens to the file now, they must stay in the bucket."""
        self.kept.add(digest_of(path))

    def lose_interest(self, rows: Rows) -> set[str]:
        """Now and then a file that is half uploaded goes away before the next run."""
        noted = sorted(key[len(self.bucket.prefix) + 1 :] for key in rows.uploads)
        if not noted or self.rng.random() > 0.25:
            return set()
        name = self.rng.choice(noted)
        (self.source / name).unlink(missing_ok=True)
        return {name}

    # --- checks -------------------------------------------------------------------------------------------

    def read_rows(self) -> Rows:
        """The manifest as the last run left it, sound."""
        return read_manifest(self.manifest, self.home / "scratch")

    def check_truth(self, rows: Rows) -> None:
        """What the manifest vouches for is in the bucket, the killed run notwithstanding."""
        objects, files = self.bucket.digests(), self.files()
        stored = set(objects.values())
        for name, sha256 in rows.good.items():
            if name in self.damaged:
                continue
            # A row changes after its object: until then what it vouches for may lie in the trash, never nowhere.
            assert sha256 in stored, (name, self.said())
            if name in files:
                assert objects.get(name) in (sha256, digest_of(files[name])), (name, self.said())

    def check_sent(self, before: list[Logged], rows: Rows, gone: set[str]) -> None:
        """What was recorded is not sent again, and of what was acknowledged no more than a batch is."""
        files = {name: path for name, path in self.files().items() if name not in self.damaged | gone}
        again = {self.name_of(asked) for asked in self.proxy.log if asked.is_upload or asked.part}
        current = {name for name, path in files.items() if rows.good.get(name) == digest_of(path)}
        assert not again & current, self.said()
        acknowledged = {self.name_of(asked): asked.size for asked in before if asked.is_upload and asked.answered}
        twice = again & set(acknowledged) & set(files)
        assert len(twice) <= UNRECORDED
        self.figures.files_twice += len(twice)
        self.figures.sent_twice += sum(acknowledged[name] for name in twice)
        self.check_parts(before, rows)

    def check_parts(self, before: list[Logged], rows: Rows) -> None:
        """No part that was acknowledged is sent again; what the killed run had begun, this one completes."""
        sent = {asked.part for asked in before if asked.part and asked.answered}
        again = {asked.part for asked in self.proxy.log if asked.part}
        assert not again & sent, self.said()
        completed = {asked.query.get("uploadId") for asked in self.proxy.log if asked.method == "POST"}
        self.figures.uploads_resumed += len(completed & (set(rows.uploads.values()) - {""}))

    def name_of(self, asked: Logged) -> str:
        return asked.key[len(self.bucket.prefix) + 1 :]

    def check_all(self) -> None:
        """Every object equals its file, nothing that was ever backed up is gone, and nothing is left behind."""
        files = {name: digest_of(path) for name, path in self.files().items()}
        objects = self.bucket.digests()
        photos = {key: digest for key, digest in objects.items() if not key.startswith(TRASH)}
        self.figures.files_checked += len(files)
        lost = {name for name, digest in files.items() if photos.get(name) != digest}
        self.figures.files_lost += len(lost)
        assert lost == set(), self.said()
        # Of a file that went away before its row was written, lrsync cannot know that the object is its own.
        assert set(photos) - set(files) <= self.orphans, self.said()
        assert self.kept <= set(objects.values()), self.said()
        assert self.bucket.uploads() == {FOREIGN: self.foreign}, self.said()
        rows = self.read_rows()
        assert rows.uploads == {}
        assert {name: rows.good.get(name) for name in files} == files


def digest_of(path: Path) -> bytes:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).digest()


def life_number(seed: int, **parts: Any) -> Life:
    """The life that this seed always leads, as far as the chance in threads and disks allows."""
    return Life(rng=random.Random(seed), **parts)
