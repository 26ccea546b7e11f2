"""Photos that programs write metadata into: new metadata goes up, a damaged picture never replaces the good one."""

from __future__ import annotations

import os
import subprocess

import pytest

from lrsync.adapters.manifest import Manifest
from lrsync.core.filetypes import is_original
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Drift
from lrsync.core.runs import RunSummary
from lrsync.errors import ExitCode
from tests import pictures
from tests.engine.test_accept_restore import accept
from tests.engine.test_verify import LOCAL, UnchangedCtime, rot, verify
from tests.engine.world import PREFIX, World
from tests.pictures import CFA, entropy, exiftool, film, flipped, noise, picture, real_photos, zeroed
from tests.trees import LONG_AGO_NS, make_tree

RAW = picture(noise(60_000), strips=12, photometric=CFA, compression=7, subfile=0)
SCAN = entropy(30_000)
MADE = {
    "a.dng": pictures.dng(RAW, noise(500, 1), own=noise(16)),
    "b.jpg": pictures.jpeg(SCAN),
    "c.tif": pictures.tiff([picture(noise(50_000), strips=20)], order=">"),
    "d.jpg": pictures.jpeg(SCAN[:9_000], behind=film(noise(4_000))),
    "e.tif": pictures.tiff([picture(noise(90), strips=3, compression=5)], big=True),
}
IMAGE_AT = {
    "a.dng": MADE["a.dng"].index(RAW.strips[6]) + 30,
    "b.jpg": MADE["b.jpg"].index(SCAN) + 15_000,
    "c.tif": MADE["c.tif"].index(noise(50_000)[:40]) + 25_000,
    "d.jpg": MADE["d.jpg"].index(noise(4_000)) + 2_000,
    "e.tif": MADE["e.tif"].index(noise(90)[:30]) + 10,
}


def backed_up(world: World, files: dict[str, bytes]) -> World:
    make_tree(world.photos, files, mtime_ns=LONG_AGO_NS)
    assert world.sync().exit_code is ExitCode.OK
    return world


def rewrite(world: World, name: str, data: bytes, *, moved_s: int = 60) -> None:
    """Write a file, so many seconds after it was last written."""
    file = world.photos / name
    before = file.stat().st_mtime_ns
    file.write_bytes(data)
    os.utime(file, ns=(before + moved_s * 10**9, before + moved_s * 10**9))


def the_finding(summary: RunSummary) -> Finding:
    (finding,) = summary.findings
    return finding


def is_quarantined(world: World, name: str, good: bytes, why: str = "") -> None:
    """The good object is there, night after night, a person is told the same, and it is not read again."""
    for night in range(2):
        summary = world.sync()
        assert (summary.exit_code, summary.actions.quarantined) == (ExitCode.NEEDS_PERSON, 1), name
        finding = the_finding(summary)
        assert (finding.kind, finding.path) == (FindingKind.ORIGINAL_CHANGED, name)
        assert why in finding.message and "the good object in the bucket was kept" in finding.message
        assert world.objects()[f"{PREFIX}/{name}"] == good
        assert night == 0 or summary.bytes.hashed == 0


def went_up(world: World, name: str) -> None:
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded, summary.findings) == (ExitCode.OK, 1, []), name
    assert world.objects() == world.files()
    assert world.sync().requests.total == 0


# --- damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved_s", [0, 60, -60])
@pytest.mark.parametrize("name", MADE)
def test_a_flipped_bit_in_the_picture_is_quarantined(world: World, name: str, moved_s: int) -> None:
    backed_up(world, MADE)
    rewrite(world, name, flipped(MADE[name], IMAGE_AT[name]), moved_s=moved_s)
    is_quarantined(world, name, MADE[name])
    rewrite(world, name, MADE[name])
    summary = world.sync()
    assert (summary.exit_code, summary.findings) == (ExitCode.OK, []), "the good bytes are back"


