"""The flags that named the library, as a command that is to be copied must repeat them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any, Final

import click

_FLAGS: Final = {
    "library": "--library",
    "config_file": "--config",
    "source_path": "--source-path",
    "s3_bucket": "--s3-bucket",
    "s3_prefix": "--s3-prefix",
    "endpoint_url": "--endpoint-url",
    "region": "--region",
    "profile": "--profile",
    "manifest": "--manifest",
}

_COMMAND: Final = re.compile(r"'(lrsync [^']+)'")
_OF_SCHEDULE: Final = ("library", "config_file")


def with_place(text: str, flags: Mapping[str, Any]) -> str:
    """The text with those flags in each command that it quotes: without them it would be of another library."""
    words = place_words(flags)
    if not words:
        return text
    of_schedule = place_words({name: flags.get(name) for name in _OF_SCHEDULE})

    def placed(found: re.Match[str]) -> str:
        command = found[1]
        # Its libraries are those of a config file.
        place = of_schedule if command.startswith("lrsync schedule ") else words
        return f"'{command} {place}".rstrip() + "'"

    return _COMMAND.sub(placed, text)


def place_words(flags: Mapping[str, Any]) -> str:
    """What was given on the command line, quoted for a shell. Variables are set the next time as well."""
    context = click.get_current_context(silent=True)
    typed = click.core.ParameterSource.COMMANDLINE
    words = [
        word
        for name, flag in _FLAGS.items()
        if flags.get(name) and (context is None or context.get_parameter_source(name) is typed)
        for word in (flag, flags[name])
    ]
    return shlex.join(words)
