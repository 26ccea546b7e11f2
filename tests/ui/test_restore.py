"""`lrsync restore` on a stub of the app: what it asks for, when it asks the user, and what it says."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from lrsync.config import Config
from lrsync.core.counts import CatalogUse, Renamed, RestoreCounts
from lrsync.core.events import EventSink, FileBack, Phase, PhaseStarted, WorkPlanned
from lrsync.core.filetypes import FileType
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.lightroom import RootMapping
from lrsync.core.model import Failed
from lrsync.core.photos import Captured, PhotoWish, Stars
from lrsync.core.prices import Quote
from lrsync.core.requests import Knowledge, RestoreRequest
from lrsync.core.restoring import Overwrite, RestorePlan
from lrsync.core.runs import RunSummary, SnapshotUse
from lrsync.core.thaw import ThawWish, Tier
from lrsync.errors import InterruptedRun
from lrsync.ui import output
from tests.ui.conftest import LIBRARY, Cli
from tests.ui.stub_app import NASTY

BARE = ("--s3-bucket", "bucket", "--to", "/back")
PLAN = RestorePlan(files=1_234, bytes=5_000_000, fetch_files=1_200, fetch_bytes=4_900_000, needed_bytes=5_000_000)


class Restores:
    """Stands in for `app.run_restore`: keeps what it was asked, asks the user, and has some results."""

    def __init__(self, cli: Cli) -> None:
        self.requests: list[RestoreRequest] = []
        self.agreed: list[bool] = []
        self.summary = RunSummary(restored=RestoreCounts(selected=3, selected_bytes=9, restored=2, bytes=6, intact=1))
        vars(cli.app)["run_restore"] = self.run

    def run(
        self,
        config: Config,
        sink: EventSink,
        stop: threading.Event,
        request: RestoreRequest,
        confirm: Callable[[RestorePlan, Quote | None], bool],
    ) -> RunSummary:
        self.requests.append(request)
        self.agreed.append(confirm(PLAN, None))
        if not self.agreed[-1]:
            raise InterruptedRun("nothing was restored", hint="answer y, or add --yes, to restore it")
        sink(PhaseStarted(Phase.RESTORING))
        sink(WorkPlanned(3, 9))
        sink(FileBack("a.nef", 3, True))
        sink(FileBack(NASTY, 3, False, Failed(NASTY, "gone bad")))
        return self.summary


@pytest.fixture
def restores(cli: Cli) -> Restores:
    return Restores(cli)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A person at the terminal, who says no."""
    questions: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        questions.append(text)
        return False

    monkeypatch.setattr(output, "is_terminal", lambda stream: stream is sys.stdin)
    monkeypatch.setattr(click, "confirm", confirm)
    return questions


