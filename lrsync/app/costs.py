"""Wire the prices: which list holds for these settings, if any does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lrsync.adapters.cost_query import has_class, read_costs
from lrsync.adapters.pricelist import read_prices
from lrsync.adapters.status_query import read_classes
from lrsync.app.manifest_place import manifest_path
from lrsync.config import Config
from lrsync.core import costs
from lrsync.core import storage_advice as advice
from lrsync.core.adopt_price import added, asking_price, download_price, rewrite_price
from lrsync.core.costs import CostReport, differing
from lrsync.core.filetypes import FileType
from lrsync.core.prices import (
    Counts,
    Estimate,
    PriceList,
    Quote,
    RegionPrices,
    StorageQuote,
    restore_price,
    storage_price,
)
from lrsync.core.storage import MIN_SIZE, STANDARD, StorageRules
from lrsync.core.thaw import ThawWish
from lrsync.errors import UsageError


def quote_restore(config: Config, counts: Counts, wish: ThawWish | None) -> Quote | None:
    """What a restore costs; None where no price is known. Raises UsageError."""
    return _quoted(config, lambda prices: restore_price(prices, counts, wish))


def quote_storage(config: Config) -> StorageQuote | None:
    """What the current objects cost a month; None where no price is known. Raises UsageError, ManifestError."""
    prices = _prices(config)
    return None if prices is None else _stored(config, prices, read_classes(manifest_path(config)))


def quote_files(config: Config, counts: Counts) -> StorageQuote | None:
    """What files will cost a month in these classes; None where no price is known. Raises UsageError."""
    prices = _prices(config)
    return None if prices is None else _stored(config, prices, counts)


def report_costs(config: Config, changes: Mapping[FileType, str]) -> CostReport | None:
    """What the library costs, and with other classes (`changes`, else the configured ones where they are others).

    None where nothing was ever backed up. Reads only the manifest and the prices. Raises UsageError, ManifestError.
    """
    # Rules that are only asked about get the size that a [storage] table has unless it says another.
    min_size = MIN_SIZE if changes and not config.storage.by_kind else config.storage.min_size
    prices = _prices(config)
    if prices is not None:
        _check_priced(changes.values(), prices.of_region(config.region)[1])
    facts = read_costs(manifest_path(config), min_size)
    if facts is None:
        return None
    configured = config.storage_rules if differing(facts.groups, config.storage_rules) else None
    rules = StorageRules(by_kind=changes, min_size=min_size) if changes else configured
    return costs.report_costs(facts, prices, config.region, rules)


def _check_priced(asked: Iterable[str], prices: RegionPrices) -> None:
    """What has no price seems to cost nothing, and so to save everything: a slip of the pen is told instead."""
    unknown = next((name for name in asked if name not in prices.classes), None)
    if unknown is not None:
        import difflib

        close = difflib.get_close_matches(unknown, prices.classes, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(prices.classes)}"
        raise UsageError(f"--what-if: no price is known of {unknown}", hint=hint)


def storage_warnings(config: Config) -> list[str]:
    """What to know of the configured storage classes, a sentence each. Raises UsageError."""
    prices = _prices(config)
    of_region = None if prices is None else prices.of_region(config.region)[1]
    return advice.storage_warnings(config.storage_rules, of_region, None if prices is None else prices.date)


def first_warnings(config: Config, manifest: Path) -> list[str]:
    """The same, before anything lies in one of these classes: said once. Raises UsageError, ManifestError."""
    unlike = config.storage_rules.classes - {STANDARD}
    is_first = bool(unlike) and not any(has_class(manifest, name) for name in unlike)
    return storage_warnings(config) if is_first else []


def _stored(config: Config, prices: PriceList, counts: Counts) -> StorageQuote:
    region, of_region = prices.of_region(config.region)
    by_class, unpriced = storage_price(of_region, counts)
    return StorageQuote(by_class, unpriced, region, prices.date, prices.currency)


def _prices(config: Config) -> PriceList | None:
    """AWS's prices say nothing of another store."""
    if config.endpoint_url is not None and config.prices is None:
        return None
    return read_prices(config.prices)


def quote_adoption(config: Config, objects: int, rewritten: Counts) -> Quote | None:
    """What asking about so many objects, and rewriting these, costs; None for unknown prices. Raises UsageError."""
    return _quoted(config, lambda prices: added(asking_price(prices, objects), rewrite_price(prices, rewritten)))


def quote_download(config: Config, counts: Counts) -> Quote | None:
    """What reading objects back costs; None where no price is known. Raises UsageError."""
    return _quoted(config, lambda prices: download_price(prices, counts))


def quote_rewrite(config: Config, counts: Counts) -> Quote | None:
    """What giving objects metadata costs; None where no price is known. Raises UsageError."""
    return _quoted(config, lambda prices: rewrite_price(prices, counts))


def _quoted(config: Config, estimate: Callable[[RegionPrices], Estimate]) -> Quote | None:
    prices = _prices(config)
    if prices is None:
        return None
    region, of_region = prices.of_region(config.region)
    return Quote(estimate(of_region), region, prices.date, prices.currency)
