"""The log file: where it is, who may read it, and that it never holds a credential or stops a run.

Only lrsync's own logger writes to it. botocore logs whole requests with their signatures: it is kept out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

LOGGER: Final = logging.getLogger("lrsync")
MAX_BYTES: Final = 5 * 1024 * 1024
BACKUPS: Final = 5
_FOREIGN: Final = ("boto3", "botocore", "s3transfer", "urllib3", "sqlalchemy", "alembic", "wakepy")


def default_log_file() -> Path:
    """The log's place unless --log-file says another."""
    import platformdirs

    return platformdirs.user_log_path("lrsync", appauthor=False) / "lrsync.log"


def configure(path: Path | None, *, verbose: bool, warn: Callable[[str], None]) -> Path | None:
    """Open the log and return where it is; None, after one warning, where it cannot be written.

    `path` is the user's choice, None for the default. Closes the log of an earlier call.
    """
    close()
    _keep_foreign_quiet()
    target = path or default_log_file()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handler = _PrivateLog(target, warn)
    except OSError as problem:
        warn(f"no log is written: {target}: {problem.strerror or problem}")
        return None
    handler.setFormatter(_formatter())
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    LOGGER.setLevel(logging.DEBUG if verbose else logging.INFO)
    return target


def close() -> None:
    """Close the log file, if one is open."""
    for handler in list(LOGGER.handlers):
        LOGGER.removeHandler(handler)
        handler.close()


def _keep_foreign_quiet() -> None:
    for name in _FOREIGN:
        foreign = logging.getLogger(name)
        # Not below WARNING at any verbosity: at DEBUG botocore prints signed headers and session tokens.
        foreign.setLevel(logging.WARNING)
        # Without a handler of their own, Python prints their warnings in the middle of the progress display.
        if not foreign.handlers:
            foreign.addHandler(logging.NullHandler())


def _formatter() -> logging.Formatter:
    return logging.Formatter("%(asctime)s %(levelname)s [%(process)d] %(message)s", "%Y-%m-%dT%H:%M:%S%z")


class _PrivateLog(RotatingFileHandler):
    """A rotating log that only its owner reads (it names every failed photo), and whose failures are told once."""

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._warn: Callable[[str], None] | None = warn
        super().__init__(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", errors="backslashreplace")

    def _open(self) -> TextIOWrapper:
        # Private from its first moment on: a chmod afterwards would be too late.
        number = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(number, "a", encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say once that the log is not complete (a full disk), instead of a traceback for every line."""
        self._warn_once()

    def close(self) -> None:
        """Close the file; what it cannot take any more is lost, and that is said."""
        try:
            super().close()
        except OSError:
            self._warn_once()

    def _warn_once(self) -> None:
        warn, self._warn = self._warn, None
        if warn is not None:
            warn(f"the log {self.baseFilename} cannot be written any more")
