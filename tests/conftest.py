"""Fixtures for every suite come from plugins; this file only names them."""

from __future__ import annotations

import signal
import threading

from hypothesis import settings

# Property tests are not about time: on a busy machine any example can be slow. The same examples each time, so that
# what a change is held to is the change; `--hypothesis-profile=explore` looks for what nobody thought of.
settings.register_profile("lrsync", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("lrsync")

pytest_plugins = ["tests.stores.servers"]

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: the tests send it.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
