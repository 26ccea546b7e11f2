"""What a library costs, by kind and class, and what other classes would cost. Pure: counts and prices in, amounts out.

Objects of which no price is known have none here either: None, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from lrsync.core.filetypes import FileType
from lrsync.core.prices import ZERO, Counts, Estimate, PriceList, RegionPrices, restore_price, storage_price
from lrsync.core.runs import RunInfo
from lrsync.core.storage import ARCHIVES, STANDARD, StorageRules
from lrsync.core.thaw import ThawWish, Tier, archive_of

THAW_DAYS: Final = 7


class StoredGroup(NamedTuple):
    """Objects of one kind and class. `is_small`: below the size from which on an archive is worth while.

    Those that are billed as longer than they are, and those that are not, are never in one group.
    """

    kind: FileType
    storage_class: str
    is_small: bool
    objects: int
    bytes: int


class CostLine(NamedTuple):
    """All objects of one kind and class, and what they cost a month; None where no price is known."""

    kind: FileType
    storage_class: str
    objects: int
    bytes: int
    a_month: Decimal | None


@dataclass(frozen=True, slots=True)
class RunCost:
    """A run's requests to S3 by their kind, and what they cost."""

    run: RunInfo
    requests: Mapping[str, int]
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What it would be like with other classes. `moved`: objects and bytes that would lie elsewhere, in `targets`.

    `once`: what lifecycle transitions of these would cost; `restore` and `restore_now`: bringing everything back at the
    cheapest within twelve hours, then and as it is. `least_days`: what has to stay so long, by class.
    """

    rules: Mapping[FileType, str]
    moved: tuple[int, int]
    targets: frozenset[str]
    now: Decimal
    then: Decimal
    once: Decimal
    restore_now: Estimate
    restore: Estimate
    least_days: Mapping[str, int]
    unpriced: frozenset[str]

    @property
    def saved(self) -> Decimal:
        """A month; negative where it would cost more."""
        return self.now - self.then

    @property
    def pays_after_months(self) -> Decimal | None:
        """When what it costs once is saved; None for never."""
        return self.once / self.saved if self.saved > 0 else None


@dataclass(frozen=True, slots=True)
class CostReport:
    """What `lrsync cost` says. Without `prices` (of a store that is not AWS) only what lies there is known."""

    lines: Sequence[CostLine]
    region: str = ""
    date: date | None = None
    currency: str = ""
    last_run: RunCost | None = None
    restore: Mapping[Tier | None, Estimate] = field(default_factory=dict)
    """By the tier that archived objects are thawed in; None: nothing is archived."""
    what_if: WhatIf | None = None

    @property
    def has_prices(self) -> bool:
        """Whether any price is known."""
        return self.date is not None

    @property
    def a_month(self) -> Decimal:
        """All that has a price."""
        return sum((line.a_month for line in self.lines if line.a_month is not None), ZERO)

    @property
    def unpriced(self) -> frozenset[str]:
        """Classes of which none is known."""
        return frozenset(line.storage_class for line in self.lines if line.a_month is None)


@dataclass(frozen=True, slots=True)
class CostFacts:
    """What the manifest tells: what lies there, the last run, and what it stored, by class."""

    groups: Sequence[StoredGroup]
    last_run: RunInfo | None = None
    stored: Mapping[str, int] = field(default_factory=dict)


def report_costs(
    facts: CostFacts, prices: PriceList | None, region: str | None, rules: StorageRules | None
) -> CostReport:
    """Everything. `rules`: what other classes are asked about; None for none."""
    if prices is None:
        last = None if facts.last_run is None else RunCost(facts.last_run, _requests_of(facts.last_run), None)
        return CostReport(_lines(facts.groups, None), last_run=last)
    name, of_region = prices.of_region(region)
    counts = counts_of(facts.groups)
    return CostReport(
        lines=_lines(facts.groups, of_region),
        region=name,
        date=prices.date,
        currency=prices.currency,
        last_run=None if facts.last_run is None else _run_cost(facts.last_run, facts.stored, of_region),
        restore={tier: restore_price(of_region, counts, _wish(tier)) for tier in _tiers(counts)},
        what_if=None if rules is None else _what_if(facts.groups, of_region, rules),
    )


def counts_of(groups: Sequence[StoredGroup]) -> Counts:
    """Objects and bytes by class."""
    counts: dict[str, tuple[int, int]] = {}
    for group in groups:
        objects, size = counts.get(group.storage_class, (0, 0))
        counts[group.storage_class] = (objects + group.objects, size + group.bytes)
    return counts


def _lines(groups: Sequence[StoredGroup], prices: RegionPrices | None) -> list[CostLine]:
    lines: dict[tuple[FileType, str], CostLine] = {}
    for group in groups:
        place, price = (group.kind, group.storage_class), _price_of(group, prices)
        known = lines.get(place, CostLine(*place, 0, 0, None if price is None else ZERO))
        total = None if price is None or known.a_month is None else known.a_month + price
        lines[place] = CostLine(*place, known.objects + group.objects, known.bytes + group.bytes, total)
    return sorted(lines.values(), key=lambda line: (-line.bytes, line.kind.value, line.storage_class))


def _price_of(group: StoredGroup, prices: RegionPrices | None) -> Decimal | None:
    if prices is None:
        return None
    by_class, _ = storage_price(prices, {group.storage_class: (group.objects, group.bytes)})
    return by_class.get(group.storage_class)


# --- requests ---------------------------------------------------------------------------------------------


def _requests_of(run: RunInfo) -> dict[str, int]:
    counts = run.counts.get("s3_requests")
    return {name: int(number) for name, number in counts.items()} if isinstance(counts, dict) else {}


def _run_cost(run: RunInfo, stored: Mapping[str, int], prices: RegionPrices) -> RunCost:
    """What a run's requests cost: of each object that it stored the one of its class, all others STANDARD's.

    S3 pricing: parts of an upload are billed as STANDARD's, and DELETE not at all.
    """
    requests, standard = _requests_of(run), prices.classes.get(STANDARD)
    if standard is None or not set(stored) <= set(prices.classes):
        return RunCost(run, requests, None)
    writes = requests.get("put", 0) + requests.get("copy", 0)
    price = sum((prices.classes[name].put_per_1000 * count / 1000 for name, count in stored.items()), ZERO)
    price += standard.put_per_1000 * max(0, writes - sum(stored.values())) / 1000
    price += prices.list_per_1000 * requests.get("list", 0) / 1000
    price += standard.get_per_1000 * (requests.get("head", 0) + requests.get("other", 0)) / 1000
    return RunCost(run, requests, price)


# --- a restore --------------------------------------------------------------------------------------------


def _tiers(counts: Counts) -> Sequence[Tier | None]:
    return tuple(Tier) if any(archive_of(name) is not None for name in counts) else (None,)


def _wish(tier: Tier | None) -> ThawWish:
    return ThawWish(tier, THAW_DAYS)


# --- other classes ----------------------------------------------------------------------------------------


def differing(groups: Sequence[StoredGroup], rules: StorageRules) -> bool:
    """Whether anything lies in another class than these rules would put it into now."""
    return any(_chosen(group, rules) != group.storage_class for group in groups)


def _chosen(group: StoredGroup, rules: StorageRules) -> str:
    """The class for these objects; the one that they have where the rules say nothing of their kind."""
    chosen = rules.by_kind.get(group.kind, rules.default) or group.storage_class
    if chosen not in ARCHIVES or chosen == group.storage_class:
        return chosen
    stays = group.kind is FileType.CATALOG or group.is_small
    return _at_hand(group.storage_class, rules) if stays else chosen


def _at_hand(now: str, rules: StorageRules) -> str:
    """Where what goes into no archive lies: where it is, if that is none."""
    if now not in ARCHIVES:
        return now
    return rules.default if rules.default is not None and rules.default not in ARCHIVES else STANDARD


def _what_if(groups: Sequence[StoredGroup], prices: RegionPrices, rules: StorageRules) -> WhatIf:
    moved = [group for group in groups if _chosen(group, rules) != group.storage_class]
    then = [group._replace(storage_class=_chosen(group, rules)) for group in groups]
    targets = frozenset(_chosen(group, rules) for group in moved)
    return WhatIf(
        rules=dict(rules.by_kind),
        moved=(sum(group.objects for group in moved), sum(group.bytes for group in moved)),
        targets=targets,
        now=_total(groups, prices),
        then=_total(then, prices),
        once=_sum(moved, lambda group: _transition_price(_chosen(group, rules), group.objects, prices)),
        restore_now=restore_price(prices, counts_of(groups), _wish(None)),
        restore=restore_price(prices, counts_of(then), _wish(None)),
        least_days={name: days for name in sorted(targets) if (days := _least_days(name, prices))},
        unpriced=frozenset({*counts_of(groups), *counts_of(then)} - set(prices.classes)),
    )


def _total(groups: Sequence[StoredGroup], prices: RegionPrices) -> Decimal:
    return _sum(groups, lambda group: _price_of(group, prices) or ZERO)


def _sum(groups: Sequence[StoredGroup], price: Callable[[StoredGroup], Decimal]) -> Decimal:
    return sum(map(price, groups), ZERO)


def _transition_price(target: str, objects: int, prices: RegionPrices) -> Decimal:
    of_class = prices.classes.get(target)
    return ZERO if of_class is None else of_class.lifecycle_per_1000 * objects / 1000


def _least_days(name: str, prices: RegionPrices) -> int:
    of_class = prices.classes.get(name)
    return 0 if of_class is None else of_class.least_days
