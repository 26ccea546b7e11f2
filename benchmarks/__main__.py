"""`python -m benchmarks NAME [--quick]`: one module for each benchmark, with a `main(args) -> int` of its own."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("list", "night", "restore", "upload")


def main(args: list[str]) -> int:
    """Run the benchmark that the first argument names."""
    if not args or args[0] not in NAMES:
        print(f"usage: python -m benchmarks {{{'|'.join(NAMES)}}} [--quick]", file=sys.stderr)
        return 2
    code: int = import_module(f"benchmarks.{args[0]}").main(args[1:])
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
