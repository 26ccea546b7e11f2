"""How past runs, versions of a file, and prices read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from lrsync.core.findings import Finding, FindingKind
from lrsync.core.moments import parse_moment
from lrsync.core.prices import StorageQuote
from lrsync.core.runs import RunInfo, RunKind, RunRecord, RunResult
from lrsync.core.timeline import FileHistory, FileVersion, Place, version_at
from lrsync.ui import cost_view, history_view
from lrsync.ui.render import plain

S = 1_000_000_000
RUN = RunInfo(
    7,
    RunKind.SYNC,
    RunResult.INCOMPLETE,
    3,
    100 * S,
    175 * S,
    {
        "actions": {"uploaded": 3, "trashed": 0, "failed": 1},
        "bytes": {"uploaded": 5},
        "restored": {"restored": 2, "selected_bytes": 77, "ready_ns": 5 * S},
        "problems": {"count": 22, "first": [{"kind": "error", "path": "a\x1b.nef", "message": "cannot be read"}]},
    },
)
NEW = FileVersion("a'b.nef", "P/a'b.nef", "v2", 5, "e", 2000 * S + 5, None, Place.CURRENT, sha256=b"s" * 32)
OLD = replace(NEW, version_id="v1", since_ns=1000 * S + 1, until_ns=2000 * S + 5, place=Place.VERSION)


def test_the_list_of_runs() -> None:
    answer = history_view.runs("default", [RUN])
    text = plain(answer.report)
    assert "3 uploaded, 1 failed, 2 restored" in text
    assert "1 min 15 s" in text
    assert answer.json["runs"][0]["counts"]["actions"]["uploaded"] == 3
    assert "Nothing was run" in plain(history_view.runs("default", None).report)


def test_one_run_in_detail() -> None:
    answer = history_view.one_run("default", RunRecord(RUN, (Finding(FindingKind.FAILED, "a", "no"),)))
    text = plain(answer.report)
    assert "Run 7: sync, incomplete." in text
    assert "\x1b" not in text and "cannot be read" in text and "and 21 more" in text
    assert "ready" not in text, "a time is no count"
    assert answer.json["findings"] == [{"kind": "failed", "path": "a", "message": "no"}]


def test_what_kept_a_run_from_its_end_is_said_first() -> None:
    failed = replace(RUN, counts={**RUN.counts, "failure": "the source /photos\x1b does not exist"})
    text = plain(history_view.one_run("default", RunRecord(failed, ())).report)
    assert "\n\nIt ended early: the source /photos\\x1b does not exist.\n" in text


def test_a_files_versions_say_how_to_get_them() -> None:
    answer = history_view.file("default", FileHistory("a'b.nef", (NEW, OLD)))
    text = plain(answer.report)
    assert "2 versions in the bucket" in text
    assert r"lrsync restore 'a'\''b.nef' --at 1970-01-01T00:16:41Z --to DIR" in text
    assert [version["where"] for version in answer.json["versions"]] == ["current", "version"]
    assert answer.json["versions"][0]["at"] is None


@pytest.mark.parametrize("until_ns", [2000 * S, 1000 * S + 900_000_000, 1001 * S, None])
@pytest.mark.parametrize("since_ns", [1000 * S, 1000 * S + 1, 1000 * S + 250_000_000])
def test_the_time_that_is_shown_finds_the_version_again(since_ns: int, until_ns: int | None) -> None:
    old = replace(OLD, since_ns=since_ns, until_ns=until_ns)
    shown = history_view.moment_of(old)
    assert shown is not None
    newer = [] if until_ns is None else [replace(NEW, since_ns=until_ns)]
    assert version_at([*newer, old], parse_moment(shown, 0)) == old


def test_the_time_of_one_in_the_trash_is_before_it_went_there() -> None:
    trashed = replace(OLD, since_ns=None, until_ns=2000 * S, place=Place.TRASH)
    shown = history_view.moment_of(trashed)
    assert shown is not None and parse_moment(shown, 0) == 1999 * S


def test_what_storage_costs() -> None:
    quote = StorageQuote(
        {"STANDARD": Decimal("2.3"), "GLACIER": Decimal("0.10")},
        frozenset({"SNOW"}),
        "us-east-1",
        date(2026, 6, 18),
        "USD",
    )
    text = cost_view.line(quote)
    assert "about 2.40 USD a month (GLACIER 0.10, STANDARD 2.30)" in text
    assert "of us-east-1 of 2026-06-18" in text and text.endswith("no price is known of SNOW.")
    assert cost_view.json_of(quote)["storage_cost"]["a_month"] == 2.4
    assert "less than 0.01 USD a month by" in cost_view.line(replace(quote, by_class={"GLACIER": Decimal("0.004")}))
    assert cost_view.json_of(None) == {"storage_cost": None}
    assert cost_view.line(None) == cost_view.NONE_KNOWN
