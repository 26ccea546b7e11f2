"""Verification of catalogs: what the copy has and the live file has not is no rot; what nobody wrote is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.adapters.catalog_tree import CatalogTree
from lrsync.adapters.ignore import IgnoreRules
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.manifest import Manifest
from lrsync.core.model import Change, ChangeKind, Content, Done, Restat
from tests.engine.test_verify import LOCAL, REMOTE, counts_of, verify
from tests.engine.world import PREFIX
from tests.lightroom.generator import LR13, write_catalog
from tests.lightroom.library import CatalogWorld

PATH = "cat/My.lrcat"


@pytest.fixture
def world(tmp_path: Path) -> CatalogWorld:
    return CatalogWorld(tmp_path)


def make_catalog(world: CatalogWorld) -> Path:
    return write_catalog(world.photos / PATH, {"/photos/": {"": ["a.nef", "b.nef"]}}, LR13)


def forget_the_write(world: CatalogWorld) -> None:
    """Let the row have the disk's times, as if nobody had written: a failing disk changes none of them."""
    stat = CatalogTree(LocalTree(world.photos, IgnoreRules()), str(world.photos)).stat(PATH)
    with Manifest(world.path, PREFIX) as manifest:
        row = manifest.row(PATH)
        assert row is not None
        assert stat is not None
        entry = replace(row, mtime_ns=stat.mtime_ns, ctime_ns=stat.ctime_ns)
        change = Change(ChangeKind.UNSURE, "cat", None, row)
        manifest.record([Done(Restat(change, Content(stat, b"", 0)), entry)])


def test_a_closed_catalog_is_proven(world: CatalogWorld) -> None:
    make_catalog(world)
    world.sync()
    for request in (LOCAL, REMOTE):
        counts = counts_of(verify(world, request))
        assert (counts.proven, counts.rotten, counts.changed) == (1, 0, 0)


def test_an_open_catalog_is_not_called_rotten(world: CatalogWorld) -> None:
    with closing(sqlite3.connect(make_catalog(world), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE AgLibraryFile SET md5 = 'x'")
        world.sync()
        counts = counts_of(verify(world, LOCAL))
        assert (counts.unproven, counts.rotten, counts.changed) == (1, 0, 0)
        assert counts_of(verify(world, REMOTE)).proven == 1
        connection.execute("UPDATE AgLibraryFile SET md5 = 'y'")
        assert counts_of(verify(world, LOCAL)).changed == 1


def test_a_closed_catalog_that_went_bad_is_rot(world: CatalogWorld) -> None:
    catalog = make_catalog(world)
    world.sync()
    found = catalog.stat()
    data = bytearray(catalog.read_bytes())
    data[len(data) // 2] ^= 1
    catalog.write_bytes(data)
    os.utime(catalog, ns=(found.st_mtime_ns, found.st_mtime_ns))
    forget_the_write(world)
    assert counts_of(verify(world, LOCAL)).rotten == 1
