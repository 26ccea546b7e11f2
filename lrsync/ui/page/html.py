"""The page as HTML: the template, with every value escaped. Pure: a view in, text out."""

from __future__ import annotations

import calendar
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from lrsync.ui.page.nights import MARKS, Night
from lrsync.ui.page.view import Page
from lrsync.ui.text import printable

_CLASSES: Final = {
    Night.SENT: "sent",
    Night.QUIET: "quiet",
    Night.UNEASY: "uneasy",
    Night.BAD: "bad-night",
    Night.NONE: "none-night",
    Night.OUTSIDE: "outside",
}
_WEEKDAYS: Final = tuple((name[0], name) for name in calendar.day_name)


def render(page: Page) -> str:
    """The whole page."""
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            page=page,
            css=Markup(_read("report.css").rstrip()),
            classes=_CLASSES,
            marks=MARKS,
            weekdays=_WEEKDAYS,
        )
    )


def environment() -> Environment:
    """Escapes all that it prints: markup by Jinja, and what could move or break a line by `printable`."""
    return Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=False,
    )


def _shown(value: Any) -> Any:
    return printable(value) if type(value) is str else value


def _read(name: str) -> str:
    return (files("lrsync.ui.page") / "templates" / name).read_text(encoding="utf-8")
