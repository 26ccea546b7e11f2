"""Estimates, by the figures that AWS itself calculates, and by what must hold of any."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.adapters.pricelist import read_prices
from lrsync.core.prices import GIB, ZERO, PriceList, egress_price, restore_price, storage_price
from lrsync.core.thaw import ThawWish, Tier
from lrsync.errors import UsageError

PRICES = read_prices(None)
US = PRICES.of_region("us-east-1")[1]
TIB = 1024 * GIB


def test_the_list_is_dated_and_has_every_class_that_a_photo_may_lie_in() -> None:
    assert PRICES.date >= date(2026, 1, 1)
    assert PRICES.currency == "USD"
    assert {"STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING"} <= set(
        US.classes
    )
    assert PRICES.of_region("mars-north-1") == ("us-east-1", US)
    assert PRICES.of_region(None) == ("us-east-1", US)


@pytest.mark.parametrize(
    ("tier", "requests", "retrieval"),
    [(Tier.STANDARD, "750", "1024"), (Tier.EXPEDITED, "150000", "3072"), (Tier.BULK, "0", "0")],
)
def test_the_example_that_aws_calculates(tier: Tier, requests: str, retrieval: str) -> None:
    # https://repost.aws/knowledge-center/s3-manage-data-retrieval: 15,000,000 objects, 100 TB
    found = restore_price(US, {"GLACIER": (15_000_000, 100 * TIB)}, ThawWish(tier, 1))
    reads = 3 * 15_000 * Decimal("0.0004")
    assert (found.requests - reads, found.retrieval) == (Decimal(requests), Decimal(retrieval))


def test_a_deep_archive_in_bulk() -> None:
    found = restore_price(US, {"DEEP_ARCHIVE": (1000, TIB)}, ThawWish(Tier.BULK, 30))
    assert found.retrieval == 1024 * Decimal("0.0025")
    assert found.copies == 1024 * Decimal("0.023")
    assert found.transfer == 924 * Decimal("0.09")
    assert found.requests == Decimal("0.025") + 3 * Decimal("0.0004")
    assert found.total == found.retrieval + found.copies + found.transfer + found.requests


def test_an_instant_archive_is_retrieved_without_a_thaw() -> None:
    found = restore_price(US, {"GLACIER_IR": (1000, 100 * GIB)}, ThawWish())
    assert (found.retrieval, found.copies, found.transfer) == (Decimal(3), ZERO, ZERO)


def test_what_is_not_thawed_costs_no_thaw() -> None:
    found = restore_price(US, {"DEEP_ARCHIVE": (1000, GIB)}, None)
    assert (found.retrieval, found.copies) == (ZERO, ZERO)


@pytest.mark.parametrize(
    ("counts", "wish"),
    [({"OUTPOSTS": (1, GIB)}, ThawWish()), ({"DEEP_ARCHIVE": (1, GIB)}, ThawWish(Tier.EXPEDITED))],
)
def test_what_has_no_price_is_named_and_not_made_up(counts: dict[str, tuple[int, int]], wish: ThawWish) -> None:
    assert restore_price(US, counts, wish).unpriced == frozenset(counts)


@pytest.mark.parametrize(
    ("gib", "expected"), [(0, "0"), (100, "0"), (101, "0.09"), (10_240, "912.6"), (10_241, "912.685")]
)
def test_transfer_has_steps(gib: int, expected: str) -> None:
    assert egress_price(US, gib * GIB) == Decimal(expected)


sizes = st.integers(0, 400 * TIB)


@given(sizes, sizes)
def test_more_is_never_cheaper(one: int, more: int) -> None:
    assert egress_price(US, one) <= egress_price(US, one + more)
    for name in US.classes:
        less, all_ = (restore_price(US, {name: (10, size)}, ThawWish()).total for size in (one, one + more))
        assert less <= all_


def test_storage_a_month() -> None:
    by_class, unpriced = storage_price(
        US, {"STANDARD": (1000, 100 * GIB), "DEEP_ARCHIVE": (1000, 0), "STANDARD_IA": (1, 1), "X": (1, 1)}
    )
    assert by_class["STANDARD"] == Decimal("2.3")
    overhead = 1000 * (Decimal(32 * 1024) * Decimal("0.00099") + Decimal(8 * 1024) * Decimal("0.023")) / GIB
    assert by_class["DEEP_ARCHIVE"] == overhead, "40 KB an object, even of an empty one"
    assert by_class["STANDARD_IA"] == Decimal(128 * 1024) / GIB * Decimal("0.0125")
    assert unpriced == {"X"}


def test_prices_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(
        'date = 2026-01-01\ncurrency = "EUR"\ndefault_region = "here"\n'
        "[regions.here]\negress = [{ per_gib = 0.01 }]\nlist_per_1000 = 0\n"
        "[regions.here.classes.STANDARD]\nstorage_per_gib_month = 0.005\nput_per_1000 = 0\nget_per_1000 = 0\n"
    )
    own = read_prices(path)
    assert isinstance(own, PriceList) and own.currency == "EUR"
    assert restore_price(own.of_region(None)[1], {"STANDARD": (5, 10 * GIB)}, None).total == Decimal("0.1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "date = 1",
        'date = 2026-01-01\ncurrency = "EUR"\ndefault_region = "x"\n[regions]\n',
        'date = 2026-01-01\ncurrency = "EUR"\ndefault_region = "x"\n'
        "[regions.x]\negress = []\nlist_per_1000 = -1\nclasses = {}\n",
        "= 1",
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UsageError):
        read_prices(path)
    with pytest.raises(UsageError):
        read_prices(tmp_path / "none.toml")
