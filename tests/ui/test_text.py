"""Names, sizes and times, as people read them."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.ui import text

MINUTE_NS = 60_000_000_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a b.jpg", "a b.jpg"),
        ("a\nb\r\t.jpg", "a\\nb\\r\\t.jpg"),
        ("\x1b[31m\x9b\x7f", "\\x1b[31m\\x9b\\x7f"),
        ("caf\udce9.jpg", "caf\\xe9.jpg"),
        ("\ud800", "\\ud800"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u2028", "\\u2028"),
        ("Ärger 👩‍👧 写真", "Ärger 👩‍👧 写真"),
    ],
)
def test_printable(name: str, shown: str) -> None:
    assert text.printable(name) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_a_printable_name_is_one_line_of_utf8(name: str) -> None:
    shown = text.printable(name)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown


@given(st.text(), st.integers(min_value=8, max_value=60))
def test_clip_never_takes_more_cells(name: str, cells: int) -> None:
    assert text.width_of(text.clip(text.printable(name), cells)) <= cells


def test_clip_keeps_both_ends() -> None:
    assert text.clip("2024/" + "x" * 50 + "/a.jpg", 20) == "2024/...xxxxxx/a.jpg"


def test_doctests() -> None:
    failed, tried = doctest.testmod(text)
    assert tried
    assert not failed


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_960, "1.0 MB"), (10**18, "1000.0 PB")],
)
def test_size(number: int, shown: str) -> None:
    assert text.size(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(59.6, "1 min 0 s"), (3599.9, "1 h 0 min"), (90_000, "1 day 1 h"), (200_000, "2 days 7 h")]
)
def test_duration(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [
        (0, "just now"),
        (1, "1 minute ago"),
        (180, "3 hours ago"),
        (47 * 60, "47 hours ago"),
        (48 * 60, "2 days ago"),
        (-3, "just now"),
        (-60, "in the future (check the clock)"),
    ],
)
def test_ago(minutes: int, shown: str) -> None:
    now = 1_700_000_000_000_000_000
    assert text.ago(now - minutes * MINUTE_NS, now) == shown


def test_iso_is_utc() -> None:
    assert text.iso(1_700_000_000_999_999_999) == "2023-11-14T22:13:20Z"
    assert text.iso(None) is None