def test_all_that_can_be_asked_for(cli: Cli, restores: Restores, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a.nef\r\n\n2024/b \xff.nef\n")
    narrowed = ("--type", "catalog,.NEF", "--since", "2024-03-01T00:00:00Z", "--until", "2024-03-02T00:00:00Z")
    how = ("--overwrite", "if-newer", "--from", "listing", "--no-sidecars", "--files-from", str(tmp_path / "list"))
    assert cli("restore", "*.nef", "--folder", "2024", "--folder", "2025", *narrowed, *how, *BARE).code == 0
    (request,) = restores.requests
    assert (request.paths, request.folders, request.to) == (("*.nef",), ("2024", "2025"), "/back")
    assert request.types is not None
    assert (request.types.kinds, request.types.extensions) == ({FileType.CATALOG}, {"nef"})
    assert (request.since_ns, request.until_ns) == (1_709_251_200_000_000_000, 1_709_337_600_000_000_000)
    assert (request.overwrite, request.knowledge, request.companions) == (Overwrite.IF_NEWER, Knowledge.LISTING, False)
    assert request.listed == ("a.nef", "2024/b \udcff.nef")


def test_photos_by_what_a_catalog_knows(cli: Cli, restores: Restores, asked: list[str]) -> None:
    chosen = ("--collection", "Iceland best", "--collection", "Trips/Winter", "--rating", "4+", "--pick")
    where = (
        "--catalog",
        "My",
        "--catalog-snapshot",
        "2026",
        "--map-root",
        "D:\\Photos=2013",
        "--captured",
        "2024-05..",
    )
    assert cli("restore", *BARE, *chosen, *where).code == 0
    (request,) = restores.requests
    assert request.photos == PhotoWish(
        ("Iceland best", "Trips/Winter"),
        Stars(4, 5),
        Captured("2024-05", None),
        picked=True,
        catalog="My",
        stamp="2026",
        mappings=(RootMapping("D:/Photos", "2013"),),
    )
    assert asked == [], "a collection is not everything"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--rating", "6"), "error: --rating: '6' is no rating"),
        (("--captured", "May"), "error: --captured: 'May' is no time"),
        (("--in-place",), "--in-place and --to do not go together"),
        (("--catalog", "My"), "--catalog alone chooses no photos"),
        (("--catalog-snapshot", "2026"), "--catalog-snapshot alone"),
        (("--map-root", "D:=x"), "--map-root alone"),
        (("--pick", "--map-root", "D:"), "write it as OLD=NEW"),
    ],
)
def test_photos_that_nobody_can_mean(cli: Cli, restores: Restores, args: tuple[str, ...], words: str) -> None:
    done = cli("restore", *BARE, *args)
    assert (done.code, words in done.err) == (2, True)
    assert restores.requests == []


