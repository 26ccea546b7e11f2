"""Wire a watch: the source's events, its proof, and one process for each sync."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lrsync.adapters.folder_events import FolderEvents, demand_library
from lrsync.adapters.localfs import LocalTree
from lrsync.adapters.marker import check_source
from lrsync.adapters.seals import Seals
from lrsync.app.manifest_place import manifest_path
from lrsync.app.source_proof import look, rules
from lrsync.config import Config
from lrsync.core.filetypes import CATALOG_SUFFIX
from lrsync.core.keys import MARKER
from lrsync.core.library import source_problem
from lrsync.core.watching import WatchTimes
from lrsync.engine.watch import Watch, WatchPorts
from lrsync.errors import ManifestError, SourceError

POLL_S = 0.1


def run_watch(
    config: Config,
    times: WatchTimes,
    args: Sequence[str],
    *,
    poll: bool,
    stop: threading.Event,
    say: Callable[[str], None],
) -> int:
    """Watch the source and run `lrsync sync ARGS` when it is time; the exit code. Raises LrsyncError."""
    assert config.source is not None
    demand_library()
    source = config.source.resolve()
    tree = LocalTree(source, rules(config))
    ports = WatchPorts(
        problem=SourceSign(config, source).problem,
        changes=lambda: FolderEvents(source, lambda path: matters(path, tree.is_excluded), poll=poll),
        sync=lambda: run_to_end([sys.executable, "-m", "lrsync", "sync", *args], stop),
        wait=stop.wait,
        clock=time.time,
        say=say,
    )
    return Watch(ports, times).run()


def matters(path: str, is_excluded: Callable[[str], bool]) -> bool:
    """Whether a change of this file is a reason to sync.

    Not Lightroom's catalog, which is written to as long as it is open: it goes with the next sync, whatever for.
    """
    return path != MARKER and CATALOG_SUFFIX not in path.lower() and not is_excluded(path)


@dataclass(slots=True)
class SourceSign:
    """Whether the source is mounted, and the library's. Asked every second: asks the manifest only after a change."""

    config: Config
    source: Path
    _proven: tuple[int, int] | None = field(default=None)

    def problem(self) -> str:
        """Why it cannot be watched now; '' where it can."""
        try:
            found = os.stat(self.source)
            if (found.st_dev, found.st_ino) != self._proven:
                self._check()
                self._proven = (found.st_dev, found.st_ino)
        except OSError as error:
            self._proven = None
            return f"{self.source} cannot be looked at ({error.strerror or error})"
        except SourceError as error:
            self._proven = None
            return error.message
        return ""

    def _check(self) -> None:
        """By the manifest, where there is one yet: before the first sync any folder will do. Raises SourceError."""
        check_source(self.source)
        path = manifest_path(self.config)
        if not os.path.lexists(path):
            return
        try:
            with Seals(path) as seals:
                row = seals.library()
                wrong = source_problem(row, row.source, look(self.source, self.config, row))
        except ManifestError:
            return  # the next sync says what is wrong with it
        if wrong is not None:
            raise SourceError(wrong.message)


def run_to_end(command: Sequence[str], stop: threading.Event) -> int:
    """Run a process to its end and return its exit code; a stop is passed on to it once, and then waited for."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    told = False
    while True:
        try:
            return process.wait(timeout=POLL_S)
        except subprocess.TimeoutExpired:
            if stop.is_set() and not told:
                told = True
                # A terminal's Ctrl-C reached it already: at once again is no second press.
                process.send_signal(signal.SIGTERM)
