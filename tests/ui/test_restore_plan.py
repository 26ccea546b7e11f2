"""What a restore says before it begins, and when it asks."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from lrsync.core.prices import Estimate, Quote
from lrsync.core.restoring import RestorePlan
from lrsync.core.thaw import NoteState as State
from lrsync.core.thaw import ThawGroup, ThawReport, ThawWish, Tier
from lrsync.ui import output, restore_plan, thaw_view
from lrsync.ui.options import Talk
from lrsync.ui.progress import Progress
from lrsync.ui.restore_plan import Manner, confirm_restore

ARCHIVED = RestorePlan(3, 900, 3, 900, 900, {"STANDARD": (1, 100), "DEEP_ARCHIVE": (2, 800)})
PLAIN = RestorePlan(3, 900, 2, 800, 900, {"STANDARD": (2, 800)})
QUOTE = Quote(Estimate(retrieval=Decimal("1.234"), unpriced=frozenset({"SNOW"})), "us-east-1", date(2026, 6, 18), "USD")


def says(
    capsys: pytest.CaptureFixture[str], plan: RestorePlan, quote: Quote | None, wish: ThawWish | None, **manner: bool
) -> str:
    given = Manner(**{"tells": True, "asks": True, "is_everything": False, **manner})
    assert confirm_restore([Progress(Talk())], plan, quote, manner=given, wish=wish)
    return capsys.readouterr().err


def test_a_price_is_said_with_its_region_and_date(capsys: pytest.CaptureFixture[str]) -> None:
    told = says(capsys, PLAIN, QUOTE, ThawWish())
    assert "about 1.23 USD (retrieval 1.23)" in told
    assert "us-east-1 of 2026-06-18" in told
    assert "no price is known of SNOW" in told


def test_no_price_is_made_up_for_another_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No prices are known" in says(capsys, PLAIN, None, ThawWish(), is_everything=True)
    assert says(capsys, PLAIN, None, ThawWish()) == "", "two named files are no reason to speak"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (ThawWish(), "standard, within 12 hours"),
        (ThawWish(Tier.BULK), "bulk, within 48 hours"),
        (ThawWish(Tier.EXPEDITED), "no expedited thaw"),
        (None, "--thaw none"),
    ],
)
def test_how_long_an_archive_takes(wish: ThawWish | None, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = says(capsys, ARCHIVED, QUOTE, wish)
    assert "2 objects, 800 B, of the class DEEP_ARCHIVE" in told
    assert expected in told


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert says(capsys, ARCHIVED, QUOTE, ThawWish(), tells=False, is_everything=True) == ""


@pytest.mark.parametrize(("plan", "everything", "asked"), [(PLAIN, False, 0), (PLAIN, True, 1), (ARCHIVED, False, 1)])
def test_a_terminal_is_asked_before_everything_and_before_a_thaw(
    plan: RestorePlan, everything: bool, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    monkeypatch.setattr(restore_plan.click, "confirm", lambda text, err: bool(questions.append(text)))
    manner = Manner(tells=True, asks=True, is_everything=everything)
    assert confirm_restore([Progress(Talk())], plan, QUOTE, manner=manner, wish=ThawWish()) is (asked == 0)
    assert len(questions) == asked
    assert confirm_restore([Progress(Talk())], plan, QUOTE, manner=Manner(True, False, everything), wish=ThawWish())
    assert len(questions) == asked, "--yes"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({}, "Nothing is being thawed."),
        ({State.WAITING: 2}, "2 objects on their way: come back after"),
        ({State.WAITING: 1, State.DUE: 3}, "3 objects should be thawed: run the same restore again."),
        ({State.EXPIRED: 1}, "has gone back to the archive"),
    ],
)
def test_the_status_of_thaws(states: dict[State, int], expected: str) -> None:
    report = ThawReport()
    for state, objects in states.items():
        report.groups[state] = ThawGroup(objects, 10, 1_800_000_000_000_000_000, 1_800_000_000_000_000_000)
    answer = thaw_view.status("default", report)
    assert expected in answer.report.sentence
    assert answer.json["thaws"]["due"]["objects"] == states.get(State.DUE, 0)
    assert answer.json["thaws"]["waiting"]["last"] == ("2027-01-15T08:00:00Z" if State.WAITING in states else None)
