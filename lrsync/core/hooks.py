"""What to tell whom about a run: a command, a webhook, a mail, a notification. Values only; sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

DEFAULT_TIMEOUT_S: Final = 10


class When(Enum):
    """After which runs."""

    ALWAYS = "always"
    PROBLEM = "problem"


class HookEvent(Enum):
    """What there is to tell."""

    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Whom to tell. `timeout_s`: how long each of them may take, in seconds.

    The addresses of webhooks are secrets (their path is the token): they are in no repr.
    """

    command: tuple[str, ...] = ()
    command_on: When = When.ALWAYS
    webhook: str | None = field(default=None, repr=False)
    webhook_start: str | None = field(default=None, repr=False)
    webhook_success: str | None = field(default=None, repr=False)
    webhook_fail: str | None = field(default=None, repr=False)
    email: str | None = None
    email_on: When = When.PROBLEM
    notification: bool = False
    notification_on: When = When.PROBLEM
    timeout_s: int = DEFAULT_TIMEOUT_S

    @property
    def is_empty(self) -> bool:
        """Whether there is nobody to tell."""
        urls = (self.webhook, self.webhook_start, self.webhook_success, self.webhook_fail)
        return not (self.command or any(urls) or self.email or self.notification)

    def webhook_for(self, event: HookEvent) -> str | None:
        """The address to call, in the manner of healthchecks.io unless it has an address of its own; None for none.

        >>> HookSettings(webhook="https://hc-ping.com/token").webhook_for(HookEvent.FAIL)
        'https://hc-ping.com/token/fail'
        """
        match event:
            case HookEvent.START:
                return self.webhook_start or _below(self.webhook, "/start")
            case HookEvent.SUCCESS:
                return self.webhook_success or self.webhook
            case HookEvent.FAIL:
                return self.webhook_fail or _below(self.webhook, "/fail")


@dataclass(frozen=True, slots=True)
class HookReport:
    """One thing to tell. `sentence` is the run's own; `exit_code` is None at the start."""

    event: HookEvent
    library: str
    sentence: str
    exit_code: int | None = None

    @property
    def title(self) -> str:
        """One line for a subject."""
        state = {HookEvent.START: "begins", HookEvent.SUCCESS: "is backed up", HookEvent.FAIL: "needs a look"}
        return f"lrsync: {self.library} {state[self.event]}"


def redacted(url: str) -> str:
    """The address without what may be a token: whose it is, and no more.

    >>> redacted("https://hc-ping.com/8a7c-secret/fail?key=1")
    'https://hc-ping.com/...'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/..."


def _below(url: str | None, suffix: str) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + suffix).geturl()
