"""`lrsync drill` as its user meets it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.e2e.machine import Machine, tree_facts
from tests.stores.server import S3Server


def test_a_drill(seaweed: S3Server, machine: Callable[..., Machine], tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    here = machine(seaweed, {"2024": {f"{n}.nef": bytes([n + 1]) * 5000 for n in range(6)}, "top.txt": b"top"})
    here.environment["TMPDIR"] = str(temporary)
    here.sync()
    assert here.status()["last_drill"] is None
    before = tree_facts(here.source)
    result = here.run("drill", "--sample", "5", "--json")
    assert (result.code, result.json["good"], result.json["sample"]) == (0, 5, 5), result
    assert tree_facts(here.source) == before
    assert list(temporary.iterdir()) == []
    assert here.status()["last_drill"]["good"] == 5
    assert "5 of 5 good" in here.run("status").out
    here.lose("top.txt")
    result = here.run("drill", "--sample", "100%")
    assert result.code == 3, result
    assert "6 of 7 files came back good; 1 file did not" in result.out
    assert "top.txt" in result.out
