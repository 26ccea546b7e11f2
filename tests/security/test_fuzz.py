"""Whatever a store, a config file or a marker says: an answer or an error in our words, never a crash."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lrsync import settings as settings_reader
from lrsync.adapters.marker import read_marker, write_marker
from lrsync.adapters.s3 import S3Store
from lrsync.config import Config
from lrsync.core.keys import MARKER
from lrsync.core.objects import ListedObject
from lrsync.errors import BucketError, SourceError, UsageError
from tests.stores.canned import CannedS3, Reply, canned_s3

UUID = "0123abcd-0123-4567-89ab-0123456789ab"
FUZZED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

# --- listings -----------------------------------------------------------------------------------------------

text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=12).map(
    lambda value: value.replace("&", "&amp;").replace("<", "&lt;")
)
numbers = st.one_of(st.integers(-5, 2**70).map(str), text)
tags = st.sampled_from(["Key", "Size", "ETag", "LastModified", "StorageClass", "Owner", "Contents", "Nonsense"])
elements = st.builds(lambda tag, value: f"<{tag}>{value}</{tag}>", tags, st.one_of(text, numbers))
contents = st.lists(elements, max_size=5).map("".join).map(lambda inner: f"<Contents>{inner}</Contents>")
flags = st.sampled_from(["true", "false", "TRUE", "", "maybe", "1"]).map(lambda v: f"<IsTruncated>{v}</IsTruncated>")
tokens = st.one_of(st.just(""), text.map(lambda v: f"<NextContinuationToken>{v}</NextContinuationToken>"))
pages = st.builds(
    lambda flag, token, inner, root: f"<{root}>{flag}{token}{''.join(inner)}</{root}>".encode(),
    st.one_of(st.just(""), flags),
    tokens,
    st.lists(st.one_of(contents, elements), max_size=3),
    st.sampled_from(["ListBucketResult", "html", "Error", "ListBucketResult"]),
)
broken = st.builds(
    lambda page, at, junk: page[:at] + junk + page[at:], pages, st.integers(0, 80), st.binary(max_size=4)
)


@pytest.fixture(scope="module")
def canned_store() -> Iterator[tuple[CannedS3, S3Store]]:
    """One server and one store for all examples."""
    with canned_s3() as server, closing(server.server.open_store("photos", max_attempts=1)) as store:
        yield server, store


@FUZZED
@given(body=st.one_of(pages, broken, st.binary(max_size=60)), status=st.sampled_from([200, 200, 200, 206, 204]))
@example(body=b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents/></ListBucketResult>", status=200)
@example(
    body=b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key></Contents></ListBucketResult>",
    status=200,
)
@example(
    body=b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>x</Size></Contents>"
    b"</ListBucketResult>",
    status=200,
)
@example(
    body=b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a</Key><Size>1</Size>"
    b"<LastModified>yesterday</LastModified></Contents></ListBucketResult>",
    status=200,
)
@example(
    body=b"<ListBucketResult><Contents><LastModified>100000000000000</LastModified></Contents></ListBucketResult>",
    status=200,
)
@example(body=b"<ListBucketResult><Contents><Size>1</Size><Size>2</Size></Contents></ListBucketResult>", status=200)
def test_a_listing_is_objects_or_an_error(canned_store: tuple[CannedS3, S3Store], body: bytes, status: int) -> None:
    server, store = canned_store
    server.answer(Reply(status, b"" if status == 204 else body))
    with suppress(BucketError):
        for page in store.list("Photos/"):
            for found in page:
                assert isinstance(found, ListedObject)
                assert isinstance(found.key, str)
                assert found.key
                assert found.size >= 0


# --- the config file ----------------------------------------------------------------------------------------

names = st.sampled_from([setting.name for setting in settings_reader.SETTINGS] + ["nonsense", "libraries"])
values = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(allow_nan=True).map(str),
    st.text(max_size=15).map(lambda value: "'''" + value.replace("'", "") + "'''"),
    st.sampled_from(["[]", "['a', 'b']", "[1]", "{}", "2026-01-01", "'/photos'", "'bucket'", "'5M'", "'http://['"]),
)
lines = st.builds(lambda name, value: f"{name} = {value}", names, values)
files = st.builds(
    lambda head, body: "\n".join([head, *body]).encode("utf-8", "replace"),
    st.sampled_from(["[libraries.default]", "", "[libraries]", "[libraries.x]", "[[libraries]]", "libraries = 1"]),
    st.lists(lines, max_size=4, unique_by=lambda line: line.partition(" ")[0]),
)


@FUZZED
@given(data=st.one_of(files, st.binary(max_size=80)))
@example(data=b"[libraries.default]\nendpoint_url = 'http://[::1'")
@example(data=b"[libraries.default]\nfull_every = '" + b"9" * 400 + b"d'")
@example(data=b"[libraries.default]\nbwlimit = '" + b"9" * 400 + b"G'")
@example(data=b"[libraries.default]\nbwlimit = " + b"9" * 400)
@example(data=b"[libraries.default]\nsource_path = '~nobody-of-that-name/x'")
@example(data=b"\xff\xfe[libraries]")
@example(data=b"a = " + b"[" * 2000)
def test_a_config_file_is_a_config_or_a_usage_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_bytes(data)
    try:
        found = settings_reader.load({}, {}, config_file=path, required=())
    except UsageError as error:
        assert error.message
        return
    assert isinstance(found, Config)
    tomllib.loads(data.decode("utf-8-sig"))


@FUZZED
@given(name=names, value=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
@example(name="full_every", value="9" * 400 + "d")
@example(name="bwlimit", value="1" + "0" * 400)
@example(name="threads", value="9" * 5000)
def test_a_variable_is_a_config_or_a_usage_error(tmp_path: Path, name: str, value: str) -> None:
    with suppress(UsageError):
        found = settings_reader.load({}, {f"LRSYNC_{name.upper()}": value}, config_file=None, required=())
        assert isinstance(found, Config)


# --- the marker ---------------------------------------------------------------------------------------------

WHOLE = f"This file marks the folder.\n\nlibrary: {UUID}\n".encode()
markers = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda at, junk: WHOLE[:at] + junk + WHOLE[at:], st.integers(0, len(WHOLE)), st.binary(max_size=5)),
    st.integers(0, len(WHOLE)).map(lambda at: WHOLE[:at]),
    st.integers(1, 300).map(lambda times: WHOLE * times),
)


@FUZZED
@given(data=markers)
@example(data=WHOLE)
@example(data=b"")
@example(data=WHOLE.replace(b"\n", b"\r\n"))
@example(data=WHOLE + b"\0" * 5000)
@example(data=WHOLE.upper())
def test_a_marker_names_one_library_or_is_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "marked"
    folder.mkdir(exist_ok=True)
    (folder / MARKER).write_bytes(data)
    try:
        found = read_marker(folder)
    except SourceError:
        return
    assert found is not None
    assert f"library: {found}".encode() in data, "only what it says itself"


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_marker(tmp_path, UUID)
    assert read_marker(tmp_path) == UUID
