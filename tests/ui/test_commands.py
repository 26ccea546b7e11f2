"""The command line from end to end, on a stub of the app: results, errors, exit codes, JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from lrsync.core.findings import Finding, FindingKind
from lrsync.core.model import Drift
from lrsync.core.runs import RunKind, RunResult, RunSummary
from lrsync.core.status import Tally
from lrsync.errors import (
    BucketError,
    ExitCode,
    InterruptedRun,
    LockedError,
    LrsyncError,
    ManifestError,
    SourceError,
    UsageError,
)
from lrsync.ui.text import width_of
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY, Cli

Stub = Callable[..., CompletedProcess[bytes]]


def raising(problem: BaseException) -> stub_app.Runner:
    def run(*args: Any) -> RunSummary:
        raise problem

    return run


def returning(summary: RunSummary) -> stub_app.Runner:
    return lambda config, sink, stop: summary


# --- sync ---------------------------------------------------------------------------------------------------


def test_every_flag_reaches_the_config(cli: Cli) -> None:
    line = """
        --library travel --s3-prefix p/ --endpoint-url http://h:1 --region r --profile q --threads 3 --batch-size 5
        --exclude *.tmp --exclude x/ --include a.tmp --no-default-excludes --storage-class WARM --sse aws:kms
        --sse-kms-key-id k --bwlimit 1M --dry-run --delete --max-delete 5% --full --full-every never --manifest /m
        --keep-catalogs 5 --catalog-wait 5m --settle 2m --catalog /a.lrcat --catalog /b.lrcat
        --accept-mass-change --no-marker --accept-source --no-verify-ssl --transport curl --log-file
    """
    args = line.split()
    assert cli("sync", *LIBRARY, *args, str(Path.home() / "my.log")).code == 0
    (config,) = cli.app.configs
    default = type(config)(bucket="")
    # What a restore costs is no business of a sync's; hooks and storage are of the file alone.
    same = [n for n in config.__dataclass_fields__ if getattr(config, n) == getattr(default, n)]
    assert sorted(same) == ["hooks", "prices", "storage"]
    assert config.catalogs == (Path("/a.lrcat"), Path("/b.lrcat"))
    assert (config.library, config.prefix, config.exclude) == ("travel", "p", ("*.tmp", "x/"))
    assert (config.default_excludes, config.delete, config.dry_run, config.full) == (False, True, True, True)


def test_config_file_and_library_by_flag_and_variable(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "other.toml"
    file.write_text('[libraries.nas]\nsource_path = "/nas"\ns3_bucket = "b"\nregion = "file"\n')
    assert cli("sync", "--config", str(file), "--library", "nas").code == 0
    monkeypatch.setenv("LRSYNC_CONFIG", str(file))
    monkeypatch.setenv("LRSYNC_LIBRARY", "nas")
    monkeypatch.setenv("LRSYNC_REGION", "variable")
    assert cli("sync").code == 0
    assert cli("sync", "--region", "flag").code == 0
    assert [c.region for c in cli.app.configs] == ["file", "variable", "flag"]
    assert {c.source for c in cli.app.configs} == {Path("/nas")}


def test_summary_in_a_pipe_is_plain_text(cli: Cli) -> None:
    result = cli("sync", *LIBRARY)
    assert result.code == 0
    assert result.out.splitlines() == [
        "Scanned      43 files, 1.5 MB, in 5 folders",
        "Changed      3 added",
        "Done         3 uploaded",
        "Bytes        300.0 kB uploaded, 300.0 kB hashed",
        "S3 requests  3 (3 put)",
        "Time         1.5 s (scan 0.2 s)",
        "",
        "All 43 files are backed up.",
    ]


def test_a_quiet_night(cli: Cli) -> None:
    cli.runs(returning(stub_app.quiet_summary()))
    assert cli("sync", *LIBRARY).out.splitlines()[-1] == "Nothing changed: 43 files are safe."


def test_failures_are_named_and_counted(cli: Cli) -> None:
    cli.runs(returning(stub_app.failed_summary()))
    result = cli("sync", *LIBRARY)
    assert result.code == ExitCode.INCOMPLETE
    lines = result.out.splitlines()
    assert lines[-1] == "2 files could not be backed up; 41 are safe."
    nasty = "failed: 2024/a\\nb\\x1b[31m [red]x[/red] \\xff.nef: permission denied. Hint: check who owns it."
    assert nasty in lines
    assert "failed: b.jpg: gone bad." in lines


def test_a_changed_original_needs_a_decision(cli: Cli) -> None:
    cli.runs(returning(stub_app.attention_summary()))
    result = cli("sync", *LIBRARY)
    assert result.code == ExitCode.NEEDS_PERSON
    assert result.out.splitlines()[-1] == "1 changed original needs your decision; 42 are safe."
    assert "original changed: 2024/a.nef: this original's bytes changed." in result.out


def test_twenty_problems_are_enough(cli: Cli) -> None:
    summary = stub_app.good_summary()
    summary.findings = [Finding(FindingKind.UNKNOWN_OBJECT, f"k{i}", "no row explains it") for i in range(25)]
    cli.runs(returning(summary))
    out = cli("sync", *LIBRARY).out
    assert out.count("unknown object:") == 20
    assert "and 5 more: 'lrsync log --source-path" in out, "of this library"


def test_an_unreadable_folder_is_never_green_and_named_once(cli: Cli) -> None:
    summary = stub_app.failed_summary()
    summary.actions.failed, summary.scan.unreadable = 0, 2
    summary.findings = [Finding(FindingKind.UNREADABLE, error.path, error.message) for error in summary.errors]
    cli.runs(returning(summary))
    out = cli("sync", *LIBRARY).out
    assert out.splitlines()[-1] == "2 files or folders could not be read; 43 are safe."
    assert out.count("gone bad") == 1


def test_dry_run_says_what_would_be_done(cli: Cli) -> None:
    last = cli("sync", "--dry-run", *LIBRARY).out.splitlines()[-1]
    assert last == "Would be done: 3 uploaded. This was a dry run: nothing was changed."


def test_quiet_says_nothing_when_all_is_well(cli: Cli) -> None:
    assert cli("sync", "--quiet", *LIBRARY) == (0, "", "")


def test_quiet_speaks_up_when_something_is_wrong(cli: Cli) -> None:
    cli.runs(returning(stub_app.attention_summary()))
    result = cli("sync", "--quiet", *LIBRARY)
    assert "1 changed original needs your decision" in result.out
    assert result.err == ""


def test_verbose_names_every_file(cli: Cli) -> None:
    err = cli("sync", "--verbose", *LIBRARY).err
    assert "uploaded 2024/a\\nb\\x1b[31m [red]x[/red] \\xff.nef (1.0 MB)" in err.splitlines()
    assert "uploaded 2024" not in cli("sync", *LIBRARY).err


def test_rebuild_is_a_run_too(cli: Cli) -> None:
    summary = stub_app.good_summary()
    summary.actions.adopted = 43
    cli.runs(returning(summary))
    result = cli("rebuild-manifest", *LIBRARY)
    assert (
        result.out.splitlines()[-1] == "The manifest knows 43 files again; the next sync compares them with the source."
    )
    assert json.loads(cli("rebuild-manifest", "--json", *LIBRARY).out)["command"] == "rebuild-manifest"


def test_the_old_name_is_sync(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    from lrsync.ui.main import main_sync

    assert main_sync(LIBRARY) == 0
    assert "All 43 files are backed up." in capsys.readouterr().out
    assert main_sync(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lrsync ")


# --- JSON ---------------------------------------------------------------------------------------------------

SYNC_SHAPE = {
    "": "command library run_id result exit_code dry_run scan changes actions bytes s3_requests drift seconds findings "
    "errors",
    "scan": "files directories bytes excluded unreadable special",
    "changes": "added modified touched missing unchanged settling",
    "actions": "uploaded copied adopted restated trashed quarantined failed raced",
    "bytes": "uploaded copied hashed",
    "s3_requests": "total put list head copy delete other",
    "drift": "checked missing altered unknown repaired",
    "seconds": "total scan",
}


def test_sync_json_has_its_shape(cli: Cli) -> None:
    cli.runs(returning(stub_app.failed_summary()))
    result = cli("sync", "--json", *LIBRARY)
    found = json.loads(result.out)
    for name, keys in SYNC_SHAPE.items():
        assert list(found[name] if name else found) == keys.split(), name
    assert (found["command"], found["library"], found["run_id"]) == ("sync", "default", 12)
    assert (found["result"], found["exit_code"], result.code) == ("incomplete", 3, 3)
    assert found["s3_requests"]["total"] == 3
    assert found["errors"][0] == {
        "path": stub_app.NASTY,
        "message": "permission denied",
        "hint": "check who owns it",
    }
    assert result.out.isascii()
    assert result.out.count("\n") == 1


def test_sync_json_findings(cli: Cli) -> None:
    cli.runs(returning(stub_app.attention_summary()))
    found = json.loads(cli("sync", "--json", "--quiet", *LIBRARY).out)
    assert (found["result"], found["exit_code"]) == ("attention", 4)
    assert found["findings"] == [
        {"kind": "original-changed", "path": "2024/a.nef", "message": "this original's bytes changed"}
    ]


@pytest.mark.parametrize("where", ["flag", "variable"])
def test_json_also_on_failure(cli: Cli, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.runs(raising(BucketError("access denied", hint="check the policy")))
    args = ("--json",) if where == "flag" else ()
    if where == "variable":
        monkeypatch.setenv("LRSYNC_JSON", "1")
    result = cli("sync", *args, "--library=travel", *LIBRARY)
    assert json.loads(result.out) == {
        "command": "sync",
        "library": "travel",
        "result": "failed",
        "exit_code": 5,
        "error": {"message": "access denied", "hint": "check the policy"},
    }
    assert result.err.splitlines()[-1] == "error: access denied. hint: check the policy."


def test_json_also_on_a_wrong_flag(cli: Cli) -> None:
    found = json.loads(cli("sync", "--json", "--nope").out)
    assert (found["command"], found["result"], found["exit_code"]) == ("sync", "failed", 2)


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (UsageError("w", hint="h"), 2),
        (BucketError("w", hint="h"), 5),
        (SourceError("w", hint="h"), 6),
        (LockedError("w", hint="h"), 7),
        (ManifestError("w", hint="h"), 8),
        (InterruptedRun("w", hint="h"), 130),
    ],
)
def test_an_error_is_one_line_and_its_code(cli: Cli, log_path: Path, problem: LrsyncError, code: int) -> None:
    cli.runs(raising(problem))
    result = cli("sync", "--quiet", *LIBRARY)
    assert result == (code, "", "error: w. hint: h.\n")
    assert f"ended with exit code {code}: w" in log_path.read_text()


def test_an_error_names_its_path_and_stays_on_one_line(cli: Cli) -> None:
    cli.runs(raising(SourceError("is not a folder\x1b[2J", path="/pho\ntos")))
    assert cli("sync", "--quiet", *LIBRARY).err == "error: /pho\\ntos: is not a folder\\x1b[2J.\n"


def test_a_bug_is_one_line_and_a_traceback_in_the_log(cli: Cli, log_path: Path) -> None:
    cli.runs(stub_app.broken_run)
    result = cli("sync", "--quiet", "--json", *LIBRARY)
    assert result.code == ExitCode.BUG
    assert len(result.err.splitlines()) == 1
    assert "unexpected error: ZeroDivisionError: what\\never" in result.err
    assert str(log_path) in result.err
    assert json.loads(result.out)["exit_code"] == 1
    logged = log_path.read_text()
    assert "Traceback (most recent call last)" in logged
    assert "broken_run" in logged


def test_a_bug_without_a_log_shows_its_traceback(cli: Cli, home: Path) -> None:
    (home / "state").write_text("in the way")
    cli.runs(stub_app.broken_run)
    result = cli("sync", "--quiet", *LIBRARY)
    assert result.code == ExitCode.BUG
    assert "Traceback" in result.err
    assert result.err.splitlines()[-1].startswith("error: unexpected error: ZeroDivisionError")


def test_ctrl_c_outside_a_run_is_130(cli: Cli) -> None:
    cli.runs(raising(KeyboardInterrupt()))
    result = cli("sync", "--quiet", *LIBRARY)
    assert result.code == 130
    assert result.err.splitlines()[-1].startswith("error: interrupted.")


def test_a_connection_that_broke_is_no_success(cli: Cli) -> None:
    cli.runs(raising(BrokenPipeError(32, "Broken pipe")))
    result = cli("sync", "--quiet", *LIBRARY)
    assert result.code == ExitCode.BUG
    assert "a connection broke" in result.err


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("snyc",), "error: there is no command 'snyc'. hint: did you mean 'sync'?"),
        (("zzz",), "error: there is no command 'zzz'. hint: see 'lrsync --help'."),
        (("sync", "--dry-rum"), "error: there is no option '--dry-rum'. hint: did you mean --dry-run?"),
        (("sync", "--zzz"), "error: there is no option '--zzz'. hint: see 'lrsync sync --help'."),
        (("sync", "x"), "error: got unexpected extra argument (x). hint: see 'lrsync sync --help'."),
        (("sync", "--threads"), "error: option '--threads' requires an argument. hint: see 'lrsync sync --help'."),
        (
            ("sync", *LIBRARY, "--threads", "0"),
            "error: --threads: '0' is not a whole number from 1 to 256.",
        ),
        (
            ("sync", *LIBRARY, "--s3-prefix", "../x"),
            "error: --s3-prefix: the prefix has an empty, '.' or '..' part. "
            "hint: use plain folder names, as in backup/photos.",
        ),
        (
            ("sync", *LIBRARY, "--max-delete", "lots"),
            "error: --max-delete: 'lots' is not a number of files. "
            "hint: write a number of files as 50, or a share of the library as 5%.",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_2(cli: Cli, args: tuple[str, ...], line: str, log_path: Path) -> None:
    assert cli(*args) == (2, "", line + "\n")
    assert not log_path.exists()


def test_no_command_shows_the_help(cli: Cli) -> None:
    result = cli()
    assert result.code == 2
    assert "rebuild-manifest" in result.err


@pytest.mark.parametrize(
    ("settling", "failed", "sentence"),
    [
        (0, 0, "All 43 files are backed up."),
        (1, 0, "1 file was written just now and waits for the next run; 42 are safe."),
        (2, 0, "2 files were written just now and wait for the next run; 41 are safe."),
        (
            2,
            1,
            "1 file could not be backed up; 2 files were written just now and wait for the next run; 40 are safe.",
        ),
    ],
)
def test_files_that_wait_are_said_and_are_no_failure(settling: int, failed: int, sentence: str) -> None:
    from lrsync.core.runs import ActionCounts, ChangeCounts, ScanCounts
    from lrsync.ui import summary

    done = RunSummary(
        scan=ScanCounts(files=43),
        changes=ChangeCounts(added=5, settling=settling),
        actions=ActionCounts(uploaded=5, failed=failed),
    )
    assert summary.sentence_of(RunKind.SYNC, done) == sentence


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (1, "1 changed file was not sent, as too many changed; 42 are safe."),
        (30, "30 changed files were not sent, as too many changed; 13 are safe."),
    ],
)
def test_files_that_a_mass_change_held_back_are_not_called_backed_up(held: int, sentence: str) -> None:
    from lrsync.core.runs import ChangeCounts, ScanCounts
    from lrsync.ui import summary

    done = RunSummary(scan=ScanCounts(files=43), changes=ChangeCounts(modified=held, held=held))
    assert summary.sentence_of(RunKind.SYNC, done) == sentence


def test_no_file_is_taken_off_the_safe_ones_twice() -> None:
    """Of an altered object the file may be a changed original, or one that failed, or gone from the disk."""
    from lrsync.core.findings import Finding, FindingKind
    from lrsync.core.model import Failed
    from lrsync.core.runs import ActionCounts, DriftCounts, ScanCounts
    from lrsync.ui import summary

    kinds = [(FindingKind.ORIGINAL_CHANGED, "a.nef"), *((FindingKind.DRIFT, f"{name}.nef") for name in "abcd")]
    done = RunSummary(
        scan=ScanCounts(files=10),
        drift=DriftCounts(altered=4, lost=1),
        actions=ActionCounts(failed=1),
        findings=[Finding(kind, path, "told") for kind, path in kinds],
        errors=[Failed("b.nef", "cannot be read", "")],
    )
    assert summary.sentence_of(RunKind.SYNC, done).endswith("; 7 are safe."), "all but a, b, and one of c and d"


# --- status -------------------------------------------------------------------------------------------------


def status_cli(cli: Cli, **changes: Any) -> Cli:
    cli.use(stub_app.make(status=lambda config: stub_app.good_status(**changes)))
    return cli


def test_status_when_all_is_safe(cli: Cli) -> None:
    result = status_cli(cli)("status", *LIBRARY)
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0] == "All 43 files are safe. Last backup 3 hours ago."
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("original ") and line.endswith(" 40") for line in lines)
    assert "写真\\xff\\nx" in result.out
    assert "Bucket check  " in result.out
    assert "2 days ago" in result.out


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        (
            {"pending": 3, "safe": 40},
            3,
            "3 files are not safe: 3 not backed up yet. 40 of 43 are safe. Last backup 3 hours ago.",
        ),
        (
            {"pending": 2, "quarantined": 1, "safe": 40},
            3,
            "3 files are not safe: 2 not backed up yet, 1 changed original. 40 of 43 are safe. "
            "Last backup 3 hours ago.",
        ),
        (
            {"quarantined": 1, "safe": 42},
            4,
            "1 file is not safe: 1 changed original. 42 of 43 are safe. Last backup 3 hours ago.",
        ),
        (
            {"drifted": 1, "safe": 42},
            3,
            "1 file is not safe: 1 lost or altered in the bucket. 42 of 43 are safe. Last backup 3 hours ago.",
        ),
        (
            {"unproven": 2, "safe": 41},
            3,
            "2 files are not safe: 2 with content that is not proven. 41 of 43 are safe. Last backup 3 hours ago.",
        ),
        (
            {"findings": (Finding(FindingKind.DELETE_GUARD, "", "30 of 43 files are gone"),)},
            4,
            "All 43 files are safe. Nothing was deleted, as a guard refused. Last backup 3 hours ago.",
        ),
        (
            {"last_run": stub_app.run_info(RunResult.FAILED, 1, 5)},
            0,
            "All 43 files are safe. Last backup 3 hours ago. The last run (1 hour ago) failed with exit code 5.",
        ),
        (
            {"files": 0, "safe": 0, "last_run": None, "last_good_run": None},
            3,
            "Nothing is backed up yet.",
        ),
    ],
)
def test_status_sentences_and_codes(cli: Cli, changes: dict[str, Any], code: int, sentence: str) -> None:
    result = status_cli(cli, **changes)("status", *LIBRARY)
    assert (result.code, result.out.splitlines()[0]) == (code, sentence)
    found = json.loads(cli("status", "--json", *LIBRARY).out)
    assert (found["exit_code"], found["state"]) == (code, sentence)


def test_status_is_green_only_after_a_run_that_ended() -> None:
    from lrsync.ui.report import Tone
    from lrsync.ui.status_view import build

    assert build(stub_app.good_status(), 0).tone is Tone.GOOD
    for result in (RunResult.FAILED, RunResult.RUNNING, RunResult.INTERRUPTED):
        assert build(stub_app.good_status(last_run=stub_app.run_info(result)), 0).tone is Tone.WARN
    assert build(stub_app.good_status(pending=1), 0).tone is Tone.BAD
    declined = replace(stub_app.run_info(RunResult.INTERRUPTED), kind=RunKind.RESTORE)
    assert "The last restore (" in build(stub_app.good_status(last_run=declined), 0).sentence


def test_status_before_the_first_backup(cli: Cli) -> None:
    cli.use(stub_app.make(status=lambda config: None))
    result = cli("status", *LIBRARY)
    assert (result.code, result.out) == (3, "Nothing is backed up yet.\n")
    assert "lrsync sync" in result.err
    found = json.loads(cli("status", "--json", *LIBRARY).out)
    assert (found["result"], found["files"], found["last_run"]) == ("incomplete", 0, None)


STATUS_KEYS = """
    command library result exit_code state files bytes safe safe_bytes pending pending_bytes missing missing_bytes
    quarantined drifted unproven rotten last_run last_good_run last_full_pass last_drill recent_runs by_type
    by_folder by_proof verified findings decisions
