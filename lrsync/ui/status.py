"""`lrsync status`: parse, read the manifest, show."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from lrsync.ui.options import examples, json_option, load_config, parse_age, place_options

if TYPE_CHECKING:
    from lrsync.core.prices import StorageQuote
    from lrsync.core.status import StatusReport
    from lrsync.errors import ExitCode

_EXAMPLES: Final = examples(
    ("lrsync status", "is everything safe?"),
    ("lrsync status --check --max-age 36h", "one line for a monitor; ends with 3 where the last backup is old"),
    ("lrsync status --json | jq .decisions", "what wants doing, for a program"),
)


@click.command(epilog=_EXAMPLES)
@place_options
@click.option("--all", "everything", is_flag=True, help="Name all folders and types, not only the largest.")
@click.option("--check", is_flag=True, help="For monitoring: one line, and 3 also where the last good backup is old.")
@click.option("--max-age", metavar="TIME", default="36h", show_default=True, help="With --check: older is too old.")
@json_option
@click.option("--cost", is_flag=True, help="Say what the objects cost a month, by a dated list of prices.")
@click.option("--prices", metavar="FILE", help="A list of prices of your own: another region, another store.")
def status(check: bool, max_age: str, cost: bool, everything: bool, **flags: Any) -> int:
    """Say what is safe, what is not, and since when.

    Reads only the manifest: no network. Ends with 0 when everything is safe, 3 when files wait for a backup,
    4 when something needs a person.
    """
    max_age_s = parse_age("--max-age", max_age)
    config = load_config(flags, required=_needed(flags))

    from lrsync import app

    report = app.read_status(config)
    quote = app.quote_storage(config) if cost and report is not None else None

    from lrsync.ui import output
    from lrsync.ui.place import place_words
    from lrsync.ui.status_view import exit_code

    known = _Known(config.library, report, exit_code(report), time.time_ns(), place_words(flags))
    if check:
        return _check(known, max_age_s, as_json=flags["as_json"])
    if flags["as_json"]:
        _print_object(known, _cost_object(quote) if cost else {})
        return int(known.code)
    _show(known, everything=everything)
    if cost and report is not None:
        from lrsync.ui import cost_view

        output.result("\n" + cost_view.line(quote))
    return int(known.code)


class _Known(NamedTuple):
    """What there is to tell; `place`: the flags that name the library."""

    library: str
    report: StatusReport | None
    code: ExitCode
    now_ns: int
    place: str

    def state(self, *, age_is_told: bool = False) -> str:
        """In a sentence."""
        from lrsync.ui.status_view import sentence_of

        return sentence_of(self.report, self.now_ns, age_is_told=age_is_told)


def _show(known: _Known, *, everything: bool) -> None:
    from lrsync.ui import output, run_words
    from lrsync.ui.render import show
    from lrsync.ui.status_view import Manner, build

    marks = run_words.BLOCKS
    if not output.can_print(marks.levels + marks.bad, sys.stdout):
        marks = run_words.LETTERS
    show(build(known.report, known.now_ns, Manner(marks, everything, known.place)))
    if known.report is None:
        output.note(f"hint: run 'lrsync sync{' ' + known.place if known.place else ''}' to back it up.")


def _print_object(known: _Known, more: dict[str, Any]) -> None:
    from lrsync.ui import output
    from lrsync.ui.jsons import to_text
    from lrsync.ui.status_json import status_object

    told = status_object(known.library, known.report, known.code, known.state(), known.place)
    output.result(to_text(told | more))


def _cost_object(quote: StorageQuote | None) -> dict[str, Any]:
    from lrsync.ui import cost_view

    return cost_view.json_of(quote)


def _check(known: _Known, max_age_s: float, *, as_json: bool) -> int:
    from lrsync.ui import freshness, output

    fresh = freshness.freshness_of(known.report, known.now_ns, max_age_s)
    checked = freshness.checked_code(known.code, fresh)
    if as_json:
        _print_object(known._replace(code=checked), {"check": freshness.as_object(fresh)})
    else:
        # The age first where that is what is wrong: a monitor shows the beginning of the line.
        parts = [known.state()] if fresh.is_fresh else [fresh.sentence, known.state(age_is_told=True)]
        output.result(" ".join(" ".join(parts).split()))
    return int(checked)


def _needed(flags: dict[str, Any]) -> tuple[str, ...]:
    # The manifest's usual place follows from source and bucket; a given one needs neither.
    return () if flags["manifest"] else ("source_path", "s3_bucket")
