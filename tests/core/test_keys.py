"""Paths become keys and come back; nothing that a bucket says leaves the folder it is restored to."""

from __future__ import annotations

import os.path
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrsync.core import keys
from lrsync.core.keys import KeyProblem, key_for, normalise_prefix, path_for, trash_key
from tests import trees

prefixes = st.sampled_from(["", "photos", "backup/my photos", "é"])
any_text = st.text(st.characters(codec=None), max_size=30)


@given(prefixes, trees.paths)
def test_a_path_comes_back_from_its_key(prefix: str, path: str) -> None:
    try:
        key = key_for(prefix, path)
    except KeyProblem:
        assert len(f"{prefix}/{unicodedata.normalize('NFC', path)}".encode()) > keys.MAX_KEY_BYTES
        return
    assert path_for(prefix, key) == unicodedata.normalize("NFC", path)
    assert unicodedata.is_normalized("NFC", key) and len(key.encode()) <= keys.MAX_KEY_BYTES


@given(prefixes, st.one_of(any_text, st.lists(st.sampled_from(["..", ".", "", "a", "photos"])).map("/".join)))
@example("", "../etc/passwd")
@example("photos", "photos/../../etc/passwd")
@example("photos", "photos//etc/passwd")
@example("photos", "photos2/a")
def test_no_key_leaves_the_folder_it_is_restored_to(prefix: str, key: str) -> None:
    try:
        path = path_for(prefix, key)
    except KeyProblem:
        return
    assert os.path.normpath(f"/target/{path}") == f"/target/{path}"
    assert keys.listing_prefix(prefix) + path == key


@pytest.mark.parametrize(
    "path",
    [
        "",
        "..",
        "a/..",
        "../a",
        "a/../../b",
        "./a",
        "a/./b",
        "/etc/passwd",
        "a//b",
        "a/",
        "nul\0l",
        ".lrsync/x",
        keys.MARKER,
    ],
)
@pytest.mark.parametrize("prefix", ["", "photos"])
def test_a_key_that_could_do_harm_is_refused(prefix: str, path: str) -> None:
    with pytest.raises(KeyProblem):
        path_for(prefix, keys.listing_prefix(prefix) + path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".lrsync/manifest/x", "lrsync's own"),
        (keys.MARKER, "lrsync's own"),
        ("caf\udce9.nef", "not valid UTF-8"),
        ("n" * 1025, "1,025 bytes"),
    ],
)
def test_a_path_that_cannot_be_a_key_says_why_and_what_to_do(path: str, why: str) -> None:
    with pytest.raises(KeyProblem, match=why) as caught:
        key_for("", path)
    assert caught.value.hint


def test_the_longest_key() -> None:
    assert len(key_for("p", "n" * 1022)) == 1024
    with pytest.raises(KeyProblem):
        key_for("p", "n" * 1023)
    assert len(key_for("", "é" * 512).encode()) == 1024
    # Decomposed it is longer, but the key is composed.
    assert len(key_for("", "e\u0301" * 512).encode()) == 1024


@given(any_text)
def test_a_prefix_is_refused_or_stays_as_it_is(prefix: str) -> None:
    try:
        normal = normalise_prefix(prefix)
    except KeyProblem:
        return
    assert normalise_prefix(normal) == normal
    assert not normal.startswith("/") and not normal.endswith("/")
    assert all(part not in ("", ".", "..", ".lrsync") for part in normal.split("/")) or normal == ""
    assert path_for(normal, key_for(normal, "a/b.nef")) == "a/b.nef"


@pytest.mark.parametrize(
    "prefix", ["/a", "a//b", "../a", "a/..", "./a", "a\nb", "a/.lrsync", ".lrsync/", "x" * 600, "//"]
)
def test_a_prefix_that_cannot_be(prefix: str) -> None:
    with pytest.raises(KeyProblem) as caught:
        normalise_prefix(prefix)
    assert caught.value.hint


@given(prefixes, trees.paths)
def test_the_trash_is_lrsyncs_own_and_takes_every_key(prefix: str, path: str) -> None:
    try:
        key = key_for(prefix, path)
    except KeyProblem:
        return
    trashed = trash_key(prefix, "20260301T023000Z", key)
    assert len(trashed.encode()) <= keys.MAX_KEY_BYTES
    assert trashed.startswith(f"{keys.listing_prefix(prefix)}.lrsync/trash/20260301T023000Z/")
    with pytest.raises(KeyProblem):
        path_for(prefix, trashed)


def test_two_long_keys_do_not_meet_in_the_trash() -> None:
    longest = ["a" * 1010 + end for end in ("/x.nef", "a/x.nef")]
    assert len({trash_key("", "20260301T023000Z", key) for key in longest}) == 2


@given(trees.paths)
def test_a_path_is_its_folder_and_its_name(path: str) -> None:
    assert keys.join_path(*keys.split_path(path)) == path
    assert "/" not in keys.split_path(path)[1]
