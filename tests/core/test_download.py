"""The note beside a half-fetched file: it comes back as it was, whatever a kill or a stranger did to it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.download import PartialNote, decode_note, encode_done, encode_note
from lrsync.core.parts import MIB

NOTE = PartialNote("P/é \n.mov", None, "etag-3", 100 * MIB, 16 * MIB)
DATA = encode_note(NOTE)


def test_what_was_noted_comes_back() -> None:
    read = decode_note(DATA + encode_done(1) + encode_done(7))
    assert read is not None
    assert (read.note, read.done) == (NOTE, {1, 7})
    assert [part.number for part in NOTE.ranges()] == list(range(1, 8))
    assert sum(part.length for part in NOTE.ranges()) == NOTE.size
    assert [NOTE.end_of(part.number) for part in NOTE.ranges()] == [part.offset + part.length for part in NOTE.ranges()]


@given(st.integers(0, 26))
def test_a_line_that_was_cut_off_does_not_count(cut: int) -> None:
    whole = DATA + encode_done(2) + encode_done(3)
    read = decode_note(whole[: len(whole) - cut])
    assert read is not None
    assert read.done == {2, 3} if cut == 0 else read.done <= {2}
    assert read.length == len(DATA) + 13 * len(read.done)


def test_a_note_that_was_cut_off_is_none() -> None:
    for cut in range(1, len(DATA)):
        assert decode_note(DATA[:cut]) is None or cut == len(DATA) - 1


def test_numbers_that_cannot_be_do_not_count() -> None:
    read = decode_note(DATA + encode_done(0) + encode_done(8) + b"-00000000001\n" + encode_done(5))
    assert read is not None
    assert read.done == {5}


def test_a_note_of_an_impossible_size_costs_nothing() -> None:
    planted = replace(NOTE, size=10**18, range_bytes=MIB)
    read = decode_note(encode_note(planted) + encode_done(9))
    assert read is not None
    assert read.note.end_of(9) == 9 * MIB


@given(st.binary(max_size=60))
def test_junk_is_no_note(data: bytes) -> None:
    decode_note(data)
    decode_note(b'[1, "k", null, "e", 5, 0]\n' + data)
    assert decode_note(b'[2, "k", null, "e", 5, 16777216]\n' + data) is None
    assert decode_note(b'[1, "k", null, "e", "5", 16777216]\n' + data) is None
