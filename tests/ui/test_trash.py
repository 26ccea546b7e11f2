"""What `lrsync trash` asks, on a stub of the app."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import pytest

from lrsync.core.trash import TrashSummary
from lrsync.ui import output
from lrsync.ui.progress import Progress
from tests.ui.conftest import LIBRARY, Cli


def test_the_display_is_off_the_screen_while_purge_asks(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    @contextmanager
    def paused(self: Progress) -> Iterator[None]:
        told.append("paused")
        yield
        told.append("goes on")

    def asked(question: str, **options: Any) -> bool:
        told.append(question)
        return False

    def purge(config: Any, sink: Any, stop: Any, older_than_ns: int, confirm: Any) -> TrashSummary | None:
        return TrashSummary() if confirm(3, 3_000) else None

    monkeypatch.setattr(Progress, "paused", paused)
    monkeypatch.setattr(click, "confirm", asked)
    monkeypatch.setattr(output, "is_terminal", lambda stream: stream is sys.stdin)
    monkeypatch.setattr(cli.app, "purge_trash", purge, raising=False)
    cli("trash", "purge", *LIBRARY)
    assert [told[0], told[2:]] == ["paused", ["goes on"]]
    assert told[1].startswith("Destroy 3 versions of deleted or replaced files")
