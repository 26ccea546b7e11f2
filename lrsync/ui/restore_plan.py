"""What a restore says and asks before it begins: how much it is, what it costs, and how long archives take."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from lrsync.core.prices import Quote
from lrsync.core.restoring import RestorePlan
from lrsync.core.thaw import Archive, ThawWish, archive_of, hours_for, tier_for
from lrsync.ui import cost_view, output
from lrsync.ui.asking import question_to
from lrsync.ui.progress import Progress
from lrsync.ui.text import count, size


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak: whether anything is told, whether anything is asked, and whether everything is restored."""

    tells: bool
    asks: bool
    is_everything: bool


def confirm_restore(
    displays: Sequence[Progress], plan: RestorePlan, quote: Quote | None, *, manner: Manner, wish: ThawWish | None
) -> bool:
    """Say what it comes to, and ask whoever is at the terminal; where nobody is, go on: they said restore.

    `displays` ends with the one that is on the screen. Asked is before everything is restored, and before archived
    objects are thawed: S3 bills that.
    """
    if not plan.fetch_files or not manner.tells:
        return True
    say, archived = displays[-1].say, _archived(plan)
    if manner.is_everything or archived:
        there = plan.files - plan.fetch_files
        what = f"{count(plan.fetch_files, 'file')}, {size(plan.fetch_bytes)}, will be restored"
        say(what + (f" ({there:,} more are there already)." if there else "."))
    for archive, (objects, bytes_) in archived.items():
        say(f"{count(objects, 'object')}, {size(bytes_)}, of the class {archive.value}: {_thaw(archive, wish)}.")
    if manner.is_everything or archived or (quote is not None and quote.estimate.total >= cost_view.WORTH_SAYING):
        say(cost_view.sentence_of(quote))
    if not (manner.asks and (manner.is_everything or archived) and output.is_terminal(sys.stdin)):
        return True
    with question_to(displays[-1]):
        return click.confirm("Restore them?", err=True)


def _archived(plan: RestorePlan) -> dict[Archive, tuple[int, int]]:
    found = ((archive_of(name), counts) for name, counts in plan.classes.items())
    return {archive: counts for archive, counts in found if archive is not None}


def _thaw(archive: Archive, wish: ThawWish | None) -> str:
    if wish is None:
        return "left out where they are archived (--thaw none)"
    tier = tier_for(wish, archive)
    if tier is None:
        return "there is no expedited thaw of them"
    hours = hours_for(archive, tier)[1]
    within = f"{hours:g} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
    return f"where they are archived, they are asked for first ({tier.value}, within {within})"
