"""The ignore rules: pathspec is the judge of every decision, examples are the judge of the rules."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from lrsync.adapters.ignore import DEFAULT_JUNK, IgnoreRules, fold
from lrsync.errors import ExitCode, UsageError
from tests import trees


def by_pathspec(rules: IgnoreRules, path: str) -> bool:
    files = GitIgnoreSpec.from_lines(rules.file_patterns, backend="simple")
    folders = GitIgnoreSpec.from_lines(rules.folder_patterns, backend="simple")
    parts = fold(path).split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    return any(folders.match_file(folder) for folder in above) or files.match_file(fold(path))


_word = st.sampled_from(
    ["a", "b", "ab", "é", "e\u0301", "*", "?", "*.a", "a*", "*b*", "[ab]", "[!a]", "**", "_a", "._*"]
)
_pattern = st.builds(
    lambda lead, words, tail: lead + "/".join(words) + tail,
    st.sampled_from(["", "", "/"]),
    st.lists(_word, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
_patterns = st.lists(_pattern, max_size=3)
_junk_name = st.sampled_from(["@eaDir", ".DS_Store", "._a", "#recycle", "A Previews.lrdata", "b.lrcat.lock", "._"])
_name = st.one_of(st.text("abc.é\u0301_\n", min_size=1, max_size=4), _junk_name).filter(lambda n: n not in (".", ".."))
_path = st.lists(_name, min_size=1, max_size=4).map("/".join)


@given(_patterns, _patterns, st.booleans(), st.lists(_path, min_size=1, max_size=8))
@settings(deadline=None)
def test_every_decision_is_pathspecs(exclude: list[str], include: list[str], defaults: bool, paths: list[str]) -> None:
    rules = IgnoreRules(exclude, include, defaults=defaults)
    assert [rules.is_excluded(path) for path in paths] == [by_pathspec(rules, path) for path in paths]


@given(trees.paths)
@settings(deadline=None)
def test_the_default_rules_decide_as_pathspec_does_on_any_name(path: str) -> None:
    rules = IgnoreRules()
    assert rules.is_excluded(path) == by_pathspec(rules, path)


@given(st.lists(trees.names, max_size=3), trees.paths)
@settings(deadline=None)
def test_any_text_is_a_pattern_or_a_usage_error(patterns: list[str], path: str) -> None:
    try:
        rules = IgnoreRules(patterns)
    except UsageError:
        return
    assert rules.is_excluded(path) == by_pathspec(rules, path)


@pytest.mark.parametrize(
    "path",
    [
        ".DS_Store",
        "2024/.DS_Store",
        "2024/._IMG_1.NEF",
        "Thumbs.db",
        "desktop.ini",
        "2024/@eaDir/IMG.NEF/SYNOPHOTO_THUMB_M.jpg",
        "#recycle/a.nef",
        "#snapshot/daily/a.nef",
        ".Spotlight-V100/x/y",
        ".fseventsd/0",
        ".Trashes/501/a.nef",
        "$RECYCLE.BIN/S-1/a.nef",
        "System Volume Information/x",
        "cat/My Previews.lrdata/0/a.lrprev",
        "cat/My Helper.lrdata/a",
        "cat/My.lrcat.lock",
        "cat/My.lrcat-shm",
        ".lrsync-tmp-0123",
    ],
)
def test_junk_is_left_out_unless_switched_off(path: str) -> None:
    assert IgnoreRules().is_excluded(path)
    assert not IgnoreRules(defaults=False).is_excluded(path)


@pytest.mark.parametrize(
    "path",
    [
        "2024/a.nef",
        "My.lrcat",
        "My.lrcat-data/x",
        "My.lrcat-wal",
        "My Smart Previews.lrdata.txt",
        "DS_Store",
        "#recycle",  # a file: the pattern names folders
        "@eaDir",
        "recycle/a",
        "_a.nef",
    ],
)
def test_what_is_not_junk_stays(path: str) -> None:
    assert not IgnoreRules().is_excluded(path)


RULES = [
    # exclude, include, left out, backed up
    (["*.lrdata"], [], ["x.lrdata/a.jpg", "d/x.lrdata/e/f"], ["a.jpg"]),
    (["*.tmp"], [], ["a.tmp", "d/e/a.tmp"], ["a.tmp.jpg"]),
    (["/2019"], [], ["2019/a"], ["d/2019/a"]),
    (["2019/raw"], [], ["2019/raw/a"], ["d/2019/raw/a", "2019/a"]),
    (["cache/"], [], ["d/cache/x"], ["cache"]),
    (["*.tmp"], ["keep.tmp"], ["a.tmp"], ["keep.tmp", "d/keep.tmp"]),
    (["*"], ["*.nef"], ["a.jpg", "d/a.jpg", "d/._a.nef", "@eaDir/a.nef"], ["a.nef", "d/e/f/a.nef"]),
    (["*"], ["raw/"], ["a.jpg", "b/a.nef", "raw/.DS_Store", "raw/@eaDir/x"], ["raw/a.nef", "b/raw/c/a.jpg"]),
    (["raw/*"], ["*.nef"], ["raw/a.jpg", "raw/d/a.jpg"], ["raw/d/a.nef", "a.jpg"]),
    (["private/"], ["*.nef"], ["private/a.nef"], ["a.nef"]),
    (["*.lrdata"], ["*.jpg"], ["x.lrdata/a.jpg"], ["a.jpg"]),
    (["2019/"], ["2019/best.nef"], ["2019/a.nef", "2019/d/a.nef"], ["2019/best.nef"]),
    ([], ["*Previews.lrdata/"], ["A Helper.lrdata/x"], ["A Previews.lrdata/0/x.lrprev"]),
    ([], ["._*.nef"], ["._a.jpg"], ["._a.nef"]),
    ([], [".DS_Store"], ["Thumbs.db"], [".DS_Store", "d/.DS_Store"]),
    (["#old/"], [], ["#old/a"], ["old/a"]),
    (["\\!a"], [], ["!a"], ["a"]),
    (["\u00c9t\u00e9/"], [], ["E\u0301te\u0301/a.nef", "\u00c9t\u00e9/a.nef"], ["Ete/a.nef"]),
    (["*.tmp"], [], ["new\nline.tmp", "d\n/a.tmp"], ["a.tmp\n"]),
    (["?.jpg"], [], ["a.jpg", "\n.jpg"], ["ab.jpg"]),
]


@pytest.mark.parametrize(("exclude", "include", "left_out", "backed_up"), RULES)
def test_what_the_rules_mean(exclude: list[str], include: list[str], left_out: list[str], backed_up: list[str]) -> None:
    rules = IgnoreRules(exclude, include)
    assert [path for path in left_out if not rules.is_excluded(path)] == []
    assert [path for path in backed_up if rules.is_excluded(path)] == []


def test_a_folder_that_an_exclude_names_is_closed_and_one_that_may_hold_an_include_is_not() -> None:
    assert IgnoreRules(["*"]).closes("2024")
    assert not IgnoreRules(["*"], ["*.nef"]).closes("2024")
    assert IgnoreRules(["*.lrdata"], ["*.nef"]).closes("2024/x.lrdata")
    assert IgnoreRules([], ["*"]).closes("._x")


@pytest.mark.parametrize("pattern", ["", "  ", "/", "//", "!a", "a[", "a\\", "[z-a]"])
@pytest.mark.parametrize("flag", ["--exclude", "--include"])
def test_a_bad_pattern_is_a_usage_error_that_names_it(pattern: str, flag: str) -> None:
    with pytest.raises(UsageError) as caught:
        IgnoreRules([pattern]) if flag == "--exclude" else IgnoreRules([], [pattern])
    assert f"{flag} '{pattern}'" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code is ExitCode.USAGE


def test_the_fingerprint_is_of_the_rules() -> None:
    different = [
        IgnoreRules(),
        IgnoreRules(defaults=False),
        IgnoreRules(["a"]),
        IgnoreRules(["a", "b"]),
        IgnoreRules(["a"], ["b"]),
        IgnoreRules(["a/"]),
        IgnoreRules(["b"], ["a"]),
    ]
    assert len({rules.fingerprint for rules in different}) == len(different)
    assert IgnoreRules(["a"], ["b"]).fingerprint == IgnoreRules(["a"], ["b"]).fingerprint


def test_plain_rules_need_no_pathspec() -> None:
    code = (
        "import sys; from lrsync.adapters.ignore import IgnoreRules; "
        "rules = IgnoreRules(['*.tmp', 'cache/']); "
        "assert rules.is_excluded('a.tmp') and not rules.closes('2024'); "
        "sys.exit('pathspec' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_default_pattern_is_a_plain_shape() -> None:
    # One that is not would make each decision several times as slow, and bring pathspec into every quiet night.
    from lrsync.adapters.patterns import split_shapes

    assert split_shapes(DEFAULT_JUNK)[1] == []
