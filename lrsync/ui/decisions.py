"""What wants doing, and the commands that settle it: from what the manifest knows. Decides nothing itself."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from lrsync.core.findings import Finding, FindingKind
from lrsync.core.status import StatusReport
from lrsync.ui.report import Advice, Step
from lrsync.ui.run_words import failure_of, unfinished
from lrsync.ui.text import count, printable, sentence

MAX_NAMES: Final = 5


@dataclass(frozen=True, slots=True)
class _Kind:
    """What findings of one kind are called together, and what settles them. `{path}` stands for a file.

    `many` is empty where there is only ever one, of the library as a whole.
    """

    one: str
    many: str
    steps: tuple[Step, ...] = ()
    for_all: tuple[Step, ...] = ()
    """Where there is more than one."""


_TRIED_AGAIN: Final = frozenset({FindingKind.FAILED.value, FindingKind.UNREADABLE.value})
_RETRY: Final = Step("sync", "the next backup tries again")
_BACK: Final = Step("restore --in-place {path}", "bring the good bytes back")
_KINDS: Final = {
    FindingKind.ORIGINAL_CHANGED: _Kind(
        "changed original waits for your decision",
        "changed originals wait for your decision",
        (
            Step("restore --in-place {path}", "if it is damaged: bring the good bytes back"),
            Step("accept {path}", "if the change is meant: take the new bytes"),
        ),
        (Step("accept --all", "or all of them at once"),),
    ),
    FindingKind.ROT: _Kind("file went bad on the disk", "files went bad on the disk", (_BACK,)),
    FindingKind.SUSPECT_ORIGINAL: _Kind(
        "new original looks wrong",
        "new originals look wrong",
        (Step("accept {path}", "if it is as it should be"),),
    ),
    FindingKind.UNPROVEN: _Kind(
        "An adoption left objects that nothing proves",
        "",
        (Step("adopt --unproven download", "read them back and compare"), Step("sync", "or send these files again")),
    ),
    FindingKind.DELETE_GUARD: _Kind("A deletion was refused", ""),
    FindingKind.MASS_CHANGE: _Kind(
        "A mass change was stopped",
        "",
        (Step("sync --accept-mass-change", "if the change is meant"),),
    ),
    FindingKind.DRIFT: _Kind(
        "object in the bucket is lost or altered",
        "objects in the bucket are lost or altered",
        (Step("sync", "send again what is on the disk"), Step("history {path}", "see what else there is of it")),
    ),
    FindingKind.CATALOG_BUSY: _Kind(
        "catalog was in use",
        "catalogs were in use",
        (Step("sync --catalog-wait 5m", "try again, with more patience"),),
    ),
    FindingKind.CATALOG_DAMAGED: _Kind(
        "catalog is damaged", "catalogs are damaged", (Step("catalog list", "see the good snapshots"),)
    ),
    FindingKind.CATALOG_MISSING: _Kind("catalog is not there", "catalogs are not there"),
    FindingKind.FAILED: _Kind("file could not be backed up", "files could not be backed up", (_RETRY,)),
    FindingKind.SETTLING: _Kind("file was written a moment ago", "files were written a moment ago", (_RETRY,)),
    FindingKind.RACED: _Kind("file was being written", "files were being written", (_RETRY,)),
    FindingKind.HELD: _Kind("file was held back", "files were held back"),
    FindingKind.UNREADABLE: _Kind("file or folder could not be read", "files or folders could not be read", (_RETRY,)),
    FindingKind.SNAPSHOT_FAILED: _Kind(
        "snapshot of the manifest was not stored", "snapshots of the manifest were not stored", (_RETRY,)
    ),
    FindingKind.UNKNOWN_OBJECT: _Kind("object in the bucket is not lrsync's", "objects in the bucket are not lrsync's"),
}
"""In the order in which they are told: what needs a person first. A test holds that all kinds are here."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that wants doing. `paths` and `messages` go together; `hints` are what else there is to say."""

    kind: str
    what: str
    findings: tuple[Finding, ...] = ()
    steps: tuple[Step, ...] = ()
    needs_person: bool = True

    @property
    def shared_message(self) -> str:
        """What is true of all of them; '' where each has its own."""
        messages = {finding.message for finding in self.findings}
        return messages.pop() if len(messages) == 1 else ""

    @property
    def shared_hint(self) -> str:
        """The same for what helps."""
        hints = {finding.hint for finding in self.findings}
        return hints.pop() if len(hints) == 1 else ""


