"""Fixtures of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.e2e.machine import Machine
from tests.stores.server import S3Server
from tests.trees import Tree, make_tree


@pytest.fixture
def machine(tmp_path: Path, bucket: Callable[..., str]) -> Iterator[Callable[..., Machine]]:
    """Makes a machine with an empty home, a fresh bucket and these files: `machine(seaweed, {"a.jpg": b"x"})`."""
    with ExitStack() as stack:

        def make(server: S3Server, tree: Tree | None = None, *, versioned: bool = False) -> Machine:
            home = tmp_path / "home"
            home.mkdir()
            source = tmp_path / "photos"
            if tree is not None:
                make_tree(source, tree)
            client = stack.enter_context(closing(server.client()))
            return Machine(home, source, server, bucket(server, versioned=versioned), client)

        yield make
