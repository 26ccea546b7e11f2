"""The generated pages are what they would be made of today, and the index knows every page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from lrsync.ui.main import COMMANDS
from tests.docs.blocks import ROOT


def test_the_reference_is_what_the_commands_say(tmp_path: Path) -> None:
    """In a process of its own: click keeps in a command what the first one who asks for its help wanted."""
    made = tmp_path / "commands.md"
    script = ROOT / "docs" / "make_commands.py"
    subprocess.run([sys.executable, str(script), str(made)], check=True, timeout=60)
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == made.read_text(encoding="utf-8"), "run: uv run python docs/make_commands.py"


def test_the_reference_has_every_command() -> None:
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^## lrsync ([a-z-]+)$", written, re.M)) == set(COMMANDS)


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\]\(([a-z-]+\.md)\)", index))
    assert named == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_readme_has_every_command_in_its_table() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `lrsync ([a-z-]+)", readme, re.M))
    assert named == set(COMMANDS)
