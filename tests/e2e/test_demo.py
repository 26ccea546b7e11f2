"""`lrsync demo`: what a newcomer sees first, without an account."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.e2e.machine import Result, run, tree_facts
from tests.stores.server import without_aws
from tests.trees import make_tree

PROOFS = (
    "every byte is the file's",
    "0 S3 requests",
    "the bucket equals the disk again",
    "quarantined, the good object was kept",
    "found missing by the full pass, and repaired from the disk",
    "sync refuses to start from zero",
    "the sync after it uploaded 0 bytes",
)


def demo(home: Path, *args: str) -> Result:
    home.mkdir()
    environment = {**without_aws(), "HOME": str(home), "PYTHONWARNINGS": "error::ResourceWarning"}
    return run([sys.executable, "-m", "lrsync", "demo", *args], environment, home)


def test_the_demo_says_every_proof(tmp_path: Path) -> None:
    result = demo(tmp_path / "home")
    assert result.code == 0, result
    said = [line for line in result.out.splitlines() if "proven: " in line]
    for proof in PROOFS:
        assert any(proof in line for line in said), (proof, result.out)
    assert len(said) == len(PROOFS)
    assert result.err == ""


def test_the_demo_on_ones_own_photos_only_reads_them(tmp_path: Path) -> None:
    photos = make_tree(
        tmp_path / "photos",
        {
            "one": {"a.nef": os.urandom(3000), "a.xmp": b"<x:xmpmeta/>", "b.jpg": os.urandom(3001)},
            "two": {"c.jpg": os.urandom(3002)},
            "three": {"d.jpg": os.urandom(3003), "e.tif": os.urandom(3004), "f.jpg": os.urandom(3005)},
        },
    )
    before = tree_facts(photos)
    result = demo(tmp_path / "home", "--source-path", str(photos))
    assert result.code == 0, result
    assert "the folder itself is only read" in result.out
    assert tree_facts(photos) == before


def test_the_demo_needs_photos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = demo(tmp_path / "home", "--source-path", str(tmp_path / "empty"))
    assert (result.code, result.out) == (2, "")
    assert "has no files" in result.error_line
