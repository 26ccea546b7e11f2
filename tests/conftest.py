"""Fixtures for every suite come from plugins; this file only names them."""

from __future__ import annotations

import signal
import threading

pytest_plugins = ["tests.stores.servers"]

# A shell starts what runs in its background with Ctrl-C ignored, and children inherit that: the tests send it.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