"""


def test_status_json(cli: Cli) -> None:
    result = status_cli(cli)("status", "--json", *LIBRARY)
    found = json.loads(result.out)
    assert list(found) == STATUS_KEYS.split()
    assert found["by_type"]["original"] == {"files": 40, "bytes": 1_400_000, "safe": 40}
    assert list(found["last_run"]) == ["run_id", "kind", "result", "exit_code", "started_at", "finished_at"]
    assert found["last_run"]["finished_at"].endswith("Z")
    assert found["last_full_pass"].endswith("Z")
    assert result.out.isascii()
    cli.use(stub_app.make(status=lambda config: None))
    assert list(json.loads(cli("status", "--json", *LIBRARY).out)) == list(found)


def test_status_fits_eighty_columns_with_long_places(cli: Cli) -> None:
    library = replace(stub_app.good_status().library, source="/volumes/" + "deep/" * 40, prefix="写真/" * 30)
    changes = {"missing": 1_234_567, "missing_bytes": 10**12, "library": library, "pending": 2, "safe": 41}
    lines = status_cli(cli, **changes)("status", *LIBRARY).out.splitlines()
    assert max(map(width_of, lines[1:])) <= 80
    assert lines[0].endswith("41 of 43 are safe. Last backup 3 hours ago.")


def test_empty_variables_switch_nothing_on(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JSON", "QUIET", "VERBOSE", "LIBRARY", "CONFIG", "DRY_RUN"):
        monkeypatch.setenv(f"LRSYNC_{name}", "")
    result = cli("sync", *LIBRARY)
    assert result.out.splitlines()[-1] == "All 43 files are backed up."
    assert cli.app.configs[0].library == "default"


def test_one_safe_file_is_singular(cli: Cli) -> None:
    summary = stub_app.failed_summary()
    summary.scan.files = 3
    cli.runs(returning(summary))
    assert cli("sync", *LIBRARY).out.splitlines()[-1] == "2 files could not be backed up; 1 is safe."


def test_status_shows_the_largest_folders_or_all(cli: Cli) -> None:
    folders = {f"f{i:03}": Tally(1, 1000 - i, i != 999) for i in range(100)}
    status_cli(cli, by_folder=folders)
    out = cli("status", *LIBRARY).out
    assert "f011" in out
    assert "f012" not in out
    assert "88 more (--all)" in out
    assert "f099" in cli("status", *LIBRARY, "--all").out


def test_status_of_a_given_manifest_needs_no_bucket(cli: Cli) -> None:
    assert cli("status", "--manifest", "/m.sqlite").code == 0
    assert cli("status").code == 2


# --- processes ----------------------------------------------------------------------------------------------


def test_a_process_writes_names_in_any_locale(stub: Stub) -> None:
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = stub("failing", "sync", *LIBRARY, "--s3-prefix", "写真", **env)
    assert done.returncode == 3, done.stderr
    assert done.stdout.isascii()
    assert b"\\x1b[31m [red]x[/red] \\xff.nef" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
@pytest.mark.parametrize(
    ("args", "code"), [(("sync", *LIBRARY), 0), (("sync", "--json", *LIBRARY), 0), (("--help",), 0)]
)
def test_nobody_reads_stdout(stub_env: dict[str, str], args: tuple[str, ...], code: int) -> None:
    import subprocess
    import sys

    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "tests.ui.stub_app", "quiet", *args]
    done = subprocess.run(command, env=stub_env, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    assert b"Broken pipe" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(("scenario", "code", "own"), [("quiet", 1, 0), ("failing", 3, 3)])
def test_a_result_that_cannot_be_written_is_no_success(
    stub_env: dict[str, str], scenario: str, code: int, own: int
) -> None:
    import subprocess
    import sys

    command = [sys.executable, "-m", "tests.ui.stub_app", scenario, "sync", "--json", *LIBRARY]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, env=stub_env, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == code
    assert b"Traceback" not in done.stderr
    hint = f"hint: the command itself ended with exit code {own}."
    assert done.stderr.decode().splitlines()[-1] == (
        f"error: the result could not be written: No space left on device. {hint}"
    )


def test_drift_has_words_for_all_of_its_kinds() -> None:
    from lrsync.ui.summary import build

    summary = stub_app.good_summary()
    summary.drift.checked, summary.drift.missing, summary.drift.altered = True, 1, 2
    from lrsync.core.runs import RunKind

    row = dict(build(RunKind.SYNC, summary).grids[0].rows)["Bucket check"]
    assert row == "1 missing, 2 altered"
    assert {drift.value for drift in Drift} == {"missing", "altered"}
