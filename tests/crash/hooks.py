"""What a run under test does differently: small multipart uploads, and a SIGKILL at a chosen write.

Runs inside the process under test. Changes limits and adds calls around methods, never what the methods do.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PART_BYTES = 5 << 20
"""In place of 16 MiB: the least that SeaweedFS, as S3, takes for any part but the last."""

_lock = threading.Lock()
_seen = 0


def die() -> None:
    """As the power would: nothing is written, flushed or closed."""
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def lowered_limits() -> Iterator[tuple[Any, str]]:
    """Where the limits are that make a file large: each becomes PART_BYTES."""
    from lrsync.core import parts
    from lrsync.engine import recorder, transfer, uploads

    yield parts, "MIB"  # parts are whole MiB
    yield parts, "PART_BYTES"
    for module in (parts, recorder, transfer, uploads):
        yield module, "SINGLE_PUT_LIMIT"
    for module in (parts, transfer):
        yield module, "HELD_BYTES"


def _lower_limits() -> None:
    from lrsync.core.parts import part_size_for

    for module, name in lowered_limits():
        assert hasattr(module, name)
        setattr(module, name, PART_BYTES)
    assert part_size_for(5 * PART_BYTES) == PART_BYTES


def _counted(call: Callable[..., Any], number: int, after: bool) -> Callable[..., Any]:
    def counted(*args: Any, **kwargs: Any) -> Any:
        global _seen
        with _lock:
            _seen += 1
            mine = _seen == number
        if mine and not after:
            die()
        result = call(*args, **kwargs)
        if mine:
            die()
        return result

    return counted


def _watch_writes(number: int, after: bool) -> None:
    """Die before or after the n-th write to the manifest, of whatever kind."""
    from lrsync.adapters import database, manifest, seals

    methods = ("record", "seal", "remember_multipart", "forget_multipart", "set_drift", "update_library", "add_listed")
    owners: list[tuple[Any, tuple[str, ...]]] = [
        (manifest.Manifest, (*methods, "update_object", "forget_empty_directories")),
        (seals.Seals, ("begin_run", "finish_run")),
        (Path, ("replace",)),
        (os, ("replace",)),
        (database, ("_fold_log", "_move_log", "_remove_side_files")),
    ]
    for owner, names in owners:
        for name in names:
            setattr(owner, name, _counted(getattr(owner, name), number, after))


def install(order: dict[str, Any]) -> None:
    """Prepare this process for one run. `order`: `{"write": 3, "after": true}`, or nothing to be done."""
    _lower_limits()
    if order.get("write"):
        _watch_writes(order["write"], bool(order.get("after")))
