"""The limit of open files is raised where it is low, and never lowered."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lrsync.adapters.openfiles import ENOUGH

SCRIPT = """
import resource, sys
from lrsync.adapters.openfiles import allow_open_files
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
allow_open_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("limits", "expected"), [((256, 4096), (ENOUGH, 4096)), ((256, 300), (300, 300)), ((2048, 4096), (2048, 4096))]
)
def test_as_many_as_are_wanted_and_allowed(limits: tuple[int, int], expected: tuple[int, int]) -> None:
    command = [sys.executable, "-c", SCRIPT, *map(str, limits)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert tuple(map(int, told.split())) == expected
