"""How names, sizes, times and counts read. Pure: text in, text out."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Final

_UNSAFE: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the reading direction of all that follows: `gpj.exe` would show as `exe.jpg`.
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SIZES: Final = ("kB", "MB", "GB", "TB", "PB")


def printable(text: str) -> str:
    r"""A name on one line that cannot move the cursor, colour the terminal or break an encoding.

    >>> printable("a\nb\x1b[31m\udcff.jpg")
    'a\\nb\\x1b[31m\\xff.jpg'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if c in _BIDI or unicodedata.category(c) in _UNSAFE else c for c in text)


def _escape(char: str) -> str:
    code = ord(char)
    if char in _NAMED:
        return _NAMED[char]
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as Python keeps it
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def width_of(text: str) -> int:
    """How many terminal cells a printable text takes."""
    if text.isascii():
        return len(text)
    return sum(_cells(c) for c in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, cells: int) -> str:
    """The text in at most so many cells, its middle left out: a path's end says more than its start."""
    if width_of(text) <= cells:
        return text
    room = cells - 3
    head = _take(text, room // 3)
    tail = _take(text[::-1], room - width_of(head))[::-1]
    return f"{head}...{tail}"


def _take(text: str, cells: int) -> str:
    used = 0
    for index, char in enumerate(text):
        used += _cells(char)
        if used > cells:
            return text[:index]
    return text


def wrap(text: str, cells: int, rest_cells: int) -> list[str]:
    """The text in lines of at most so many cells, broken at blanks; a word that is longer is broken itself.

    `rest_cells`: of all lines but the first. Blanks at the beginning stay.
    """
    lines, line, room = [], text[: len(text) - len(text.lstrip(" "))], cells
    for word in text.split():
        glue = "" if not line or line.isspace() else " "
        if glue and width_of(line) + 1 + width_of(word) > room:
            lines.append(line)
            line, glue, room = "", "", rest_cells
        line += glue + word
        while width_of(line) > room:
            head = _take(line, room) or line[:1]
            lines.append(head)
            line, room = line[len(head) :], rest_cells
    return [*lines, line]


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """The text filled with blanks to so many cells."""
    blanks = " " * max(0, cells - width_of(text))
    return blanks + text if right else text + blanks


def count(number: int, singular: str, plural: str = "") -> str:
    """`1 file`, `1,234 files`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def size(number: float) -> str:
    """Bytes for people, in powers of 1,000 as disks and AWS's bills count them.

    >>> size(999), size(1_500_000)
    ('999 B', '1.5 MB')
    """
    if number < 1000:
        return f"{int(number)} B"
    value, units = number / 1000, iter(_SIZES)
    unit = next(units)
    # 999.95 is shown as 1000.0, which is one of the next unit.
    while value >= 999.95 and (larger := next(units, None)):
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


def duration(seconds: float) -> str:
    """A length of time, in its two largest units.

    >>> duration(0.4), duration(75), duration(7300)
    ('0.4 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{count(whole // 86_400, 'day')} {whole % 86_400 // 3600} h"


def ago(then_ns: int, now_ns: int) -> str:
    """How long ago, roughly: `3 hours ago`. Both in nanoseconds since the epoch."""
    minutes = (now_ns - then_ns) // 60_000_000_000
    if minutes < 1:
        return "just now" if minutes > -10 else "in the future (check the clock)"
    for length, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= length * (2 if unit == "day" else 1):
            return f"{count(minutes // length, unit)} ago"
    return "just now"


def iso(time_ns: int | None) -> str | None:
    """Nanoseconds since the epoch as UTC ISO 8601, to the second."""
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_second(time_ns: int) -> str:
    """The same as `local`, to the second and with the zone: a time that the user gave, as it was understood."""
    moment = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()


def local(time_ns: int) -> str:
    """Nanoseconds since the epoch as the user's own clock shows them."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def sentence(text: str) -> str:
    """The text on one line with a full stop."""
    line = printable(text.strip())
    return line if not line or line[-1] in ".!?" else f"{line}."
