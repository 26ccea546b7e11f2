"""What a killed run leaves of small files in a target, and how that is told from what a run is at just now.

Whoever writes a temporary file holds a lock on it, which ends with the process however that ends. Removes only files
of the very names that are made here, and only where the system has such locks.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from typing import Final

TEMPORARY: Final = ".lrsync-tmp-"
"""Left out by the default rules: no photo of the user's."""
_OF_A_FILE: Final = re.compile(rf"{re.escape(TEMPORARY)}[0-9a-f]{{16}}")
HOLDS: Final = os.name != "nt"
"""Whether a file that is held open may be given its name; Windows does not let it."""


def temporary_name() -> str:
    """A name that no other file has, for a file that is not whole yet."""
    return f"{TEMPORARY}{secrets.token_hex(8)}"


def is_temporary(name: str) -> bool:
    """Whether it is one of those names: not of a file in ranges, nor of what was replaced."""
    return _OF_A_FILE.fullmatch(name) is not None


def hold(handle: int) -> bool:
    """Lock an open file until it is closed; whether that worked. Raises BlockingIOError where another run has it."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except (ImportError, OSError):
        return False  # Windows, and network drives that know no locks
    return True


def is_left_over(handle: int) -> bool:
    """Whether an open file of a temporary name belongs to nobody; False where nobody can tell."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        return False
    try:
        return hold(handle)
    except BlockingIOError:
        return False
