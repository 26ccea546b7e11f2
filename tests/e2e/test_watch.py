"""`lrsync watch` for real: the system's events, the ordinary sync in a process of its own, and a stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.machine import Machine, wait_until
from tests.stores.server import S3Server

QUICK = ("--quiet-for", "1s", "--max-wait", "2s")


@dataclass
class Heard:
    """What a process says on stderr, as it comes."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        self.lines.extend(iter(self.process.stderr.readline, ""))

    def waits_for(self, text: str, times: int = 1) -> None:
        assert wait_until(lambda: sum(text in line for line in self.lines) >= times, self.process), self.lines

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self._thread.join(timeout=5)
        return code


def test_what_is_imported_is_backed_up(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    anna = machine(seaweed, {"a.nef": b"raw"})
    with anna.started("watch", *QUICK, "--exclude", "*.tmp") as process:
        heard = Heard(process)
        assert wait_until(lambda: "a.nef" in anna.photos(), process), heard.lines
        (anna.source / "2024").mkdir()
        (anna.source / "2024" / "b.nef").write_bytes(b"new raw")
        (anna.source / "x.tmp").write_bytes(b"left out")
        assert wait_until(lambda: "2024/b.nef" in anna.photos(), process), heard.lines
        away = anna.source.rename(anna.source.with_name("away"))
        anna.source.mkdir()  # the mount point, empty
        (away / "c.nef").write_bytes(b"while nobody watched")
        heard.waits_for("does not have the library's marker (.lrsync-library): waiting for it")
        anna.source.rmdir()
        away.rename(anna.source)
        assert wait_until(lambda: "c.nef" in anna.photos(), process, seconds=90), heard.lines
        assert heard.end(signal.SIGTERM) == 130
    (anna.source / "x.tmp").unlink()
    anna.check_bucket()
    assert anna.sync()["changes"]["missing"] == 0


def test_a_stop_reaches_the_sync_that_runs(machine: Callable[..., Machine], seaweed: S3Server) -> None:
    anna = machine(seaweed, {f"{number}.nef": os.urandom(200_000) for number in range(20)})
    with anna.started("watch", *QUICK, "--bwlimit", "300K") as process:
        heard = Heard(process)
        assert wait_until(lambda: len(anna.photos()) >= 2, process), heard.lines
        assert heard.end(signal.SIGINT) == 130
    assert 2 <= len(anna.photos()) < 20
    assert anna.recorded() == len(anna.photos())


def test_it_ends_with_wrong_settings_and_not_with_a_missing_bucket(
    machine: Callable[..., Machine], seaweed: S3Server
) -> None:
    anna = machine(seaweed, {"a.nef": b"raw"})
    wrong = anna.run("watch", "--quiet-for", "5m", "--max-wait", "1m")
    assert (wrong.code, "--max-wait is shorter" in wrong.err) == (2, True)
    assert anna.run("watch", "--dry-run").code == 2
    anna.client.delete_bucket(Bucket=anna.bucket)
    with anna.started("watch", *QUICK) as process:
        heard = Heard(process)
        heard.waits_for("it ended with 5: the next sync begins in about 1 min")
        assert heard.end(signal.SIGINT) == 130
    anna.nothing_was_made()


def test_each_sync_gets_just_the_flags_that_were_given() -> None:
    script = """
import click, sys
from lrsync.ui import watch
def show(context, /, **flags):
    print(*watch.passed_on(context))
watch.watch.callback = click.pass_context(show)
watch.watch.main(sys.argv[1:], standalone_mode=False)
"""
    given = ["--exclude", "*.tmp", "--exclude", "-x", "--no-delete", "--quiet-for", "1m", "--threads=3", "-q", "--full"]
    environment = {**os.environ, "LRSYNC_S3_BUCKET": "from-the-environment"}
    command = [sys.executable, "-c", script, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    expected = ["--exclude=*.tmp", "--exclude=-x", "--threads=3", "--no-delete", "--full", "--quiet"]
    assert done.stdout.split() == expected
