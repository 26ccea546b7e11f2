"""Who may import whom: ui -> app -> engine -> core <- adapters, and each big library in one place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = {
    # layer: what of lrsync it may import
    "errors": set(),
    "core": {"core", "errors"},
    "engine": {"engine", "core", "errors", "config"},
    "adapters": {"adapters", "core", "errors", "config"},
    "config": {"core", "errors"},
}
MANIFEST = (
    "lrsync/adapters/schema*.py",
    "lrsync/adapters/database*.py",
    "lrsync/adapters/manifest*.py",
    "migrations/**/*.py",
)
HOMES = {
    # library: the files that may import it
    "boto3": ("lrsync/adapters/s3*.py",),
    "botocore": ("lrsync/adapters/s3*.py",),
    "sqlalchemy": MANIFEST,
    "alembic": MANIFEST,
    "pycurl": (
        "lrsync/adapters/s3_courier.py",
        "lrsync/adapters/s3_curl.py",
        "lrsync/adapters/s3_handle.py",
        "lrsync/adapters/s3_transport.py",
    ),
    "click": ("lrsync/ui/**/*.py",),
    "rich": ("lrsync/ui/live.py",),
    "jinja2": ("lrsync/ui/page/html.py",),
}
OUTSIDE_WORLD = {
    "http",
    "io",
    "logging",
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "uuid",
}
FILES = sorted([*ROOT.glob("lrsync/**/*.py"), *ROOT.glob("migrations/**/*.py")])


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or later; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its layer"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layers(path: Path) -> set[str]:
    """The layers of lrsync that a file imports; what the package itself says (its version) is none."""
    return {module.split(".")[1] for module in imports(path) if module.startswith("lrsync.")} - {"__version__"}


def test_there_is_something_to_check() -> None:
    assert len(FILES) > 20
    assert {"lrsync/core/diff.py", "lrsync/adapters/localfs.py"} <= {str(p.relative_to(ROOT)) for p in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    own = path.relative_to(ROOT).with_suffix("").parts
    if own[0] == "lrsync" and own[1] in LAYERS:
        assert layers(path) <= LAYERS[own[1]]
    if own[:2] == ("lrsync", "ui"):
        assert not layers(path) & {"engine", "adapters"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_big_library_stays_in_its_place(path: Path) -> None:
    found = {module.split(".")[0] for module in imports(path)}
    strays = [library for library, homes in HOMES.items() if library in found and not _is_in(path, homes)]
    assert strays == []


def _is_in(path: Path, homes: tuple[str, ...]) -> bool:
    return any(path in ROOT.glob(home) for home in homes)


@pytest.mark.parametrize("path", sorted(ROOT.glob("lrsync/core/*.py")), ids=lambda path: path.name)
def test_the_core_is_pure(path: Path) -> None:
    outside = {module.split(".")[0] for module in imports(path)} - {"lrsync"}
    assert outside <= sys.stdlib_module_names
    assert not outside & OUTSIDE_WORLD


def test_only_the_composition_root_knows_both_sides() -> None:
    both = {str(path.relative_to(ROOT)) for path in FILES if {"engine", "adapters"} <= layers(path)}
    assert both and all(module.startswith("lrsync/app/") for module in both)
