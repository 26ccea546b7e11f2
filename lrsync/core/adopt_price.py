"""What taking over a bucket costs. Pure: prices and counts in, an estimate out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from lrsync.core.prices import ZERO, Counts, Estimate, RegionPrices, restore_price


def asking_price(prices: RegionPrices, objects: int) -> Estimate:
    """What listing so many objects and asking about each by HEAD costs."""
    standard = prices.classes.get("STANDARD")
    heads = ZERO if standard is None else Decimal(objects) / 1000 * standard.get_per_1000
    return Estimate(requests=heads + Decimal(-(-objects // 1000)) / 1000 * prices.list_per_1000)


def download_price(prices: RegionPrices, counts: Counts) -> Estimate:
    """What reading objects back costs, those in archives left out."""
    return restore_price(prices, counts, None)


def rewrite_price(prices: RegionPrices, counts: Counts) -> Estimate:
    """What copying objects onto themselves costs: a question, a copy and a look at each, and retrieval.

    What a bucket with versions then stores twice, and what a young object of a class with a least duration is still
    billed for, is not in it.
    """
    # As for a restore, without the transfer: a copy stays in the region.
    read = restore_price(prices, counts, None)
    known = [(name, objects) for name, (objects, _) in counts.items() if name in prices.classes]
    written = sum((Decimal(objects) / 1000 * prices.classes[name].put_per_1000 for name, objects in known), ZERO)
    return replace(read, requests=3 * read.requests + written, transfer=ZERO)


def added(one: Estimate, other: Estimate) -> Estimate:
    """Both together."""
    return Estimate(
        requests=one.requests + other.requests,
        retrieval=one.retrieval + other.retrieval,
        copies=one.copies + other.copies,
        transfer=one.transfer + other.transfer,
        unpriced=one.unpriced | other.unpriced,
    )
