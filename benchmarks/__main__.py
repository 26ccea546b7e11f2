"""`python -m benchmarks [NAME] [--quick|--full]`: one module for each benchmark, with a `main(args) -> int`."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("night", "upload", "restore", "list", "record")
"""In the order of what they say about a year of nights; without a name all of them run."""
ALSO = {"status": "night", "tables": "tables"}
"""`status` is measured with the nights; `tables` measures nothing."""
USAGE = f"usage: python -m benchmarks [{'|'.join([*NAMES, *ALSO])}] [--quick|--full] [-h]"


def main(args: list[str]) -> int:
    """Run the benchmark that the first argument names, or all."""
    name, rest = (args[0], args[1:]) if args and not args[0].startswith("-") else ("", args)
    rest = [arg for arg in rest if arg != "--full"]  # it is what they do unless they are told to be quick
    if not args or (name and name not in NAMES and name not in ALSO):
        print(USAGE, file=sys.stderr)
        return 2
    if name:
        return _run(ALSO.get(name, name), rest)
    return max(_run(one, rest) for one in NAMES)


def _run(module: str, args: list[str]) -> int:
    code: int = import_module(f"benchmarks.{module}").main(args)
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
