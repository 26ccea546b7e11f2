"""The ETags of objects that other tools sent in parts."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.etags import COMMON_MIB, MAX_TRIED, PartsHash, part_sizes_for, parts_in
from lrsync.core.parts import MIB, part_size_for

ZEROS = "0" * 32


def etag_of(data: bytes, part_size: int) -> str:
    """As S3 makes it, told another way."""
    parts = [data[at : at + part_size] for at in range(0, len(data), part_size)]
    return f"{hashlib.md5(b''.join(hashlib.md5(part).digest() for part in parts)).hexdigest()}-{len(parts)}"


@given(st.binary(min_size=1, max_size=300), st.integers(1, 50), st.lists(st.integers(1, 40), max_size=12))
def test_it_is_what_s3_makes_however_the_bytes_come(data: bytes, part_size: int, cuts: list[int]) -> None:
    made, at = PartsHash(part_size), 0
    for cut in cuts:
        made.update(data[at : at + cut])
        at += cut
    made.update(memoryview(data)[at:])
    assert made.etag() == etag_of(data, part_size)


@pytest.mark.parametrize("etag", ["", "abc", ZEROS, f"{ZEROS}-0", f"{ZEROS}-", f"{ZEROS}-10001", f"{ZEROS}-3x"])
def test_other_etags_are_not_of_parts(etag: str) -> None:
    assert parts_in(etag) is None
    assert part_sizes_for(etag, 100 * MIB) == ()


@pytest.mark.parametrize("mib", COMMON_MIB)
@pytest.mark.parametrize("size", [40 * MIB + 1, 700 * MIB, 5000 * MIB])
def test_the_usual_lengths_are_tried(mib: int, size: int) -> None:
    count = -(-size // (mib * MIB))
    if count > 1:
        assert mib * MIB in part_sizes_for(f"{ZEROS}-{count}", size)


def test_one_part_is_the_whole_file() -> None:
    assert part_sizes_for(f"{ZEROS}-1", 12345) == (12345,)
    assert part_sizes_for(f"{ZEROS}-1", 0) == ()


@given(st.integers(1, 5 * 2**40), st.integers(2, 10_000))
def test_every_length_that_is_tried_makes_that_many_parts(size: int, count: int) -> None:
    tried = part_sizes_for(f"{ZEROS}-{count}", size)
    assert len(tried) <= MAX_TRIED
    assert all(-(-size // length) == count for length in tried)


@given(st.integers(16 * MIB, 5 * 2**40))
def test_lrsyncs_own_length_is_among_them(size: int) -> None:
    own = part_size_for(size)
    count = -(-size // own)
    if count > 1:
        assert own in part_sizes_for(f"{ZEROS}-{count}", size)
