"""The generated pages are what they would be made of today, and the index knows every page."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType

from lrsync.ui.main import COMMANDS
from tests.docs.blocks import ROOT


def maker() -> ModuleType:
    """docs/make_commands.py, which is no part of a package."""
    found = importlib.util.spec_from_file_location("make_commands", ROOT / "docs" / "make_commands.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_commands_say() -> None:
    written = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert written == maker().page(), "run: uv run python docs/make_commands.py"


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
