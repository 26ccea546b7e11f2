"""Branches: every sub-folder in just one of them, none larger than need be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.branches import Branch, branches

NAMES = st.text(st.sampled_from("ab2é\n 😀-."), min_size=1, max_size=6)


@given(st.dictionaries(NAMES, st.integers(1, 50), max_size=20), st.integers(1, 100), st.sampled_from(["", "P/"]))
def test_each_folder_is_in_just_one_branch(names: dict[str, int], target: int, parent: str) -> None:
    weights = {f"{parent}{name}/": weight for name, weight in names.items()}
    found = branches(parent, list(weights), weights, target)
    for folder in weights:
        assert sum(folder.startswith(branch.prefix) for branch in found) == 1
    for branch in found:
        inside = [folder for folder in weights if folder.startswith(branch.prefix)]
        assert branch.weight == sum(weights[folder] for folder in inside)
        assert branch.weight <= target or branch.folder
        assert not branch.folder or inside == [branch.prefix]
        assert branch.folder or branch.prefix.isprintable()


def test_ten_thousand_small_folders_become_a_few_branches() -> None:
    folders = [f"P/{number:04}/" for number in range(10_000)]
    found = branches("P/", folders, dict.fromkeys(folders, 100), 31_250)
    assert found == [Branch(f"P/{digit}{second}", 10_000, folder=False) for digit in range(10) for second in range(10)]


def test_a_heavy_folder_is_alone() -> None:
    weights = {"P/2023/": 10, "P/2024/": 5000, "P/x/": 3}
    assert branches("P/", list(weights), weights, 100) == [
        Branch("P/2023/", 10, folder=True),
        Branch("P/2024/", 5000, folder=True),
        Branch("P/x/", 3, folder=True),
    ]
