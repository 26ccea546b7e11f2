"""See that file names are read as UTF-8, whatever the locale. Starts the program anew where they are not."""

from __future__ import annotations

import os
import sys
from typing import Final

from lrsync.errors import UsageError

_UTF8_MODE: Final = ("-X", "utf8")


def demand_utf8_names() -> None:
    """Return where names are UTF-8; else become the same program in Python's UTF-8 mode (PEP 540).

    Under a C or Latin-1 locale Python takes a name's bytes for other characters: every name beyond ASCII would become
    another key, and the files under their right names would look missing. The mode is fixed when Python starts.
    Raises UsageError where the program cannot be started anew.
    """
    if os.name != "posix" or sys.getfilesystemencoding().lower() == "utf-8":
        return
    problem = UsageError(
        f"this locale reads file names as {sys.getfilesystemencoding()}, and S3's keys are UTF-8",
        hint="set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8",
    )
    given = sys.orig_argv[1:]
    if not sys.executable or tuple(given[:2]) == _UTF8_MODE:
        raise problem
    try:
        # Arguments go back to the very bytes that they came as.
        os.execv(sys.executable, [sys.executable, *_UTF8_MODE, *given])
    except OSError as error:
        raise problem from error
