"""What S3 asks for: storage by the month, and a restore. Pure: prices and counts in, an estimate out.

Where no price is known none is made up: such a class is named in the estimate instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from lrsync.core.thaw import Archive, ThawWish, Tier, archive_of, tier_for

GIB: Final = 1 << 30
MONTH_DAYS: Final = 30
ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class ThawPrice:
    """What bringing objects back from an archive costs, in one tier."""

    per_gib: Decimal
    per_1000: Decimal


@dataclass(frozen=True, slots=True)
class ClassPrices:
    """One storage class. What is shorter than `least_bytes` is billed as that long; younger than `least_days`, as old.

    `overhead_bytes` an object are billed besides it, and `overhead_standard_bytes` at the price of STANDARD.
    """

    storage_per_gib_month: Decimal
    put_per_1000: Decimal
    get_per_1000: Decimal
    lifecycle_per_1000: Decimal = ZERO
    retrieval_per_gib: Decimal = ZERO
    monitoring_per_1000_month: Decimal = ZERO
    monitored_from_bytes: int = 0
    least_days: int = 0
    least_bytes: int = 0
    overhead_bytes: int = 0
    overhead_standard_bytes: int = 0
    thaw: Mapping[Tier, ThawPrice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EgressStep:
    """Transfer out up to so many GiB a month (None: without end)."""

    up_to_gib: int | None
    per_gib: Decimal


@dataclass(frozen=True, slots=True)
class RegionPrices:
    """One region."""

    classes: Mapping[str, ClassPrices]
    egress: tuple[EgressStep, ...]
    list_per_1000: Decimal


@dataclass(frozen=True, slots=True)
class PriceList:
    """A dated list of prices."""

    date: date
    currency: str
    default_region: str
    regions: Mapping[str, RegionPrices]

    def of_region(self, region: str | None) -> tuple[str, RegionPrices]:
        """The region's prices, or those of the default region where it has none; and which region's they are."""
        name = region if region in self.regions else self.default_region
        assert name is not None
        return name, self.regions[name]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What something costs. `unpriced`: storage classes of which no price is known, and that are not in it."""

    requests: Decimal = ZERO
    retrieval: Decimal = ZERO
    copies: Decimal = ZERO
    transfer: Decimal = ZERO
    unpriced: frozenset[str] = frozenset()

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.requests + self.retrieval + self.copies + self.transfer


@dataclass(frozen=True, slots=True)
class Quote:
    """An estimate, and by which prices: of which region and date, in which currency."""

    estimate: Estimate
    region: str
    date: date
    currency: str


@dataclass(frozen=True, slots=True)
class StorageQuote:
    """What storage costs a month, by class; `unpriced` as in an estimate, the rest as in a quote."""

    by_class: Mapping[str, Decimal]
    unpriced: frozenset[str]
    region: str
    date: date
    currency: str

    @property
    def total(self) -> Decimal:
        """All classes together."""
        return sum(self.by_class.values(), ZERO)


Counts = Mapping[str, tuple[int, int]]
"""Objects and bytes by storage class."""


def restore_price(prices: RegionPrices, counts: Counts, wish: ThawWish | None) -> Estimate:
    """What restoring so many objects costs at most: requests, retrieval, thawed copies, transfer to the internet.

    Of INTELLIGENT_TIERING it takes nothing for archived: only each object knows, and standard thaws are free there.
    Transfer is priced as the month's first, beginning with what is free.
    """
    requests = retrieval = copies = ZERO
    unpriced, total_bytes = set[str](), 0
    for name, (objects, size) in counts.items():
        of_class = prices.classes.get(name)
        total_bytes += size
        if of_class is None:
            unpriced.add(name)
            continue
        requests += _thousands(objects) * of_class.get_per_1000
        retrieval += _gib(size) * of_class.retrieval_per_gib
        archive = archive_of(name)
        if archive is not None and wish is not None:
            thawed = _thaw_price(of_class, archive, wish)
            if thawed is None:
                unpriced.add(name)
                continue
            # A refused read, a question and the asking, before the read that succeeds.
            requests += _thousands(2 * objects) * of_class.get_per_1000 + _thousands(objects) * thawed.per_1000
            retrieval += _gib(size) * thawed.per_gib
            copies += _copy_price(prices, size, wish.days)
    return Estimate(requests, retrieval, copies, egress_price(prices, total_bytes), frozenset(unpriced))


def _thaw_price(of_class: ClassPrices, archive: Archive, wish: ThawWish) -> ThawPrice | None:
    tier = tier_for(wish, archive)
    return None if tier is None else of_class.thaw.get(tier)


def _copy_price(prices: RegionPrices, size: int, days: int) -> Decimal:
    """A thawed copy lies in STANDARD for its days, besides the archived object."""
    standard = prices.classes.get("STANDARD")
    return ZERO if standard is None else _gib(size) * standard.storage_per_gib_month * days / MONTH_DAYS


def egress_price(prices: RegionPrices, size: int) -> Decimal:
    """What sending so many bytes to the internet costs, if nothing else is sent in that month."""
    total, from_gib, left = ZERO, Decimal(0), _gib(size)
    for step in prices.egress:
        room = left if step.up_to_gib is None else min(left, step.up_to_gib - from_gib)
        total += room * step.per_gib
        left -= room
        if step.up_to_gib is not None:
            from_gib = Decimal(step.up_to_gib)
    return total


def storage_price(prices: RegionPrices, counts: Counts) -> tuple[dict[str, Decimal], frozenset[str]]:
    """What so many objects cost a month, by class; and the classes without a known price.

    `least_bytes` is applied to the average object: the sizes of single ones are not known here.
    """
    by_class = {name: _stored(prices, name, *count) for name, count in counts.items() if name in prices.classes}
    return by_class, frozenset(counts) - frozenset(by_class)


def _stored(prices: RegionPrices, name: str, objects: int, size: int) -> Decimal:
    of_class, standard = prices.classes[name], prices.classes.get("STANDARD")
    billed = max(size, objects * of_class.least_bytes) + objects * of_class.overhead_bytes
    price = _gib(billed) * of_class.storage_per_gib_month
    if standard is not None:
        price += _gib(objects * of_class.overhead_standard_bytes) * standard.storage_per_gib_month
    monitored = objects and size / objects >= of_class.monitored_from_bytes
    return price + (_thousands(objects) * of_class.monitoring_per_1000_month if monitored else ZERO)


def _gib(size: int) -> Decimal:
    return Decimal(size) / GIB


def _thousands(objects: int) -> Decimal:
    return Decimal(objects) / 1000
