"""How prices read: a sentence for people, numbers for scripts. Never a price without its region and date."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from lrsync.core.prices import Estimate, Quote, StorageQuote

WORTH_SAYING: Final = Decimal("0.01")
NONE_KNOWN: Final = "No prices are known for this store (the config file's 'prices' can name a list)."


def sentence_of(quote: Quote | None) -> str:
    """What a restore costs."""
    if quote is None:
        return NONE_KNOWN
    estimate = quote.estimate
    told = parts_of(estimate)
    text = f"It costs {_about(estimate.total)} {quote.currency}" + (f" ({told})" if told else "")
    way = ", over the internet" if estimate.transfer else ""  # what stays in the region goes out to nobody
    return _ended(f"{text}{_by(quote)}{way}", estimate.unpriced)


def parts_of(estimate: Estimate) -> str:
    """What an estimate is made of, but for what is not worth saying."""
    parts = {
        "requests": estimate.requests,
        "retrieval": estimate.retrieval,
        "thawed copies": estimate.copies,
        "transfer out": estimate.transfer,
    }
    return ", ".join(f"{name} {amount:.2f}" for name, amount in parts.items() if amount >= WORTH_SAYING)


def line(quote: StorageQuote | None) -> str:
    """What storage costs a month."""
    if quote is None:
        return NONE_KNOWN
    worth = ((name, amount) for name, amount in sorted(quote.by_class.items()) if amount >= WORTH_SAYING)
    parts = ", ".join(f"{name} {amount:.2f}" for name, amount in worth)
    text = f"The objects cost {_about(quote.total)} {quote.currency} a month" + (f" ({parts})" if parts else "")
    return _ended(f"{text}{_by(quote)}, without old versions and the trash", quote.unpriced)


def _about(amount: Decimal) -> str:
    return f"about {amount:.2f}" if amount >= WORTH_SAYING else f"less than {WORTH_SAYING}"


def _by(quote: Quote | StorageQuote) -> str:
    return f" by the list prices of {quote.region} of {quote.date.isoformat()}"


def _ended(text: str, unpriced: frozenset[str]) -> str:
    return f"{text}; no price is known of {', '.join(sorted(unpriced))}." if unpriced else f"{text}."


def restore_json(quote: Quote | None) -> dict[str, Any] | None:
    """What a restore costs; None where no price is known. Amounts are numbers of the currency."""
    if quote is None:
        return None
    return {**_of(quote), **estimate_json(quote.estimate)}


def estimate_json(estimate: Estimate) -> dict[str, Any]:
    """Amounts without their currency."""
    names = ("total", "requests", "retrieval", "copies", "transfer")
    amounts = {name: number(getattr(estimate, name)) for name in names}
    return {**amounts, "unpriced": sorted(estimate.unpriced)}


def json_of(quote: StorageQuote | None) -> dict[str, Any]:
    """What `status --cost --json` adds."""
    if quote is None:
        return {"storage_cost": None}
    by_class = {name: number(amount) for name, amount in sorted(quote.by_class.items())}
    told = {"a_month": number(quote.total), "by_class": by_class, "unpriced": sorted(quote.unpriced)}
    return {"storage_cost": {**_of(quote), **told}}


def _of(quote: Quote | StorageQuote) -> dict[str, Any]:
    return {"currency": quote.currency, "region": quote.region, "date": quote.date.isoformat()}


def amount_of(amount: Decimal | None) -> str:
    """An amount in a table: what is almost nothing is not called nothing; `?` where no price is known."""
    if amount is None:
        return "?"
    return f"{amount:,.2f}" if amount >= WORTH_SAYING or amount == 0 else f"<{WORTH_SAYING}"


def number(amount: Decimal) -> float:
    """An amount as JSON has it."""
    return round(float(amount), 4)
