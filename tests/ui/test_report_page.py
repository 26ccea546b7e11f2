"""The page of `lrsync report` as text: what it says, that it holds nothing foreign, and that colours can be read."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import pytest

from lrsync.app.report import read_report
from lrsync.config import Config
from lrsync.core.audit import FileState
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.library_report import CatalogAudit, LibraryReport, StoredCatalog
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.status import Tally
from lrsync.ui.decisions import shell_word
from lrsync.ui.page.html import render
from lrsync.ui.page.nights import Night, months_of, tally
from lrsync.ui.page.plot import MAX_POINTS, Plot, Point, ceiling, date_ticks, plot
from lrsync.ui.page.view import empty_page, page_of
from lrsync.ui.text import size
from tests.ui.conftest import Cli
from tests.ui.stub_app import good_status
from tests.year import Year, changed_original, failed, make_year

DAY_NS = 86_400 * 1_000_000_000
NOW_NS = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()) * 1_000_000_000
EVIL = '<script>alert(1)</script>\u202egpj.exe\n\x1b[31m&amp;\udcff".nef'
VOID = {"meta", "link", "br", "line", "path"}


class Reader(HTMLParser):
    """Collects elements and text, and demands that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def report_of(**changes: object) -> LibraryReport:
    status = good_status(**changes)
    return LibraryReport(status, status.recent, {"STANDARD": (43, 1_500_000)}, None, (), ())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("year") / "year.sqlite"
    make_year(path, Year(time.time_ns(), files=300, findings=(changed_original("2024/a.nef"), failed(EVIL))))
    return path


# --- the whole ----------------------------------------------------------------------------------------------


def test_a_page_of_a_real_year(manifest: Path) -> None:
    known = read_report(Config(bucket="", manifest=manifest))
    assert known is not None
    text = render(page_of(known, time.time_ns()))
    page = Reader(text)
    assert "1 changed original waits for your decision" in page.text
    assert "300 of 302 are safe" in page.text
    assert text.count('<table class="month">') == 12
    assert text.count('class="curve"') == 2
    assert "DEEP_ARCHIVE" in page.text and "USD" in page.text
    assert len(text) < 200_000
    names = {attrs.get("id") for _, attrs in page.tags} - {None}
    for _, attrs in page.tags:
        for reference in str(attrs.get("aria-labelledby") or "").split():
            assert reference in names
    assert page.tags[0] == ("html", {"lang": "en"})
    assert [tag for tag, _ in page.tags].count("h1") == 1
    for tag, attrs in page.tags:
        assert tag != "svg" or attrs["role"] == "img"
        assert tag != "th" or attrs["scope"] in ("row", "col")


def test_it_loads_and_runs_nothing(manifest: Path) -> None:
    known = read_report(Config(bucket="", manifest=manifest))
    assert known is not None
    text = render(page_of(known, time.time_ns()))
    page = Reader(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "img", "form", "base"}
    for _, attrs in page.tags:
        assert not any(name.startswith("on") for name in attrs)
        for name in ("href", "src"):
            assert str(attrs.get(name, "#")).startswith(("#", "data:,"))
    assert "default-src 'none'" in text
    assert "@import" not in text and "url(" not in text


@pytest.mark.parametrize("where", ["finding", "folder", "type", "library", "source", "class", "catalog", "place"])
def test_no_name_is_markup_anywhere(where: str) -> None:
    known = report_of()
    status = known.status
    match where:
        case "finding":
            known = report_of(
                findings=(Finding(FindingKind.FAILED, EVIL, EVIL, EVIL), Finding(FindingKind.FAILED, "b", ""))
            )
        case "folder":
            known = report_of(by_folder={EVIL: Tally(1, 1, 0)})
        case "type":
            known = report_of(by_type={EVIL: Tally(1, 1, 0)})
        case "library":
            known = replace(known, status=replace(status, library=replace(status.library, name=EVIL)))
        case "source":
            known = replace(known, status=replace(status, library=replace(status.library, source=EVIL, prefix=EVIL)))
        case "class":
            known = replace(known, classes={EVIL: (1, 1)})
        case "catalog":
            known = replace(known, catalogs=(StoredCatalog(EVIL, 1, 1),), audits=(CatalogAudit(EVIL + "x", 1, {}),))
    text = render(page_of(known, NOW_NS, place="--library <b>" if where == "place" else ""))
    page = Reader(text)
    assert "script" not in {tag for tag, _ in page.tags} and "b" not in {tag for tag, _ in page.tags}
    text.encode()  # no lone surrogate is left
    assert "\u202e" not in text and "\x1b" not in text
    if where != "place":
        assert 'script>\\u202egpj.exe\\n\\x1b[31m&amp;\\xff".nef' in page.text


def test_ten_thousand_findings() -> None:
    many = tuple(
        Finding(FindingKind.FAILED, f"{i}/{'x' * 200}.jpg", f"its own message {i} " * 30) for i in range(10_000)
    )
    begun = time.process_time()
    text = render(page_of(report_of(findings=many, pending=10_000, safe=0), NOW_NS))
    assert time.process_time() - begun < 5
    assert len(text) < 300_000
    page = Reader(text)
    assert "9,990 more" in page.text
    assert "And 9,800 more" in page.text


