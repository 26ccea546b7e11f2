"""How many files this process may have open at once. Opens none."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

ENOUGH: Final = 1024
"""No more: libcurl's wait for many connections cannot see descriptors from this number on."""


def allow_open_files() -> None:
    """Have the system allow enough open files, as far as the user may: macOS gives 256, and a restore wants more."""
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # then fewer do: what finds no room is done one by one
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
