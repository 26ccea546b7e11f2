"""The commands in README and docs, as a reader would type them.

A block of commands that the tests cannot run has `<!-- not run: why -->` on the line before it; it is parsed all the
same. Every other block with an lrsync command is run.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES: Final = ("lrsync", "lightroom-s3-sync")
_FENCED: Final = re.compile(
    r"(?:^<!-- not run: (?P<why>[^\n]+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S
)
_SPAN: Final = re.compile(r"`([^`\n]+)`")
_ENDS: Final = frozenset({"&&", "||", ";", "|", ">", ">>"})


@dataclass(frozen=True)
class Block:
    """One block of commands. `why`: why it cannot be run; '' where it is."""

    page: str
    line: int
    why: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of each lrsync command in it."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [args for line in lines for args in commands_of(line)]


def blocks() -> list[Block]:
    """Every block of shell commands on every page."""
    return [block for page in PAGES for block in _blocks_of(page)]


def _blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCED.finditer(text):
        if found["kind"] in ("sh", "bash", "console", "shell"):
            line = text.count("\n", 0, found.start("text")) + 1
            yield Block(page.relative_to(ROOT).as_posix(), line, found["why"] or "", found["text"])


def commands_of(line: str) -> Iterator[list[str]]:
    """The arguments of each lrsync command on a line of a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in _ENDS:
            words.append(word)
            continue
        if words[:2] == ["uv", "run"]:
            del words[:2]
        if words and words[0] in NAMES:
            yield (["sync"] if words[0] == NAMES[1] else []) + words[1:]
        words = []


def spans() -> Iterator[tuple[str, str]]:
    """Every `code` in the text outside of blocks, with its page."""
    for page in PAGES:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for found in _SPAN.finditer(text):
            yield page.relative_to(ROOT).as_posix(), found[1]
