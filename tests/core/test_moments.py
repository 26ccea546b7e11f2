"""When a user means."""

from __future__ import annotations

from datetime import datetime

import pytest

from lrsync.core.moments import parse_moment
from lrsync.errors import UsageError

NOW_NS = 1_800_000_000_000_000_000
DAY_NS = 86_400_000_000_000


def local_ns(*parts: int) -> int:
    return int(datetime(*parts).timestamp() * 1_000_000) * 1000  # type: ignore[arg-type]  # noqa: DTZ001 - local


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-01", local_ns(2024, 3, 1)),
        (" 2024-03-01T18:30 ", local_ns(2024, 3, 1, 18, 30)),
        ("2024-03-01 18:30:05.25", local_ns(2024, 3, 1, 18, 30, 5, 250_000)),
        ("2024-03-01T00:00:00Z", 1_709_251_200_000_000_000),
        ("2024-03-01T01:00:00+01:00", 1_709_251_200_000_000_000),
        ("30d", NOW_NS - 30 * DAY_NS),
        ("12H", NOW_NS - DAY_NS // 2),
        ("2w", NOW_NS - 14 * DAY_NS),
        ("1y", NOW_NS - 365 * DAY_NS),
        ("1950-01-01T00:00:00Z", -631_152_000_000_000_000),
    ],
)
def test_moments(text: str, expected: int) -> None:
    assert parse_moment(text, NOW_NS) == expected


def test_until_a_day_has_all_of_it() -> None:
    assert parse_moment("2024-02-29", NOW_NS, end=True) == local_ns(2024, 3, 1)
    assert parse_moment("2024-02-29T10:00", NOW_NS, end=True) == local_ns(2024, 2, 29, 10)
    assert parse_moment("1d", NOW_NS, end=True) == NOW_NS - DAY_NS


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "30", "30x", "d", "2024-03-01T25:00", "9999-12-31"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError, match="no date or time"):
        parse_moment(text, NOW_NS, end=True)
