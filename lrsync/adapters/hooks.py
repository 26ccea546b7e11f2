"""Tell somebody about a run: by a command, a webhook, the local mailer, the desktop.

Each way takes a report and returns what went wrong, as text without an address or a token; None for nothing. None of
them raises, none takes longer than it may, and no program gets a variable that may be a secret.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from typing import IO, Any, Final

from lrsync import __version__
from lrsync.core.hooks import HookReport, redacted

KEPT: Final = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"),
        *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"),
        *("SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA", "USERPROFILE", "USERNAME"),
    )
)
"""The variables that a hook gets. A list of what is let through: nobody can list all that may hold a secret."""
_MAILERS: Final = "/usr/sbin:/usr/lib:/usr/local/sbin"
_NOTIFY_MAC: Final = (
    *("osascript", "-e", "on run argv", "-e", "display notification (item 2 of argv) with title (item 1 of argv)"),
    *("-e", "end run"),
)


def run_command(argv: Sequence[str], report: HookReport, timeout_s: float) -> str | None:
    """Run the user's own program: the report is in its LRSYNC_* variables, and as JSON on its stdin."""
    facts = {
        "event": report.event.value,
        "library": report.library,
        "exit_code": report.exit_code,
        "message": report.sentence,
    }
    told = {f"LRSYNC_{name.upper()}": _line("" if value is None else str(value)) for name, value in facts.items()}
    return _run(argv, json.dumps(facts).encode(), timeout_s, told)


def call_webhook(url: str, report: HookReport, timeout_s: float) -> str | None:
    """POST the run's sentence to the address."""
    request = urllib.request.Request(
        url,
        data=report.sentence.encode("utf-8", "backslashreplace"),
        headers={"Content-Type": "text/plain; charset=utf-8", "User-Agent": f"lrsync/{__version__}"},
        method="POST",
    )
    said: list[str | None] = [f"{redacted(url)} did not answer within {timeout_s:g} s"]
    # In a thread of its own: urllib's time-out is for each read, and a server may send a byte at a time.
    thread = threading.Thread(target=lambda: said.append(_post(request, url, timeout_s)), daemon=True)
    thread.start()
    thread.join(timeout_s)
    return said[-1]


def send_mail(address: str, report: HookReport, timeout_s: float) -> str | None:
    """Hand a mail to the local mailer (sendmail)."""
    program = shutil.which("sendmail") or shutil.which("sendmail", path=_MAILERS)
    if program is None:
        return "there is no sendmail on this computer"
    message = EmailMessage()
    message["To"] = address
    message["Subject"] = _line(report.title)
    message["Auto-Submitted"] = "auto-generated"
    ending = "" if report.exit_code is None else f"\n\nExit code: {report.exit_code}"
    text = f"{report.sentence}{ending}\n\n'lrsync status --library {report.library}' says more.\n"
    message.set_content(text.encode("utf-8", "backslashreplace").decode())
    # -i: a line with a single dot is no end. The address after --: it is never an option.
    return _run((program, "-i", "--", address), message.as_bytes(), timeout_s, {})


def notify_desktop(report: HookReport, timeout_s: float) -> str | None:
    """Show a notification on the desktop of whoever is logged in."""
    texts = (_line(report.title), _line(report.sentence))
    if sys.platform == "darwin":
        return _run((*_NOTIFY_MAC, *texts), b"", timeout_s, {})
    if shutil.which("notify-send") is None:
        return "there is no notify-send on this computer"
    return _run(("notify-send", "--app-name=lrsync", "--", *texts), b"", timeout_s, {})


def hook_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a hook's program."""
    kept = {name: value for name, value in os.environ.items() if name.upper() in KEPT or name.startswith("LC_")}
    return kept | dict(more)


def _run(argv: Sequence[str], stdin: bytes, timeout_s: float, told: Mapping[str, str]) -> str | None:
    name = os.path.basename(argv[0])
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            # Not ours: stdout carries the run's own result, and what a hook prints may be anything.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=hook_environment(told),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{name} cannot be run: {getattr(error, 'strerror', None) or error}"
    try:
        process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        return f"{name} did not end within {timeout_s:g} s"
    return None if process.returncode == 0 else f"{name} ended with {process.returncode}"


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        # With all that it started: those would hold on to its pipes.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a dead group
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that sends elsewhere is a mistyped one: a POST would arrive there as a GET, and count as success."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """Follow nothing."""


def _post(request: urllib.request.Request, url: str, timeout_s: float) -> str | None:
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as answer:
            answer.read(1)
    except urllib.error.HTTPError as error:
        with error:
            return f"{redacted(url)} answered {error.code}"
    except (OSError, http.client.HTTPException, ValueError) as error:
        # By its kind alone: the message may repeat the address.
        reason = getattr(error, "reason", error)
        return f"{redacted(url)} cannot be reached ({type(reason).__name__})"
    return None


def _line(text: str) -> str:
    """The text on one line, of characters that a header and a variable may hold."""
    clean = text.encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else " " for char in clean)
