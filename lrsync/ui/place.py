"""The flags that named the library, as a command that is to be copied must repeat them."""

from __future__ import annotations

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
