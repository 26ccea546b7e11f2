"""Into which storage class a file goes, what has to be known of it, and what a library costs in which classes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.adapters.pricelist import read_prices
from lrsync.core.costs import CostFacts, StoredGroup, counts_of, differing, report_costs
from lrsync.core.filetypes import FileType
from lrsync.core.prices import GIB, ZERO, storage_price
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.storage import ARCHIVES, KINDS, MIN_SIZE, StorageRules, kind_of
from lrsync.core.storage_advice import storage_warnings
from lrsync.core.thaw import Tier

ORIGINAL, REWRITABLE, SIDECAR, CATALOG, OTHER = KINDS
RULES = StorageRules(None, {ORIGINAL: "DEEP_ARCHIVE", REWRITABLE: "GLACIER_IR", SIDECAR: "STANDARD"}, MIN_SIZE)
PRICES = read_prices(None)
US = PRICES.of_region(None)[1]
LARGE = 5 << 20


@pytest.mark.parametrize(
    ("key", "size", "rules", "expected"),
    [
        ("P/2024/a.NEF", LARGE, RULES, "DEEP_ARCHIVE"),
        ("P/2024/a.nef", MIN_SIZE, RULES, "DEEP_ARCHIVE"),
        ("P/2024/a.nef", MIN_SIZE - 1, RULES, None),
        ("P/2024/a.nef", MIN_SIZE - 1, replace(RULES, default="STANDARD_IA"), "STANDARD_IA"),
        ("P/2024/a.nef", MIN_SIZE - 1, replace(RULES, default="GLACIER"), None),
        ("P/a.dng", LARGE, RULES, "GLACIER_IR"),
        ("P/a.xmp", LARGE, RULES, "STANDARD"),
        ("P/notes.txt", LARGE, RULES, None),
        ("P/notes.txt", LARGE, replace(RULES, default="GLACIER"), "GLACIER"),
        ("P/notes.txt", 5, StorageRules("GLACIER"), "GLACIER"),  # --storage-class alone is for everything
        ("P/x.lrprev", LARGE, StorageRules(None, {OTHER: "ONEZONE_IA"}), "ONEZONE_IA"),
        # What is needed at once on the worst day.
        ("P/My.lrcat", LARGE, replace(RULES, default="GLACIER"), None),
        ("P/My.lrcat", LARGE, replace(RULES, default="STANDARD_IA"), "STANDARD_IA"),
        ("P/My.lrcat", LARGE, StorageRules("GLACIER", {CATALOG: "STANDARD_IA"}), "STANDARD_IA"),
        ("P/.lrsync/manifest/u.sqlite.zst", LARGE, StorageRules("GLACIER", {OTHER: "DEEP_ARCHIVE"}), None),
        ("P/.lrsync/catalogs/n/t/catalog.zst", LARGE, StorageRules("STANDARD_IA", {OTHER: "GLACIER"}), "STANDARD_IA"),
        # A replaced photo is a photo, also in the trash.
        ("P/.lrsync/trash/2026-01-01T00-00-00Z/2024/a.nef", LARGE, RULES, "DEEP_ARCHIVE"),
        (".lrsync/trash/2026-01-01T00-00-00Z/2024/a.xmp", LARGE, RULES, "STANDARD"),
    ],
)
def test_the_class_of_a_file(key: str, size: int, rules: StorageRules, expected: str | None) -> None:
    assert rules.class_for(key, size) == expected
    assert rules.recorded_class(key, size) == (expected or "STANDARD")


def test_what_must_be_known_of_a_class() -> None:
    dated = date(2026, 6, 18)
    told = "\n".join(storage_warnings(RULES, US, dated))
    assert "DEEP_ARCHIVE bills 180 days" in told and "GLACIER_IR bills 90 days" in told and "2026-06-18" in told
    assert "objects in DEEP_ARCHIVE cannot be copied" in told and "versioning" in told
    assert storage_warnings(StorageRules(), US, dated) == []
    assert storage_warnings(StorageRules("STANDARD"), US, dated) == []
    of_unknown_price = storage_warnings(RULES, None, None)
    assert len(of_unknown_price) == 1 and "cannot be copied" in of_unknown_price[0]


# --- costs --------------------------------------------------------------------------------------------------

GROUPS = [
    StoredGroup(ORIGINAL, "STANDARD", False, 10_000, 300 * GIB),
    StoredGroup(ORIGINAL, "STANDARD", True, 100, 100 * 50_000),
    StoredGroup(REWRITABLE, "STANDARD", False, 5_000, 40 * GIB),
    StoredGroup(SIDECAR, "STANDARD", True, 10_000, 10_000 * 4_000),
    StoredGroup(CATALOG, "STANDARD", False, 1, GIB),
]
LAST = RunInfo(
    7,
    RunKind.SYNC,
    RunResult.OK,
    0,
    5,
    9,
    {"s3_requests": {"total": 1_320, "put": 1_200, "copy": 100, "list": 10, "head": 5, "delete": 4, "other": 1}},
)


def test_what_lies_there_a_month() -> None:
    report = report_costs(CostFacts(GROUPS, LAST, {"STANDARD": 1_000, "DEEP_ARCHIVE": 100}), PRICES, None, None)
    assert [(line.kind, line.objects) for line in report.lines] == [
        (ORIGINAL, 10_100),
        (REWRITABLE, 5_000),
        (CATALOG, 1),
        (SIDECAR, 10_000),
    ]
    assert report.a_month == sum(group.bytes for group in GROUPS) * Decimal("0.023") / GIB
    assert report.last_run is not None
    # 1,000 objects of STANDARD, 100 of DEEP_ARCHIVE, 200 other writes, 10 lists, 6 looks; deletes are free.
    assert report.last_run.price == sum(map(Decimal, ("0.005", "0.005", "0.001", "0.00005", "0.0000024")))
    assert set(report.restore) == {None} and report.what_if is None


def test_an_archive_with_small_files_is_priced_by_their_billed_size() -> None:
    small = StoredGroup(SIDECAR, "GLACIER_IR", True, 1_000, 4_000_000)
    large = StoredGroup(ORIGINAL, "GLACIER_IR", False, 10, 10 * GIB)
    report = report_costs(CostFacts([small, large]), PRICES, None, None)
    by_kind = {line.kind: line.a_month for line in report.lines}
    assert by_kind == {
        SIDECAR: 1_000 * 131_072 * Decimal("0.004") / GIB,
        ORIGINAL: 10 * Decimal("0.004"),
    }
    assert sum(by_kind.values(), ZERO) > storage_price(US, counts_of([small, large]))[0]["GLACIER_IR"]  # type: ignore[arg-type]


def test_what_other_classes_would_save() -> None:
    rules = StorageRules(None, {ORIGINAL: "DEEP_ARCHIVE"}, MIN_SIZE)
    found = report_costs(CostFacts(GROUPS), PRICES, None, rules).what_if
    assert found is not None
    assert found.moved == (10_000, 300 * GIB), "the small ones stay where they are"
    overhead = 10_000 * (32_768 * Decimal("0.00099") + 8_192 * Decimal("0.023")) / GIB
    assert found.saved == 300 * (Decimal("0.023") - Decimal("0.00099")) - overhead
    assert found.once == 10_000 * Decimal("0.05") / 1000
    assert found.pays_after_months == found.once / found.saved
    assert found.least_days == {"DEEP_ARCHIVE": 180}
    assert found.restore.retrieval > found.restore_now.retrieval == ZERO


def test_other_classes_may_cost_more_and_never_pay() -> None:
    found = report_costs(
        CostFacts([StoredGroup(SIDECAR, "STANDARD", True, 10_000, 40_000_000)]),
        PRICES,
        None,
        StorageRules(None, {SIDECAR: "STANDARD_IA"}, MIN_SIZE),
    ).what_if
    assert found is not None and found.saved < 0 and found.pays_after_months is None


def test_tiers_and_classes_without_a_price() -> None:
    groups = [StoredGroup(ORIGINAL, "DEEP_ARCHIVE", False, 10, GIB), StoredGroup(OTHER, "COLD-2", False, 1, 5)]
    report = report_costs(CostFacts(groups), PRICES, None, None)
    assert set(report.restore) == set(Tier)
    assert report.restore[Tier.EXPEDITED].unpriced == {"DEEP_ARCHIVE", "COLD-2"}
    assert report.unpriced == {"COLD-2"}
    assert report.restore[Tier.BULK].total < report.restore[Tier.STANDARD].total
    nothing = report_costs(CostFacts(groups, LAST), None, None, StorageRules())
    assert not nothing.has_prices and [line.a_month for line in nothing.lines] == [None, None]
    assert nothing.last_run is not None and nothing.last_run.price is None


_groups = st.lists(
    st.builds(
        StoredGroup,
        st.sampled_from(KINDS),
        st.sampled_from(["STANDARD", "STANDARD_IA", "GLACIER_IR", "DEEP_ARCHIVE"]),
        st.booleans(),
        st.integers(1, 10**6),
        st.integers(0, 10**14),
    ),
    max_size=6,
)
_classes = st.sampled_from(["STANDARD", "STANDARD_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"])


@given(_groups, st.dictionaries(st.sampled_from(KINDS), _classes), st.one_of(st.none(), _classes))
def test_what_holds_of_any_change(groups: list[StoredGroup], by_kind: dict[FileType, str], default: str | None) -> None:
    rules = StorageRules(default, by_kind, MIN_SIZE)
    report = report_costs(CostFacts(groups), PRICES, None, rules)
    found = report.what_if
    assert found is not None
    assert round(found.now - report.a_month, 9) == 0 and found.then >= 0
    assert bool(found.moved[0]) == differing(groups, rules)
    assert sum(line.objects for line in report.lines) == sum(group.objects for group in groups)
    if not by_kind and default is None:
        assert (found.moved, found.saved) == ((0, 0), ZERO)


@given(st.sampled_from(["a.nef", "a.jpg", "a.xmp", "a.lrcat", "a.txt"]), st.integers(0, 10**9), _classes)
def test_nothing_that_is_needed_at_once_or_is_tiny_goes_into_an_archive(name: str, size: int, chosen: str) -> None:
    rules = StorageRules(chosen, dict.fromkeys(KINDS, chosen), MIN_SIZE)
    if kind_of(name) is CATALOG or size < MIN_SIZE:
        assert rules.class_for(f"P/{name}", size) not in ARCHIVES
    else:
        assert rules.class_for(f"P/{name}", size) == chosen
    assert rules.class_for(f"P/.lrsync/catalogs/{name}/t/snapshot.json", size) not in ARCHIVES
