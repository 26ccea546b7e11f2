"""`lrsync config`: what is set and where, what is wrong with it, and no webhook's address anywhere."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from lrsync import settings
from lrsync.core.hooks import HookEvent, HookSettings, When, redacted
from lrsync.errors import UsageError
from lrsync.hook_settings import parse_hooks
from tests.ui.conftest import Cli

TWO_LIBRARIES = """
[hooks]
webhook = "https://hc-ping.com/secret-token"
timeout_s = 5

[libraries.default]
source_path = "/photos"
s3_bucket = "bucket"

[libraries.default.hooks]
timeout_s = 7
email = "anna@example.com"

[libraries.nas]
source_path = "/nas"
s3_bucket = "other"
"""


def test_path(cli: Cli, config_file: Path) -> None:
    assert cli("config", "path").out == f"{config_file}\n"
    assert cli("config", "path", "--config", "/etc/x.toml").out == "/etc/x.toml\n"


def test_show_says_where_each_setting_comes_from(cli: Cli, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_file.write_text(TWO_LIBRARIES)
    monkeypatch.setenv("LRSYNC_THREADS", "3")
    found = json.loads(cli("config", "show", "--s3-prefix", "P", "--json").out)
    assert (found["command"], found["result"], found["exit_code"]) == ("config show", "ok", 0)
    shown = {name: (one["value"], one["origin"]) for name, one in found["settings"].items()}
    assert shown["threads"] == ("3", "LRSYNC_THREADS")
    assert shown["s3_prefix"] == ("P", "--s3-prefix")
    assert shown["s3_bucket"] == ("bucket", f"s3_bucket in {config_file}, [libraries.default]")
    assert shown["hooks.timeout_s"] == (7, f"timeout_s in {config_file}, [libraries.default.hooks]")
    assert shown["hooks.webhook"][0] == "https://hc-ping.com/..."


def test_no_form_of_show_or_check_repeats_a_token(cli: Cli, config_file: Path) -> None:
    config_file.write_text(TWO_LIBRARIES)
    for args in (["show"], ["show", "--json"], ["check"], ["check", "--json"]):
        result = cli("config", *args)
        assert result.code == 0
        assert "secret-token" not in result.out + result.err
    assert "secret-token" not in repr(settings.load({}, {}))


def test_check_looks_at_every_library(cli: Cli, config_file: Path) -> None:
    config_file.write_text(TWO_LIBRARIES + 'bukket = "x"\n')
    result = cli("config", "check")
    assert result.code == 2
    assert "library default: the settings are right." in result.out
    assert "error: library nas: unknown setting 'bukket'" in result.err
    found = json.loads(cli("config", "check", "--json").out)
    assert [(one["name"], bool(one["problem"])) for one in found["libraries"]] == [("default", False), ("nas", True)]
    assert found["exit_code"] == 2


def test_check_takes_no_variable_for_the_file(cli: Cli, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config_file.write_text('[libraries.default]\nsource_path = "/photos"\n')
    monkeypatch.setenv("LRSYNC_S3_BUCKET", "only-in-this-shell")
    result = cli("config", "check")
    assert result.code == 2
    assert "no bucket was given" in result.err


def test_nothing_to_check(cli: Cli) -> None:
    result = cli("config", "check")
    assert result.code == 2
    assert "lrsync init" in result.err


def test_edit_needs_a_file_and_a_terminal(cli: Cli, config_file: Path) -> None:
    assert "lrsync init" in cli("config", "edit").err
    config_file.write_text(TWO_LIBRARIES)
    result = cli("config", "edit")
    assert result.code == 2
    assert "no terminal" in result.err


def test_edit_checks_what_was_written(cli: Cli, config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ruin(filename: str) -> None:
        Path(filename).write_text("[libraries.default]\nsource_path = 3\n")

    config_file.write_text(TWO_LIBRARIES)
    monkeypatch.setattr("lrsync.ui.output.is_terminal", lambda stream: True)
    monkeypatch.setattr("click.edit", ruin)
    result = cli("config", "edit")
    assert result.code == 2
    assert "'source_path' must be text in quotes" in result.err


# --- hooks ------------------------------------------------------------------------------------------------


def test_hooks_of_a_library_win_key_by_key(config_file: Path) -> None:
    config_file.write_text(TWO_LIBRARIES)
    own = settings.load({}, {}).hooks
    assert (own.timeout_s, own.email, own.webhook) == (7, "anna@example.com", "https://hc-ping.com/secret-token")
    shared = settings.load({}, {}, library="nas").hooks
    assert (shared.timeout_s, shared.email, shared.is_empty) == (5, None, False)


def test_every_hook_setting_can_be_given() -> None:
    given: dict[str, Any] = {
        "command": ["/bin/tell", "me"],
        "command_on": "problem",
        "webhook": "https://a/b",
        "webhook_start": "https://a/1",
        "webhook_success": "https://a/2",
        "webhook_fail": "http://a/3",
        "email": "a@b",
        "email_on": "always",
        "notification": True,
        "notification_on": "always",
        "timeout_s": 1,
    }
    assert set(given) == {field.name for field in fields(HookSettings)}
    parsed = HookSettings(**parse_hooks(given, "here"))
    assert parsed.command == ("/bin/tell", "me")
    assert (parsed.command_on, parsed.email_on) == (When.PROBLEM, When.ALWAYS)
    assert [parsed.webhook_for(event) for event in HookEvent] == ["https://a/1", "https://a/2", "http://a/3"]


def test_a_webhook_is_called_in_the_manner_of_healthchecks() -> None:
    hooks = HookSettings(webhook="https://hc-ping.com/uuid?x=1")
    assert hooks.webhook_for(HookEvent.START) == "https://hc-ping.com/uuid/start?x=1"
    assert hooks.webhook_for(HookEvent.SUCCESS) == "https://hc-ping.com/uuid?x=1"
    assert hooks.webhook_for(HookEvent.FAIL) == "https://hc-ping.com/uuid/fail?x=1"
    assert HookSettings(webhook_fail="https://a/b").webhook_for(HookEvent.SUCCESS) is None
    assert redacted("https://user.example:8/token?key=1") == "https://user.example/..."


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("command", "rm -rf /"),
        ("command", []),
        ("command", ["a", ""]),
        ("command_on", "sometimes"),
        ("command_on", 3),
        ("webhook", "ftp://a/secret"),
        ("webhook", "https://me:secret@a/"),
        ("webhook", "https://a:0/secret"),
        ("webhook", "https://a/secret\n"),
        ("webhook", "file:///etc/secret"),
        ("webhook", 5),
        ("email", "-Xsecret"),
        ("email", "a@b\nBcc: c@d"),
        ("email", "a@b, c@d"),
        ("email", ""),
        ("notification", 1),
        ("timeout_s", 0),
        ("timeout_s", True),
        ("timeout_s", 601),
    ],
)
def test_what_no_hook_may_be(key: str, value: object) -> None:
    with pytest.raises(UsageError) as problem:
        parse_hooks({key: value}, "here")
    assert key in problem.value.message
    assert "secret" not in problem.value.message + problem.value.hint


def test_a_mistyped_hook(config_file: Path) -> None:
    config_file.write_text(
        '[hooks]\nwebhok = "https://a/secret"\n[libraries.default]\nsource_path="/p"\ns3_bucket="b"\n'
    )
    with pytest.raises(UsageError, match="unknown hook 'webhok'") as problem:
        settings.load({}, {})
    assert problem.value.hint == "did you mean 'webhook'?"


@pytest.mark.parametrize("text", ["hooks = 3\n", "[libraries.default]\nhooks = 3\n"])
def test_hooks_must_be_a_table(config_file: Path, text: str) -> None:
    config_file.write_text(text)
    with pytest.raises(UsageError, match="must be a table"):
        settings.load({"source_path": "/p", "s3_bucket": "b"}, {})
