"""`lrsync config show`, `path`, `edit`, `check`: the config file, and what comes of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from lrsync.ui.options import examples, json_option, place_options

if TYPE_CHECKING:
    from lrsync.config import Config
    from lrsync.settings import Explained

_WEBHOOKS: Final = "hooks.webhook"


class _Checked(NamedTuple):
    """One library of the file, what is wrong with it ('' for nothing), and what its user should know."""

    name: str
    problem: str = ""
    hint: str = ""
    warnings: tuple[str, ...] = ()


_PATH_EXAMPLES: Final = examples(
    ("lrsync config path", "where it is"),
)
_SHOW_EXAMPLES: Final = examples(
    ("lrsync config show --library nas", "what holds for a library"),
)
_CHECK_EXAMPLES: Final = examples(
    ("lrsync config check", "before the nightly run finds out"),
)
_EDIT_EXAMPLES: Final = examples(
    ("lrsync config edit", "in $EDITOR, and checked afterwards"),
)


@click.group()
def config() -> None:
    """Show, check or edit the config file.

    It is a TOML file with a table for each library. 'lrsync init' writes it.
    """


def _file_option(command: Any) -> Any:
    return click.option("--config", "config_file", metavar="FILE", envvar="LRSYNC_CONFIG", help="Another config file.")(
        command
    )


@config.command(epilog=_PATH_EXAMPLES)
@_file_option
@json_option
def path(config_file: str | None, as_json: bool) -> int:
    """Say where the config file is."""
    from lrsync.ui import output
    from lrsync.ui.text import printable

    file = config_path(config_file)
    if as_json:
        from lrsync.ui.jsons import to_text

        told = {"command": "config path", "result": "ok", "exit_code": 0, "file": str(file), "exists": file.exists()}
        output.result(to_text(told))
    else:
        output.result(printable(str(file)))
    return 0


@config.command(epilog=_SHOW_EXAMPLES)
@place_options
@json_option
def show(**flags: Any) -> int:
    """Show a library's settings, and where each comes from.

    Only what is set: 'lrsync sync --help' names the defaults. Addresses of webhooks are shortened, as they are secrets.
    """
    from lrsync import settings
    from lrsync.ui import output
    from lrsync.ui.options import explicit

    found = settings.explain(
        explicit(flags), os.environ, library=flags["library"], config_file=_given_path(flags["config_file"])
    )
    library = flags["library"] or "default"
    if flags["as_json"]:
        from lrsync.ui.jsons import to_text

        listed = {one.name: {"value": _shown(one), "origin": one.origin} for one in found}
        head = {"command": "config show", "library": library, "result": "ok", "exit_code": 0}
        output.result(to_text(head | {"file": str(config_path(flags["config_file"])), "settings": listed}))
        return 0
    _print_settings(library, str(config_path(flags["config_file"])), found)
    return 0


@config.command(epilog=_CHECK_EXAMPLES)
@_file_option
@json_option
def check(config_file: str | None, as_json: bool) -> int:
    """Check every library in the file. Ends with 2 where a setting is wrong.

    Looks at the file alone, as the nightly run will: no variables, no network.
    """
    from lrsync.errors import ExitCode
    from lrsync.ui import output

    file = config_path(config_file)
    checked = check_file(file)
    code = ExitCode.USAGE if any(one.problem for one in checked) else ExitCode.OK
    if as_json:
        from lrsync.core.runs import result_for
        from lrsync.ui.jsons import to_text

        head = {"command": "config check", "result": result_for(code).value, "exit_code": int(code), "file": str(file)}
        output.result(to_text(head | {"libraries": [one._asdict() for one in checked]}))
        return int(code)
    for one in checked:
        if one.problem:
            output.error(f"library {one.name}: {one.problem}", one.hint)
        else:
            output.result(f"library {one.name}: the settings are right.")
        for line in one.warnings:
            output.warning(f"library {one.name}: {line}")
    return int(code)


@config.command(epilog=_EDIT_EXAMPLES)
@_file_option
def edit(config_file: str | None) -> int:
    """Open the file in your editor, then check it."""
    from lrsync.errors import ExitCode, UsageError
    from lrsync.ui import output

    file = config_path(config_file)
    if not file.exists():
        raise UsageError(f"there is no config file {file} yet", hint="'lrsync init' makes it")
    if not output.is_terminal(sys.stdin):
        raise UsageError("there is no terminal to edit in", hint=f"edit {file}, then run 'lrsync config check'")
    click.edit(filename=str(file))
    wrong = [one for one in check_file(file) if one.problem]
    for one in wrong:
        output.error(f"library {one.name}: {one.problem}", one.hint)
    return int(ExitCode.USAGE if wrong else ExitCode.OK)


def config_path(config_file: str | None) -> Path:
    """The file that --config names, else the usual one."""
    from lrsync.settings import default_config_file

    return _given_path(config_file) or default_config_file()


def check_file(file: Path) -> list[_Checked]:
    """What is wrong with each library of the file. Raises UsageError where the file itself cannot be read."""
    from lrsync import settings
    from lrsync.errors import UsageError

    names = settings.library_names(file)
    if not names:
        raise UsageError(f"there is no library in {file}", hint="'lrsync init' sets one up")
    checked = []
    for name in names:
        try:
            warnings = _warnings(settings.load({}, {}, library=name, config_file=file))
        except UsageError as problem:
            checked.append(_Checked(name, problem.message, problem.hint))
        else:
            checked.append(_Checked(name, warnings=warnings))
    return checked


def _warnings(config: Config) -> tuple[str, ...]:
    if config.storage_rules.classes == {"STANDARD"}:
        return ()
    from lrsync import app

    return tuple(app.storage_warnings(config))


def _given_path(config_file: str | None) -> Path | None:
    return Path(config_file).expanduser() if config_file else None


def _shown(setting: Explained) -> Any:
    if setting.name.startswith(_WEBHOOKS) and isinstance(setting.value, str):
        from lrsync.core.hooks import redacted

        return redacted(setting.value)
    return list(setting.value) if isinstance(setting.value, tuple) else setting.value


def _print_settings(library: str, file: str, found: list[Explained]) -> None:
    from lrsync.ui.render import show as render
    from lrsync.ui.report import Grid, Report, Tone
    from lrsync.ui.text import count, printable

    # The file is the same for all: told once, above them.
    rows = tuple(
        (one.name, printable(str(_shown(one))), printable(one.origin.rpartition(f" in {file}, ")[2])) for one in found
    )
    told = f"Library {printable(library)}: {count(len(found), 'setting')}, all others have their defaults."
    sentence = f"{told} The config file is {printable(file)}."
    render(Report(sentence, Tone.GOOD, (Grid(rows, ("Setting", "Value", "From")),)))
