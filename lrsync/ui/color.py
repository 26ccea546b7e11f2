"""Whether a stream is coloured, and the codes for it. Decided once, from --color and the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, TextIO

CHOICES: Final = ("auto", "always", "never")
VARIABLE: Final = "LRSYNC_COLOR"
_STD_OUTPUT: Final = -11
_STD_ERROR: Final = -12
_PROCESS_CODES: Final = 4
"""ENABLE_VIRTUAL_TERMINAL_PROCESSING"""


class Style(Enum):
    """How a piece of text looks; the value is the SGR parameter of ECMA-48."""

    GOOD = "32"
    WARN = "33"
    BAD = "31"
    GOOD_HEAD = "1;32"
    WARN_HEAD = "1;33"
    BAD_HEAD = "1;31"
    DIM = "2"
    COMMAND = "36"


class _Chosen:
    """What this process was asked for."""

    mode = "auto"


def choose(args: Sequence[str], environ: Mapping[str, str]) -> None:
    """Take --color from the arguments, else LRSYNC_COLOR; the last one wins.

    Read before they are understood, as a wrong argument is an error line that is coloured, too.
    """
    wanted = environ.get(VARIABLE, "")
    for index, arg in enumerate(args):
        if arg == "--":
            break
        if arg.startswith("--color="):
            wanted = arg.partition("=")[2]
        elif arg == "--color" and index + 1 < len(args):
            wanted = args[index + 1]
    _Chosen.mode = wanted if wanted in CHOICES else "auto"


def is_colored(stream: TextIO | None) -> bool:
    """Whether to colour what goes to this stream.

    --color wins; then NO_COLOR (no-color.org) and FORCE_COLOR (force-color.org), where they are not empty; then
    whether it is a terminal that knows colours.
    """
    if _Chosen.mode != "auto":
        return _Chosen.mode == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    from lrsync.ui.output import is_terminal

    return is_terminal(stream) and (os.name != "nt" or windows_takes_codes(stream))


def windows_takes_codes(stream: TextIO | None, kernel32: Any = None) -> bool:
    """Ask a Windows console to understand the codes; False where it cannot (older than Windows 10).

    Source: Microsoft, "Console Virtual Terminal Sequences". Windows Terminal does so without being asked.
    """
    import ctypes

    if kernel32 is None:
        kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009 - mypy knows it on Windows only
    handle = kernel32.GetStdHandle(_STD_ERROR if stream is sys.stderr else _STD_OUTPUT)
    mode = ctypes.c_ulong()
    if not kernel32.GetConsoleMode(handle, ctypes.byref(mode)):
        return False
    return bool(mode.value & _PROCESS_CODES or kernel32.SetConsoleMode(handle, mode.value | _PROCESS_CODES))


def painted(text: str, style: Style) -> str:
    """The text in this style. It must hold no codes of its own: see `text.printable`."""
    return f"\x1b[{style.value}m{text}\x1b[0m" if text else text
