"""Forks a process for each run of the command line, with everything imported: `python -m tests.zygote`.

A run that imports boto3, SQLAlchemy and Alembic anew spends more on that than on a small library, hundreds of times
in these suites. What is not imported, and how the program starts, is tested with processes of their own.

Reads one JSON order a line on stdin and answers two lines: the process's id when it has started, and how it ended
(an exit code, or minus a signal). An order: argv, environment, folder, out and err (where its output goes), and hooks.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import sys
import threading
import warnings
from typing import Any

_ANSWERS = os.dup(1)
"""Not stdout itself: that is the forked run's own."""


def _import_everything() -> None:
    """What a run imports late. Opens nothing and starts no thread: this process forks."""
    import boto3
    import botocore.loaders

    import lrsync

    for module in pkgutil.walk_packages(lrsync.__path__, "lrsync."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("alembic.command", "filelock", "sqlalchemy.dialects.sqlite.pysqlite", "wakepy", "zstandard"):
        importlib.import_module(name)
    # Parsing S3's description takes longer than a small run.
    reader = botocore.loaders.JSONFileLoader()
    read = functools.cache(reader.load_file)
    botocore.loaders.JSONFileLoader.load_file = lambda self, path: read(path)  # type: ignore[method-assign]
    boto3.session.Session().client("s3", region_name="us-east-1").close()
    gc.freeze()


def _become(order: dict[str, Any]) -> int:
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
    streams = os.open(os.devnull, os.O_RDONLY), os.open(order["out"], flags, 0o600), os.open(order["err"], flags, 0o600)
    for number, to in enumerate(streams):
        os.dup2(to, number)
        os.close(to)
    if order["environment"].get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    if order["hooks"] is not None:
        from tests.crash import hooks

        hooks.install(order["hooks"])
    from lrsync.ui.main import main

    return main(order["argv"])


def _run(order: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _end(_become(order))
    _say(child)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _end(code: int) -> None:
    """End as a process does, but for taking every module apart: that copies all memory that forks share."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _say(value: int) -> None:
    os.write(_ANSWERS, f"{value}\n".encode())


def main() -> None:
    """Serve orders until stdin ends."""
    _import_everything()
    for line in sys.stdin:
        _say(_run(json.loads(line)))


if __name__ == "__main__":
    main()
