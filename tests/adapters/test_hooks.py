"""Hooks: they tell, they take no longer than they may, they get no secret and they repeat none."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from lrsync.adapters.hooks import call_webhook, notify_desktop, run_command, send_mail
from lrsync.app.hooks import announce
from lrsync.core.hooks import HookEvent, HookReport, HookSettings, When
from tests.stores.canned import CannedS3, Reply

START = HookReport(HookEvent.START, "default", "The backup begins.")
GOOD = HookReport(HookEvent.SUCCESS, "default", "All 43 files are safe.", 0)
BAD = HookReport(HookEvent.FAIL, "nas\nBcc: evil@example.com", "2 files failed: a\udcff.nef\nand more", 3)
NEVER_S = 30.0
"""A time-out that no test comes to."""


def program(folder: Path, name: str, text: str) -> Path:
    """A program of this name in `folder`."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


RECORD = """
import json, os, sys
facts = {"argv": sys.argv[1:], "env": dict(os.environ), "stdin": sys.stdin.read()}
open(os.path.join(os.path.dirname(sys.argv[0]), "record.json"), "w").write(json.dumps(facts))
print("noise"); print("noise", file=sys.stderr)
"""


def recorded(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "record.json").read_text())
    return found


# --- commands ---------------------------------------------------------------------------------------------


def test_a_command_is_told_everything_but_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LRSYNC_S3_BUCKET", "GITHUB_TOKEN", "MY_PASSWORD"):
        monkeypatch.setenv(name, "a-secret")
    tell = program(tmp_path, "tell", RECORD)
    assert run_command([str(tell), "$HOME", "two words"], BAD, NEVER_S) is None
    found = recorded(tmp_path)
    assert found["argv"] == ["$HOME", "two words"]
    environment = found["env"]
    assert isinstance(environment, dict)
    assert "a-secret" not in environment.values()
    assert environment["PATH"] == os.environ["PATH"]
    assert (environment["LRSYNC_EVENT"], environment["LRSYNC_EXIT_CODE"]) == ("fail", "3")
    assert environment["LRSYNC_LIBRARY"] == "nas Bcc: evil@example.com"
    told = json.loads(str(found["stdin"]))
    assert (told["event"], told["exit_code"], told["message"]) == ("fail", 3, BAD.sentence)
    assert capfd.readouterr() == ("", "")


def test_a_command_that_fails_or_is_not_there(tmp_path: Path) -> None:
    assert run_command([sys.executable, "-c", "raise SystemExit(7)"], GOOD, NEVER_S) == "python ended with 7".replace(
        "python", os.path.basename(sys.executable)
    )
    assert run_command(["/no/such/tell"], GOOD, NEVER_S) == "tell cannot be run: No such file or directory"
    (tmp_path / "plain").write_text("no program")
    assert "cannot be run" in str(run_command([str(tmp_path / "plain")], GOOD, NEVER_S))


def test_a_command_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # The child holds the pipe open for writing: its end is seen when reading comes to an end.
    child = f"import time; f = open({str(pipe)!r}, 'w'); time.sleep(600)"
    hang = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    ended = threading.Event()

    def watch() -> None:
        with pipe.open() as reader:
            reader.read()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    assert "did not end within 2 s" in str(run_command([sys.executable, "-c", hang], GOOD, 2))
    with contextlib.suppress(OSError):  # the child may not have come to open it: then nobody else ever would
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    assert ended.wait(30)


# --- webhooks ---------------------------------------------------------------------------------------------


def test_a_webhook_gets_the_sentence(canned: CannedS3) -> None:
    canned.answer(Reply(200, b"OK"))
    assert call_webhook(f"{canned.server.endpoint}/token/fail?x=1", BAD, NEVER_S) is None
    (asked,) = canned.asked
    assert (asked.method, asked.path) == ("POST", "/token/fail?x=1")
    assert asked.body == BAD.sentence.encode("utf-8", "backslashreplace")
    assert asked.headers["user-agent"].startswith("lrsync/")


@pytest.mark.parametrize("status", [301, 404, 500])
def test_a_webhook_that_refuses(canned: CannedS3, status: int) -> None:
    canned.answer(Reply(status, headers={"Location": f"{canned.server.endpoint}/elsewhere"}), Reply(200))
    problem = call_webhook(f"{canned.server.endpoint}/token", GOOD, NEVER_S)
    assert problem == f"http://127.0.0.1/... answered {status}"
    assert len(canned.asked) == 1


def test_a_webhook_that_nobody_answers() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/token"
        assert call_webhook(url, GOOD, NEVER_S) == "http://127.0.0.1/... cannot be reached (ConnectionRefusedError)"


def test_a_webhook_that_drips_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not stop.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        problem = call_webhook(f"http://127.0.0.1:{server.getsockname()[1]}/token", GOOD, 1)
        assert problem == "http://127.0.0.1/... did not answer within 1 s"
        assert time.monotonic() - began < 25  # it would drip for ever
        stop.set()
        thread.join()


# --- mail and desktop -------------------------------------------------------------------------------------


def test_a_mail_by_the_local_mailer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "sendmail", RECORD)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert send_mail("anna@example.com", BAD, NEVER_S) is None
    found = recorded(tmp_path)
    assert found["argv"] == ["-i", "--", "anna@example.com"]
    mail = message_from_bytes(str(found["stdin"]).encode(), policy=default)
    assert (mail["To"], mail["Bcc"]) == ("anna@example.com", None)
    assert mail["Subject"] == "lrsync: nas Bcc: evil@example.com needs a look"
    assert "2 files failed: a\\udcff.nef" in mail.get_content()


def test_a_computer_without_a_mailer_or_a_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("lrsync.adapters.hooks._MAILERS", str(tmp_path))
    assert send_mail("anna@example.com", GOOD, NEVER_S) == "there is no sendmail on this computer"
    if sys.platform == "linux":
        assert notify_desktop(GOOD, NEVER_S) == "there is no notify-send on this computer"


@pytest.mark.skipif(sys.platform != "linux", reason="notify-send is Linux's")
def test_a_notification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "notify-send", RECORD)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert notify_desktop(GOOD, NEVER_S) is None
    assert recorded(tmp_path)["argv"] == [
        "--app-name=lrsync",
        "--",
        "lrsync: default is backed up",
        "All 43 files are safe.",
    ]


# --- who is told of what ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("when", "told"), [(When.ALWAYS, [False, True, True]), (When.PROBLEM, [False, False, True])])
def test_who_is_told_of_what(tmp_path: Path, when: When, told: list[bool]) -> None:
    tell = program(tmp_path, "tell", RECORD)
    settings = HookSettings(command=(str(tell),), command_on=when)
    for report, expected in zip((START, GOOD, BAD), told, strict=True):
        (tmp_path / "record.json").unlink(missing_ok=True)
        assert announce(settings, report) == []
        assert (tmp_path / "record.json").exists() is expected


def test_one_that_fails_keeps_no_other_from_being_told(tmp_path: Path, canned: CannedS3) -> None:
    canned.answer(Reply(500))
    tell = program(tmp_path, "tell", RECORD)
    settings = HookSettings(webhook=f"{canned.server.endpoint}/secret-token", command=(str(tell),))
    problems = announce(settings, GOOD)
    assert problems == ["the webhook hook failed: http://127.0.0.1/... answered 500"]
    assert recorded(tmp_path)
