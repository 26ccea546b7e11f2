"""How objects are cut, and what their metadata says."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrsync.core import parts
from lrsync.core.model import Content
from lrsync.core.parts import format_mtime, object_metadata, parse_mtime, part_size_for, parts_of, sha256_in
from lrsync.core.scan import Stat

times = st.integers(-(2**63), 2**63 - 1)


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_parts_cover_the_file_exactly(size: int, part_size: int) -> None:
    part_size = max(part_size, size // 200 + 1)
    cut = list(parts_of(size, part_size))
    assert [part.number for part in cut] == list(range(1, len(cut) + 1))
    assert [part.offset for part in cut] == list(accumulate([part.length for part in cut[:-1]], initial=0))
    assert sum(part.length for part in cut) == size
    assert all(part.length == part_size for part in cut[:-1])
    assert 0 < cut[-1].length <= part_size or (size == 0 and len(cut) == 1)


@given(st.integers(0, parts.MAX_OBJECT_BYTES))
@example(parts.MAX_OBJECT_BYTES)
@example(parts.SINGLE_PUT_LIMIT * parts.MAX_PARTS)
@example(parts.SINGLE_PUT_LIMIT * parts.MAX_PARTS + 1)
def test_any_object_fits_in_as_many_parts_as_s3_takes(size: int) -> None:
    part_size = part_size_for(size)
    assert -(-size // part_size) <= parts.MAX_PARTS
    assert part_size >= 5 * parts.MIB and part_size <= 5 * 1024 * parts.MIB
    assert part_size % parts.MIB == 0


@given(times)
def test_a_time_comes_back_to_the_nanosecond(mtime_ns: int) -> None:
    assert parse_mtime(format_mtime(mtime_ns)) == mtime_ns


@pytest.mark.parametrize(
    ("text", "mtime_ns"),
    [
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000_000),
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("1700000000.1234567891", 1_700_000_000_123_456_789),
        ("-0.5", -500_000_000),
        ("0", 0),
        ("", None),
        ("-", None),
        (".5", None),
        ("1e9", None),
        ("1_000", None),
        ("²", None),
        ("1.٣", None),
        ("2024-01-01T00:00:00Z", None),
        ("9" * 13, None),
        ("1.-5", None),
        (" 1", None),
    ],
)
def test_what_another_tool_wrote_is_read_or_refused(text: str, mtime_ns: int | None) -> None:
    assert parse_mtime(text) == mtime_ns


@given(st.text(max_size=20))
def test_any_metadata_is_read_or_refused(text: str) -> None:
    parsed = parse_mtime(text)
    assert parsed is None or abs(parsed) < 10**22
    assert sha256_in({"lrsync-sha256": text}) is None


@given(times, st.binary(min_size=32, max_size=32))
def test_metadata_is_ascii_and_tells_time_and_digest(mtime_ns: int, digest: bytes) -> None:
    metadata = object_metadata(Content(Stat(1, mtime_ns, 2), digest, 0))
    assert all(name.isascii() and value.isascii() for name, value in metadata.items())
    assert parse_mtime(metadata["mtime"]) == mtime_ns
    assert sha256_in(metadata) == digest


def test_no_metadata_tells_no_digest() -> None:
    assert sha256_in({}) is None
    assert sha256_in({"lrsync-sha256": "00" * 31}) is None
