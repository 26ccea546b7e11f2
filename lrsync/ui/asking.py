"""Ask whoever is at the terminal; where nobody is, say which flag was missing. Never asks for a secret."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.errors import InterruptedRun, UsageError
from lrsync.ui import output
from lrsync.ui.text import printable

if TYPE_CHECKING:
    from lrsync.ui.progress import Progress

_MOST: Final = 6


@contextmanager
def question_to(display: Progress) -> Iterator[None]:
    """Take the display off the screen for a question in the middle of a run: it would be drawn over.

    Ctrl-C there stops at once, as the end of the input does: nothing is in flight that could be waited for. Raises
    InterruptedRun.
    """
    from lrsync.ui.signals import raising

    with display.paused(), raising():
        try:
            yield
        except (click.Abort, KeyboardInterrupt):
            output.note("")  # the question's line has no end yet
            hint = "what was done so far is recorded; run the same command again to be asked again"
            raise InterruptedRun("interrupted", hint=hint) from None


class Asker:
    """`yes`: nobody wants to be asked, and the answer to every question is yes."""

    def __init__(self, *, yes: bool) -> None:
        self._yes = yes
        self._terminal = output.is_terminal(sys.stdin)

    @property
    def is_asking(self) -> bool:
        """Whether there is somebody to ask."""
        return self._terminal and not self._yes

    def agrees(self, question: str) -> bool:
        """A yes or a no. Raises UsageError where nobody is there to say it."""
        if self._yes:
            return True
        if not self._terminal:
            raise UsageError(f"nobody is there to be asked: {question}", hint="add --yes, or the flag that answers it")
        return click.confirm(question, default=True, err=True)

    def ask_missing(self, given: dict[str, Any], known: set[str]) -> None:
        """Put into `given` what a library needs and what neither it nor `known` has. Without a terminal: nothing."""
        if not self.is_asking:
            return
        missing = {name for name in _QUESTIONS if given.get(name) is None and name not in known}
        if "source_path" in missing:
            given["source_path"] = self._ask_source()
        if "s3_bucket" in missing:
            self._ask_store(given, missing)

    def _ask_store(self, given: dict[str, Any], missing: set[str]) -> None:
        for name, (question, default) in _QUESTIONS.items():
            is_needless = name == "region" and given.get("endpoint_url")
            if name != "source_path" and name in missing and not is_needless:
                given[name] = _ask(question, default) or None

    def _ask_source(self) -> str:
        from lrsync.app import init as wired

        found = wired.suggest_sources()[:_MOST]
        for number, (path, why) in enumerate(found, 1):
            output.note(f"  {number}. {printable(str(path))}  ({printable(why)})")
        answer = _ask(_QUESTIONS["source_path"][0] + (" (a number or a path)" if found else ""), "1" if found else "")
        is_number = answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(found)
        return str(found[int(answer) - 1][0]) if is_number else answer


_QUESTIONS: Final[dict[str, tuple[str, str]]] = {
    "source_path": ("Which folder holds your photos?", ""),
    "endpoint_url": ("The address of the S3 store (empty for Amazon S3)", ""),
    "region": ("The region (empty for the one in your AWS configuration)", ""),
    "profile": ("The AWS profile (empty for the usual one)", ""),
    "s3_bucket": ("The bucket's name", ""),
    "s3_prefix": ("The folder in the bucket", "Photos"),
}


def _ask(question: str, default: str) -> str:
    answer: str = click.prompt(question, default=default, show_default=bool(default), err=True)
    return answer.strip()