def test_nothing_is_backed_up_yet() -> None:
    page = Reader(render(empty_page("nas", NOW_NS, "--library nas")))
    assert "Nothing is backed up yet." in page.text
    assert "lrsync sync --library nas" in page.text


def test_catalogs_are_told_with_their_last_audit() -> None:
    audit = CatalogAudit("/photos/cat/My.lrcat", NOW_NS - 2 * DAY_NS, {FileState.SAFE: 40, FileState.MISSING: 2})
    stored = (StoredCatalog("cat/My.lrcat", 5_000_000, NOW_NS - DAY_NS), StoredCatalog("/fast/Other.lrcat", 1))
    text = Reader(render(page_of(replace(report_of(), audits=(audit,), catalogs=stored), NOW_NS))).text
    assert "40 of 42 files safe" in text and "audited 2 days ago: 2 missing" in text
    assert text.count("My.lrcat") == 1, "the two are one catalog"
    assert "Other.lrcat" in text and "never audited" in text


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_writes_one_file(cli: Cli, manifest: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import webbrowser

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)  # returns nothing: there is no browser
    target = home / "new" / "page.html"
    result = cli("report", "--manifest", str(manifest), "--html", str(target), "--json")
    told = json.loads(result.out)
    assert (result.code, told["result"], told["status_exit_code"]) == (0, "ok", 3)
    assert told["bytes"] == target.stat().st_size
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]
    assert target.stat().st_mode & 0o777 == 0o644
    whole = cli("report", "--manifest", str(manifest), "--html", "-").out
    assert whole.startswith("<!doctype html>") and whole.endswith("</html>\n")

    result = cli("report", "--manifest", str(manifest), "--open")
    assert (result.code, len(opened)) == (0, 1)
    assert "no browser could be started" in result.err
    private = Path(opened[0].removeprefix("file://"))
    assert private.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "say where the page goes"),
        (("--html", "-", "--json"), "goes to stdout"),
        (("--html", "/"), "is a folder"),
        (("--html", "/dev/null/x.html"), "cannot be written"),
    ],
)
def test_what_cannot_be(cli: Cli, manifest: Path, args: tuple[str, ...], words: str) -> None:
    result = cli("report", "--manifest", str(manifest), *args)
    assert result.code == 2
    assert words in result.err


def test_before_the_first_backup(cli: Cli, home: Path) -> None:
    result = cli("report", "--manifest", str(home / "none.sqlite"), "--html", str(home / "a.html"), "--json")
    assert json.loads(result.out)["status_exit_code"] == 3
    assert "Nothing is backed up yet" in (home / "a.html").read_text()


# --- the plots ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1, 3, 4, 7, 99, 1000, 48_213, 2_700_000_000_000, 10**18])
def test_the_top_of_a_plot_is_round_and_high_enough(value: int) -> None:
    top = ceiling(value)
    assert max(value, 1) <= top <= max(4, value * 2)
    assert top % 4 == 0
    assert len(f"{top // 4}".rstrip("0")) <= 2


def test_a_line_begins_and_ends_where_its_points_do() -> None:
    points = [Point(NOW_NS - day * DAY_NS, 1000 - day) for day in range(400, -1, -1)]
    drawn = plot(points, str)
    assert isinstance(drawn, Plot)
    assert drawn.line.startswith("M0.00 40.00L") and drawn.line.endswith("L100.00 0.00")
    assert drawn.line.count(" ") == MAX_POINTS
    assert drawn.area.endswith("L100 100L0 100Z")
    assert [tick.label for tick in drawn.values] == ["1000", "750", "500", "250", "0"]
    assert all(0 <= tick.place <= 100 for tick in drawn.dates)
    assert 2 <= len(drawn.dates) <= 5
    assert plot(points[:1], str) is None and plot(points[:1] * 2, str) is None


@pytest.mark.parametrize("days", [0.2, 1, 20, 40, 100, 365, 4000])
def test_dates_below_a_plot(days: float) -> None:
    ticks = date_ticks(NOW_NS - int(days * DAY_NS), NOW_NS)
    assert 2 <= len(ticks) <= 5
    assert [tick.place for tick in ticks] == sorted({tick.place for tick in ticks})
    assert len({tick.label for tick in ticks}) == len(ticks)


def test_growth_counts_only_backups_that_saw_everything() -> None:
    def run(days: int, result: RunResult, files: int, kind: RunKind = RunKind.SYNC) -> RunInfo:
        at = NOW_NS - days * DAY_NS
        return RunInfo(days, kind, result, 0, at, at, {"scan": {"files": files, "bytes": files * 10**9}})

    runs = (
        run(90, RunResult.OK, 100),
        run(60, RunResult.ATTENTION, 200),
        run(31, RunResult.INTERRUPTED, 3),
        run(5, RunResult.OK, 7, RunKind.VERIFY),
        run(1, RunResult.OK, 400),
    )
    grown = page_of(replace(report_of(), runs=runs), NOW_NS).growth
    assert [(growth.key, growth.now) for growth in grown] == [("files", "400"), ("bytes", size(400 * 10**9))]
    assert [value for _, value in grown[0].months] == ["400", "200", "100"]
    old = replace(runs[0], counts={})
    assert page_of(replace(report_of(), runs=(old,)), NOW_NS).growth == ()


