"""What `adopt` says and asks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from lrsync.core.adoption import AdoptCounts, Offset, Pile, Trial
from lrsync.core.prices import Estimate, Quote
from lrsync.core.requests import AdoptRequest, Unproven
from lrsync.core.runs import RunKind, RunSummary
from lrsync.errors import UsageError
from lrsync.ui import adopt_asking, cost_view, output, render, summary
from lrsync.ui.adopt_asking import Manner, agree_to_rewrite, choose_unproven
from lrsync.ui.options import Talk
from lrsync.ui.progress import Progress
from tests.ui.conftest import LIBRARY, Cli

QUOTE = Quote(Estimate(transfer=Decimal("9.5")), "us-east-1", date(2026, 6, 18), "USD")
HIDDEN = AdoptCounts(unproven=Pile(2, 5_000_000))
LOUD = Manner(silent=False, yes=False)


def report(dry_run: bool = False, **counts: Any) -> str:
    found = AdoptCounts(listed=9, **counts)
    found.proven["md5"] = Pile(7, 1_000_000)
    done = RunSummary(dry_run=dry_run, adopted=found)
    done.scan.files = 12
    return render.plain(summary.build(RunKind.ADOPT, done))


def test_the_report_says_what_is_proven_and_what_is_left() -> None:
    told = report(absent=Pile(3, 9), unproven=Pile(2, 5), differing=Pile(1, 1))
    assert "Proven by    their MD5: 7 files, 1.0 MB" in told
    assert told.endswith("7 of 12 files are proven; 2 are not; 4 are left to the next sync.")


def test_an_original_of_other_bytes_is_left_to_no_sync() -> None:
    told = report(dry_run=True, differing=Pile(3, 3_000_000), originals=Pile(2, 2_000_000), changed=Pile(1, 7))
    assert "; 2 originals of other bytes wait for your decision; 2 are left to the next sync." in told
    assert "To upload         1.0 MB, about" in told
    assert "; 1 is not; 1 is left to the next sync." in report(absent=Pile(1, 1), unproven=Pile(1, 1))
    assert "1 original of other bytes waits for your decision" in report(differing=Pile(1, 1), originals=Pile(1, 1))


def test_a_dry_run_tells_how_long_it_takes_and_what_was_tried() -> None:
    told = report(dry_run=True, read_rate=100_000, tried={"md5": Trial(3, 3)}, absent=Pile(1, 25_000_000))
    assert "their MD5: 7 files, 1.0 MB (tried with 3: 3 proven)" in told
    assert "1.0 MB, about 10 s at 100.0 kB a second" in told
    assert "25.0 MB, about 10 s at 2.5 MB a second" in told
    assert "This was a dry run: nothing was changed." in told


@pytest.mark.parametrize(
    ("counts", "hint"),
    [
        ({"offset": Offset(in_bucket="backup/Pictures")}, "with backup/Pictures added to --s3-prefix"),
        ({"offset": Offset(on_disk="2024")}, "what lies in 2024: with that folder as --source-path"),
        ({"folders": ["backup/"]}, "The bucket has: backup/"),
        ({"tried": {"md5": Trial(8, 0)}}, "it may prove nothing in this store"),
        ({"without_times": Pile(7, 1)}, "the manifest's snapshot"),
    ],
)
def test_what_may_be_wrong_is_said(counts: dict[str, Any], hint: str) -> None:
    assert hint in report(**counts)
    assert hint not in report()


def test_only_what_leaves_the_region_goes_over_the_internet() -> None:
    assert cost_view.sentence_of(QUOTE).endswith(" of 2026-06-18, over the internet.")
    inside = Quote(Estimate(requests=Decimal("9.5")), "us-east-1", date(2026, 6, 18), "USD")
    assert cost_view.sentence_of(inside).endswith(" of 2026-06-18.")


def test_where_nobody_is_there_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda stream: False)
    assert choose_unproven([Progress(Talk())], LOUD, HIDDEN, None) is Unproven.LEAVE


def test_a_terminal_is_asked_with_the_price(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    monkeypatch.setattr(adopt_asking.click, "prompt", lambda text, **more: "download")
    assert choose_unproven([Progress(Talk())], LOUD, HIDDEN, QUOTE) is Unproven.DOWNLOAD
    told = capsys.readouterr().err
    assert "2 files, 5.0 MB" in told
    assert "about 9.50 USD" in told
    assert choose_unproven([Progress(Talk())], Manner(silent=True, yes=False), HIDDEN, QUOTE) is Unproven.LEAVE


def test_rewriting_is_told_first_and_needs_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = {"STANDARD": (1000, 10**9)}
    monkeypatch.setattr(output, "is_terminal", lambda stream: False)
    with pytest.raises(UsageError):
        agree_to_rewrite([Progress(Talk())], LOUD, counts, QUOTE)
    assert "At least 3,000 requests" in capsys.readouterr().err
    assert agree_to_rewrite([Progress(Talk())], Manner(silent=True, yes=True), counts, None)
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    monkeypatch.setattr(adopt_asking.click, "confirm", lambda text, err: False)
    assert not agree_to_rewrite([Progress(Talk())], LOUD, counts, None)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((), AdoptRequest(None)),
        (("--unproven", "trust"), AdoptRequest(Unproven.TRUST)),
        (("--unproven", "leave", "--rewrite-metadata"), AdoptRequest(Unproven.LEAVE, rewrite_metadata=True)),
    ],
)
def test_the_flags_are_a_request(cli: Cli, args: tuple[str, ...], expected: AdoptRequest) -> None:
    given: list[AdoptRequest] = []

    def run_adopt(*_: object, request: AdoptRequest, **__: object) -> RunSummary:
        given.append(request)
        return RunSummary(adopted=AdoptCounts())

    vars(cli.app)["run_adopt"] = run_adopt
    assert cli("adopt", *LIBRARY, *args).code == 0
    assert given == [expected]


def test_another_word_is_refused(cli: Cli) -> None:
    assert cli("adopt", *LIBRARY, "--unproven", "guess").code == 2
