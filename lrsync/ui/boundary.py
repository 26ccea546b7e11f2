"""Where every error ends: one line with a hint on stderr, an exit code, and the JSON object when it was asked for.

Nothing below prints an error, and nothing leaves here as a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import click

from lrsync.errors import ExitCode, LrsyncError
from lrsync.ui import color, output
from lrsync.ui.encoding import demand_utf8_names

_SWITCHED_ON = ("1", "true", "yes", "on", "t", "y")


class Call(NamedTuple):
    """What a command line asks for, as far as an error's rendering needs it: known even when it is wrong."""

    command: str
    library: str
    json: bool
    place: Mapping[str, str]
    """What a hint's commands must repeat: without it they would be of another library."""

    @classmethod
    def of(cls, args: Sequence[str], groups: Collection[str] = ()) -> Call:
        """Read from the arguments without understanding them. `groups`: commands that have commands of their own."""
        wanted = "--json" in args or os.environ.get("LRSYNC_JSON", "").lower() in _SWITCHED_ON
        place = {"library": _value_of("--library", args), "config_file": _value_of("--config", args)}
        library = place["library"] or os.environ.get("LRSYNC_LIBRARY") or "default"
        return cls(_command_of(args, groups), library, wanted, place)


def _command_of(args: Sequence[str], groups: Collection[str]) -> str:
    """`sync`, or `catalog audit`: as the JSON objects call it."""
    before = ("", *args)  # --color is the one option before a command that has a value
    words = [arg for former, arg in zip(before, args, strict=False) if arg[:1] != "-" and former != "--color"]
    return " ".join(words[:2] if words[:1] and words[0] in groups else words[:1])


def _value_of(flag: str, args: Sequence[str]) -> str:
    for index, arg in enumerate(args):
        if arg.startswith(f"{flag}="):
            return arg.partition("=")[2]
        if arg == flag and index + 1 < len(args):
            return args[index + 1]
    return ""


def guarded(command: click.Command, name: str, args: Sequence[str], *, is_program: bool = False) -> int:
    """Run the command line and return its exit code, whatever happens.

    `is_program`: the arguments are this process's own, so that it may be started anew with them.
    """
    output.make_streams_safe()
    color.choose(args, os.environ)
    call = Call.of(args, _groups(command))
    code = _run(command, name, call, args, is_program=is_program)
    problem = output.take_problem()
    if problem is None:
        return code
    # A script that reads the result must not take its absence for a good one.
    hint = f"the command itself ended with exit code {code}"
    output.error(f"the result could not be written: {problem.strerror or problem}", hint)
    return code or int(ExitCode.BUG)


def _run(command: click.Command, name: str, call: Call, args: Sequence[str], *, is_program: bool) -> int:
    try:
        if is_program:
            demand_utf8_names()
        code = command.main(args=list(args), prog_name=name, standalone_mode=False)
    except LrsyncError as problem:
        return _report(call, problem.exit_code, _with_path(problem), problem.hint)
    except click.exceptions.NoArgsIsHelpError as problem:
        output.note(problem.ctx.get_help() if problem.ctx is not None else "")
        return int(ExitCode.USAGE)
    except click.UsageError as problem:
        message, hint = _explain(problem, call)
        return _report(call, ExitCode.USAGE, message, hint)
    except click.ClickException as problem:
        return _report(call, ExitCode.USAGE, problem.format_message(), "")
    except (click.Abort, KeyboardInterrupt):
        return _report(call, ExitCode.INTERRUPTED, "interrupted", "everything acknowledged is recorded; run it again")
    except SystemExit:
        return int(ExitCode.OK)  # click's way out where nobody reads the help; it has made stdout quiet
    except Exception as problem:  # noqa: BLE001 - the last resort: a bug becomes one line, and a traceback in the log
        return _report(call, ExitCode.BUG, *_keep_traceback(problem))
    return code if isinstance(code, int) else int(ExitCode.OK)


def _groups(command: click.Command) -> Collection[str]:
    return [name for name, entry in getattr(command, "lazy", {}).items() if entry.is_group]


def _with_path(problem: LrsyncError) -> str:
    if problem.path and problem.path not in problem.message:
        return f"{problem.path}: {problem.message}"
    return problem.message


def _explain(problem: click.UsageError, call: Call) -> tuple[str, str]:
    """click's own complaint in our words, with a hint."""
    # click's parser complains before there is a context.
    path = problem.ctx.command_path if problem.ctx is not None else f"lrsync {call.command}".rstrip()
    see_help = f"see '{path} --help'"
    message = problem.format_message()
    match problem:
        case click.NoSuchOption():
            close = _nearest_first(problem.option_name, problem.possibilities or [])
            return f"there is no option '{problem.option_name}'", _did_you_mean(close) or see_help
        case click.exceptions.NoSuchCommand():
            close = [f"'{name}'" for name in _nearest_first(problem.command_name, problem.possibilities or [])]
            return f"there is no command '{problem.command_name}'", _did_you_mean(close) or see_help
        case click.MissingParameter(param=click.Argument(type=click.Choice() as choice) as argument):
            # click lists them in lines of their own, and an error is one line.
            return f"missing argument '{argument.human_readable_name}'", f"one of {', '.join(choice.choices)}"
        case click.BadParameter(param=click.Parameter(type=click.Choice() as choice)):
            close = [f"'{name}'" for name in _nearest_choice(problem.message, choice)]
            return _lower(message), _did_you_mean(close) or see_help
        case _:
            return _lower(message), see_help


def _did_you_mean(close: Sequence[str]) -> str:
    return f"did you mean {' or '.join(close)}?" if close else ""


def _nearest_first(given: str, close: Sequence[str]) -> list[str]:
    from difflib import SequenceMatcher

    return sorted(close, key=lambda name: (-SequenceMatcher(None, given, name).ratio(), name))


def _nearest_choice(message: str, choice: click.Choice[Any]) -> list[str]:
    from difflib import get_close_matches

    _, _, rest = message.partition("'")  # click begins with what it was given: 'allways' is not one of ...
    return get_close_matches(rest.partition("'")[0], [str(known) for known in choice.choices])


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def _keep_traceback(problem: Exception) -> tuple[str, str]:
    from lrsync import logs

    what = f"unexpected error: {type(problem).__name__}: {problem}"
    place = _log_in_use() or logs.configure(None, verbose=False, warn=output.warning)
    if place is None:
        import traceback

        # Nowhere to keep it: a bug that leaves no trace cannot be mended.
        output.note("".join(traceback.format_exception(problem)).rstrip())
        return what, "please report it with the lines above"
    logs.LOGGER.error("%s", what, exc_info=problem)
    return what, f"the log has the details: {place}"


def _log_in_use() -> str | None:
    from lrsync import logs

    return next((name for handler in logs.LOGGER.handlers if (name := getattr(handler, "baseFilename", None))), None)


def _report(call: Call, code: ExitCode, message: str, hint: str) -> int:
    from lrsync.ui.place import with_place

    hint = with_place(hint, call.place)
    _log_failure(code, message)
    output.error(message, hint)
    if call.json:
        from lrsync.ui.jsons import failure, to_text

        output.result(to_text(failure(call.command, call.library, code, message=message, hint=hint)))
    return int(code)


def _log_failure(code: ExitCode, message: str) -> None:
    # Only where the log is open already: a mistyped flag is no business of the nightly log.
    logs = sys.modules.get("lrsync.logs")
    if logs is not None and logs.LOGGER.handlers and code is not ExitCode.BUG:
        from lrsync.ui.text import printable

        logs.LOGGER.error("ended with exit code %d: %s", code, printable(message))
