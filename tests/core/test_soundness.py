"""Whole files raise no suspicion, cut and zeroed ones do, and no bytes whatever make it fail or run away."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.filetypes import is_original
from lrsync.core.soundness import suspicion


def suspect(name: str, data: bytes) -> str | None:
    return suspicion(name, len(data), lambda offset, length: data[offset : offset + length])


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


MOVIE = box(b"ftyp", b"qt  ") + box(b"mdat", os.urandom(5000)) + box(b"moov", os.urandom(300))


def tiff(order: str, body: bytes) -> bytes:
    """A TIFF of one image with one strip, its directory in front."""
    count, at = 2, 8
    start = at + 2 + count * 12 + 4
    entries = struct.pack(order + "HHII", 273, 4, 1, start) + struct.pack(order + "HHII", 279, 4, 1, len(body))
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return head + struct.pack(order + "H", count) + entries + struct.pack(order + "I", 0) + body


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mov", MOVIE),
        ("a.cr3", box(b"ftyp", b"crx ") + struct.pack(">I4sQ", 1, b"mdat", 16 + 4000) + os.urandom(4000)),
        ("a.nef", tiff("<", os.urandom(9000))),
        ("a.dcr", tiff(">", os.urandom(9000))),
        ("a.avi", b"RIFF" + struct.pack("<I", 4000) + os.urandom(4000)),
    ],
)
def test_a_whole_file_is_fine_and_a_cut_one_is_not(name: str, data: bytes) -> None:
    assert suspect(name, data) is None
    cut = suspect(name, data[: len(data) * 2 // 3])
    assert cut is not None and "cut off" in cut


def test_empty_and_zeroed_originals() -> None:
    assert suspect("a.nef", b"") == "is empty"
    assert suspect("a.raf", bytes(100_000)) == "holds nothing but zeros"
    assert suspect("a.raf", bytes(50_000) + os.urandom(50_000)) is None


@given(st.sampled_from(["a.mov", "a.nef", "a.avi", "a.cr2"]), st.binary(max_size=300))
def test_no_bytes_make_it_fail(name: str, data: bytes) -> None:
    found = suspect(name, data)
    assert found is None or found


@given(st.sampled_from(["<", ">"]), st.integers(0, 40), st.binary(min_size=1, max_size=8))
def test_a_tiff_with_wrong_tables_is_at_most_suspicious(order: str, at: int, junk: bytes) -> None:
    data = bytearray(tiff(order, b"x" * 100))
    data[8 + at : 8 + at + len(junk)] = junk
    found = suspect("a.nef", bytes(data))
    assert found is None or "cut off" in found


def test_real_camera_files() -> None:
    folder = os.environ.get("LRSYNC_SAMPLES_DIR")
    if not folder:
        pytest.skip("LRSYNC_SAMPLES_DIR names no folder with real camera files")
    originals = [file for file in Path(folder, "photos").rglob("*") if file.is_file() and is_original(file.name)]
    assert originals
    assert {file.name: suspect(file.name, file.read_bytes()) for file in originals} == {
        file.name: None for file in originals
    }
    cut = {file.name for file in originals if suspect(file.name, file.read_bytes()[: file.stat().st_size * 2 // 3])}
    understood = {f.name for f in originals if f.suffix.lower() in (".mov", ".avi", ".kdc")}
    assert understood <= cut
