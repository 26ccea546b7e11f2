"""The image data of a photo: the same whatever is written beside it, wherever it lies, and another after all damage."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.core import imagedata, jpeg, tiff, tiff_image
from lrsync.core.imagedata import CELLS, ImageData, ImageFormat, NotWholeError, unpack
from lrsync.core.images import has_image_data, image_hasher
from tests import pictures
from tests.pictures import CFA, LINEAR_RAW, entropy, film, flipped, noise, picture, real_photos, zeroed


def image_of(name: str, data: bytes, *, step: int = 1 << 20) -> ImageData:
    """What is found in a file, fed piece by piece out of one buffer, as a reader does it."""
    hasher = image_hasher(name, len(data), lambda offset, length: data[offset : offset + length])
    buffer = bytearray(step)
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        buffer[: len(piece)] = piece
        hasher.update(memoryview(buffer)[: len(piece)])
    return hasher.finish()


def problem_of(name: str, data: bytes) -> str:
    """Why a file is no whole picture; '' where it is one."""
    try:
        image_of(name, data)
    except NotWholeError as problem:
        return str(problem)
    return ""


# --- JPEG ---------------------------------------------------------------------------------------------------

SCAN = entropy(20_000)
PLAIN = pictures.jpeg(SCAN)
JPEGS = {
    "baseline": PLAIN,
    "progressive": pictures.jpeg(SCAN, progressive=True),
    "motion photo": pictures.jpeg(SCAN, behind=film(noise(9_000))),
    "motion photo of a Samsung": pictures.jpeg(SCAN, behind=b"\0\0\x30\x0a" + b"M" * 20 + film(noise(9_000)) + b"SEFT"),
    "multi-picture": pictures.jpeg(SCAN, behind=bytes(50) + pictures.jpeg(entropy(3_000, 7))),
    "an unknown trailer": pictures.jpeg(SCAN, behind=b"AXS!" + noise(700, 9).replace(b"\xff", b"\xfe")),
}


def places_in_image(data: bytes, *blocks: bytes) -> list[int]:
    """Some offsets within each of these blocks."""
    starts = [data.index(block) for block in blocks]
    return [
        start + len(block) * tenth // 10 for start, block in zip(starts, blocks, strict=True) for tenth in (1, 4, 9)
    ]


@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_a_jpeg_is_told_by_its_image_data_alone(data: bytes) -> None:
    found = image_of("a.JPG", data)
    for metadata in (b"", b"http://ns.adobe.com/xap/1.0/\0" + b"k" * 30_000, b"Exif\0\0" + SCAN[:200] + b"\xff\xd9"):
        assert image_of("a.jpg", pictures.with_metadata(data, metadata)) == found
    comment = data[:2] + pictures.segment(0xFE, b"hello") + pictures.segment(0xE2, b"MPF\0") + data[2:]
    assert image_of("a.jpeg", comment) == found
    assert found.format is ImageFormat.JPEG and unpack(found.pack()) == found


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("data", JPEGS.values(), ids=JPEGS)
def test_it_does_not_matter_in_what_pieces_it_comes(data: bytes, step: int) -> None:
    assert image_of("a.jpg", data, step=step) == image_of("a.jpg", data)


@pytest.mark.parametrize(
    ("data", "blocks"),
    [
        (PLAIN, [SCAN]),
        (PLAIN, [pictures.noise(64, 1), pictures.noise(28, 2)]),
        (JPEGS["motion photo"], [SCAN, noise(9_000)]),
        (JPEGS["motion photo of a Samsung"], [noise(9_000)]),
        (JPEGS["multi-picture"], [SCAN, entropy(3_000, 7)]),
    ],
)
def test_a_flipped_bit_in_its_image_data_shows(data: bytes, blocks: list[bytes]) -> None:
    good = image_of("a.jpg", data)
    for at in places_in_image(data, *blocks):
        with suppress(NotWholeError):  # a bit that made a marker of what is none
            assert image_of("a.jpg", flipped(data, at)).digest != good.digest, at


def test_a_flipped_bit_in_its_metadata_does_not_show() -> None:
    for data in JPEGS.values():
        at = data.index(b"Exif\0\0old") + 7
        assert image_of("a.jpg", flipped(data, at)) == image_of("a.jpg", data)


def test_what_lies_behind_a_picture_and_is_none_does_not_count() -> None:
    assert image_of("a.jpg", JPEGS["an unknown trailer"]) == image_of("a.jpg", PLAIN)
    looks_like_one = pictures.jpeg(SCAN, behind=b"\xff\xd8\xff\xe1\0\x04ab" + b"no picture")
    assert image_of("a.jpg", looks_like_one) == image_of("a.jpg", PLAIN)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (PLAIN[:-2], "no end-of-image"),
        (PLAIN[: len(PLAIN) // 2], "no end-of-image"),
        (PLAIN[:10], "no end-of-image"),
        (zeroed(PLAIN, 1_000, len(PLAIN) - 1_000), "no end-of-image"),
        (JPEGS["motion photo"][:-3_000], "film"),
        (b"\xff\xd8\xff\xd9", "no picture"),
        (b"\xff\xd8" + b"x" * 50, "belong to no JPEG"),
        (PLAIN[:2] + b"\xff\xe0\0\1" + PLAIN[2:], "belong to no JPEG"),
        (b"\xff\xd8" + pictures.segment(0xE1, b"") * 5_000 + PLAIN[2:], "too many segments"),
        (b"", "is no JPEG"),
        (b"GIF89a", "is no JPEG"),
    ],
)
def test_no_whole_jpeg(data: bytes, why: str) -> None:
    assert why in problem_of("a.jpg", data)


# --- TIFF and DNG -------------------------------------------------------------------------------------------

PIXELS = noise(64_000)
PREVIEW = noise(900, 3)
RAW = picture(PIXELS, strips=9, photometric=CFA, compression=7, subfile=0)
LAYOUTS = [
    {"order": order, "big": big, "gap": gap, "backwards": backwards}
    for order in "<>"
    for big in (False, True)
    for gap, backwards in ((0, False), (31, True))
]


@pytest.mark.parametrize("how", LAYOUTS)
def test_the_image_data_of_a_dng_is_the_same_wherever_it_lies(how: dict[str, int]) -> None:
    good = image_of("a.dng", pictures.dng(RAW, PREVIEW))
    moved = pictures.dng(RAW, noise(5_000, 4), xmp=b"<x:xmpmeta>" * 3_000, **how)
    assert image_of("a.DNG", moved, step=977) == good
    assert good.format is ImageFormat.DNG
    for at in places_in_image(moved, RAW.strips[0], RAW.strips[4], RAW.strips[-1]):
        assert image_of("a.dng", flipped(moved, at)).digest != good.digest


def test_what_a_dng_says_of_its_own_data_is_kept_and_is_no_part_of_it() -> None:
    one, other = (image_of("a.dng", pictures.dng(RAW, PREVIEW, own=noise(16, seed))) for seed in (1, 2))
    assert (one.own, other.own) == (noise(16, 1)[:4], noise(16, 2)[:4])
    assert one.digest == other.digest and unpack(one.pack()) == one


@pytest.mark.parametrize(
    ("preview", "counts"),
    [
        (picture(PREVIEW, strips=1, subfile=1), False),
        (picture(PREVIEW, strips=1, subfile=0x10001), False),
        (picture(PREVIEW, strips=1), False),  # a camera that does not say that it is a preview
        (picture(PREVIEW, strips=1, photometric=LINEAR_RAW, subfile=1), False),  # what Lightroom loads faster
        (picture(PREVIEW, strips=1, photometric=4, subfile=4), True),  # a mask
        (picture(PREVIEW, strips=1, photometric=LINEAR_RAW, subfile=16), True),  # an enhanced picture
    ],
)
def test_which_pictures_of_a_dng_count(preview: pictures.Picture, counts: bool) -> None:
    raw = picture(PIXELS, photometric=CFA)
    alone, with_it = pictures.tiff([raw]), pictures.tiff([raw, preview])
    assert (image_of("a.dng", alone) != image_of("a.dng", with_it)) is counts


def test_in_a_tiff_thumbnails_do_not_count_and_pages_do() -> None:
    main = picture(PIXELS)
    good = image_of("a.tif", pictures.tiff([main]))
    assert image_of("a.tif", pictures.tiff([main, picture(PREVIEW, subfile=1)])) == good
    assert image_of("a.tif", pictures.tiff([main, picture(PREVIEW, subfile=2)])) != good
    layers = pictures.Picture(main.strips, {**main.tags, 37724: noise(3_000, 8)})
    layered = pictures.tiff([layers])
    at = layered.index(noise(3_000, 8)) + 99
    assert image_of("a.tif", flipped(layered, at)).digest != image_of("a.tif", layered).digest


def test_what_a_writer_may_spell_out_is_the_same() -> None:
    main = picture(PIXELS)
    spelt = pictures.Picture(main.strips, {**main.tags, 284: [1], 317: [1], 266: [1], 339: [1]})
    assert image_of("a.tif", pictures.tiff([spelt])) == image_of("a.tif", pictures.tiff([main]))
    wrong = pictures.Picture(main.strips, {**main.tags, 256: [101]})
    assert image_of("a.tif", pictures.tiff([wrong])).digest != image_of("a.tif", pictures.tiff([main])).digest


@pytest.mark.parametrize("tag", [258, 259, 262, 277, 278])
@pytest.mark.parametrize("at", [2, 4], ids=["its type", "its count"])
def test_a_damaged_tag_does_not_pass_for_one_that_is_left_out(tag: int, at: int) -> None:
    """By its default a picture would be the same: one that is as good as unreadable would replace the good object."""
    main = picture(PIXELS, strips=1)
    main.tags[278] = main.tags[257]
    data = bytearray(pictures.tiff([main]))
    entry = data.rindex(struct.pack("<HH", tag, 4))
    data[entry + at : entry + at + 2] = struct.pack("<H", 2 if at == 2 else 0)
    assert f"its tag {tag} is no number" in problem_of("a.tif", bytes(data))


@pytest.mark.parametrize("strips", [1, 3, 16, 200])
def test_it_shows_how_much_of_an_uncompressed_picture_changed(strips: int) -> None:
    data = pictures.tiff([picture(PIXELS, strips=strips)])
    good, start = image_of("a.tif", data), data.index(PIXELS[:50])
    assert good.format is ImageFormat.TIFF_PLAIN and len(good.cells) == CELLS

    def changed(other: bytes) -> set[int]:
        return {cell for cell in range(CELLS) if image_of("a.tif", other).cells[cell] != good.cells[cell]}

    assert changed(flipped(data, start + 5)) == {0}
    if strips < 100:
        run = zeroed(data, start + len(PIXELS) // 2, len(PIXELS) // 4)
        assert 4 <= len(changed(run)) <= 6
        assert image_of("a.tif", run).zeroed and image_of("a.tif", run).zeroed <= changed(run)


@pytest.mark.parametrize("name", ["a.tif", "a.dng"])
def test_no_whole_tiff(name: str) -> None:
    data = pictures.tiff([picture(PIXELS, photometric=CFA)])
    assert "cut off" in problem_of(name, data[:-1])
    assert "cut off" in problem_of(name, data[: len(data) // 2])
    assert "no picture" in problem_of(name, pictures.tiff([picture(PREVIEW, subfile=1)]))
    assert "is no JPEG, TIFF or DNG" in problem_of(name, bytes(len(data)))
    assert "is no" in problem_of(name, b"II*\0")
    assert "is no TIFF" in problem_of(name, data[:2] + b"U" + data[3:]), "no program opens it"


def test_a_real_picture_under_another_name_is_what_it_is() -> None:
    assert image_of("a.tif", PLAIN) == image_of("a.jpg", PLAIN)
    assert [has_image_data(name) for name in ("a.jpg", "b.DNG", "c.tiff", "d.nef", "e.psd", "f.jpg.xmp")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


# --- what a hostile or damaged file may do ------------------------------------------------------------------


def test_directories_in_a_circle_and_far_too_many_of_them_end() -> None:
    loop = bytearray(pictures.tiff([picture(PIXELS)]))
    (first,) = struct.unpack_from("<I", loop, 4)
    (count,) = struct.unpack_from("<H", loop, first)
    struct.pack_into("<I", loop, first + 2 + count * 12, first)
    assert image_of("a.tif", bytes(loop)) == image_of("a.tif", pictures.tiff([picture(PIXELS)]))
    many = pictures.tiff([picture(b"xy", strips=1) for _ in range(tiff.MAX_DIRECTORIES + 1)])
    assert "too many directories" in problem_of("a.tif", many)


def test_many_directories_with_one_large_table_do_not_read_it_over_and_over() -> None:
    strips = 200_000
    table = struct.pack("<I", 1) * strips
    head = 16
    entries = [(273, 4, strips, head), (279, 4, strips, head)]
    body, at = bytearray(16) + table, head + len(table)
    for number in range(200):
        following = at + 2 + 24 + 4
        body += struct.pack("<H", 2) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        body += struct.pack("<I", following if number < 199 else 0)
        at = following
    body[:8] = b"II*\0" + struct.pack("<I", head + len(table))
    asked = 0

    def read_at(offset: int, length: int) -> bytes:
        nonlocal asked
        asked += length
        return bytes(body[offset : offset + length])

    with pytest.raises(NotWholeError, match="too"):
        image_hasher("a.tif", len(body), read_at).finish()
    assert asked <= tiff.MAX_TABLE_BYTES


@pytest.mark.parametrize("big", [False, True])
def test_numbers_that_lead_beyond_everything(big: bool) -> None:
    data = pictures.tiff([picture(PIXELS)], big=big)
    offset_at = 8 if big else 4
    (first,) = struct.unpack_from("<Q" if big else "<I", data, offset_at)
    assert "cut off" in problem_of("a.tif", data[:offset_at] + b"\xff" * (8 if big else 4) + data[16:])
    for at in range(first, len(data) - 8):
        problem_of("a.tif", data[:at] + b"\xff" * 8 + data[at + 8 :])  # that it is told at all is enough


Bytes = Callable[[bytes], bytes]


@st.composite
def mutations(draw: st.DrawFn) -> Bytes:
    """What a bad disk, a bad program or a bad person does to a file."""
    where, length = draw(st.floats(0, 1)), draw(st.integers(1, 64))
    junk = draw(st.binary(max_size=32))
    kind = draw(st.sampled_from(["over", "in", "out", "cut", "zero"]))

    def mutate(data: bytes) -> bytes:
        at = int(where * len(data))
        match kind:
            case "over":
                return data[:at] + junk + data[at + len(junk) :]
            case "in":
                return data[:at] + junk + data[at:]
            case "out":
                return data[:at] + data[at + length :]
            case "cut":
                return data[:at]
            case _:
                return zeroed(data, at, length)

    return mutate


SMALL = {
    "a.jpg": pictures.jpeg(entropy(300), behind=film(noise(50)) + pictures.jpeg(entropy(40))),
    "b.jpg": pictures.jpeg(entropy(300), progressive=True),
    "a.tif": pictures.tiff([picture(noise(400), strips=3), picture(noise(40), subfile=1)], order=">"),
    "b.tif": pictures.tiff([picture(noise(400), strips=3)], big=True),
    "a.dng": pictures.dng(picture(noise(400), photometric=CFA, subfile=0), noise(50), own=noise(16)),
}


@settings(max_examples=400)
@given(st.sampled_from(sorted(SMALL)), st.lists(mutations(), min_size=1, max_size=4), st.sampled_from([5, 64, 4096]))
def test_no_mutation_makes_it_fail_or_read_without_end(name: str, damage: list[Bytes], step: int) -> None:
    data = SMALL[name]
    for mutate in damage:
        data = mutate(data)
    asked = 0

    def read_at(offset: int, length: int) -> bytes:
        nonlocal asked
        asked += 1
        assert min(offset, length) >= 0
        return data[offset : offset + length]

    hasher = image_hasher(name, len(data), read_at)
    for at in range(0, len(data), step):
        hasher.update(data[at : at + step])
    try:
        found = hasher.finish()
    except NotWholeError as problem:
        assert str(problem)
    else:
        assert unpack(found.pack()) == found
    assert asked < 40 * tiff.MAX_DIRECTORIES


@settings(max_examples=60)
@given(st.data())
def test_real_photos_mutated(data: st.DataObject) -> None:
    photos = real_photos(".jpg", ".tif")
    file = data.draw(st.sampled_from(photos))
    content = file.read_bytes()[: 400_000 if file.suffix.lower() == ".jpg" else None]
    for mutate in data.draw(st.lists(mutations(), min_size=1, max_size=3)):
        content = mutate(content)
    problem_of(file.name, content)


@given(st.binary(max_size=60))
def test_whatever_a_row_holds_is_a_value_or_nothing(packed: bytes) -> None:
    found = unpack(packed)
    assert found is None or found.pack() == packed


def test_every_real_photo_is_understood_and_takes_few_bytes() -> None:
    for file in real_photos(".jpg", ".tif"):
        data = file.read_bytes()
        found = image_of(file.name, data)
        assert len(found.pack()) <= 40 and found == image_of(file.name, data, step=4096)


def test_versions_of_the_codes_are_never_given_to_others() -> None:
    assert {kind.name: kind.value for kind in ImageFormat} == {"JPEG": 1, "TIFF": 2, "TIFF_PLAIN": 3, "DNG": 4}
    assert (imagedata.SHAPE_BYTES, imagedata.DIGEST_BYTES, jpeg.GAP_BYTES, tiff_image.SAMPLE_BYTES) == (
        7,
        16,
        4096,
        512,
    )
