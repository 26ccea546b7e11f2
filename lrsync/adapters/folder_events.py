"""Hear of changes in a folder from the system, by watchfiles. Keeps no path: only whether anything changed.

Events are taken out by a thread of its own all the time: the library collects them, and a storm of a million that
nobody takes would fill the memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from lrsync.errors import SourceError, UsageError

DEBOUNCE_MS: Final = 1000
STEP_MS: Final = 200
POLL_MS: Final = 30_000
"""How often `--poll` looks at every file: it costs what a scan costs."""
_NO_ROOM: Final = "watch limit"


class FolderEvents:
    """Whether anything below a folder changed. `matters` is asked with relative paths, with `/`.

    `poll`: look at every file now and then, for file systems that tell of no changes (most network drives).
    """

    def __init__(self, root: Path, matters: Callable[[str], bool], *, poll: bool = False) -> None:
        """Raises UsageError where watchfiles is not installed."""
        demand_library()
        self._root = root
        self._matters = matters
        self._poll = poll
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._ready = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)

    def __enter__(self) -> FolderEvents:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def take(self) -> bool:
        """Whether anything changed since this was asked last. Raises UsageError or SourceError where it is blind."""
        if self._error is not None:
            raise self._failure(self._error)
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def _listen(self) -> None:
        from watchfiles import watch

        try:
            for events in watch(
                self._root,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._stop,
                rust_timeout=STEP_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                force_polling=self._poll,
                poll_delay_ms=POLL_MS,
                ignore_permission_denied=True,
            ):
                self._ready.set()
                if any(self._matters(relative) for _, path in events if (relative := self._relative(path))):
                    self._changed.set()
        except Exception as error:  # noqa: BLE001 - not swallowed: whoever asks next gets it
            self._error = error
        finally:
            self._ready.set()

    def _relative(self, path: str) -> str:
        try:
            return Path(path).relative_to(self._root).as_posix()
        except ValueError:
            return ""

    def _failure(self, error: Exception) -> UsageError | SourceError:
        if _NO_ROOM in str(error):
            return UsageError(
                "the system watches no more folders for this user",
                hint="raise the limit (sysctl fs.inotify.max_user_watches=1048576), or use --poll",
            )
        hint = "is the drive mounted? On a network drive use --poll"
        return SourceError(f"the source cannot be watched: {error}", hint=hint, path=str(self._root))


def demand_library() -> None:
    """Raises UsageError where watchfiles is not installed: it is an extra of its own."""
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise UsageError(
            "watching needs the library watchfiles", hint="install it beside lrsync: pip install watchfiles"
        ) from None
