"""The proxy's own promises: it changes nothing unasked, and a fault that never came is told."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from tests.faults.proxy import FaultProxy, described, fault_proxy, reply
from tests.stores.server import S3Server


@pytest.mark.parametrize(
    ("method", "target", "headers", "operation", "key"),
    [
        ("GET", "/b?list-type=2&prefix=a", {}, "ListObjectsV2", ""),
        ("GET", "/b?versioning", {}, "GetBucketVersioning", ""),
        ("PUT", "/b", {}, "CreateBucket", ""),
        ("PUT", "/b/a%20b/c%2Bd.jpg", {}, "PutObject", "a b/c+d.jpg"),
        ("PUT", "/b/a", {"x-amz-copy-source": "b/c"}, "CopyObject", "a"),
        ("POST", "/b/a?uploads", {}, "CreateMultipartUpload", "a"),
        ("PUT", "/b/a?uploadId=1&partNumber=2", {}, "UploadPart", "a"),
        ("GET", "/b/a?uploadId=1", {}, "ListParts", "a"),
        ("POST", "/b/a?uploadId=1", {}, "CompleteMultipartUpload", "a"),
        ("DELETE", "/b/a?uploadId=1", {}, "AbortMultipartUpload", "a"),
        ("GET", "/b?uploads", {}, "ListMultipartUploads", ""),
        ("HEAD", "/b/a", {}, "HeadObject", "a"),
        ("DELETE", "/b/a", {}, "DeleteObject", "a"),
    ],
)
def test_requests_are_told_apart(method: str, target: str, headers: dict[str, str], operation: str, key: str) -> None:
    request = described(method, target, headers)
    assert (request.operation, request.key) == (operation, key)


def test_it_passes_everything_on_and_the_signature_holds(proxy: FaultProxy, seaweed: S3Server) -> None:
    through = replace(seaweed, endpoint=proxy.endpoint)
    data = b"\0\r\n\xff" * 100_000
    with closing(through.client()) as client:
        client.create_bucket(Bucket="passed-on")
        client.put_object(Bucket="passed-on", Key="a b+c?.jpg", Body=data, Metadata={"mtime": "1"})
    with closing(seaweed.client()) as client:
        answer = client.get_object(Bucket="passed-on", Key="a b+c?.jpg")
        with closing(answer["Body"]) as body:
            assert body.read() == data
    assert answer["Metadata"]["mtime"] == "1"
    assert [one.operation for one in proxy.seen] == ["CreateBucket", "PutObject"]


def test_a_fault_that_never_came_is_told_even_after_healing(seaweed: S3Server) -> None:
    with fault_proxy(seaweed.endpoint) as proxy:
        proxy.on("PutObject", reply(500), key="never.jpg")
        proxy.heal()
        assert proxy.unfired() == ["PutObject never.jpg, from number 1 on: met 0"]


def test_a_rule_takes_the_requests_that_it_names() -> None:
    proxy = FaultProxy("nowhere:1")
    rule = proxy.on("PutObject", reply(500), key=".jpg", nth=2, times=2)
    keys = ["a.jpg", "b.nef", "b.jpg", "c.jpg", "d.jpg"]
    taken = [key for key in keys if rule.takes(described("PUT", f"/bucket/{key}", {}))]
    assert taken == ["b.jpg", "c.jpg"]
