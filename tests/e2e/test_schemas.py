"""Every command that gives a result, with --json on a real store: each object is as docs/schema says."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lrsync.ui.main import cli
from lrsync.ui.roff import all_entries
from tests.e2e.machine import Machine, run
from tests.lightroom.generator import LR13, Photo, write_catalog
from tests.stores.server import S3Server

RAW = b"raw" * 2000


def commands_with_json() -> set[str]:
    entries = all_entries(cli, click.Context(cli, info_name="lrsync"))
    return {entry.path for entry in entries if any("--json" in param.opts for param in entry.command.params)}


def life(anna: Machine, tmp_path: Path) -> Iterator[tuple[list[str], int]]:
    """Command lines in an order in which each has something to tell, and what each ends with."""
    back = str(tmp_path / "back")
    yield ["init", "--yes", *anna.place()], 0
    yield ["config", "path"], 0
    yield ["config", "show"], 0
    yield ["config", "check"], 0
    yield ["iam-policy"], 0
    yield ["schedule", "install", "--using", "cron", "--dry-run"], 0
    yield ["schedule", "remove", "--using", "cron"], 0
    yield ["schedule", "show"], 4
    yield ["status"], 3
    yield ["sync"], 0
    yield ["status", "--cost", "--check"], 0
    yield ["verify", "--local", "--remote"], 0
    yield ["drill"], 0
    (anna.source / "2024/a.nef").write_bytes(RAW.replace(b"raw", b"bad"))
    (anna.source / "gone.jpg").unlink()
    yield ["sync", "--delete", "--max-delete", "100%"], 4
    yield ["status"], 4
    yield ["accept", "2024/a.nef"], 0
    yield ["trash", "list"], 0
    yield ["trash", "restore", "gone.jpg"], 0
    yield ["trash", "purge", "--older-than", "0h", "--yes"], 0
    yield ["history"], 0
    yield ["history", "1"], 0
    yield ["history", "2024/a.nef"], 0
    yield ["restore", "--to", back, "--yes"], 0
    yield ["restore", "--to", back, "--status"], 0
    yield ["catalog", "list"], 0
    yield ["catalog", "audit", "--list", "safe"], 0
    yield ["catalog", "restore", "--to", str(tmp_path / "catalog")], 0
    yield ["report", "--html", str(tmp_path / "report.html")], 0
    yield ["log"], 0
    yield ["cost", "--what-if", "original=DEEP_ARCHIVE"], 0
    yield ["adopt"], 0
    yield ["doctor"], 0
    for manifest in anna.manifests():
        shutil.rmtree(manifest) if manifest.is_dir() else manifest.unlink()
    yield ["rebuild-manifest"], 0


def test_every_object_is_documented(machine: Callable[..., Machine], moto_s3: S3Server, tmp_path: Path) -> None:
    plain = machine(moto_s3, {"2024": {"a.nef": RAW, "a.xmp": b"<x/>"}, "gone.jpg": b"jpg", "b.jpg": b"b"})
    crontab = plain.home / "bin" / "crontab"  # of a user who has none yet
    crontab.parent.mkdir()
    crontab.write_text("#!/bin/sh\necho 'no crontab for anna' >&2\nexit 1\n")
    crontab.chmod(0o755)
    anna = replace(plain, environment={"PATH": f"{crontab.parent}:{os.environ['PATH']}"})
    write_catalog(anna.source / "My.lrcat", {f"{anna.source}/": {"2024/": [Photo("a.nef", "xmp", len(RAW))]}}, LR13)
    told: dict[str, Any] = {}
    for args, code in life(anna, tmp_path):
        done = run([sys.executable, "-m", "lrsync", *args, "--json"], anna.variables(), anna.home)
        assert done.code == code, (args, done.code, done.out[-900:], done.err[-300:])
        found = done.json  # which is checked against its schema
        told[found["command"]] = found
    assert set(told) == commands_with_json() - {"watch"}, "each sync of a watch prints an object of its own"
    page = (tmp_path / "report.html").read_text()
    assert "My.lrcat" in page and "2 of 2 files safe" in page
