"""Pages of a listing: the quick way reads what the thorough one reads, or leaves the page to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.listing_server import Objects, page
from lrsync.adapters import s3_pages
from lrsync.adapters.s3_pages import Page, page_in
from lrsync.core.objects import ListedObject

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
LATIN = HEAD.replace("UTF-8", "ISO-8859-1")
END = "<IsTruncated>false</IsTruncated></ListBucketResult>"
FIELDS = {
    "Key": "p/a.jpg",
    "LastModified": "2024-05-01T10:00:00.250Z",
    "ETag": "&quot;0123&quot;",
    "Size": "5",
    "StorageClass": "GLACIER",
}
AS_TOLD = ListedObject("p/a.jpg", 5, "0123", "GLACIER", 1_714_557_600_250_000_000)


def contents(fields: dict[str, str], more: str = "") -> str:
    return "<Contents>" + "".join(f"<{name}>{text}</{name}>" for name, text in fields.items()) + more + "</Contents>"


def body(*inner: str, head: str = HEAD) -> bytes:
    return (head + "".join(inner) + END).encode()


def is_regular(page_: bytes) -> bool:
    return s3_pages._regular_page(page_) is not None


def test_a_page_of_s3_is_read_the_quick_way() -> None:
    objects = Objects(3000)
    told = page(objects, {"prefix": "p/", "encoding-type": "url"})
    assert is_regular(told)
    assert page_in(told) == s3_pages._any_page(told)
    found = page_in(told)
    assert found is not None and (len(found.objects), found.token) == (1000, "1000")
    assert [found.objects[7].key, found.objects[7].size] == [objects.key(7), objects.size(7)]
    assert found.objects[7].etag == objects.etag(7)


@pytest.mark.parametrize(
    ("one", "regular"),
    [
        (contents(FIELDS), True),
        (contents(FIELDS, "<Owner><ID>me</ID><DisplayName>Me &gt; you</DisplayName></Owner>"), False),
        (contents(FIELDS, "<Owner><ID>me</ID><DisplayName>Me</DisplayName></Owner>"), True),
        (contents(FIELDS, "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><RestoreStatus></RestoreStatus>"), True),
        (contents(FIELDS | {"ETag": "&#34;0123&#34;"}), True),
        (contents(FIELDS | {"ETag": '"0123"'}), True),
        (contents(FIELDS | {"ETag": 'W/"0123"'}), True),
        (contents(FIELDS | {"ETag": "W/&quot;0123&quot;"}), False),
        (contents(FIELDS | {"Key": "<![CDATA[p/a.jpg]]>"}), False),
        (contents(FIELDS | {"Key": "p/a<!-- -->.jpg"}), False),
        (contents(FIELDS | {"Key": "p&#47;a.jpg"}), False),
        (contents(FIELDS, "\n"), False),
        (contents(FIELDS).replace("<Size>", "<Size unit='byte'>"), False),
        (contents(FIELDS).replace("<Size>", "<Size >"), False),
    ],
)
def test_both_ways_read_the_same(one: str, regular: bool) -> None:
    told = body(one, one)
    assert is_regular(told) is regular
    assert page_in(told) == s3_pages._any_page(told) == Page([AS_TOLD] * 2, [], None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (body(), []),
        (body(contents(FIELDS), "<Prefix>x</Prefix>", contents(FIELDS)), [AS_TOLD] * 2),
        (body("<!-- ", contents(FIELDS), " -->"), []),
        (body("<Other>", contents(FIELDS), "</Other>"), []),
        (body(contents(FIELDS), contents({"Key": "b", "Size": "1"})), [AS_TOLD, ListedObject("b", 1, "")]),
        (body(contents(FIELDS), contents(FIELDS | {"Key": "B&amp;W"})), [AS_TOLD, AS_TOLD._replace(key="B&W")]),
        (body("<EncodingType>url</EncodingType>", contents(FIELDS | {"Key": "a+%2B"})), [AS_TOLD._replace(key="a +")]),
        (body(contents(FIELDS | {"Key": "a+%2B"})), [AS_TOLD._replace(key="a+%2B")]),
        (body(contents(FIELDS | {"Key": "é"})), [AS_TOLD._replace(key="é")]),
        (body(contents(FIELDS | {"Key": "é"}), head=LATIN), [AS_TOLD._replace(key="Ã©")]),
        (body(contents(FIELDS | {"Key": "é"}), head=LATIN).decode().encode("latin-1"), [AS_TOLD._replace(key="é")]),
    ],
)  # fmt: skip
def test_what_is_not_regular_is_read_all_the_same(told: bytes, expected: list[ListedObject]) -> None:
    found = page_in(told)
    assert found is not None and list(found.objects) == expected


@pytest.mark.parametrize(
    "told",
    [
        body(contents(FIELDS | {"Key": ""})),
        body(contents(FIELDS | {"Size": "-1"})),
        body(contents(FIELDS | {"Size": "9" * 30})),
        body(contents(FIELDS | {"Size": "many"})),
        body(contents(FIELDS | {"LastModified": "yesterday"})),
        body(contents(FIELDS))[:-1],
        body(contents(FIELDS)).replace(b"false", b"perhaps"),
        body(contents(FIELDS)).replace(b"ListBucketResult", b"Elsewhere"),
        body(contents(FIELDS | {"Key": "a\x01"})),
        b"<html>log in</html>",
        b"\xff\xfe",
        b"",
    ],
)
def test_what_is_no_page_is_none(told: bytes) -> None:
    assert page_in(told) is None


TEXTS = st.text(st.sampled_from("aZ0/ \t\n\r&<>\"'+%é\u2028\U0001f600\x85]"), min_size=1, max_size=8)
ODD = st.sampled_from(["", "\n  ", "<X/>", "<X></X>", "<X>x</X>", "<X><Y>y</Y></X>", "<!-- c -->", "<ETag>e</ETag>"])


@st.composite
def _pages(draw: st.DrawFn) -> bytes:
    encoded = draw(st.booleans())
    order = draw(st.permutations(list(FIELDS)))
    inner = "<EncodingType>url</EncodingType>" if encoded else ""
    usual = draw(ODD)
    for _ in range(draw(st.integers(1, 4))):
        key = draw(TEXTS)
        told: dict[str, Any] = FIELDS | {"Key": quote_plus(key, safe="/") if encoded else escape(key)}
        left_out = draw(st.sampled_from([None, None, "ETag", "StorageClass"]))
        more = draw(st.one_of(st.just(usual), st.just(usual), ODD))
        inner += contents({name: told[name] for name in order if name != left_out}, more) + draw(
            st.sampled_from(["", "", "\n", "<CommonPrefixes><Prefix>f/</Prefix></CommonPrefixes>"])
        )
    return body(inner)


@settings(max_examples=500, deadline=None)
@given(_pages())
def test_the_quick_way_is_never_otherwise(told: bytes) -> None:
    quick = s3_pages._regular_page(told)
    assert quick is None or quick == s3_pages._any_page(told)
