"""Read the log back: the lines of a library's last run, or the end of it. Writes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from lrsync.errors import UsageError

POLL_S: Final = 0.5
_LINE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\S+) ([A-Z]+) \[(\d+)\] (.*)", re.DOTALL)
_START: Final = re.compile(r"lrsync \S+ [a-z-]+(?: \(dry run\))?, library (.*?): ")


class LogRecord(NamedTuple):
    """One record; `message` has several lines where it is a traceback."""

    time: str
    level: str
    process: str
    message: str

    @property
    def text(self) -> str:
        """As it stands in the log."""
        return f"{self.time} {self.level} [{self.process}] {self.message}"


def last_run(path: Path, library: str) -> list[LogRecord]:
    """What was written since the library's last run began, but for runs of other libraries. Raises UsageError."""
    records = list(read_records(path))
    found = _of_last_run(records, library)
    # A run that was going on when the log was turned over began in the file before.
    return found if found else _of_last_run([*read_records(path.with_name(f"{path.name}.1")), *records], library)


def _of_last_run(records: list[LogRecord], library: str) -> list[LogRecord]:
    owners: dict[str, str] = {}
    kept: list[LogRecord] = []
    has_begun = False
    for record in records:
        start = _START.match(record.message)
        if start is not None:
            owners[record.process] = start[1]
            if start[1] == library:
                kept, has_begun = [], True
        # What belongs to no run is a command that broke: whoever looks for it is sent here.
        if has_begun and owners.get(record.process, library) == library:
            kept.append(record)
    return kept


def last_lines(path: Path, number: int) -> list[LogRecord]:
    """The last so many records. Raises UsageError."""
    return list(read_records(path))[-number:] if number else []


def read_records(path: Path) -> Iterator[LogRecord]:
    """All records of a log; none where there is no such file. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return iter(())
    except OSError as error:
        raise UsageError(f"the log {path} cannot be read: {error.strerror}", hint="see who owns it") from error
    return _parse(text.splitlines())


def _parse(lines: Iterable[str]) -> Iterator[LogRecord]:
    record: LogRecord | None = None
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is not None:
            if record is not None:
                yield record
            record = LogRecord(match[1], match[2], match[3], match[4])
        elif record is not None:
            record = record._replace(message=f"{record.message}\n{line}")
    if record is not None:
        yield record


def follow(path: Path, wait: Callable[[float], object] = time.sleep) -> Iterator[str]:
    """The lines that are written from now on, for ever; of a log that is turned over, the new one's too."""
    position = path.stat().st_size if path.exists() else 0
    rest = b""
    while True:
        size = path.stat().st_size if path.exists() else 0
        if size < position:
            position, rest = 0, b""
        if size > position:
            with path.open("rb") as file:
                file.seek(position)
                data = file.read()
            position += len(data)
            *whole, rest = (rest + data).split(b"\n")
            yield from (line.decode("utf-8", "backslashreplace") for line in whole)
        wait(POLL_S)