@pytest.mark.parametrize("name", MADE)
def test_a_flipped_bit_behind_new_metadata_is_quarantined(world: World, name: str) -> None:
    """A program reads a file with bad memory, or from a bad disk, and writes it anew with keywords."""
    backed_up(world, MADE)
    damaged = flipped(MADE[name], IMAGE_AT[name])
    if name.endswith(".jpg"):
        damaged = pictures.with_metadata(damaged, b"Exif\0\0" + b"keywords" * 90)
    else:
        damaged += b"and a longer block of XMP at the end"
    rewrite(world, name, damaged)
    is_quarantined(world, name, MADE[name])


@pytest.mark.parametrize("name", MADE)
def test_a_cut_off_photo_is_quarantined(world: World, name: str) -> None:
    backed_up(world, MADE)
    rewrite(world, name, MADE[name][: len(MADE[name]) * 9 // 10])
    is_quarantined(world, name, MADE[name], "cut off")


def test_a_run_of_zeros_is_quarantined(world: World) -> None:
    backed_up(world, MADE)
    good = MADE["c.tif"]
    start = good.index(noise(50_000)[:40])
    rewrite(world, "c.tif", zeroed(good, start + 20_000, 25_000))
    is_quarantined(world, "c.tif", good)


def test_the_digest_in_a_dng_speaks_for_damage_or_against_it(world: World) -> None:
    backed_up(world, MADE)
    rewrite(world, "a.dng", flipped(MADE["a.dng"], IMAGE_AT["a.dng"]))
    assert "it is damaged" in the_finding(world.sync()).message
    lossy = picture(noise(20_000, 5), strips=4, photometric=CFA, compression=34892, subfile=0)
    rewrite(world, "a.dng", pictures.dng(lossy, noise(500, 1), own=noise(16, 5)))
    assert "damaged" not in the_finding(world.sync()).message.replace("if it is damaged", "")


def test_quarantined_photos_are_accepted_like_originals(world: World) -> None:
    backed_up(world, MADE)
    new = {name: flipped(data, IMAGE_AT[name]) for name, data in MADE.items()}
    for name, data in new.items():
        rewrite(world, name, data)
    assert world.sync().actions.quarantined == len(MADE)
    assert accept(world, everything=True).exit_code is ExitCode.OK
    assert world.objects() == world.files()
    assert world.trash() == MADE
    assert world.sync().exit_code is ExitCode.OK
    rewrite(world, "b.jpg", pictures.with_metadata(new["b.jpg"], b"Exif\0\0edit"))
    went_up(world, "b.jpg")


def test_a_photo_whose_object_is_lost_goes_up_and_is_suspected(world: World) -> None:
    backed_up(world, MADE)
    rewrite(world, "b.jpg", flipped(MADE["b.jpg"], IMAGE_AT["b.jpg"]))
    with Manifest(world.path, PREFIX) as manifest:
        manifest.set_drift([("b.jpg", Drift.MISSING)])
    world.store.delete(f"{PREFIX}/b.jpg")
    summary = world.sync()
    assert (summary.actions.uploaded, the_finding(summary).kind) == (1, FindingKind.SUSPECT_ORIGINAL)


@pytest.mark.parametrize("place", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("moved_s", [0, 60])
def test_a_flipped_bit_in_real_photos(world: World, place: float, moved_s: int) -> None:
    """In each real RAW, film, JPEG and TIFF, with the time kept and moved on."""
    files = [
        f for f in real_photos(".jpg", ".tif", ".crw", ".kdc", ".mov", ".avi", ".mpg") if f.stat().st_size < 5 << 20
    ]
    good = {f"{number:02} {file.name}": file.read_bytes() for number, file in enumerate(files)}
    backed_up(world, good)
    for name, data in good.items():
        start, end = (0, len(data)) if is_original(name) else _picture_in(name, data)
        rewrite(world, name, flipped(data, start + int(place * (end - start)), 3), moved_s=moved_s)
    summary = world.sync(accept_mass_change=True)
    assert (summary.actions.quarantined, summary.actions.uploaded) == (len(files), 0)
    assert {key.removeprefix(f"{PREFIX}/"): data for key, data in world.objects().items()} == good


def _picture_in(name: str, data: bytes) -> tuple[int, int]:
    """From where to where a real photo is surely picture."""
    if name.lower().endswith(".tif"):
        return len(data) - 1280 * 960 * 3, len(data)  # uncompressed, as the last block
    return data.rindex(b"\xff\xda") + 14, data.rindex(b"\xff\xd9")


# --- edits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved_s", [0, 60])
def test_new_metadata_goes_up(world: World, moved_s: int) -> None:
    backed_up(world, MADE)
    edited = {
        "a.dng": pictures.dng(RAW, noise(3_000, 9), own=noise(16), xmp=b"<keywords>" * 99, gap=17, backwards=True),
        "b.jpg": pictures.with_metadata(MADE["b.jpg"], b"Exif\0\0" + b"keywords" * 900),
        "c.tif": pictures.tiff([picture(noise(50_000), strips=20)], order=">", gap=9),
        "d.jpg": pictures.with_metadata(MADE["d.jpg"], b"Exif\0\0caption"),
    }
    for name, data in edited.items():
        rewrite(world, name, data, moved_s=moved_s)
    summary = world.sync()
    assert (summary.exit_code, summary.actions.uploaded) == (ExitCode.OK, len(edited))
    assert world.objects() == world.files()
    assert world.trash() == {name: MADE[name] for name in edited}


def test_an_edited_picture_goes_up_and_one_of_a_dng_does_not(world: World) -> None:
    backed_up(world, MADE)
    rewrite(world, "b.jpg", pictures.jpeg(entropy(28_123, 9)))
    went_up(world, "b.jpg")
    rewrite(world, "e.tif", pictures.tiff([picture(noise(70, 2), strips=3, compression=5)], big=True))
    went_up(world, "e.tif")
    rewrite(world, "c.tif", pictures.tiff([picture(noise(50_000, 4), strips=20)], order=">"))
    went_up(world, "c.tif")
    other = picture(noise(55_000, 3), strips=12, photometric=CFA, compression=7, subfile=0)
    rewrite(world, "a.dng", pictures.dng(other, noise(500, 1)))
    is_quarantined(world, "a.dng", MADE["a.dng"])


def test_another_picture_without_another_time_is_quarantined(world: World) -> None:
    backed_up(world, MADE)
    rewrite(world, "b.jpg", pictures.jpeg(entropy(28_123, 9)), moved_s=0)
    is_quarantined(world, "b.jpg", MADE["b.jpg"], "its time did not move on")


def test_what_is_not_looked_into_goes_up_as_before(world: World) -> None:
    backed_up(world, {"a.psd": b"8BPS" + noise(900), "b.heic": noise(900), "c.jpg": b"no picture at all"})
    for name in ("a.psd", "b.heic", "c.jpg"):
        data = (world.photos / name).read_bytes()
        rewrite(world, name, flipped(data, len(data) // 2))
        went_up(world, name)


@pytest.mark.parametrize("arguments", [["-IPTC:Keywords=a", "-XMP:Rating=4"], ["-all="], ["-Comment=c", "-Artist=b"]])
def test_what_exiftool_writes_goes_up(world: World, arguments: list[str]) -> None:
    files = [file for file in real_photos(".jpg", ".tif") if file.stat().st_size < 4 << 20]
    made = {name: data for name, data in MADE.items() if name != "e.tif"}
    backed_up(world, {f"{number:02} {file.name}": file.read_bytes() for number, file in enumerate(files)} | made)
    before = world.files()
    command = [exiftool(), "-q", "-m", "-overwrite_original", *arguments, str(world.photos)]
    subprocess.run(command, check=True, capture_output=True)
    changed = [key for key, data in world.files().items() if data != before[key]]
    assert len(changed) > len(files) // 2
    summary = world.sync(accept_mass_change=True)
    assert (summary.findings, summary.actions.uploaded) == ([], len(changed))
    assert world.objects() == world.files()


# --- what is known ------------------------------------------------------------------------------------------


def test_an_old_backup_knows_nothing_until_it_is_read_and_then_does(world: World) -> None:
    backed_up(world, MADE)
    with Manifest(world.path, PREFIX) as manifest:
        rows = manifest.rows("")
    _forget_images(world)
    rewrite(world, "b.jpg", flipped(MADE["b.jpg"], IMAGE_AT["b.jpg"]))
    went_up(world, "b.jpg")
    world.age("c.tif", LONG_AGO_NS + 10**10)
    world.sync()
    assert {row.path: row.image is not None for row in _rows(world)} == {
        "a.dng": False,
        "b.jpg": True,
        "c.tif": True,
        "d.jpg": False,
        "e.tif": False,
    }
    quiet = world.sync()
    assert verify(world, LOCAL).exit_code is ExitCode.OK
    assert world.sync().requests.total == quiet.requests.total == 0 and world.opened == []
    known = {row.path: row.image for row in _rows(world)}
    assert {row.path: row.image for row in rows if row.path != "b.jpg"} == {
        k: v for k, v in known.items() if k != "b.jpg"
    }


def test_a_rebuilt_manifest_learns_it_from_the_disk(world: World) -> None:
    backed_up(world, MADE)
    before = {row.path: row.image for row in _rows(world)}
    world.rebuild()
    assert {row.image for row in _rows(world)} == {None}
    world.sync()
    assert {row.path: row.image for row in _rows(world)} == before


def test_the_snapshot_of_the_manifest_has_it(world: World) -> None:
    world.snapshots = True
    backed_up(world, MADE)
    before = {row.path: row.image for row in _rows(world)}
    world.path.unlink()
    world.rebuild()
    assert {row.path: row.image for row in _rows(world)} == before
    rewrite(world, "b.jpg", flipped(MADE["b.jpg"], IMAGE_AT["b.jpg"]))
    is_quarantined(world, "b.jpg", MADE["b.jpg"])


def test_large_photos_are_told_in_the_one_reading_that_hashes_them(world: World) -> None:
    large = picture(noise(20 << 20), strips=40, photometric=CFA, compression=7, subfile=0)
    files = {"a.dng": pictures.dng(large, noise(900)), "b.jpg": pictures.jpeg(entropy(17 << 20))}
    backed_up(world, files)
    assert {row.path: row.image is not None for row in _rows(world)} == {"a.dng": True, "b.jpg": True}
    rewrite(world, "a.dng", pictures.dng(large, noise(4_000), xmp=b"x" * 5_000, backwards=True))
    rewrite(world, "b.jpg", flipped(files["b.jpg"], 9 << 20, 2))
    summary = world.sync()
    assert (summary.actions.uploaded, summary.actions.quarantined) == (1, 1)
    assert the_finding(summary).path == "b.jpg"


def test_rot_says_whether_the_picture_is_intact(world: World) -> None:
    world.wrap_tree = UnchangedCtime  # type: ignore[assignment]
    backed_up(world, MADE)
    rot(world.photos / "b.jpg", flipped(MADE["b.jpg"], MADE["b.jpg"].index(b"Exif") + 7))
    rot(world.photos / "c.tif", flipped(MADE["c.tif"], IMAGE_AT["c.tif"]))
    rot(world.photos / "a.dng", flipped(MADE["a.dng"], MADE["a.dng"].index(noise(500, 1)) + 7))
    summary = verify(world, LOCAL)
    told = {finding.path: "image data is intact" in finding.message for finding in summary.findings}
    assert told == {"a.dng": True, "b.jpg": True, "c.tif": False}
    assert {finding.kind for finding in summary.findings} == {FindingKind.ROT}


def test_a_dry_run_foretells_it(world: World) -> None:
    backed_up(world, MADE)
    rewrite(world, "b.jpg", flipped(MADE["b.jpg"], IMAGE_AT["b.jpg"]))
    rewrite(world, "c.tif", pictures.tiff([picture(noise(50_000), strips=20)], order=">", gap=5))
    foretold, done = world.sync(dry_run=True), world.sync()
    assert (foretold.actions, foretold.findings) == (done.actions, done.findings)
    assert (done.actions.uploaded, done.actions.quarantined) == (1, 1)


def _rows(world: World) -> list:  # type: ignore[type-arg]
    with Manifest(world.path, PREFIX) as manifest:
        return manifest.rows("")


def _forget_images(world: World) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(world.path)) as connection:
        connection.execute("UPDATE files SET image = NULL")
        connection.commit()
