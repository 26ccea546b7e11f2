"""Forks a process for each run, with everything imported: `python -m tests.crash.zygote`.

Reads one JSON order a line on stdin and answers two lines: the process's id when it has started, and how it ended
(an exit code, or minus a signal). `order`: argv, environment, log (where its output goes), and what `hooks` take.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import pkgutil
import sys
from typing import Any


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
    os.environ.clear()
    os.environ.update(order["environment"])
    log = os.open(order["log"], os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, to in ((0, nothing), (1, log), (2, log)):
        os.dup2(number if to == number else to, number)
    from tests.crash import hooks

    hooks.install(order)
    from lrsync.ui.main import main

    return main(order["argv"])


def _run(order: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _become(order)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _say(child)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _say(value: int) -> None:
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve orders until stdin ends."""
    _import_everything()
    for line in sys.stdin:
        _say(_run(json.loads(line)))


if __name__ == "__main__":
    main()
