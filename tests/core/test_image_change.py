"""Whether other bytes of a photo are an edit, new metadata or damage: as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lrsync.core.image_change import ImageChange, disowns_its_data, judge_image
from lrsync.core.imagedata import CELLS, ImageData, ImageFormat
from lrsync.core.model import Candidate, Change, ChangeKind, Content, Drift, ManifestEntry, Quarantine, Upload
from lrsync.core.plan import decide, outlived_its_object
from lrsync.core.scan import ScannedFile, Stat

JPEG = ImageData(ImageFormat.JPEG, b"shape 1", b"digest of pixels")
REENCODED = replace(JPEG, shape=b"shape 2", digest=b"digest of others")
FLIPPED = replace(JPEG, digest=b"digest of others")
PACKED_TIFF = replace(JPEG, format=ImageFormat.TIFF)
PLAIN = replace(JPEG, format=ImageFormat.TIFF_PLAIN, cells=bytes(CELLS))
DNG = replace(JPEG, format=ImageFormat.DNG, own=b"own1")


def with_cells(changed: int, *zeroed: int) -> ImageData:
    cells = b"\x01" * changed + bytes(CELLS - changed)
    return replace(PLAIN, digest=b"digest of others", cells=cells, zeroed=frozenset(zeroed))


def row(name: str, image: ImageData | None, **other: object) -> ManifestEntry:
    packed = None if image is None else image.pack()
    entry = ManifestEntry(name, 100, 5, 5, f"p/{name}", b"a" * 32, None, "e", None, "STANDARD", 1, image=packed)
    return replace(entry, **other)  # type: ignore[arg-type]


def content(image: ImageData | None, *, size: int = 101, mtime_ns: int = 6, **other: object) -> Content:
    return replace(Content(Stat(size, mtime_ns, 7), b"b" * 32, 0, image=image), **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "before", "now", "verdict"),
    [
        # Metadata: whatever the time, the size and the kind of file.
        ("a.jpg", JPEG, content(JPEG), ImageChange.INTACT),
        ("a.jpg", JPEG, content(JPEG, mtime_ns=5), ImageChange.INTACT),
        ("a.dng", DNG, content(replace(DNG, own=b"")), ImageChange.INTACT),
        ("a.tif", PLAIN, content(PLAIN, size=100, mtime_ns=1), ImageChange.INTACT),
        # Nothing is known.
        ("a.jpg", None, content(FLIPPED), ImageChange.UNKNOWN),
        ("a.jpg", JPEG, content(None, was_read=False), ImageChange.UNKNOWN),
        # Broken: it does not matter of what kind.
        ("a.jpg", JPEG, content(None), ImageChange.BROKEN),
        ("a.tif", PLAIN, content(None), ImageChange.BROKEN),
        ("a.dng", DNG, content(None), ImageChange.BROKEN),
        # Other pixels in a DNG, in whatever way.
        ("a.dng", DNG, content(replace(DNG, shape=b"shape 2", digest=b"digest of others")), ImageChange.NOT_ITS_OWN),
        ("a.DNG", DNG, content(replace(DNG, digest=b"digest of others")), ImageChange.NOT_ITS_OWN),
        # An edited JPEG or TIFF has other lengths, another size, and a later time.
        ("a.jpg", JPEG, content(REENCODED), ImageChange.EDITED),
        ("a.tif", PACKED_TIFF, content(replace(REENCODED, format=ImageFormat.TIFF)), ImageChange.EDITED),
        ("a.tif", PACKED_TIFF, content(PLAIN), ImageChange.EDITED),
        ("a.jpg", JPEG, content(REENCODED, mtime_ns=5), ImageChange.UNDATED),
        ("a.jpg", JPEG, content(REENCODED, mtime_ns=4), ImageChange.UNDATED),
        ("a.jpg", JPEG, content(REENCODED, size=100), ImageChange.SAME_SIZE),
        ("a.jpg", JPEG, content(FLIPPED), ImageChange.SPOILT),
        ("a.tif", PACKED_TIFF, content(replace(FLIPPED, format=ImageFormat.TIFF)), ImageChange.SPOILT),
        # Uncompressed, the lengths tell nothing: then it counts how much of it changed, and into what.
        ("a.tif", PLAIN, content(with_cells(0)), ImageChange.SPOILT),
        ("a.tif", PLAIN, content(with_cells(2)), ImageChange.SPOILT),
        ("a.tif", PLAIN, content(with_cells(3)), ImageChange.EDITED),
        ("a.tif", PLAIN, content(with_cells(16), size=100), ImageChange.EDITED),
        ("a.tif", PLAIN, content(with_cells(9, 0, 1, 2)), ImageChange.SPOILT),
        ("a.tif", PLAIN, content(with_cells(9, 12)), ImageChange.EDITED),  # it was black there before
        ("a.tif", PLAIN, content(with_cells(9), mtime_ns=5), ImageChange.UNDATED),
    ],
)
def test_what_became_of_the_image_data(name: str, before: ImageData | None, now: Content, verdict: ImageChange) -> None:
    old = row(name, before)
    assert judge_image(old, now) is verdict
    change = Change(ChangeKind.UNSURE, "", ScannedFile(name, *now.stat), old)
    assert isinstance(decide(Candidate(change, now)), Quarantine if verdict.is_suspicious else Upload)


def test_of_a_file_that_was_hashed_as_it_was_written_the_time_tells_nothing() -> None:
    fresh = row("a.jpg", JPEG, settled=False)
    assert judge_image(fresh, content(REENCODED, mtime_ns=5)) is ImageChange.EDITED
    assert judge_image(fresh, content(FLIPPED, mtime_ns=5)) is ImageChange.SPOILT


def test_with_its_good_object_lost_what_the_disk_has_goes_up_and_is_suspected() -> None:
    lost = row("a.jpg", JPEG, drift=Drift.MISSING)
    change = Change(ChangeKind.UNSURE, "", ScannedFile("a.jpg", 101, 6, 7), lost)
    for now, suspected in ((content(FLIPPED), True), (content(JPEG), False), (content(REENCODED), False)):
        assert isinstance(decide(Candidate(change, now)), Upload)
        assert outlived_its_object(lost, now) is suspected


def test_a_dng_may_disown_its_data() -> None:
    spoilt = replace(DNG, digest=b"digest of others")
    assert disowns_its_data(row("a.dng", DNG), content(spoilt))
    assert not disowns_its_data(row("a.dng", DNG), content(replace(spoilt, own=b"own2")))
    assert not disowns_its_data(row("a.dng", replace(DNG, own=b"")), content(replace(spoilt, own=b"")))


def test_what_a_later_version_recorded_is_not_known() -> None:
    assert judge_image(replace(row("a.jpg", JPEG), image=b"\xc8" + bytes(40)), content(FLIPPED)) is ImageChange.UNKNOWN