def decisions_of(report: StatusReport, place: str = "") -> list[Decision]:
    """All that wants doing, the gravest first. `place`: the flags that name the library, for a shell."""
    return [*_of_findings(report.findings, place), *_of_rows(report, place), *_of_last_run(report, place)]


def _command(words: str, place: str) -> str:
    return f"lrsync {words} {place}".rstrip()


def _of_findings(findings: Iterable[Finding], place: str) -> Iterator[Decision]:
    order = list(_KINDS)
    ranked = sorted(findings, key=lambda finding: order.index(finding.kind))
    for kind, group in groupby(ranked, key=lambda finding: finding.kind):
        same = tuple(group)
        words = _KINDS[kind]
        steps = words.steps + (words.for_all if len(same) > 1 else ())
        what = count(len(same), words.one, words.many) if words.many else words.one
        yield Decision(kind.value, what, same, tuple(_steps(steps, same, place)), kind.needs_person)


def _steps(steps: Sequence[Step], findings: Sequence[Finding], place: str) -> Iterator[Step]:
    """The commands with the path in them: of several files the first one's, as an example."""
    path = shell_word(findings[0].path)
    for step in steps:
        yield Step(_command(step.command.replace("{path}", path), place), step.why)


def shell_word(path: str) -> str:
    r"""A path as a shell takes it; one with characters that no line can hold in the form that bash, zsh and ksh know.

    >>> shell_word("my photo.nef"), shell_word("a\n.nef")
    ("'my photo.nef'", "$'a\\n.nef'")
    """
    if not path:
        return "PATH"
    told = f"./{path}" if path.startswith("-") else path
    if printable(told) == told:
        return shlex.quote(told)
    escaped = told.replace("\\", "\\\\").replace("'", "\\'")
    return f"$'{printable(escaped)}'"


def _of_rows(report: StatusReport, place: str) -> Iterator[Decision]:
    """What no finding tells: the manifest's rows alone."""
    told = {finding.kind for finding in report.findings}
    if report.unproven:
        what = count(report.unproven, "object whose content is not proven", "objects whose content is not proven")
        yield Decision("unproven", what, steps=(Step(_command("verify --download", place), "read them back"),))
    if report.drifted and FindingKind.DRIFT not in told:
        what = count(report.drifted, "object was lost or altered", "objects were lost or altered") + " in the bucket"
        yield Decision("drift", what, steps=(Step(_command("sync", place), "send again what is on the disk"),))


def _of_last_run(report: StatusReport, place: str) -> Iterator[Decision]:
    run = unfinished(report)
    if run is not None:
        steps = (
            Step(_command("log", place), "see what it said"),
            Step(_command("doctor", place), "look for what is in the way"),
            Step(_command("sync", place), "go on where it was"),
        )
        why = failure_of(run)
        which = "run" if run == report.last_run else "backup"
        what = f"The last {which} did not come to its end" + (f": {printable(why)}" if why else "")
        yield Decision("last-run", what, steps=steps)


def advice_of(decision: Decision, most: int = MAX_NAMES) -> Advice:
    """A decision for people: its first files, with their own messages where these differ."""
    message, hint = decision.shared_message, decision.shared_hint
    what = sentence(decision.what) + (f" {sentence(_capital(message))}" if message else "")
    # Where no command settles it, the words about it must; and another try alone helps no name that S3 cannot take.
    if hint and (not decision.steps or decision.kind in _TRIED_AGAIN):
        what += f" {sentence(_capital(hint))}"
    names = [_name(finding, message=not message, hint=not hint) for finding in decision.findings if finding.path]
    more = [f"and {len(names) - most:,} more (--json has them all)"] if len(names) > most else []
    return Advice(what, (*names[:most], *more), decision.steps)


def _name(finding: Finding, *, message: bool, hint: bool) -> str:
    text = printable(finding.path) + (f": {printable(finding.message)}" if message else "")
    return text + (f" ({printable(finding.hint)})" if hint and finding.hint else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
