"""What a monitor reads: `status --check`, and metrics that Prometheus's own parser takes."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

import lrsync.app.metrics  # noqa: F401 - the stub of the app has no modules of its own
from lrsync.core.findings import Finding, FindingKind
from lrsync.core.runs import RunResult
from lrsync.core.status import StatusReport
from lrsync.errors import ExitCode
from lrsync.ui.metrics_text import render
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY, Cli
from tests.ui.stub_app import good_status, run_info


def use(cli: Cli, report: StatusReport | None) -> None:
    cli.use(stub_app.make(status=lambda config: report))


def aged(hours: int, **changes: object) -> StatusReport:
    run = run_info(RunResult.OK, hours)
    return good_status(last_run=run, last_good_run=run, **changes)


@pytest.mark.parametrize(
    ("hours", "max_age", "code"),
    [(3, "36h", 0), (35, "36h", 0), (37, "36h", 3), (37, "2d", 0), (3, "2h", 3), (-48, "36h", 3)],
)
def test_the_last_good_run_must_be_young(cli: Cli, hours: int, max_age: str, code: int) -> None:
    use(cli, aged(hours))
    result = cli("status", *LIBRARY, "--check", "--max-age", max_age)
    assert result.code == code
    assert result.out.count("\n") == 1
    assert ("too old" in result.out) is (code == 3)
    assert cli("status", *LIBRARY).code == 0  # without --check age is no question


def test_a_run_in_the_future_is_no_proof(cli: Cli) -> None:
    use(cli, aged(-48))
    found = json.loads(cli("status", *LIBRARY, "--check", "--json").out)
    assert (found["exit_code"], found["check"]["fresh"], found["result"]) == (3, False, "incomplete")
    assert found["check"]["age_seconds"] < 0


def test_what_is_wrong_anyway_stays_wrong(cli: Cli) -> None:
    use(cli, aged(3, quarantined=1, safe=42))
    assert cli("status", *LIBRARY, "--check").code == 4
    use(cli, aged(3, pending=1, safe=42))
    assert cli("status", *LIBRARY, "--check").code == 3


def test_never_backed_up(cli: Cli) -> None:
    for report in (None, good_status(last_good_run=None)):
        use(cli, report)
        result = cli("status", *LIBRARY, "--check")
        assert result.code == 3
        assert "no good backup yet" in result.out and "No backup" not in result.out, "once is enough"
    found = json.loads(cli("status", *LIBRARY, "--check", "--json").out)
    assert found["check"] == {"fresh": False, "last_good": None, "age_seconds": None, "max_age_seconds": 129600}


@pytest.mark.parametrize("text", ["soon", "never", "36", ""])
def test_what_is_no_age(cli: Cli, text: str) -> None:
    result = cli("status", *LIBRARY, "--check", "--max-age", text)
    assert result.code == 2
    assert "--max-age" in result.err


# --- metrics ----------------------------------------------------------------------------------------------


def parsed(text: str) -> dict[tuple[str, str], float]:
    """Values by the metric's name and its own label's value, as Prometheus reads them."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge" and family.documentation
        for sample in family.samples:
            own = [value for name, value in sample.labels.items() if name != "library"]
            key = (sample.name, own[0] if own else "")
            assert key not in found
            found[key] = sample.value
    return found


def test_prometheus_reads_what_status_says() -> None:
    report = aged(3, findings=(Finding(FindingKind.ROT, "a", "m"), Finding(FindingKind.ROT, "b", "m")), rotten=2)
    found = parsed(render("default", report, ExitCode.NEEDS_PERSON))
    assert found["lrsync_files", "safe"] == 43
    assert found["lrsync_files", "rotten"] == 2
    assert found["lrsync_bytes", "safe"] == 1_500_000
    assert found["lrsync_status_exit_code", ""] == 4
    assert found["lrsync_findings", FindingKind.ROT.value] == 2
    assert found["lrsync_last_run_exit_code", ""] == 0
    assert found["lrsync_last_run_duration_seconds", ""] == 60
    assert found["lrsync_last_success_timestamp_seconds", ""] == pytest.approx(time.time() - 3 * 3600, abs=300)


def test_what_is_not_known_is_left_out() -> None:
    found = parsed(render("default", None, ExitCode.INCOMPLETE))
    assert {name for name, _ in found} == {"lrsync_info", "lrsync_status_exit_code"}
    never = parsed(render("default", good_status(last_run=None, last_good_run=None), ExitCode.INCOMPLETE))
    assert not any("last_run" in name or "success" in name for name, _ in never)


@pytest.mark.parametrize("name", ['Anna\'s "NAS"', "back\\slash", "new\nline", "写真", "\udcff"])
def test_any_library_name(name: str) -> None:
    text = render(name, good_status(), ExitCode.OK)
    (family, *_) = text_string_to_metric_families(text)
    wanted = name.encode("utf-8", "backslashreplace").decode()
    assert family.samples[0].labels["library"] == wanted


def test_a_file_for_the_collector(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "textfile" / "lrsync.prom"
    for hours in (3, 4):
        use(cli, aged(hours))
        result = cli("metrics", *LIBRARY, "--output", str(target))
        assert (result.code, result.out) == (0, "")
        assert parsed(target.read_text())["lrsync_files", "safe"] == 43
    assert list(target.parent.iterdir()) == [target]
    assert stat.S_IMODE(target.stat().st_mode) & 0o400
    assert parsed(cli("metrics", *LIBRARY).out)["lrsync_files", "safe"] == 43


def test_a_folder_that_is_not_there_for_us(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = cli("metrics", *LIBRARY, "--output", str(tmp_path / "file" / "x.prom"))
    assert result.code == 2
    assert "cannot be written" in result.err
