"""A library's whole life, on real photos and on every kind of store."""

from __future__ import annotations

import os
import random
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.machine import Machine
from tests.e2e.nights import Nights, Roles
from tests.stores.server import S3Server
from tests.trees import make_tree

# Dozens of processes each: on a busy machine they wait for their turn.
pytestmark = pytest.mark.timeout(600)

PHOTO_ROLES = Roles(
    touched="Canon/EOS5D-MIII/_K6A7942.JPG",
    edited="Canon/Rebel XT 350D/_MG_9379.JPG",
    deleted="Sony/FD88/MY_PHOTO/MVC-004F.JPG",
    corrupted="Sony/FD92/DSC03925.TIF",
    lost="Kodak/DC260/DC260_01/P0004806.FPX",
    original="Canon/PowerShot S40/CRW_0101.CRW",
    folder="Apple/iPhone XR",
    renamed="Apple/iPhone XR, 2018",
)
ROLES = Roles(
    touched="2024/Wedding, Anna & Jon/IMG_0001.jpg",
    edited="2024/Wedding, Anna & Jon/img_0001.JPG",
    deleted="2025/spare copy (2).tif",
    corrupted="2025/emoji \U0001f4f7\ufe0f.jpg",
    lost=unicodedata.normalize("NFC", "2025/Éléonore.jpg"),
    original="2024/Wedding, Anna & Jon/raw+1.NEF",
    folder="2024/Iceland #1",
    renamed="2024/Island 100%",
)


def make_library(root: Path, *, newlines: bool) -> None:
    """A small library with the names that break backups, old enough not to be looked at twice."""
    rng = random.Random("nights")
    data = rng.randbytes
    make_tree(
        root,
        {
            "2024": {
                "Wedding, Anna & Jon": {
                    "IMG_0001.jpg": data(3000),
                    "img_0001.JPG": data(3001),
                    "raw+1.NEF": data(90_000),
                    "raw+1.xmp": b"<x:xmpmeta/>",
                    "raw+2.xmp": b"<x:xmpmeta/>",
                },
                "Iceland #1": {
                    "ice berg.jpg": data(4000),
                    "Empty.txt": b"",
                    "deep": {"er": {unicodedata.normalize("NFD", "Jökulsárlón.heic"): data(2000)}},
                },
            },
            "2025": {
                "emoji \U0001f4f7\ufe0f.jpg": data(2500),
                unicodedata.normalize("NFD", "Éléonore.jpg"): data(2600),
                "spare copy (2).tif": data(2700),
                "-rf": data(10),
                "a=b;c?.jpg": data(11),
                **({"new\nline.jpg": data(12)} if newlines else {}),
            },
            "clip.mov": data(400_000),
            # Two parts of 16 MiB and a rest.
            "long clip.mov": data(65 << 20),
        },
        mtime_ns=1_700_000_000_123_456_700,
    )


def test_real_photos(seaweed: S3Server, machine: Callable[..., Machine]) -> None:
    samples = os.environ.get("LRSYNC_SAMPLES_DIR")
    if not samples:
        pytest.skip("LRSYNC_SAMPLES_DIR names no folder with the sample photos")
    here = machine(seaweed)
    shutil.copytree(Path(samples) / "photos", here.source)
    assert len(here.files()) == 43
    Nights(here, PHOTO_ROLES).run()


@pytest.mark.parametrize("store", ["seaweed_tls", "rclone_s3"])
def test_awkward_names(store: str, machine: Callable[..., Machine], request: pytest.FixtureRequest) -> None:
    server: S3Server = request.getfixturevalue(store)
    here = machine(server)
    make_library(here.source, newlines=server.abilities.newlines_in_keys)
    Nights(here, ROLES, always_ask=store == "seaweed_tls").run()
