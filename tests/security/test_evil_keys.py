"""A bucket is not trusted: whatever its keys are called, no row and no file is outside the library."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.core.findings import FindingKind
from lrsync.errors import ExitCode
from tests.engine.world import PREFIX, World
from tests.faults import proxy as faults
from tests.faults.night import Behind, Night
from tests.faults.proxy import fault_proxy
from tests.stores.server import S3Server

ESCAPES = (
    "../../../etc/cron.d/evil",
    "2024/../../outside.jpg",
    "..",
    ".",
    "./a.jpg",
    "2024/./a.jpg",
    "/etc/passwd",
    "//server/share/a.jpg",
    "2024//a.jpg",
    "2024/",
    "",
    "nul\0byte.jpg",
    ".lrsync/trash/20260101T000000Z/a.jpg",
    ".lrsync-library",
)
"""Keys that could leave a folder, or that are lrsync's own: no row."""

ODD = (
    "C:\\Windows\\System32\\evil.dll",
    "C:/Windows/evil.dll",
    "..\\..\\evil.jpg",
    "\\\\server\\share\\evil.jpg",
    "CON",
    "2024/nul.jpg",
    "COM1.nef",
    "a.jpg:stream",
    "trailing dot.",
    "trailing blank ",
    "~/evil.jpg",
    "$HOME/evil.jpg",
    "-rf",
    "%2e%2e/evil.jpg",
    "．．/evil.jpg",
    "...",
    "line\nbreak.jpg",
    "\x1b[31mred.jpg",
    "\u202egpj.exe",
)
"""Names that are only names on this disk, and have a row; on others they are refused when they are restored."""


def listing(keys: tuple[str, ...]) -> faults.Answer:
    """A listing of these keys below the prefix, as S3 sends it: percent signs keep XML out of the way."""
    entries = "".join(
        f"<Contents><Key>{quote(f'{PREFIX}/{key}')}</Key><Size>4</Size><ETag>&quot;e&quot;</ETag></Contents>"
        for key in keys
    )
    inner = f"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{entries}"
    return faults.Answer(200, (), f"<ListBucketResult>{inner}</ListBucketResult>".encode())


def rows(world: World) -> set[str]:
    with Manifest(world.path, PREFIX) as manifest:
        return {entry.path for entry in manifest.missing()}


def inside(folder: Path, path: str) -> bool:
    """Whether a relative path stays below the folder, as this system understands it."""
    return os.path.realpath(folder / path).startswith(os.path.realpath(folder) + os.sep)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What must stay as it is: everything beside the library."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside/world").mkdir()
    return tmp_path / "beside"


def test_a_rebuild_from_a_bucket_full_of_evil_keys(
    outside: Path, seaweed: S3Server, bucket: Callable[..., str]
) -> None:
    # The metadata that lrsync itself would have written: a stranger who can write knows it as well.
    told = {
        "ETag": '"e"',
        "Content-Length": "4",
        "x-amz-meta-mtime": "1700000000",
        "x-amz-meta-lrsync-sha256": "0" * 64,
    }
    head = faults.Answer(200, tuple(told.items()))
    with fault_proxy(seaweed.endpoint) as proxy:
        night = Night(outside / "world", behind=Behind(seaweed, bucket(seaweed)), proxy=proxy)
        night.make({"good.jpg": b"good"})
        store = night.store = night._open_store()  # type: ignore[assignment]
        proxy.on("ListObjectsV2", faults.instead(listing(("good.jpg", *ESCAPES, *ODD))), times=None)
        proxy.on("HeadObject", faults.instead(head), times=None)
        with closing(store):
            summary = night.rebuild()
        assert proxy.unfired() == []
        assert rows(night) == set(ODD)
        assert all(inside(night.photos, path) for path in rows(night))
        refused = {finding.path for finding in summary.findings if finding.kind is FindingKind.UNKNOWN_OBJECT}
        silent = {f"{PREFIX}/{key}" for key in ESCAPES if key.startswith(".lrsync")}
        assert {f"{PREFIX}/{key}" for key in ESCAPES} - silent <= refused | {f"{PREFIX}/"}
        heads = {one.key for one in proxy.seen if one.operation == "HeadObject"}
        assert heads.isdisjoint(f"{PREFIX}/{key}" for key in ESCAPES), "not even asked about"
    assert [path.name for path in night.photos.iterdir()] == ["good.jpg"]
    assert {path.name for path in outside.iterdir()} == {"world"}


def test_a_sync_of_a_bucket_full_of_evil_keys_reports_them_and_goes_on(world: World) -> None:
    for key in (*ESCAPES, *ODD):
        world.store.corrupt(f"{PREFIX}/{key}", b"evil")
    world.make({"good.jpg": b"good"})
    before = dict(world.objects())
    summary = world.sync(full=True, delete=True)
    assert (summary.exit_code, summary.actions.uploaded, summary.actions.trashed) == (ExitCode.OK, 1, 0)
    assert summary.drift.unknown >= len(ODD)
    assert before.items() <= world.objects().items(), "what lrsync did not write it leaves alone"
    assert [path.name for path in world.photos.iterdir()] == ["good.jpg"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
