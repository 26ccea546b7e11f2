"""Read a list of prices: the one that comes with lrsync, or the user's own. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from typing import Any

from lrsync.core.prices import ClassPrices, EgressStep, PriceList, RegionPrices, ThawPrice
from lrsync.core.thaw import Tier
from lrsync.errors import UsageError


def read_prices(path: Path | None) -> PriceList:
    """The prices in this file, or lrsync's own. Raises UsageError."""
    import tomllib

    try:
        data = (files("lrsync") / "data" / "prices.toml").read_bytes() if path is None else path.read_bytes()
        return _price_list(tomllib.loads(data.decode(), parse_float=Decimal))
    except OSError as problem:
        raise UsageError(f"the prices in {path} cannot be read: {problem.strerror}", hint="check 'prices'") from None
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation) as problem:
        hint = "it must have the form of lrsync's own prices.toml: docs/restore-archived.md shows it"
        raise UsageError(f"the prices in {path} make no sense: {problem!r}", hint=hint) from None


def _price_list(table: Mapping[str, Any]) -> PriceList:
    regions = {name: _region(region) for name, region in table["regions"].items()}
    found = PriceList(table["date"], str(table["currency"]), table["default_region"], regions)
    if not isinstance(found.date, date) or found.default_region not in regions:
        raise ValueError("date must be a date, and default_region one of the regions")
    return found


def _region(table: Mapping[str, Any]) -> RegionPrices:
    steps = tuple(EgressStep(step.get("up_to_gib"), _amount(step["per_gib"])) for step in table["egress"])
    classes = {name: _class(one) for name, one in table["classes"].items()}
    return RegionPrices(classes, steps, _amount(table["list_per_1000"]))


def _class(table: Mapping[str, Any]) -> ClassPrices:
    thaw = {
        Tier(name): ThawPrice(_amount(one["per_gib"]), _amount(one["per_1000"]))
        for name, one in table.get("thaw", {}).items()
    }
    plain = {name: value for name, value in table.items() if name != "thaw"}
    whole = ("least_days", "least_bytes", "overhead_bytes", "overhead_standard_bytes", "monitored_from_bytes")
    values: dict[str, Any] = {name: int(v) if name in whole else _amount(v) for name, v in plain.items()}
    return ClassPrices(**values, thaw=thaw)


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        raise ValueError(f"{value!r} is not a price")
    return Decimal(value)
