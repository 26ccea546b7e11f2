"""The shelf gives back what was put on it, by path, whatever the names are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrsync.adapters.shelf import FileShelf
from lrsync.core.timeline import FileVersion, Place, Recorded

PATHS = ["a", "a/b", "a/b/c", "a0", "a b/é", "b/\udcff.nef", "z"]
versions = st.builds(
    FileVersion,
    path=st.sampled_from(PATHS),
    key=st.sampled_from(["k", "\udcff"]),
    version_id=st.none() | st.just("v1"),
    size=st.integers(0, 2**50),
    etag=st.just("e"),
    since_ns=st.none() | st.integers(0, 2**62),
    until_ns=st.none() | st.integers(0, 2**62),
    place=st.sampled_from(Place),
    storage_class=st.sampled_from(["STANDARD", "GLACIER"]),
    sha256=st.none() | st.just(b"s" * 32),
    mtime_ns=st.none() | st.integers(-(2**70), 2**70),
)
facts = st.builds(
    Recorded, st.integers(0, 9), st.just("e"), st.none() | st.just("v"), st.none(), st.integers(-9, 2**70), st.just(7)
)


@settings(deadline=None, max_examples=50)
@given(
    added=st.lists(versions, max_size=12),
    recorded=st.dictionaries(st.sampled_from(PATHS), facts),
    recorded_ns=st.none() | st.integers(0, 9),
)
def test_states_are_told_path_by_path(
    added: list[FileVersion],
    recorded: dict[str, Recorded],
    recorded_ns: int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("shelf")
    with FileShelf(folder / "shelf") as shelf:
        shelf.add(added)
        shelf.add_facts(recorded.items())
        states = {state.path: state for state in shelf.states(recorded_ns)}
        assert set(states) == {version.path for version in added} | set(recorded)
        for path, state in states.items():
            assert list(state.versions) == [version for version in added if version.path == path]
            assert (state.fact, state.recorded_ns) == (recorded.get(path), recorded_ns)

        chosen = {version.path: version for version in added}
        shelf.choose(chosen.values())
        everything = list(shelf.chosen())
        assert {version.path: version for version in everything} == chosen
        assert list(shelf.chosen("a")) == [v for v in everything if v.path == "a/b"]
        assert list(shelf.chosen("")) == [v for v in everything if "/" not in v.path]
