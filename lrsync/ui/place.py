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

_COMMAND: Final = re.compile(r"'(lrsync ([a-z]+)[^']*)'")
_TAKEN: Final = {"schedule": ("library", "config_file"), "config": ("config_file",), "demo": ()}
"""The commands that take not all of them."""


def with_place(text: str, flags: Mapping[str, Any]) -> str:
    """The text with those flags in each command that it quotes: without them it would be of another library."""
    if not place_words(flags):
        return text

    def placed(found: re.Match[str]) -> str:
        taken = _TAKEN.get(found[2], flags)
        place = place_words({name: flags.get(name) for name in taken})
        return f"'{found[1]} {place}".rstrip() + "'"

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
