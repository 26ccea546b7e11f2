"""How a status reads: widths, marks, and what wants doing with the command that settles it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from subprocess import CompletedProcess

import pytest

from lrsync.core.findings import Finding, FindingKind
from lrsync.core.runs import RunInfo, RunKind, RunResult
from lrsync.core.status import Tally
from lrsync.errors import ExitCode
from lrsync.ui.decisions import _KINDS, advice_of, decisions_of
from lrsync.ui.render import Canvas, plain
from lrsync.ui.report import Grid, Report, Tone
from lrsync.ui.run_words import BLOCKS, LETTERS, in_words, row_of_marks
from lrsync.ui.status_view import OLD_NS, Manner, build, exit_code, sentence_of, tone_of
from lrsync.ui.text import width_of, wrap
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY, Cli
from tests.ui.stub_app import NASTY, good_status, run_info

NOW_NS = 2_000_000_000_000_000_000


def finding(kind: FindingKind, path: str = "2024/a.nef", message: str = "m", hint: str = "h") -> Finding:
    return Finding(kind, path, message, hint)


def sent(result: RunResult, size: int) -> RunInfo:
    return RunInfo(1, RunKind.SYNC, result, 0, 1, 2, {"bytes": {"uploaded": size}})


# --- widths -------------------------------------------------------------------------------------------------

CROWDED = good_status(
    files=1_234_567,
    safe=1_234_560,
    missing=1_234_567,
    missing_bytes=10**12,
    by_folder={f"写真 {i} of a journey that was long" * 2: Tally(12_345, 10**11, 12_000) for i in range(30)},
    by_type={"x" * 300: Tally(1, 1, 1)},
    library=replace(good_status().library, source="/volumes/" + "deep/" * 40, prefix="写真/" * 30),
    findings=(finding(FindingKind.FAILED, NASTY * 3, "word " * 40), finding(FindingKind.FAILED, "b", "other")),
    recent=(run_info(RunResult.OK),) * 30,
    verified={"within_7_days": Tally(1_234_567, 1, 1), "never": Tally(1_234_567, 1, 1), "older": Tally(99_999, 1, 1)},
)


@pytest.mark.parametrize("width", [200, 80, 60])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = plain(build(CROWDED, NOW_NS), Canvas(width, wraps=True)).splitlines()
    commands = [line for line in lines if line.startswith("    lrsync ")]
    assert max(width_of(line) for line in lines if line not in commands) <= width
    assert commands, "what is to be copied is never broken"
    assert all("\x1b" not in line for line in lines)


def test_a_pipe_keeps_a_problem_on_its_line() -> None:
    text = plain(build(CROWDED, NOW_NS), Canvas(60))
    assert any("word word" in line and len(line) > 150 for line in text.splitlines())
    assert "\n18 more (--all) " in text


def test_what_lies_in_no_folder_has_a_name() -> None:
    report = good_status(by_folder={".": Tally(1, 5, 1), "2024": Tally(1, 9, 1)})
    assert "\n(top folder)  " in plain(build(report, NOW_NS))


def test_a_grid_gives_way_in_one_column() -> None:
    grid = Grid((("a" * 50, "1"), ("b", "22")), ("Name", "N"), frozenset({1}), narrows=0)
    lines = plain(Report("s", Tone.GOOD, (grid,)), Canvas(24)).splitlines()[2:]
    assert [len(line) for line in lines] == [24, 24, 24]
    assert "..." in lines[1]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a bb ccc", ["a bb", "ccc"]),
        ("abcdefghi", ["abcd", "efg", "hi"]),
        ("写真写真", ["写真", "写", "真"]),
        ("  a bcd e", ["  a", "bcd", "e"]),
    ],
)
def test_text_is_wrapped_by_cells(text: str, lines: list[str]) -> None:
    assert wrap(text, 4, 3) == lines


# --- the last runs ------------------------------------------------------------------------------------------


def test_a_mark_for_each_run() -> None:
    runs = [
        sent(RunResult.OK, 0),
        sent(RunResult.OK, 1000),
        sent(RunResult.OK, 10**12),
        sent(RunResult.ATTENTION, 0),
        sent(RunResult.INCOMPLETE, 5),
        sent(RunResult.FAILED, 0),
        sent(RunResult.RUNNING, 0),
    ]
    assert "".join(span.text for span in row_of_marks(runs, BLOCKS)) == "▁▃▇!!××"
    letters = "".join(span.text for span in row_of_marks(runs, LETTERS))
    assert letters.isascii() and letters.endswith("!!xx")
    assert in_words(runs) == "3 good, 1 incomplete, 1 needed you, 1 failed, 1 not finished"
    assert row_of_marks([], BLOCKS) == ()


def test_marks_fit_the_encoding(stub: Callable[..., CompletedProcess[bytes]]) -> None:
    ascii_only = stub("good", "status", *LIBRARY, PYTHONIOENCODING="ascii")
    assert ascii_only.returncode == 0
    assert b"Last 3 runs    !x." in ascii_only.stdout
    assert "!×▁" in stub("good", "status", *LIBRARY, PYTHONIOENCODING="utf-8").stdout.decode()


# --- what wants doing ---------------------------------------------------------------------------------------


def test_every_kind_of_finding_has_its_words() -> None:
    assert set(_KINDS) == set(FindingKind)
    grave = [kind.needs_person for kind in _KINDS]
    assert grave == sorted(grave, reverse=True), "what needs a person is told first"


@pytest.mark.parametrize("kind", FindingKind)
def test_a_finding_says_what_settles_it(kind: FindingKind) -> None:
    (decision,) = decisions_of(good_status(findings=(finding(kind, "2024/my 'best'.nef"),)))
    assert decision.steps or decision.shared_hint
    for step in decision.steps:
        words = shlex.split(step.command)
        assert words[0] == "lrsync"
        assert "{path}" not in step.command
        if "2024" in step.command:
            assert words[-1] == "2024/my 'best'.nef"


def test_commands_name_the_library_and_a_file_that_looks_like_a_flag(cli: Cli) -> None:
    report = good_status(findings=(finding(FindingKind.ORIGINAL_CHANGED, "-x.nef"),), quarantined=1, safe=42)
    cli.use(stub_app.make(status=lambda config: report))
    out = cli("status", *LIBRARY, "--library", "my nas").out
    (line,) = [line.strip() for line in out.splitlines() if "lrsync accept" in line]
    place = ["--library", "my nas", "--source-path", "/photos", "--s3-bucket", "bucket"]
    assert shlex.split(line) == ["lrsync", "accept", "./-x.nef", *place]


def test_one_word_for_many_findings() -> None:
    many = tuple(finding(FindingKind.ORIGINAL_CHANGED, f"{i}.nef") for i in range(10_000))
    report = good_status(findings=many, quarantined=10_000, safe=0)
    text = plain(build(report, NOW_NS, Manner()))
    assert "10,000 changed originals wait for your decision. M." in text
    assert "and 9,995 more (--json has them all)" in text
    assert "lrsync accept --all" in text
    assert text.count(".nef") == 7


def test_each_with_its_own_words_where_they_differ() -> None:
    different = (finding(FindingKind.FAILED, "a", "denied", "look"), finding(FindingKind.FAILED, "b", "gone", ""))
    text = plain(build(good_status(findings=different), NOW_NS))
    assert "  a: denied (look)\n  b: gone\n" in text


def test_a_run_that_did_not_end_names_the_way_on() -> None:
    (decision,) = decisions_of(good_status(last_run=run_info(RunResult.FAILED, 1, 5)), "--library nas")
    assert [step.command for step in decision.steps] == [
        "lrsync log --library nas",
        "lrsync doctor --library nas",
        "lrsync sync --library nas",
    ]


def test_a_check_that_ended_well_does_not_hide_that_the_backup_before_it_did_not() -> None:
    good = replace(run_info(RunResult.OK, 50), id=3)
    failed = replace(run_info(RunResult.FAILED, 9, 6), id=4, counts={"failure": "the source /photos\n does not exist"})
    verified = replace(run_info(RunResult.OK, 1), id=5, kind=RunKind.VERIFY)
    now_ns = verified.started_at
    report = good_status(last_run=verified, last_good_run=good, recent=(good, failed, verified))
    told = "Last good backup 2 days ago. The last backup (8 hours ago) failed with exit code 6."
    assert told in sentence_of(report, now_ns)
    assert tone_of(report, now_ns) is Tone.WARN
    (decision,) = decisions_of(report)
    assert decision.what == "The last backup did not come to its end: the source /photos\\n does not exist"
    mended = replace(report, recent=(*report.recent, replace(good, id=6)), last_good_run=replace(good, id=6))
    assert "failed" not in sentence_of(mended, now_ns)
    assert (decisions_of(mended), tone_of(mended, now_ns)) == ([], Tone.GOOD)


def test_an_old_backup_is_not_green() -> None:
    report = good_status()
    run = report.last_good_run
    assert run is not None and run.finished_at is not None
    assert tone_of(report, run.finished_at + OLD_NS) is Tone.GOOD
    assert tone_of(report, run.finished_at + OLD_NS + 1) is Tone.WARN


def test_what_could_not_be_read_is_not_called_safe() -> None:
    report = good_status(findings=(finding(FindingKind.UNREADABLE, "2024/locked"),))
    shown = build(report, NOW_NS)
    assert "1 folder or file could not be read: what is new in it is not backed up." in shown.sentence
    assert (exit_code(report), tone_of(report, NOW_NS)) == (ExitCode.INCOMPLETE, Tone.BAD)


# --- a source that no backup has seen to its end --------------------------------------------------------------


@pytest.mark.parametrize("kind", [RunKind.ADOPT, RunKind.VERIFY])
def test_what_no_backup_has_counted_is_not_said_to_be_safe(kind: RunKind) -> None:
    """An adoption of one file of three ends well, and the manifest has one row: the others are in no count."""
    last = replace(run_info(RunResult.OK), kind=kind)
    report = good_status(last_run=last, last_good_run=None, was_seen_whole=False)
    assert exit_code(report) is ExitCode.INCOMPLETE
    assert sentence_of(report, NOW_NS).startswith("43 files recorded so far, all safe; others may wait.")
    some = replace(report, quarantined=1, safe=42)
    assert "42 of 43 are safe. Others may wait." in sentence_of(some, NOW_NS)
    assert "Others may wait" not in sentence_of(replace(some, was_seen_whole=True), NOW_NS)


@pytest.mark.parametrize("kind", [FindingKind.FAILED, FindingKind.UNREADABLE])
def test_what_another_try_does_not_mend_says_what_does(kind: FindingKind) -> None:
    report = good_status(findings=(finding(kind, "a.jpg", "the name is not valid UTF-8", "rename the file"),))
    (decision,) = decisions_of(report)
    assert "The name is not valid UTF-8. Rename the file." in advice_of(decision).what


def test_a_backup_that_left_something_was_finished_and_is_no_good_one() -> None:
    good = replace(run_info(RunResult.OK, 50), id=3)
    left = replace(run_info(RunResult.INCOMPLETE, 2), id=4)
    report = good_status(last_run=left, last_good_run=good, recent=(good, left))
    assert "Last good backup" in sentence_of(report, NOW_NS)
    assert "Last backup" in sentence_of(replace(report, recent=(good, replace(left, kind=RunKind.VERIFY))), NOW_NS)
    assert "No backup ended well yet." in sentence_of(replace(report, last_good_run=None), NOW_NS)


def test_no_checksum_is_told_last_and_not_as_no_proof() -> None:
    text = plain(build(good_status(by_proof={"none": 3, "MD5": 40}), NOW_NS))
    assert "Checksums      MD5 40, none 3" in text
    assert "Proven by" not in text
