"""What an examination finds: one value for each check, and what they come to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from lrsync.errors import ExitCode


class Verdict(Enum):
    """WARN: it works, and could be safer. SKIPPED: it could not be looked at."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was seen, and how to mend it. `of_bucket`: whether it is the bucket's side that is wrong."""

    name: str
    verdict: Verdict
    seen: str
    mend: str = ""
    of_bucket: bool = False


def exit_code_of(checks: Iterable[Check]) -> ExitCode:
    """5 where the bucket cannot be used, 4 where something else failed; warnings leave it at 0."""
    failed = [check for check in checks if check.verdict is Verdict.FAIL]
    if any(check.of_bucket for check in failed):
        return ExitCode.BUCKET
    return ExitCode.NEEDS_PERSON if failed else ExitCode.OK
