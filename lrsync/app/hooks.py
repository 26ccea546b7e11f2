"""Wire the hooks: who is told of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lrsync.adapters import hooks
from lrsync.core.hooks import HookEvent, HookReport, HookSettings, When

Tell = Callable[[], str | None]


def announce(settings: HookSettings, report: HookReport) -> list[str]:
    """Tell everybody who wants to know; returns what went wrong with whom. Never raises: a hook breaks no run."""
    return [f"the {name} hook failed: {problem}" for name, tell in _due(settings, report) if (problem := tell())]


def _due(settings: HookSettings, report: HookReport) -> Iterator[tuple[str, Tell]]:
    timeout_s = settings.timeout_s
    url = settings.webhook_for(report.event)
    if url is not None:
        yield "webhook", lambda: hooks.call_webhook(url, report, timeout_s)
    if report.event is HookEvent.START:
        return  # the others are told of what came of it
    if settings.command and _wants(settings.command_on, report):
        yield "command", lambda: hooks.run_command(settings.command, report, timeout_s)
    address = settings.email
    if address is not None and _wants(settings.email_on, report):
        yield "email", lambda: hooks.send_mail(address, report, timeout_s)
    if settings.notification and _wants(settings.notification_on, report):
        yield "notification", lambda: hooks.notify_desktop(report, timeout_s)


def _wants(when: When, report: HookReport) -> bool:
    return when is When.ALWAYS or report.event is HookEvent.FAIL
