"""How `lrsync cost` reads: whole sentences, amounts that are never invented, and JSON that scripts can trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import pytest

from lrsync.adapters.pricelist import read_prices
from lrsync.config import Config
from lrsync.core.costs import CostFacts, CostReport, StoredGroup, report_costs
from lrsync.core.filetypes import FileType
from lrsync.core.prices import GIB, StorageQuote
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.storage import MIN_SIZE, StorageRules
from lrsync.ui.cost_view import amount_of
from lrsync.ui.page.tables import by_class
from lrsync.ui.text import local
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY, Cli

LAST = RunInfo(7, RunKind.SYNC, RunResult.OK, 0, 5, 9, {"s3_requests": {"total": 4, "put": 3, "head": 1}})
GROUPS = [
    StoredGroup(FileType.ORIGINAL, "STANDARD", False, 10_000, 300 * GIB),
    StoredGroup(FileType.SIDECAR, "STANDARD", True, 10_000, 40_000_000),
]
ASLEEP = [StoredGroup(FileType.ORIGINAL, "DEEP_ARCHIVE", False, 10_000, 300 * GIB)]


def use(cli: Cli, groups: list[StoredGroup] | None, *, priced: bool = True) -> list[Mapping[FileType, str]]:
    """An app whose library holds this; returns what is asked of it."""
    asked: list[Mapping[FileType, str]] = []

    def report(config: Config, changes: Mapping[FileType, str]) -> CostReport | None:
        asked.append(changes)
        if groups is None:
            return None
        rules = StorageRules(by_kind=changes, min_size=MIN_SIZE) if changes else None
        return report_costs(
            CostFacts(groups, LAST, {"STANDARD": 2}), read_prices(None) if priced else None, None, rules
        )

    app = stub_app.make()
    vars(app)["report_costs"] = report
    cli.use(app)
    return asked


def test_what_it_costs(cli: Cli) -> None:
    use(cli, GROUPS)
    result = cli("cost", *LIBRARY)
    assert result.code == 0
    assert result.out.splitlines() == [
        "Storage costs about 6.90 USD a month by the list prices of us-east-1 of 2026-06-18, without old versions and "
        "the trash.",
        "",
        "Kind      Class     Objects      Size  A month",
        "original  STANDARD   10,000  322.1 GB     6.90",
        "sidecar   STANDARD   10,000   40.0 MB    <0.01",
        "",
        f"Last run   {local(5)}: 4 requests (3 put, 1 head): <0.01 USD",
        "A restore  18.01 USD (transfer out 18.00)",
    ]


def test_what_it_would_cost(cli: Cli) -> None:
    asked = use(cli, GROUPS)
    text = cli("cost", *LIBRARY, "--what-if", "original=deep-archive", "--what-if", "Sidecar=STANDARD").out
    assert asked == [{FileType.ORIGINAL: "DEEP_ARCHIVE", FileType.SIDECAR: "STANDARD"}]
    assert (
        "With original in DEEP_ARCHIVE, sidecar in STANDARD, 10,000 objects of 322.1 GB would lie elsewhere: 0.30 USD "
        "a month, 6.60 less than the 6.90 of now." in text
    )
    assert "To move them by a lifecycle rule costs 0.50 USD once, saved after 0.1 months." in text
    # 6.00 to retrieve, 1.02 for requests, 1.61 for a week of thawed copies, 18.00 over the internet.
    assert "would then cost 26.63 USD (now 18.01)." in text
    assert "DEEP_ARCHIVE bills 180 days" in text
    assert "nothing would lie elsewhere" in cli("cost", *LIBRARY, "--what-if", "original=STANDARD").out


def test_archived_objects_have_a_price_for_each_tier(cli: Cli) -> None:
    use(cli, ASLEEP)
    text = cli("cost", *LIBRARY).out
    assert "A restore, expedited  not to be had for DEEP_ARCHIVE" in text
    assert "A restore, bulk       " in text and "A restore, standard   " in text
    told = json.loads(cli("cost", *LIBRARY, "--json").out)
    assert set(told["restore"]) == {"bulk", "standard", "expedited"}
    assert told["restore"]["bulk"]["total"] < told["restore"]["standard"]["total"]
    assert told["restore"]["expedited"]["unpriced"] == ["DEEP_ARCHIVE"]


def test_of_a_store_without_prices_none_is_made_up(cli: Cli) -> None:
    use(cli, GROUPS, priced=False)
    text = cli("cost", *LIBRARY).out
    assert text.startswith("No prices are known for this store") and "322.1 GB        ?" in text
    told = json.loads(cli("cost", *LIBRARY, "--json").out)
    assert (told["prices"], told["a_month"], told["last_run"]["price"]) == (None, None, None)
    assert [line["a_month"] for line in told["storage"]] == [None, None]


def test_nothing_backed_up_yet(cli: Cli) -> None:
    use(cli, None)
    assert cli("cost", *LIBRARY).out == "Nothing is backed up yet, so it costs nothing.\n"
    told = json.loads(cli("cost", *LIBRARY, "--json").out)
    assert (told["storage"], told["last_run"], told["exit_code"]) == ([], None, 0)


def test_next_to_nothing_is_not_nothing() -> None:
    amounts = (None, Decimal(0), Decimal("0.004"), Decimal("1234.5"))
    assert [amount_of(amount) for amount in amounts] == ["?", "0.00", "<0.01", "1,234.50"]
    quote = StorageQuote({"STANDARD": Decimal("0.004")}, frozenset(), "us-east-1", date(2026, 6, 18), "USD")
    (row,) = by_class({"STANDARD": (47, 60_000_000)}, quote)
    assert row.note == "<0.01 USD"


def test_what_has_no_price_saves_nothing(cli: Cli) -> None:
    use(cli, GROUPS)
    text = cli("cost", *LIBRARY, "--what-if", "original=COLDEST").out
    assert "No price is known of COLDEST, so nobody can say" in text and "less than the" not in text
    use(cli, [StoredGroup(FileType.ORIGINAL, "COLDEST", False, 10_000, 300 * GIB)])
    assert "A restore  no price is known for COLDEST; the rest " in cli("cost", *LIBRARY).out


@pytest.mark.parametrize(
    ("what_if", "told"),
    [
        ("original", "'original' names no class"),
        ("orignal=GLACIER", "did you mean 'original'?"),
        ("preview=GLACIER", "'preview' is no kind of file"),
        ("catalog=GLACIER", "catalogs go into no archive class"),
        ("original=", "is not a storage class"),
    ],
)
def test_wrong_usage(cli: Cli, what_if: str, told: str) -> None:
    use(cli, GROUPS)
    result = cli("cost", *LIBRARY, "--what-if", what_if)
    assert result.code == 2 and told in result.err
