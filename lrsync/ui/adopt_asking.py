"""What an adoption asks whoever is at the terminal, and what it does where nobody is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from lrsync.core.adoption import AdoptCounts
from lrsync.core.prices import Counts, Quote
from lrsync.core.requests import Unproven
from lrsync.errors import UsageError
from lrsync.ui import cost_view, output
from lrsync.ui.asking import question_to
from lrsync.ui.progress import Progress
from lrsync.ui.text import count, size


@dataclass(frozen=True, slots=True)
class Manner:
    """`silent`: nothing is told and nothing asked; `yes`: the user has agreed already."""

    silent: bool
    yes: bool

    @property
    def asks(self) -> bool:
        """Whether there is somebody to ask."""
        return not self.silent and output.is_terminal(sys.stdin)


def choose_unproven(displays: Sequence[Progress], manner: Manner, counts: AdoptCounts, quote: Quote | None) -> Unproven:
    """What to do about what nothing proves; where nobody is there, nothing: a later sync deals with it."""
    if not manner.asks:
        return Unproven.LEAVE
    say, pile = displays[-1].say, counts.unproven
    what = f"{count(pile.files, 'file')}, {size(pile.bytes)}"
    say(f"{what}: an object of that size is there, and nothing proves its bytes.")
    say("  leave: the next sync sends them again, and keeps the old objects")
    say(f"  download: read the objects and compare. {cost_view.sentence_of(quote)}")
    say("  upload: send them again now, and keep the old objects")
    say("  trust: take them as they are; they never count as safe")
    with question_to(displays[-1]):
        names = [choice.value for choice in Unproven]
        answer: str = click.prompt("What should be done?", type=click.Choice(names), default=names[0], err=True)
    return Unproven(answer)


def agree_to_rewrite(displays: Sequence[Progress], manner: Manner, counts: Counts, quote: Quote | None) -> bool:
    """Say what rewriting comes to, and ask. Raises UsageError where nobody is there to be asked."""
    objects, bytes_ = (sum(each[place] for each in counts.values()) for place in (0, 1))
    what = (
        f"{count(objects, 'object')}, {size(bytes_)}, will be copied onto themselves in the bucket for their metadata"
    )
    if not manner.silent:
        displays[-1].say(f"{what}. Where the bucket keeps versions, the old ones stay, and are paid for.")
        displays[-1].say(f"At least {3 * objects:,} requests. {cost_view.sentence_of(quote)}")
    if manner.yes:
        return True
    if not manner.asks:
        raise UsageError(f"nobody is there to be asked: {what}", hint="add --yes; what was proven is recorded")
    with question_to(displays[-1]):
        return click.confirm("Rewrite them?", err=True)
