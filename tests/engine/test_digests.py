"""Digests only ever save work: a run without them plans exactly what a run with them plans."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrsync.adapters.ignore import IgnoreRules
from tests.engine.world import World

FILES = [f"{folder}{name}" for folder in ("", "a/", "a/b/", "c/") for name in ("x.jpg", "y.nef", "z.tmp")]
EDITS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(FILES), st.sampled_from([b"one", b"two", b"longer"])),
    st.tuples(st.just("remove"), st.sampled_from(FILES), st.just(b"")),
    st.tuples(st.just("touch"), st.sampled_from(FILES), st.just(b"")),
    st.tuples(st.just("drop"), st.sampled_from(["a", "a/b", "c"]), st.just(b"")),
    st.tuples(st.just("exclude"), st.sampled_from(["*.tmp", "c/", "a/b/"]), st.just(b"")),
)


def apply(world: World, edit: tuple[str, str, bytes], number: int) -> None:
    kind, name, data = edit
    path = world.photos / name
    if kind == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    elif kind == "remove":
        path.unlink(missing_ok=True)
    elif kind == "touch" and path.exists():
        world.age(name, 1_600_000_000_000_000_000 + number)
    elif kind == "drop":
        shutil.rmtree(path, ignore_errors=True)
    elif kind == "exclude":
        world.rules = IgnoreRules(exclude=(name,))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(EDITS, max_size=6), min_size=1, max_size=4))
def test_with_and_without_digests_a_run_plans_the_same(nights: list[list[tuple[str, str, bytes]]]) -> None:
    with tempfile.TemporaryDirectory() as home:
        world = World(Path(home))
        world.make({"a": {"x.jpg": b"one", "b": {"y.nef": b"raw"}}, "c": {"x.jpg": b"two", "z.tmp": b"t"}})
        world.sync()
        for number, edits in enumerate(nights):
            for edit in edits:
                apply(world, edit, number)
            plans = [world.sync(dry_run=True, use_digests=digests) for digests in (True, False)]
            assert asdict(plans[0].changes) == asdict(plans[1].changes)
            assert asdict(plans[0].actions) == asdict(plans[1].actions)
            assert plans[0].findings == plans[1].findings
            world.sync()
