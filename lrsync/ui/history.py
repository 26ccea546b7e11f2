"""`lrsync history`: past runs, one of them, or everything that the bucket has of a file."""

from __future__ import annotations

from typing import Any, Final

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

_EXAMPLES: Final = examples(
    ("lrsync history", "the last twenty runs"),
    ("lrsync history 212", "one of them in detail"),
    ("lrsync history 2024/Iceland/IMG_0042.NEF", "every version of a file, and how to get it back"),
)


@click.command(epilog=_EXAMPLES)
@click.argument("what", required=False, metavar="[RUN|FILE]")
@click.option("--limit", metavar="N", default="20", show_default=True, help="So many runs; 0 is all of them.")
@place_options
@json_option
def history(what: str | None, limit: str, **flags: Any) -> int:
    """List past runs, show one of them, or list the versions of a file.

    RUN is a run's number. FILE is a path as status or restore show it; a file whose name is a number is ./12.
    Runs are read from the manifest, without network; a file's versions from the bucket: the current object, older
    versions, and what is in the trash.
    """
    if what is not None and not _is_number(what):
        return _file(what, flags)
    config = load_config(flags, required=() if flags["manifest"] else ("source_path", "s3_bucket"))

    from lrsync import app
    from lrsync.errors import UsageError
    from lrsync.ui import history_view

    if what is None:
        answer = history_view.runs(config.library, app.list_runs(config, _limit(limit)))
        return history_view.show(answer, as_json=flags["as_json"])
    found = app.find_run(config, int(what))
    if found is None:
        raise UsageError(
            f"there is no run {what}", hint="'lrsync history' lists them; a file of this name is ./" + what
        )
    return history_view.show(history_view.one_run(config.library, found), as_json=flags["as_json"])


def _file(name: str, flags: dict[str, Any]) -> int:
    config = load_config(flags, required=("s3_bucket",))

    from lrsync import app
    from lrsync.errors import UsageError
    from lrsync.ui import history_view
    from lrsync.ui.running import watched

    found = watched(lambda sink, stop: app.file_history(config, sink, stop, name), as_json=flags["as_json"])
    if found is None:
        raise UsageError(
            f"no file '{name}' was ever backed up here, nor is one in the trash",
            hint="name one file, as it lies in the source; 'lrsync trash list PATTERN' finds deleted ones",
        )
    return history_view.show(history_view.file(config.library, found), as_json=flags["as_json"])


def _limit(text: str) -> int | None:
    from lrsync.errors import UsageError

    if not _is_number(text):
        raise UsageError(f"'{text}' is not a number of runs", hint="write --limit 50, or 0 for all")
    return int(text) or None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16
