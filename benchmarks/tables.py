"""Put the tables of the newest results into docs/performance.md, between its marks."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.measure import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def with_figures(page: str) -> str:
    """The page with each block as the results have it now. Raises FileNotFoundError for a block without results."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n{(RESULTS / f'{found[2]}.md').read_text().strip()}\n\n{found[3]}"

    return _BLOCK.sub(block, page)


def main(args: list[str]) -> int:
    """Write the page."""
    PAGE.write_text(with_figures(PAGE.read_text()))
    return 0
