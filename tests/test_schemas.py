"""The schemas of the `--json` objects: one for each command, closed, and in the words of the core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from lrsync.core.adoption import Proof
from lrsync.core.audit import FileState
from lrsync.core.findings import FindingKind
from lrsync.core.runs import RunKind, RunResult
from lrsync.errors import ExitCode
from lrsync.ui.main import cli
from lrsync.ui.roff import all_entries
from tests import schemas

FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in schemas.FOLDER.glob("*.json")}
SHARED = FILES["common"]["$defs"]


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


@pytest.mark.parametrize("name", FILES)
def test_a_schema_is_one_and_closed(name: str) -> None:
    Draft202012Validator.check_schema(FILES[name])
    for part in parts(FILES[name]):
        if isinstance(part.get("properties"), dict) and "type" in part:
            assert part["additionalProperties"] is False, part


def test_each_command_has_its_schema() -> None:
    root = click.Context(cli, info_name="lrsync")
    told = {
        entry.path.replace(" ", "-")
        for entry in all_entries(cli, root)
        if any("--json" in param.opts for param in entry.command.params)
    }
    # Each sync of a watch prints its own object, a line each.
    assert told - {"watch"} == set(FILES) - {"common", "error"}


def test_the_words_are_the_cores() -> None:
    assert set(SHARED["exit_code"]["enum"]) == set(map(int, ExitCode))
    assert set(SHARED["finding_kind"]["enum"]) == {kind.value for kind in FindingKind}
    assert set(FILES["adopt"]["properties"]["proven"]["properties"]["by"]["propertyNames"]["enum"]) == {
        proof.value for proof in Proof
    }
    assert set(SHARED["run_kind"]["enum"]) == {kind.value for kind in RunKind}
    assert set(SHARED["run_result"]["enum"]) == {result.value for result in RunResult}
    assert set(FILES["catalog-audit"]["properties"]["states"]["propertyNames"]["enum"]) == {s.value for s in FileState}


def test_what_is_not_documented_is_found() -> None:
    good = {"command": "config path", "result": "ok", "exit_code": 0, "file": "/a", "exists": True}
    schemas.check(good)
    for wrong in ({**good, "new": 1}, {**good, "exit_code": 9}, {k: v for k, v in good.items() if k != "file"}):
        with pytest.raises(AssertionError):
            schemas.check(wrong)
    with pytest.raises(AssertionError, match="describe the object"):
        schemas.check({"command": "unheard of"})
