"""`lrsync report`: parse, read all that is known, write the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from lrsync.ui.options import examples, json_option, load_config, place_options

if TYPE_CHECKING:
    from lrsync.config import Config
    from lrsync.core.library_report import LibraryReport

STDOUT: Final = "-"
_EXAMPLES: Final = examples(
    ("lrsync report --open", "look at it in the browser"),
    ("lrsync report --html ~/Desktop/photos.html", "keep it, or send it to somebody"),
    ("lrsync report --library nas --html /srv/www/backup.html", "after each backup, from cron"),
)


@click.command(epilog=_EXAMPLES)
@click.option("--html", "target", metavar="FILE", help="Into this file, whole or not at all; - is stdout.")
@click.option("--open", "opens", is_flag=True, help="Open it in the browser; without --html from a private place.")
@click.option("--prices", metavar="FILE", help="A list of prices of your own: another region, another store.")
@place_options
@json_option
def report(target: str | None, opens: bool, **flags: Any) -> int:
    """Write all that is known of a library as one web page.

    What is safe and what to do, a calendar of nights, how the library grew, what is where and what it costs, how old
    each proof is, catalogs, restore drills. One file that loads nothing from anywhere, in light and dark, for screens
    of any size. Reads only the manifest: no network. Ends with 0 wherever the page could be made, however the library
    is.
    """
    from lrsync.errors import UsageError

    if target is None and not opens:
        raise UsageError("say where the page goes", hint="give --html FILE, or --open to look at it")
    if target == STDOUT and (opens or flags["as_json"]):
        raise UsageError("with --html - the page itself goes to stdout", hint="give --html a file")
    config = load_config(flags, required=() if flags["manifest"] else ("source_path", "s3_bucket"))

    from lrsync.app import report as wired
    from lrsync.ui import output
    from lrsync.ui.page.html import render
    from lrsync.ui.page.view import empty_page, page_of
    from lrsync.ui.place import place_words

    known, now_ns, place = wired.read_report(config), time.time_ns(), place_words(flags)
    page = empty_page(config.library, now_ns, place) if known is None else page_of(known, now_ns, place)
    text = render(page)
    if target == STDOUT:
        output.result(text)
        return 0
    path = _path(config, target)
    wired.write_page(path, text, private=target is None)
    _tell(config, path, known, page.sentence, as_json=flags["as_json"])
    if opens:
        _open(path)
    return 0


def _path(config: Config, target: str | None) -> Path:
    from lrsync.config import parse_path
    from lrsync.core.schedule import job_name
    from lrsync.errors import UsageError

    if target is None:
        import platformdirs

        return platformdirs.user_cache_path("lrsync", appauthor=False) / f"{job_name(config.library)}.html"
    path = parse_path(target)
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name the file: --html report.html")
    return path


def _tell(config: Config, path: Path, known: LibraryReport | None, sentence: str, *, as_json: bool) -> None:
    from lrsync.ui import output, status_view
    from lrsync.ui.render import show_text
    from lrsync.ui.text import printable

    if not as_json:
        show_text(f"{sentence} The page is {printable(str(path))}.")
        return
    from lrsync.ui.jsons import to_text

    code = status_view.exit_code(None if known is None else known.status)
    head = {"command": "report", "library": config.library, "result": "ok", "exit_code": 0}
    told = {"file": str(path), "bytes": path.stat().st_size, "state": sentence, "status_exit_code": int(code)}
    output.result(to_text(head | told))


def _open(path: Path) -> None:
    import webbrowser

    from lrsync.ui import output
    from lrsync.ui.text import printable

    if not webbrowser.open(path.as_uri()):
        output.warning(f"no browser could be started; open {printable(str(path))} yourself")