def test_a_list_that_ends_its_lines_with_nul_is_told(cli: Cli, restores: Restores, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a.nef\0b.nef\0")
    done = cli("restore", *BARE, "--files-from", str(tmp_path / "list"))
    assert (done.code, "hint: add --null." in done.err) == (2, True)
    assert cli("restore", *BARE, "--files-from", str(tmp_path / "list"), "--null").code == 0


@pytest.mark.parametrize("is_kept", [True, False])
def test_status_is_named_only_where_a_manifest_knows_of_it(cli: Cli, restores: Restores, is_kept: bool) -> None:
    restores.summary.findings.append(Finding(FindingKind.DRIFT, "a.nef", "its object is altered", ""))
    restores.summary.is_kept = is_kept
    done = cli("restore", *BARE)
    assert ("' has the commands that settle it" in done.out) is is_kept


def test_in_place_needs_the_source_and_elsewhere_does_not(cli: Cli, restores: Restores) -> None:
    assert cli("restore", *BARE).code == 0
    assert cli("restore", "--in-place", "--s3-bucket", "bucket").code == 2
    assert cli("restore", "--in-place", *LIBRARY).code == 0
    assert [request.to for request in restores.requests] == ["/back", None]


@pytest.mark.parametrize(
    ("where", "words"), [((), "--in-place, or --to"), (("--in-place", "--to", "/back"), "do not go together")]
)
def test_where_to_must_be_said(cli: Cli, restores: Restores, where: tuple[str, ...], words: str) -> None:
    done = cli("restore", *where, *LIBRARY)
    assert (done.code, words in done.err) == (2, True)
    assert restores.requests == []


def test_everything_is_asked_about_first(cli: Cli, restores: Restores, asked: list[str]) -> None:
    done = cli("restore", *BARE)
    assert (done.code, restores.agreed, len(asked)) == (130, [False], 1)
    assert "1,200 files, 4.9 MB, will be restored (34 more are there already)." in done.err
    assert "nothing was restored" in done.err


@pytest.mark.parametrize("way", ["--yes", "--dry-run", "--json", "--quiet", "*.nef"])
def test_who_knows_what_they_want_is_not_asked(cli: Cli, restores: Restores, asked: list[str], way: str) -> None:
    assert cli("restore", *BARE, way).code == 0
    assert (restores.agreed, asked) == ([True], [])


def test_without_a_terminal_it_goes_on(cli: Cli, restores: Restores) -> None:
    done = cli("restore", *BARE)
    assert (done.code, restores.agreed) == (0, [True])
    assert "will be restored" in done.err


def test_what_it_says_at_its_end(cli: Cli, restores: Restores) -> None:
    counts = restores.summary.restored
    assert counts is not None
    counts.replaced, counts.skipped, counts.unproven = 1, 4, 2
    restores.summary.renamed = [Renamed("a:b.jpg", "a_b.jpg")]
    restores.summary.errors = [Failed(NASTY, "gone bad")]
    restores.summary.settle_exit_code()
    done = cli("restore", *BARE, "--verbose")
    assert done.code == 3
    assert "restored a.nef" in done.err and "\x1b" not in done.err + done.out
    assert "a:b.jpg is called a_b.jpg there" in done.out
    sentence = "2 files restored, 1 there already, 4 left as they are; 1 file could not be; 2 had no recorded checksum"
    assert sentence in done.out


def test_json(cli: Cli, restores: Restores) -> None:
    restores.summary.renamed = [Renamed("a:b.jpg", "a_b.jpg")]
    restores.summary.snapshot = SnapshotUse("P/.lrsync/manifest/u.sqlite.zst", 1_709_251_200_000_000_000)
    done = json.loads(cli("restore", *BARE, "--json").out)
    assert done["command"] == "restore"
    names = "selected selected_bytes restored bytes intact existing skipped replaced unproven failed"
    assert [done[name] for name in names.split()] == [3, 9, 2, 6, 1, 0, 0, 0, 0, 0]
    assert done["renamed"] == [{"path": "a:b.jpg", "local": "a_b.jpg"}]
    assert done["snapshot"]["taken_at"] == "2024-03-01T00:00:00Z"
    assert done["catalog"] is None
    roots = (("D:/Photos", "", "names", 7),)
    restores.summary.catalog = CatalogUse(
        "cat/My.lrcat", "20240301T000000.000000Z", 1_709_251_200_000_000_000, 7, roots
    )
    assert json.loads(cli("restore", *BARE, "--json").out)["catalog"] == {
        "catalog": "cat/My.lrcat",
        "snapshot": "20240301T000000.000000Z",
        "photos": 7,
        "taken_at": "2024-03-01T00:00:00Z",
        "roots": [{"root": "D:/Photos", "folder": "", "by": "names", "photos": 7}],
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), ThawWish()),
        (("--thaw", "bulk", "--thaw-days", "30"), ThawWish(Tier.BULK, 30)),
        (("--thaw", "none"), None),
    ],
)
def test_how_archived_objects_are_asked_for(
    cli: Cli, restores: Restores, given: tuple[str, ...], expected: ThawWish | None
) -> None:
    assert cli("restore", *BARE, *given).code == 0
    assert restores.requests[0].thaw == expected


@pytest.mark.parametrize("days", ["0", "-1", "366", "x", "1.5", ""])
def test_days_that_are_none(cli: Cli, restores: Restores, days: str) -> None:
    assert cli("restore", *BARE, "--thaw-days", days).code == 2
    assert restores.requests == []


def test_a_date_to_go_back_to_has_all_of_its_day(cli: Cli, restores: Restores) -> None:
    done = cli("restore", *BARE, "--at", "2024-03-01")
    assert done.code == 0
    at_ns = restores.requests[0].at_ns
    assert at_ns is not None
    assert datetime.fromtimestamp(at_ns // 10**9, UTC).astimezone().strftime("%Y-%m-%d %H:%M") == "2024-03-02 00:00"
    assert "The library as it was on 2024-03-02 00:00:00" in done.err
    assert cli("restore", *BARE, "--at", "2999-01-01").code == 2
    assert cli("restore", *BARE, "--at", "yesterday").code == 2
