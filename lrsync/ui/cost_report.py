"""How a library's costs read: grids for people, an object for scripts. No price without its region and date."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from lrsync.core.costs import CostReport, RunCost, WhatIf
from lrsync.core.prices import Estimate
from lrsync.core.thaw import Tier
from lrsync.ui.cost_view import NONE_KNOWN, WORTH_SAYING, amount_of, estimate_json, number, parts_of
from lrsync.ui.report import Grid, Report, Tone
from lrsync.ui.text import count, iso, local, size

_TIERS: Final = {
    None: "A restore",
    Tier.BULK: "A restore, bulk",
    Tier.STANDARD: "A restore, standard",
    Tier.EXPEDITED: "A restore, expedited",
}


def build(report: CostReport) -> Report:
    """The whole answer."""
    rows = tuple(
        (line.kind.value, line.storage_class, f"{line.objects:,}", size(line.bytes), amount_of(line.a_month))
        for line in report.lines
    )
    grids = (
        Grid(rows, ("Kind", "Class", "Objects", "Size", "A month"), frozenset({2, 3, 4})),
        Grid(tuple(_facts(report))),
    )
    problems = () if report.what_if is None else tuple(_what_if_lines(report.what_if, report.currency))
    return Report(_sentence(report), Tone.GOOD, grids, problems)


def _sentence(report: CostReport) -> str:
    if report.date is None:
        return NONE_KNOWN
    total = f"about {report.a_month:,.2f}" if report.a_month >= WORTH_SAYING else f"less than {WORTH_SAYING}"
    unpriced = f"; no price is known of {', '.join(sorted(report.unpriced))}" if report.unpriced else ""
    by = f"by the list prices of {report.region} of {report.date.isoformat()}"
    return f"Storage costs {total} {report.currency} a month {by}, without old versions and the trash{unpriced}."


def _facts(report: CostReport) -> Iterator[tuple[str, str]]:
    if report.last_run is not None:
        yield "Last run", _run_words(report.last_run, report.currency)
    for tier, estimate in report.restore.items():
        yield _TIERS[tier], _restore_words(tier, estimate, report.currency)


def _run_words(last: RunCost, currency: str) -> str:
    named = ", ".join(f"{times:,} {name}" for name, times in last.requests.items() if times and name != "total")
    told = f"{local(last.run.started_at)}: {count(last.requests.get('total', 0), 'request')}"
    price = "" if last.price is None else f": {amount_of(last.price)} {currency}"
    return told + (f" ({named})" if named else "") + price


def _restore_words(tier: Tier | None, estimate: Estimate, currency: str) -> str:
    if estimate.unpriced:
        lack = "no price is known" if tier is None else "not to be had"
        return f"{lack} for {', '.join(sorted(estimate.unpriced))}; the rest {amount_of(estimate.total)} {currency}"
    named = parts_of(estimate)
    return f"{amount_of(estimate.total)} {currency}" + (f" ({named})" if named else "")


def _what_if_lines(found: WhatIf, currency: str) -> Iterator[str]:
    """What other classes would come to, in sentences: they are read once, and argued about."""
    asked = ", ".join(f"{kind.value} in {name}" for kind, name in found.rules.items()) or "the configured classes"
    objects, length = found.moved
    if not objects:
        yield f"With {asked} nothing would lie elsewhere."
        return
    if unknown := found.unpriced & found.targets:
        moved = f"With {asked}, {count(objects, 'object')} of {size(length)} would lie elsewhere."
        yield f"{moved} No price is known of {', '.join(sorted(unknown))}, so nobody can say what that would cost."
        return
    more_or_less = f"{amount_of(abs(found.saved))} {'less' if found.saved >= 0 else 'more'}"
    yield (
        f"With {asked}, {count(objects, 'object')} of {size(length)} would lie elsewhere: {amount_of(found.then)} "
        f"{currency} a month, {more_or_less} than the {amount_of(found.now)} of now."
    )
    after = found.pays_after_months
    pays = "" if after is None else f", saved after {max(after, Decimal('0.1')):.1f} months"
    yield f"To move them by a lifecycle rule costs {amount_of(found.once)} {currency} once{pays}."
    now, then = found.restore_now.total, found.restore.total
    # As `restore --thaw auto` does it: of a deep archive bulk is cheaper still, and takes two days.
    way = "A restore of everything, at the cheapest within twelve hours,"
    yield f"{way} would then cost {amount_of(then)} {currency} (now {amount_of(now)})."
    for name, days in found.least_days.items():
        yield f"{name} bills {days} days of each object at least, whatever is replaced or deleted sooner."
    if found.unpriced:
        yield f"No price is known of {', '.join(sorted(found.unpriced))}: that is not in it."


# --- JSON -------------------------------------------------------------------------------------------------


def as_object(library: str, report: CostReport | None) -> dict[str, Any]:
    """The object of `cost --json`. Amounts are numbers of the currency; null where no price is known."""
    head: dict[str, Any] = {"command": "cost", "library": library, "result": "ok", "exit_code": 0}
    if report is None:
        report = CostReport(())
    return {
        **head,
        "prices": None
        if report.date is None
        else {"currency": report.currency, "region": report.region, "date": report.date.isoformat()},
        "a_month": _number(report.a_month) if report.has_prices else None,
        "unpriced": sorted(report.unpriced) if report.has_prices else [],
        "storage": [
            {
                "kind": line.kind.value,
                "storage_class": line.storage_class,
                "objects": line.objects,
                "bytes": line.bytes,
                "a_month": _number(line.a_month),
            }
            for line in report.lines
        ],
        "last_run": _run_object(report.last_run),
        "restore": {
            "any" if tier is None else tier.value: estimate_json(estimate) for tier, estimate in report.restore.items()
        },
        "what_if": _what_if_object(report.what_if),
    }


def _run_object(last: RunCost | None) -> dict[str, Any] | None:
    if last is None:
        return None
    told = {"run_id": last.run.id, "started_at": iso(last.run.started_at)}
    return {**told, "s3_requests": dict(last.requests), "price": _number(last.price)}


def _what_if_object(found: WhatIf | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "classes": {kind.value: name for kind, name in found.rules.items()},
        "objects": found.moved[0],
        "bytes": found.moved[1],
        "a_month_now": _number(found.now),
        "a_month": _number(found.then),
        "saved_a_month": _number(found.saved),
        "once": _number(found.once),
        "pays_after_months": _number(found.pays_after_months),
        "restore_now": estimate_json(found.restore_now),
        "restore": estimate_json(found.restore),
        "least_days": dict(found.least_days),
        "unpriced": sorted(found.unpriced),
    }


def _number(amount: Decimal | None) -> float | None:
    return None if amount is None else number(amount)
