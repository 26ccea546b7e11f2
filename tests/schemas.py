"""Every `--json` object that a test sees is one that docs/schema describes: a new field must be documented."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = Path(__file__).parents[1] / "docs" / "schema"


@cache
def registry() -> Registry[Any]:
    """All schemas by their files' names, as they refer to one another."""
    found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}
    return Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in found.items())


@cache
def validator(name: str) -> Draft202012Validator:
    """What checks an object against `name`.json."""
    path = FOLDER / f"{name}.json"
    assert path.exists(), f"describe the object of this command in docs/schema/{name}.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")), registry=registry())


def check(found: dict[str, Any]) -> None:
    """The object is as its command's schema says, or is the one of an error."""
    name = "error" if "error" in found else str(found["command"]).replace(" ", "-")
    problems = [f"{problem.json_path}: {problem.message}" for problem in validator(name).iter_errors(found)]
    assert not problems, (name, problems[:3])


def check_text(out: str) -> None:
    """The same for a command's stdout, where it is such an object."""
    if out.startswith('{"command": ') and out.count("\n") == 1:
        check(json.loads(out))
