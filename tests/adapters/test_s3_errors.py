"""Every way that S3 can say no, in plain words and with the right exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from lrsync.adapters.s3 import S3Store, StoreSettings
from lrsync.adapters.s3_errors import Target, translate
from lrsync.errors import (
    BucketError,
    ChecksumMismatchError,
    ExitCode,
    LrsyncError,
    ObjectArchivedError,
    ObjectError,
    ObjectMissingError,
    ObjectUnacceptableError,
    UsageError,
)
from tests.stores.canned import CannedS3, Reply, error
from tests.stores.memory import content_of, entry_of
from tests.stores.server import S3Server, no_aws, without_aws
from tests.stores.servers import free_ports

PHOTO = content_of(b"photo")


@pytest.fixture
def store(canned: CannedS3) -> Iterator[S3Store]:
    with closing(canned.server.open_store("photos", max_attempts=1)) as opened:
        yield opened


# --- answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (404, "NoSuchBucket", "--s3-bucket"),
        (403, "AccessDenied", "s3:PutObject"),
        (403, "SomethingNew", "s3:PutObject"),
        (401, "Unauthorized", "s3:PutObject"),
        (403, "AllAccessDisabled", "owns"),
        (400, "ExpiredToken", "log in again"),
        (403, "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
        (403, "RequestTimeTooSkewed", "clock"),
        (301, "PermanentRedirect", "--region"),
        (400, "AuthorizationHeaderMalformed", "--region"),
        (403, "AccountProblem", "provider"),
        (403, "QuotaExceeded", "quota"),
        (507, "InsufficientStorage", "room"),
        (400, "KMS.DisabledException", "--sse-kms-key-id"),
    ],
)
def test_what_ends_the_run(canned: CannedS3, store: S3Store, status: int, code: str, hint: str) -> None:
    canned.answer(error(status, code))
    with pytest.raises(BucketError) as caught:
        store.put("a", PHOTO)
    assert hint in caught.value.hint
    assert caught.value.exit_code is ExitCode.BUCKET
    assert_plain(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "EntityTooLarge", ObjectUnacceptableError),
        (400, "KeyTooLongError", ObjectUnacceptableError),
        (500, "InternalError", ObjectError),
        (503, "SlowDown", ObjectError),
        (400, "BadDigest", ChecksumMismatchError),
        (400, "InvalidDigest", ChecksumMismatchError),
        (400, "XAmzContentSHA256Mismatch", ChecksumMismatchError),
        (400, "XAmzContentChecksumMismatch", ChecksumMismatchError),
        (418, "Teapot", ObjectError),
    ],
)
def test_what_concerns_one_object(
    canned: CannedS3, store: S3Store, status: int, code: str, kind: type[ObjectError]
) -> None:
    canned.answer(error(status, code))
    with pytest.raises(ObjectError) as caught:
        store.put("a", PHOTO)
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert_plain(caught.value)


def test_a_refused_checksum_is_a_mismatch(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(400, "InvalidRequest", "Value for x-amz-checksum-sha256 header is invalid."))
    with pytest.raises(ChecksumMismatchError):
        store.put("a", PHOTO)


def test_an_unknown_storage_class_is_wrong_usage(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(400, "InvalidStorageClass"))
    with pytest.raises(UsageError) as caught:
        store.put("a", PHOTO)
    assert "--storage-class" in caught.value.hint


@pytest.mark.parametrize(("status", "text"), [(403, "missing, or access"), (400, "refuses"), (301, "elsewhere")])
def test_head_has_no_words_of_its_own(canned: CannedS3, store: S3Store, status: int, text: str) -> None:
    canned.answer(Reply(status))
    with pytest.raises(BucketError, match=text) as caught:
        store.head("a")
    assert caught.value.hint


def test_an_archived_object(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(403, "InvalidObjectState"))
    with pytest.raises(ObjectArchivedError), store.get("a"):
        pytest.fail("an archived object was opened")


def test_an_archived_object_of_moto(
    moto_s3: S3Server, bucket: Callable[..., str], open_store: Callable[..., S3Store]
) -> None:
    name = bucket(moto_s3)
    store = open_store(moto_s3, name, storage_class="DEEP_ARCHIVE")
    stored = store.put("a", PHOTO)
    assert store.head("a").archived is True
    with pytest.raises(ObjectArchivedError), store.get("a"):
        pytest.fail("an archived object was opened")
    with pytest.raises(ObjectArchivedError):
        store.copy(entry_of("a", PHOTO, stored), "b", PHOTO)


def test_denied_names_what_was_denied(canned: CannedS3, store: S3Store) -> None:
    canned.answer(error(403, "AccessDenied", "User: arn:aws:iam::1:user/me is not authorized"))
    with pytest.raises(BucketError, match="user/me is not authorized"):
        store.put("a", PHOTO)
    with pytest.raises(BucketError) as caught:
        next(store.list(""))
    assert "s3:ListBucket" in caught.value.hint


# --- real servers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["seaweed", "seaweed_tls", "rclone_s3", "moto_s3"])
def test_a_missing_bucket(request: pytest.FixtureRequest, name: str, open_store: Callable[..., S3Store]) -> None:
    store = open_store(request.getfixturevalue(name), "no-such-bucket")
    for request_ in (lambda: store.put("a", PHOTO), lambda: next(store.list("")), store.is_versioned):
        if request_ == store.is_versioned and name == "rclone_s3":
            continue  # rclone answers this of any bucket
        with pytest.raises(BucketError, match="no-such-bucket does not exist"):
            request_()


@pytest.mark.parametrize("name", ["seaweed", "seaweed_tls", "rclone_s3"])
@pytest.mark.parametrize(
    "wrong", [{"access_key": "WRONGACCESSKEY000001"}, {"secret_key": "wrong"}], ids=["access key", "secret"]
)
def test_wrong_credentials(
    request: pytest.FixtureRequest,
    name: str,
    wrong: dict[str, str],
    bucket: Callable[..., str],
    open_store: Callable[..., S3Store],
) -> None:
    server: S3Server = request.getfixturevalue(name)
    store = open_store(replace(server, **wrong), bucket(server))
    with pytest.raises(BucketError) as caught:
        store.put("a", PHOTO)
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint or "s3:PutObject" in caught.value.hint
    assert_plain(caught.value)
    with pytest.raises(BucketError):
        store.head("a")


@pytest.mark.parametrize("name", ["seaweed", "moto_s3"])
def test_a_wrong_storage_class(
    request: pytest.FixtureRequest, name: str, bucket: Callable[..., str], open_store: Callable[..., S3Store]
) -> None:
    server = request.getfixturevalue(name)
    store = open_store(server, bucket(server), storage_class="NONSENSE")
    with pytest.raises(UsageError, match="storage class"):
        store.put("a", PHOTO)


def test_a_server_that_is_not_trusted(seaweed_tls: S3Server, open_store: Callable[..., S3Store]) -> None:
    store = open_store(replace(seaweed_tls, ca_bundle=None), "photos", max_attempts=1)
    with pytest.raises(BucketError, match="no trusted connection") as caught:
        store.put("a", PHOTO)
    assert "AWS_CA_BUNDLE" in caught.value.hint


@pytest.mark.parametrize("program", ["/no/such/program", "echo no-json"])
def test_a_credential_process_that_gives_none(tmp_path: Path, program: str) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = {program}\n")
    environment = {**without_aws(), **no_aws(), "AWS_CONFIG_FILE": str(config)}
    with (
        mock.patch.dict(os.environ, environment, clear=True),
        pytest.raises(BucketError, match="credentials cannot be used"),
    ):
        S3Store(StoreSettings(bucket="photos", endpoint_url="http://127.0.0.1:9", region="us-east-1"))


def test_an_endpoint_that_nobody_serves(open_store: Callable[..., S3Store]) -> None:
    nowhere = S3Server(name="nowhere", endpoint=f"http://127.0.0.1:{free_ports(1)[0]}")
    store = open_store(nowhere, "photos", max_attempts=2)
    with pytest.raises(BucketError, match="cannot be reached") as caught:
        store.put("a", PHOTO)
    assert "--endpoint-url" in caught.value.hint
    assert store.requests.put == 2


def test_a_host_that_does_not_exist(open_store: Callable[..., S3Store]) -> None:
    nowhere = S3Server(name="nowhere", endpoint="http://no-such-host.invalid")
    with pytest.raises(BucketError, match=r"http://no-such-host\.invalid cannot be reached"):
        open_store(nowhere, "photos", max_attempts=1).put("a", PHOTO)


# --- credentials -------------------------------------------------------------------------------------------


def put_with(environment: dict[str, str], **settings: object) -> LrsyncError:
    """What a PUT raises with only these variables."""
    settings_ = StoreSettings(bucket="photos", endpoint_url="http://127.0.0.1:9", max_attempts=1, **settings)  # type: ignore[arg-type]
    with mock.patch.dict(os.environ, {**without_aws(), **no_aws(), **environment}, clear=True):
        with pytest.raises(BucketError) as caught, closing(S3Store(settings_)) as store:
            store.put("a", PHOTO)
        return caught.value


def test_no_credentials() -> None:
    raised = put_with({})
    assert "no AWS credentials were found" in raised.message
    assert "AWS_ACCESS_KEY_ID" in raised.hint


def test_half_of_the_credentials() -> None:
    raised = put_with({"AWS_ACCESS_KEY_ID": "AKIDONLY"})
    assert "credentials" in raised.message


def test_no_such_profile() -> None:
    raised = put_with({}, profile="family")
    assert "'family'" in raised.message
    assert "--profile" in raised.hint


def test_a_configuration_that_cannot_be_read(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile family\nnot = closed")
    raised = put_with({"AWS_CONFIG_FILE": str(config)})
    assert "configuration" in raised.message


def test_an_expired_single_sign_on(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile family]\nsso_start_url=https://example.invalid/start\nsso_region=eu-west-1\n"
        "sso_account_id=123456789012\nsso_role_name=photos\nregion=eu-west-1\n"
    )
    raised = put_with({"AWS_CONFIG_FILE": str(config), "HOME": str(tmp_path)}, profile="family")
    assert "aws sso login" in raised.hint


# --- botocore's own ----------------------------------------------------------------------------------------

TARGET = Target("photos", "https://s3.example.org", None)


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (boto.EndpointConnectionError(endpoint_url="https://s3", error="refused"), BucketError),
        (boto.ConnectTimeoutError(endpoint_url="https://s3", error="slow"), BucketError),
        (boto.ProxyConnectionError(proxy_url="http://user:secret@proxy", error="refused"), BucketError),
        (boto.SSLError(endpoint_url="https://s3", error="self-signed"), BucketError),
        (boto.ReadTimeoutError(endpoint_url="https://s3", error="slow"), ObjectError),
        (boto.ConnectionClosedError(endpoint_url="https://s3"), ObjectError),
        (boto.ResponseStreamingError(error="reset"), ObjectError),
        (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), ObjectError),
        (boto.UnauthorizedSSOTokenError(), BucketError),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), BucketError),
        (boto.CredentialRetrievalError(provider="process", error_msg="exit 1"), BucketError),
        (boto.ParamValidationError(report="Invalid bucket name"), UsageError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_errors_without_an_answer(raised: Exception, kind: type[Exception]) -> None:
    translated = translate(raised, "put_object", TARGET)
    assert type(translated) is kind
    assert_plain(translated)


def test_missing_things_are_missing() -> None:
    for code in ("NoSuchKey", "NoSuchUpload", "404", "NoSuchVersion"):
        answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 404}}
        assert isinstance(translate(ClientError(answer, "x"), "get_object", TARGET), ObjectMissingError)  # type: ignore[arg-type]


def assert_plain(raised: Exception) -> None:
    """One line, with a hint, and without anything that must stay secret."""
    message, hint = str(raised), raised.hint  # type: ignore[attr-defined]
    assert message and "\n" not in message + hint
    assert "{" not in message + hint, "a placeholder was not filled in"
    assert "secret@" not in message + hint
    assert "testsecretkey" not in message + hint
    assert not isinstance(raised, BucketError | UsageError) or hint