# --- the calendar -------------------------------------------------------------------------------------------


def backup(when: datetime, result: RunResult, sent: int = 0) -> RunInfo:
    at = int(when.timestamp()) * 1_000_000_000
    return RunInfo(1, RunKind.SYNC, result, 0, at, at, {"actions": {"uploaded": sent}})


def test_a_day_is_what_its_last_backup_came_to(monkeypatch: pytest.MonkeyPatch) -> None:
    today = datetime.fromtimestamp(NOW_NS / 1e9).astimezone()
    runs = [
        backup(today - timedelta(days=4), RunResult.OK, 5),
        backup(today - timedelta(days=3, hours=2), RunResult.FAILED),
        backup(today - timedelta(days=3), RunResult.OK),
        backup(today - timedelta(days=1), RunResult.INCOMPLETE),
    ]
    (month,) = months_of(runs, NOW_NS)
    days = {day.number: day for week in month.weeks for day in week if day is not None}
    number = today.day
    assert days[number - 4].night is Night.SENT and "5 files sent" in days[number - 4].said
    assert days[number - 3].night is Night.QUIET
    assert (days[number - 2].night, days[number - 2].said) == (Night.NONE, "no backup")
    assert (days[number - 1].night, days[number - 1].mark) == (Night.UNEASY, "!")
    assert days[number].night is Night.OUTSIDE, "today's may still come"
    assert days[number - 5].night is Night.OUTSIDE
    counts = tally(runs, NOW_NS)
    assert [counts[night] for night in (Night.SENT, Night.QUIET, Night.UNEASY, Night.BAD, Night.NONE)] == [
        1,
        1,
        1,
        0,
        1,
    ]


def test_of_many_backups_a_day_none_is_forgotten() -> None:
    """`watch` syncs whenever something changed, and the night after it finds nothing."""
    yesterday = datetime.fromtimestamp(NOW_NS / 1e9).astimezone() - timedelta(days=1)
    runs = [backup(yesterday.replace(hour=hour), RunResult.OK, sent) for hour, sent in ((8, 300), (9, 12), (23, 0))]
    days = [day for month in months_of(runs, NOW_NS) for week in month.weeks for day in week if day is not None]
    (found,) = (day for day in days if day.night not in (Night.OUTSIDE, Night.NONE))
    assert (found.night, "312 files sent" in found.said) == (Night.SENT, True)


def test_a_calendar_is_twelve_months_at_most() -> None:
    old = datetime.fromtimestamp(NOW_NS / 1e9).astimezone() - timedelta(days=2000)
    months = months_of([backup(old, RunResult.OK)], NOW_NS)
    assert [months[0].name, months[-1].name, len(months)] == ["November 2026", "December 2025", 12]
    assert len(months_of([], NOW_NS)) == 1
    assert all(len(week) == 7 for month in months for week in month.weeks)


# --- colours ------------------------------------------------------------------------------------------------

CSS = (files("lrsync.ui.page") / "templates" / "report.css").read_text(encoding="utf-8")
TEXT_ON = [
    ("text", "page"),
    ("text", "card"),
    ("text", "code"),
    ("dim", "page"),
    ("dim", "card"),
    ("link", "card"),
    ("bad", "card"),
    ("text", "good-soft"),
    ("text", "warn-soft"),
    ("text", "bad-soft"),
    ("good", "good-soft"),
    ("warn", "warn-soft"),
    ("bad", "bad-soft"),
    ("on-solid", "good"),
    ("on-solid", "warn"),
    ("on-solid", "bad"),
]
SIGNS_ON = [("bar", "card"), ("bar", "track"), ("warn", "card"), ("bad", "card")]


def theme(dark: bool) -> dict[str, str]:
    light, _, rest = CSS.partition("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", light))
    return found | dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", rest.partition("\n}")[0])) if dark else found


def luminance(color: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_signs_can_be_read(dark: bool) -> None:
    colors = theme(dark)
    assert colors["page"] != theme(not dark)["page"]
    for pairs, least in ((TEXT_ON, 4.5), (SIGNS_ON, 3.0)):
        poor = {pair: round(contrast(*(colors[name] for name in pair)), 2) for pair in pairs}
        assert {pair: value for pair, value in poor.items() if value < least} == {}


def test_a_name_for_a_shell_comes_back_as_it_is() -> None:
    import subprocess

    for name in ("a b", "it's", EVIL, "-x", "$HOME", "写真"):
        told = subprocess.run(
            ["bash", "-c", f"printf %s {shell_word(name)}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
        )
        assert told.stdout.decode("utf-8", "surrogateescape") == ("./" if name.startswith("-") else "") + name
