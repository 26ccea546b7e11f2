"""What `lrsync cost` asks the manifest for, wired as the command line wires it: which sizes stay out of an archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lrsync.app.costs import report_costs
from lrsync.config import Config
from lrsync.core.costs import CostReport
from lrsync.core.filetypes import FileType
from lrsync.core.storage import MIN_SIZE, StorageRules
from tests.engine.world import PREFIX, World

ORIGINAL = {FileType.ORIGINAL: "DEEP_ARCHIVE"}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Of a library with a large original and two small ones, all of them in STANDARD."""
    world = World(tmp_path)
    world.make({"large.nef": b"r" * MIN_SIZE, "small.nef": b"s" * 5000, "empty.nef": b""})
    world.sync()
    return Config(source=world.photos, bucket="bucket", prefix=PREFIX, manifest=world.path)


def moved(config: Config, changes: Mapping[FileType, str] | None = None) -> tuple[int, int]:
    """Objects and bytes that would lie in other classes."""
    report = report_costs(config, changes or {})
    assert isinstance(report, CostReport) and report.what_if is not None
    return report.what_if.moved


@pytest.mark.parametrize(
    ("min_size", "expected"),
    [(0, (3, MIN_SIZE + 5000)), (1, (2, MIN_SIZE + 5000)), (5001, (1, MIN_SIZE)), (MIN_SIZE, (1, MIN_SIZE))],
)
def test_the_configured_size_says_what_goes_into_an_archive(
    config: Config, min_size: int, expected: tuple[int, int]
) -> None:
    set_so = replace(config, storage=StorageRules(by_kind=ORIGINAL, min_size=min_size))
    assert moved(set_so) == expected
    assert moved(set_so, {FileType.ORIGINAL: "GLACIER"}) == expected


def test_what_if_without_rules_of_ones_own_takes_the_usual_size(config: Config) -> None:
    assert moved(config, ORIGINAL) == (1, MIN_SIZE)


def test_a_class_for_everything_is_for_what_is_small_too(config: Config) -> None:
    """As the uploads do it: storage_class alone knows no least size."""
    everything = replace(config, storage_class="DEEP_ARCHIVE")
    assert everything.storage_rules.class_for("a.nef", 0) == "DEEP_ARCHIVE"
    assert moved(everything) == (3, MIN_SIZE + 5000)
