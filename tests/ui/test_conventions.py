"""What holds for every command: colours, variables, examples, suggestions, completion, the manual."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from lrsync.core.findings import Finding, FindingKind
from lrsync.errors import BucketError
from lrsync.settings import SETTINGS
from lrsync.ui import color
from lrsync.ui.common import SETTING_NAMES
from lrsync.ui.completion import SHELLS
from lrsync.ui.exit_words import MEANINGS
from lrsync.ui.main import COMMANDS
from lrsync.ui.main import cli as root
from lrsync.ui.roff import Edition, Entry, all_entries, escape, whole_manual
from tests.ui import stub_app
from tests.ui.conftest import LIBRARY, Cli
from tests.ui.stub_app import good_status

ENTRIES = list(all_entries(root, click.Context(root, info_name="lrsync")))
WITHOUT_JSON = {"metrics", "completion", "man", "demo", "config edit"}
"""Metrics have a format of their own, the others print a script, a page, or talk with a person."""


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    yield
    color.choose((), {})


def options_of(entry: Entry) -> dict[str, click.Option]:
    return {flag: param for param in entry.command.params if isinstance(param, click.Option) for flag in param.opts}


def test_names_of_settings_are_those_of_the_settings() -> None:
    assert {setting.name for setting in SETTINGS} == SETTING_NAMES


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
def test_every_command_has_what_is_common(entry: Entry) -> None:
    options = options_of(entry)
    assert ("--json" in options) is (entry.path not in WITHOUT_JSON)
    assert "--color" in options
    assert entry.command.epilog is not None
    lines = [line.strip() for line in entry.command.epilog.splitlines() if line.startswith("  lrsync")]
    assert lines and all(line.startswith(f"lrsync {entry.path}") for line in lines)
    assert max(len(line) for line in entry.command.epilog.splitlines()) <= 118


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
def test_the_examples_are_command_lines_that_are_understood(entry: Entry) -> None:
    """Parsed by the command itself; nothing is run."""
    import shlex

    for line in (entry.command.epilog or "").splitlines():
        if line.startswith("  lrsync "):
            words = shlex.split(line.partition(" | ")[0].partition(" > ")[0].partition(" >> ")[0])
            args = words[1 + len(entry.path.split()) :]
            with entry.command.make_context(entry.path, args, parent=entry.context.parent):
                pass


def test_every_option_has_its_variable() -> None:
    variables: dict[str, set[str]] = {}
    for entry in ENTRIES:
        for flag, option in options_of(entry).items():
            if not flag.startswith("--") or option.is_eager:
                continue
            assert option.envvar is not None or option.name in SETTING_NAMES, (entry.path, flag)
            if isinstance(option.envvar, str):
                variables.setdefault(option.envvar, set()).add(flag)
    assert variables["LRSYNC_STATUS_MAX_AGE"] == {"--max-age"}
    assert variables["LRSYNC_CATALOG_AUDIT_LIST"] == {"--list"}
    assert all(len(flags) == 1 for flags in variables.values()), "one variable, one meaning"
    assert not {f"LRSYNC_{name.upper()}" for name in SETTING_NAMES} & set(variables) - {"LRSYNC_DRY_RUN"}


def test_a_variable_of_one_command(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRSYNC_STATUS_CHECK", "1")
    assert cli("status", *LIBRARY).out.count("\n") == 1
    monkeypatch.setenv("LRSYNC_STATUS_CHECK", "0")
    assert cli("status", *LIBRARY).out.count("\n") > 1


def test_a_list_in_a_variable_stands_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    (restore,) = [entry for entry in ENTRIES if entry.path == "restore"]
    monkeypatch.setenv("LRSYNC_RESTORE_FOLDER", "2024/New York\n2023")
    context = restore.command.make_context("restore", ["--to", "x"])
    assert context.params["folders"] == ("2024/New York", "2023")


def test_groups_are_marked_as_such() -> None:
    for name, entry in COMMANDS.items():
        assert entry.is_group is isinstance(root.get_command(click.Context(root), name), click.Group), name


# --- colours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "args", "is_colored"),
    [
        ({}, (), False),  # a pipe
        ({"FORCE_COLOR": "1"}, (), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"FORCE_COLOR": ""}, (), False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"FORCE_COLOR": "1"}, ("--color=never",), False),
        ({"LRSYNC_COLOR": "always"}, (), True),
        ({"LRSYNC_COLOR": "always"}, ("--color", "never"), False),
        ({"LRSYNC_COLOR": "always", "NO_COLOR": "1"}, ("--color", "auto"), False),
    ],
)
def test_when_there_are_colours(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], args: tuple[str, ...], is_colored: bool
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    for line in (("status", *LIBRARY, *args), (*args, "status", *LIBRARY)):
        assert ("\x1b[1;32mAll 43 files are safe." in cli(*line).out) is is_colored
    assert ("\x1b[" in cli("snyc", *args).err) is is_colored


def test_a_wrong_choice_of_colours(cli: Cli) -> None:
    result = cli("status", *LIBRARY, "--color", "allways")
    assert result.code == 2
    assert result.err.endswith("hint: did you mean 'always'?\n")


def test_a_windows_console_is_asked_to_understand() -> None:
    class Kernel32:
        def __init__(self, mode: int | None, agrees: bool) -> None:
            self.mode, self.agrees, self.handle = mode, agrees, 0

        def GetStdHandle(self, number: int) -> int:
            return number

        def GetConsoleMode(self, handle: int, mode: Any) -> bool:
            if self.mode is not None:
                mode._obj.value = self.mode
            return self.mode is not None

        def SetConsoleMode(self, handle: int, mode: int) -> bool:
            assert mode & 4
            self.handle = handle
            return self.agrees

    console = Kernel32(3, True)
    assert color.windows_takes_codes(sys.stderr, console)
    assert console.handle == -12
    assert not color.windows_takes_codes(sys.stdout, Kernel32(3, False))
    assert not color.windows_takes_codes(sys.stdout, Kernel32(None, True))
    assert color.windows_takes_codes(sys.stdout, Kernel32(7, False)), "it understands already"


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("catalog", "lst"), "error: there is no command 'lst'. hint: did you mean 'list'?"),
        (("trash", "zzz"), "error: there is no command 'zzz'. hint: see 'lrsync trash --help'."),
        (("catalog", "audit", "--mpa-root"), "error: there is no option '--mpa-root'. hint: did you mean --map-root?"),
        (
            ("restore", "--overwrite", "allways", "--to", "x"),
            "error: invalid value for '--overwrite': 'allways' is not one of 'never', 'if-changed', 'if-newer', "
            "'always'. hint: did you mean 'always'?",
        ),
        (("completion",), "error: missing argument 'SHELL'. hint: one of bash, zsh, fish, powershell."),
        (("restor",), "error: there is no command 'restor'. hint: did you mean 'restore' or 'report' or 'history'?"),
        (("restore", "--tto", "x"), "error: there is no option '--tto'. hint: did you mean --to or --at or --status?"),
        (("man", "drll"), "error: there is no command 'drll'. hint: did you mean 'drill'?"),
    ],
)
def test_suggestions(cli: Cli, args: tuple[str, ...], line: str) -> None:
    assert cli(*args) == (2, "", line + "\n")


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (("catalog", "list", "--json", "--nope"), "catalog list"),
        (("--color", "never", "trash", "list", "--json", "--nope"), "trash list"),
        (("status", "--json", "extra"), "status"),
        (("history", "x", "--json", "--nope"), "history"),
    ],
)
def test_an_error_in_json_names_the_command_as_its_results_do(cli: Cli, args: tuple[str, ...], command: str) -> None:
    found = json.loads(cli(*args).out)
    assert (found["command"], found["exit_code"], found["result"]) == (command, 2, "failed")
    assert set(found["error"]) == {"message", "hint"}


# --- completion ---------------------------------------------------------------------------------------------


def complete(line: str, shell: str = "bash") -> list[str]:
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None
    *args, incomplete = line.split(" ")[1:]
    found = script(root, {}, "lrsync", "_LRSYNC_COMPLETE").get_completions(args, incomplete)
    return [item.value if item.type == "plain" else item.type for item in found]


def test_what_is_offered(cli: Cli, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = 'source_path = "/p"\ns3_bucket = "b"\n'
    config_file.write_text(f"[libraries.default]\n{table}[libraries.nas]\n{table}")
    changed = Finding(FindingKind.ORIGINAL_CHANGED, "2024/a.nef", "m")
    odd = Finding(FindingKind.ORIGINAL_CHANGED, "2024/\x1b.nef", "m")
    app = stub_app.make(status=lambda config: good_status(findings=(changed, odd)))
    app.list_runs = lambda config, limit: [stub_app.run_info(stub_app.RunResult.OK)]  # type: ignore[attr-defined]
    cli.use(app)
    assert complete("lrsync st") == ["status"]
    assert complete("lrsync catalog l") == ["list"]
    assert complete("lrsync status --library ") == ["default", "nas"]
    assert complete("lrsync sync --library=n") == ["nas"]
    assert complete("lrsync accept ") == ["2024/a.nef"], "a name that no line can hold is not offered"
    assert complete("lrsync history ") == ["7"]
    assert complete("lrsync restore --to ") == ["dir"]
    assert complete("lrsync restore --files-from ") == ["file"]
    assert complete("lrsync sync --storage-class STANDARD_") == ["STANDARD_IA"]
    assert complete("lrsync restore --overwrite if") == ["if-changed", "if-newer"]
    assert complete("lrsync man re") == ["report", "restore", "rebuild-manifest"]
    assert complete("lrsync sync --threads ") == []

    def broken(config: Any) -> Any:
        raise BucketError("no")

    cli.use(stub_app.make(status=broken))
    assert complete("lrsync accept ") == [], "an error must not end up in what is typed"


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(cli: Cli, shell: str) -> None:
    result = cli("completion", shell)
    assert result.code == 0
    assert f"{shell}_complete" in result.out


def run_shell(argv: list[str], home: Path) -> str:
    """Run a shell that has an `lrsync` on its PATH; returns what it printed."""
    bin_folder = home / "bin"
    bin_folder.mkdir()
    program = bin_folder / "lrsync"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lrsync "$@"\n')
    program.chmod(0o755)
    root_folder = Path(__file__).parents[2]
    environ = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "PYTHONPATH": str(root_folder)}
    done = subprocess.run(argv, env=environ, cwd=home, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_itself_completes(home: Path, config_file: Path) -> None:
    config_file.write_text("[libraries.nas]\n")
    script = """
    eval "$(lrsync completion bash)"
    COMP_WORDS=(lrsync status --library n) COMP_CWORD=3
    _lrsync_completion lrsync
    echo "${COMPREPLY[@]}"
    """
    assert run_shell(["bash", "--norc", "-c", script], home).strip().endswith("nas")


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
def test_fish_itself_completes(home: Path) -> None:
    script = 'lrsync completion fish | source; complete -C "lrsync rebu"'
    found = run_shell(["fish", "--no-config", "-c", script], home)
    assert found == "rebuild-manifest\tMake a new manifest from the bucket.\n"


def test_completing_loads_no_command(home: Path) -> None:
    probe = "import sys; from lrsync.ui.main import main; main(); print(*sorted(sys.modules))"
    environ = {**os.environ, "_LRSYNC_COMPLETE": "bash_complete", "COMP_WORDS": "lrsync st", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", probe], env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    shown, modules = done.stdout.split("\n", 1)
    assert shown == "plain,status"
    assert "lrsync.ui.status" not in modules.split() and "lrsync.settings" not in modules.split()


# --- the manual ---------------------------------------------------------------------------------------------

EDITION = Edition("1.2.3", "2026-03-01", {int(code): text for code, text in MEANINGS.items()})


def test_the_manual_is_made_of_the_help() -> None:
    text = whole_manual(root, click.Context(root, info_name="lrsync"), EDITION)
    for entry in ENTRIES:
        assert f".SS lrsync {escape(entry.path)} " in text
    assert text.count("\\fB\\-\\-s3\\-bucket NAME\\fR") == 1, "what many commands have is told once"
    assert "\\fB130\\fR" in text
    assert "lrsync drill \\-\\-sample 200" in text


@pytest.mark.parametrize(
    "checker", [("mandoc", "-Tlint", "-W", "warning"), ("groff", "-man", "-Tutf8", "-ww", "-z")], ids=lambda c: c[0]
)
def test_a_formatter_has_nothing_to_complain_of(cli: Cli, checker: tuple[str, ...]) -> None:
    if shutil.which(checker[0]) is None:
        pytest.skip(f"there is no {checker[0]} here")
    for args in ((), ("restore",), ("catalog", "audit")):
        page = cli("man", *args).out
        done = subprocess.run(checker, input=page, capture_output=True, text=True, timeout=60, check=False)
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    ("text", "shown"), [(".TH x", "\\&.TH x"), ("'a", "\\&'a"), ("a\\b", "a\\eb"), ("--x", "\\-\\-x")]
)
def test_nothing_of_a_help_is_a_request(text: str, shown: str) -> None:
    assert escape(text) == shown


# --- a terminal ---------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_error_on_a_terminal_ends_its_lines_at_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from lrsync.ui import output

    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    output.error("the bucket photos-of-anna does not exist at all", "check --s3-bucket, or create the bucket")
    assert screen.getvalue().splitlines() == [
        "error: the bucket photos-of-anna does",
        "not exist at all.",
        "hint: check --s3-bucket, or create the",
        "bucket.",
    ]


def test_a_table_is_wrapped_for_a_person_only() -> None:
    from lrsync.ui.render import Canvas, plain
    from lrsync.ui.report import Grid, Report, Tone

    report = Report("s", Tone.GOOD, (Grid((("a", "many words that a program may want in one line"),)),))
    assert len(plain(report, Canvas(30)).splitlines()) == 3
    assert max(map(len, plain(report, Canvas(30, wraps=True)).splitlines())) <= 30
