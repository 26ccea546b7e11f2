"""What proves that an object of another tool's is a file's bytes: never its size alone, and never a lie."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from lrsync.core.adopt_price import added, asking_price, rewrite_price
from lrsync.core.adoption import (
    Offset,
    Proof,
    Standing,
    judge,
    likely_offset,
    means_of,
    offset_between,
    same_place,
    spellings,
)
from lrsync.core.checksums import Checksum, ChecksumKind
from lrsync.core.model import Content
from lrsync.core.objects import ObjectInfo
from lrsync.core.prices import ClassPrices, EgressStep, PriceList, RegionPrices
from lrsync.core.proof import encode_checksum, encode_crc32
from lrsync.core.scan import Stat
from tests.trees import paths

DATA = b"photo"
OTHER = b"PHOTO"


def content(data: bytes) -> Content:
    md5 = hashlib.md5(data, usedforsecurity=False).digest()
    return Content(Stat(len(data), 1, 1), hashlib.sha256(data).digest(), isal_zlib.crc32(data), md5=md5)


def info_of(data: bytes, told: frozenset[str], *, opaque: bool = False) -> ObjectInfo:
    """An object with these bytes, of which the store and the uploader tell just so much."""
    sha256, md5 = hashlib.sha256(data), hashlib.md5(data, usedforsecurity=False)
    checksum = None
    if "sha256" in told:
        checksum = Checksum(ChecksumKind.SHA256, encode_checksum(sha256.digest()))
    elif "crc32" in told:
        checksum = Checksum(ChecksumKind.CRC32, encode_crc32(isal_zlib.crc32(data)))
    notes = {"lrsync-sha256": sha256.hexdigest()} if "note" in told else {}
    notes |= {"md5chksum": encode_checksum(md5.digest())} if "rclone" in told else {}
    etag = md5.hexdigest() if "etag" in told else "0" * 32 if opaque else ""
    return ObjectInfo("key", len(data), etag, notes, checksum, opaque_etag=opaque)


told = st.frozensets(st.sampled_from(["sha256", "crc32", "note", "rclone", "etag"]))


@given(told, st.booleans())
def test_it_is_proven_by_whatever_is_told_and_by_nothing_else(words: frozenset[str], opaque: bool) -> None:
    words = words - {"etag"} if opaque else words
    info = info_of(DATA, words, opaque=opaque)
    found = judge(info, content(DATA))
    assert (found.standing is Standing.PROVEN) == bool(words)
    assert (means_of(info, None).best is None) == (not words)


@given(told, st.booleans())
def test_other_bytes_of_the_same_size_are_never_proven(words: frozenset[str], opaque: bool) -> None:
    found = judge(info_of(OTHER, words - {"etag"} if opaque else words, opaque=opaque), content(DATA))
    assert found.standing is not Standing.PROVEN
    if words & {"sha256", "crc32", "note", "rclone"}:
        assert found.standing is Standing.DIFFERS


@given(told)
def test_another_size_is_other_bytes(words: frozenset[str]) -> None:
    assert judge(info_of(DATA + b"!", words), content(DATA)).standing is Standing.DIFFERS


def test_the_store_counts_before_what_was_written_beside_it() -> None:
    """Metadata goes along with a copy of another object; a checksum that S3 made does not."""
    lie = info_of(OTHER, frozenset({"crc32"}))
    claimed = ObjectInfo("key", lie.size, "", {"lrsync-sha256": hashlib.sha256(DATA).hexdigest()}, lie.checksum)
    assert judge(claimed, content(DATA)).standing is Standing.DIFFERS


def test_an_etag_alone_only_makes_doubtful() -> None:
    assert judge(info_of(OTHER, frozenset({"etag"})), content(DATA)).standing is Standing.DOUBTFUL
    assert judge(info_of(OTHER, frozenset(), opaque=True), content(DATA)).standing is Standing.UNPROVEN


def test_what_can_be_compared_at_the_least_cost_comes_first() -> None:
    assert means_of(info_of(DATA, frozenset({"crc32", "etag"})), None).best is Proof.CHECKSUM
    assert means_of(info_of(DATA, frozenset({"note", "etag"})), None).md5 is False
    parts = ObjectInfo("key", 20 << 20, f"{'a' * 32}-3", {})
    assert means_of(parts, 7 << 20).part_sizes == (7 << 20,)
    assert 8 << 20 in means_of(parts, None).part_sizes


@given(paths)
def test_a_path_has_its_own_key_first(path: str) -> None:
    try:
        found = spellings("Photos", path)
    except ValueError:
        return
    assert len(set(found)) == len(found) <= 3
    assert all(same_place(path, key.removeprefix("Photos/")) for key in found)


def test_only_most_files_make_a_layout() -> None:
    deeper = Offset(in_bucket="Pictures")
    assert likely_offset({deeper: 5}, in_place=0) == deeper
    assert likely_offset({deeper: 5}, in_place=9) is None
    assert likely_offset({deeper: 5, Offset(in_bucket="old"): 5}, in_place=0) is None
    assert likely_offset({}, in_place=0) is None
    assert offset_between("2024/a.jpg", "2024-05/a.jpg") is None


PRICES = PriceList(
    date(2026, 6, 18),
    "USD",
    "r",
    {
        "r": RegionPrices(
            {
                "STANDARD": ClassPrices(Decimal(1), put_per_1000=Decimal("5"), get_per_1000=Decimal("0.4")),
                "STANDARD_IA": ClassPrices(
                    Decimal(1), Decimal("10"), get_per_1000=Decimal("1"), retrieval_per_gib=Decimal("0.01")
                ),
            },
            (EgressStep(None, Decimal("0.09")),),
            list_per_1000=Decimal("5"),
        )
    },
).regions["r"]


def test_what_it_costs() -> None:
    asked = asking_price(PRICES, 10_000)
    assert asked.total == Decimal("4.0") + Decimal("0.05")
    rewritten = rewrite_price(PRICES, {"STANDARD": (1000, 1 << 40), "STANDARD_IA": (1000, 1 << 30), "SNOW": (1, 1)})
    assert rewritten.requests == Decimal("5") + 3 * Decimal("0.4") + Decimal("10") + 3 * Decimal(1)
    assert (rewritten.retrieval, rewritten.transfer) == (Decimal("0.01"), 0)
    assert rewritten.unpriced == {"SNOW"}
    assert added(asked, rewritten).total == asked.total + rewritten.total
