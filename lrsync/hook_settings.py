"""Read the `hooks` tables of the config file. Never repeats a webhook's address: its path is a token."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from lrsync.core.hooks import HookSettings, When
from lrsync.errors import UsageError

MAX_TIMEOUT_S: Final = 600


def parse_hooks(table: Mapping[str, object], place: str) -> dict[str, Any]:
    """The fields of HookSettings that a table gives. `place` says where it stands. Raises UsageError."""
    return {key: _field(key, value, place) for key, value in table.items()}


def build_hooks(*parsed: Mapping[str, Any]) -> HookSettings:
    """The hooks of several tables; the later ones win, key by key."""
    merged: dict[str, Any] = {}
    for one in parsed:
        merged |= one
    return HookSettings(**merged)


def _field(key: str, value: object, place: str) -> object:
    parse = _PARSERS.get(key)
    if parse is None:
        close = difflib.get_close_matches(key, _PARSERS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(_PARSERS)}"
        raise UsageError(f"unknown hook '{key}' {place}", hint=hint)
    try:
        return parse(value)
    except ValueError as problem:
        raise UsageError(f"'{key}' {place} must be {problem}", hint="docs/monitoring.md has examples") from None


def _command(value: object) -> tuple[str, ...]:
    if not (isinstance(value, list) and value and all(isinstance(part, str) and part for part in value)):
        raise ValueError('a list of texts, as ["/usr/local/bin/tell", "me"]: no shell reads it')
    return tuple(value)


def _url(value: object) -> str:
    wanted = "an http:// or https:// address"
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise ValueError(wanted)
    try:
        parts = urlsplit(value)
        proper = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        proper = False
    if not proper or "@" in parts.netloc:
        raise ValueError(f"{wanted} without a user name")
    return value


def _email(value: object) -> str:
    # It becomes an argument and a header: no blanks, no line ends, and nothing that sendmail takes for an option.
    if not (
        isinstance(value, str) and value.isprintable() and value[:1] not in ("", "-") and not set(value) & set(" ,")
    ):
        raise ValueError("one mail address, as anna@example.com")
    return value


def _when(value: object) -> When:
    try:
        return When(value)
    except ValueError:
        raise ValueError("'always' or 'problem'") from None


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _timeout(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MAX_TIMEOUT_S:
        raise ValueError(f"a whole number of seconds from 1 to {MAX_TIMEOUT_S}")
    return value


_PARSERS: Final[dict[str, Callable[[object], object]]] = {
    "command": _command,
    "command_on": _when,
    "webhook": _url,
    "webhook_start": _url,
    "webhook_success": _url,
    "webhook_fail": _url,
    "email": _email,
    "email_on": _when,
    "notification": _switch,
    "notification_on": _when,
    "timeout_s": _timeout,
}
