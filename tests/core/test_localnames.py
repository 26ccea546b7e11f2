"""Names that a disk cannot hold, devices, and names that are one to it: each file gets one of its own, inside."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrsync.core.keys import MARKER, KeyProblem, is_reserved
from lrsync.core.localnames import MAC, POSIX, WINDOWS, Namer, NameRules, safe_name
from tests.trees import names, paths

NFC, NFD = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("a.jpg", "a.jpg"),
        ("a:b.jpg", "a_b.jpg"),
        ("C:", "C_"),
        ("..\\..\\evil.jpg", ".._.._evil.jpg"),
        ('what?*<>|".jpg', "what______.jpg"),
        ("line\nbreak.jpg", "line_break.jpg"),
        ("trailing dot.", "trailing dot_"),
        ("trailing blank ", "trailing blank_"),
        ("...", ".._"),
        ("CON", "_CON"),
        ("nul.jpg", "_nul.jpg"),
        ("Com1.nef", "_Com1.nef"),
        ("lpt\u00b2", "_lpt\u00b2"),
        ("conin$", "_conin$"),
        ("aux .txt", "_aux .txt"),
        ("console.jpg", "console.jpg"),
        ("com10.jpg", "com10.jpg"),
    ],
)
def test_windows(name: str, local: str) -> None:
    assert safe_name(name, WINDOWS) == local
    assert safe_name(name, POSIX) == name


def test_too_long_a_name_is_cut_and_keeps_its_extension() -> None:
    local = safe_name("é" * 200 + ".jpg", POSIX)
    assert len(local.encode()) <= 255
    assert local.endswith(".jpg") and "~" in local
    assert local != safe_name("é" * 201 + ".jpg", POSIX)


@pytest.mark.parametrize(
    ("rules", "given_paths", "renamed"),
    [
        (WINDOWS, ["A.jpg", "a.jpg"], {"a.jpg"}),
        (MAC, [NFD, NFC], {NFC}),
        (POSIX, ["A.jpg", "a.jpg", NFC, NFD], set()),
        (WINDOWS, ["a:b.jpg", "a?b.jpg", "a_b.jpg"], {"a:b.jpg", "a?b.jpg", "a_b.jpg"}),
        (MAC, ["2024/x.jpg", "2024/y.jpg", "a/A.jpg", "a/B/x", "a/a.jpg", "a/b/x"], {"a/a.jpg", "a/b/x"}),
    ],
)
def test_names_that_are_one_to_the_disk(rules: NameRules, given_paths: list[str], renamed: set[str]) -> None:
    namer = Namer(rules)
    local = {path: namer.local_path(path) for path in sorted(given_paths)}
    assert len({unicodedata.normalize("NFC", path).casefold() for path in local.values()}) == len(local) or (
        rules is POSIX and len(set(local.values())) == len(local)
    )
    assert {path for path, found in local.items() if found != path} == renamed


def test_a_file_and_a_folder_of_one_name() -> None:
    namer = Namer(WINDOWS)
    assert namer.local_path("A") == "A"
    assert namer.local_path("a/x.jpg").partition("/")[0] != "a"


@pytest.mark.parametrize(
    "path", ["", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "nul\0byte", ".lrsync/x", MARKER]
)
def test_what_leads_elsewhere_or_is_lrsyncs_own(path: str) -> None:
    with pytest.raises(KeyProblem):
        Namer(WINDOWS).local_path(path)


rules = st.builds(NameRules, windows=st.booleans(), folds_case=st.booleans(), folds_forms=st.booleans())


@given(rules, st.sets(paths.filter(lambda path: not is_reserved(path)), max_size=8))
def test_every_file_gets_a_name_of_its_own_inside(rules: NameRules, found: set[str]) -> None:
    # No file may be a folder too: no disk that is backed up has that.
    files = [path for path in found if not any(other.startswith(f"{path}/") for other in found)]
    namer = Namer(rules)
    local = [namer.local_path(path) for path in sorted(files)]
    assert len({"/".join(rules.fold(part) for part in path.split("/")) for path in local}) == len(files)
    for path, given_path in zip(local, sorted(files), strict=True):
        parts = path.split("/")
        assert len(parts) == given_path.count("/") + 1
        assert all(part not in ("", ".", "..") and len(part.encode()) <= 255 for part in parts)
        if rules.windows:
            assert all(part[-1] not in ". " and not set(part) & set('<>:"|?*\\') for part in parts)


@given(names)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    safe = safe_name(name, WINDOWS)
    assert safe_name(safe, WINDOWS) == safe
