"""`lrsync doctor`: parse, examine, show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

if TYPE_CHECKING:
    from lrsync.core.doctor import Check

_MARKS: Final = {"pass": "ok", "warn": "warn", "fail": "FAIL", "skipped": "-"}

_EXAMPLES: Final = examples(
    ("lrsync doctor", "look at everything"),
    ("lrsync doctor --offline", "but not at the bucket"),
)


@click.command(epilog=_EXAMPLES)
@place_options
@click.option("--offline", is_flag=True, help="Look at this computer only, not at the bucket.")
@json_option
def doctor(offline: bool, **flags: Any) -> int:
    """Examine a library: credentials, bucket, permissions, source, manifest, schedule.

    Says of each what was seen, and how to mend it. Writes nothing but one small object below the prefix, which it
    removes. Ends with 5 where the bucket cannot be used, 4 where something else is wrong, 0 where there are only
    warnings.
    """
    config = load_config(flags)

    from lrsync.app import doctor as wired
    from lrsync.core.doctor import exit_code_of
    from lrsync.ui import output
    from lrsync.ui.place import with_place

    found = wired.examine(config, offline=offline)
    checks = [replace(check, mend=with_place(check.mend, flags)) for check in found]
    code = exit_code_of(checks)
    if flags["as_json"]:
        from lrsync.core.runs import result_for
        from lrsync.ui.jsons import to_text

        head = {
            "command": "doctor",
            "library": config.library,
            "result": result_for(code).value,
            "exit_code": int(code),
        }
        output.result(to_text(head | {"checks": [_as_object(check) for check in checks]}))
    else:
        _show(checks)
    return int(code)


def _as_object(check: Check) -> dict[str, str]:
    return {"name": check.name, "verdict": check.verdict.value, "seen": check.seen, "mend": check.mend}


def _show(checks: list[Check]) -> None:
    from lrsync.core.doctor import Verdict
    from lrsync.ui.color import Style
    from lrsync.ui.render import show
    from lrsync.ui.report import Grid, Report, Span, Tone
    from lrsync.ui.text import count, printable, sentence

    styles = {Verdict.PASS: Style.GOOD, Verdict.WARN: Style.WARN, Verdict.FAIL: Style.BAD, Verdict.SKIPPED: Style.DIM}
    marks = ((Span(_MARKS[check.verdict.value], styles[check.verdict]),) for check in checks)
    rows = tuple((mark, check.name, printable(check.seen)) for mark, check in zip(marks, checks, strict=True))
    problems = tuple(
        f"{_MARKS[check.verdict.value]}: {check.name}: {sentence(check.mend)}" for check in checks if check.mend
    )
    failed, warned = (sum(check.verdict is verdict for check in checks) for verdict in (Verdict.FAIL, Verdict.WARN))
    said = [count(failed, "thing is", "things are") + " wrong"] if failed else []
    said += [count(warned, "thing", "things") + " could be better"] if warned else []
    tone = Tone.BAD if failed else Tone.WARN if warned else Tone.GOOD
    verdict = f"{', '.join(said)}." if said else "All is well."
    show(Report(verdict, tone, (Grid(rows),), problems, sentence_last=True))
