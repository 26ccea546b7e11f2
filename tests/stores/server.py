"""A running S3 server as a value: where it is, who may use it, what it can do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
from botocore.config import Config

from lrsync.adapters.s3 import S3Store, StoreSettings


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What a store can do. A test states what it expects for either value; none skips on one."""

    keeps_checksums: bool = True
    """Gives back, on PUT and HEAD, the checksum that came with an upload."""
    conditional_writes: bool = True
    """Honours If-None-Match on PUT."""
    conditional_copies: bool = True
    """Honours x-amz-copy-source-if-match."""
    copies_parts: bool = True
    """Has a working UploadPartCopy."""
    tells_part_sizes: bool = True
    """Answers a HEAD of a part."""
    versioning: bool = True
    long_metadata: bool = True
    """Takes the 2,048 bytes of metadata that S3 takes."""
    lifecycle: bool = True
    """Says whether a bucket has lifecycle rules."""
    archive: bool = False
    """Has archive classes whose objects must be thawed, and thaws them; else they are a label, or refused."""
    newlines_in_keys: bool = True
    backslashes_in_keys: bool = True
    """Takes a backslash for what it is, not for a slash."""
    byte_ordered_listing: bool = True


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """One server on loopback."""

    name: str
    endpoint: str
    access_key: str = "TESTACCESSKEY0000001"
    secret_key: str = field(default="testsecretkey0000000000000000000000000001", repr=False)
    region: str = "us-east-1"
    ca_bundle: Path | None = None
    abilities: Abilities = Abilities()

    def aws_variables(self) -> dict[str, str]:
        """What boto3's chain finds: these credentials, and nothing of the user's own."""
        variables = {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": self.region,
            **no_aws(),
        }
        if self.ca_bundle is not None:
            variables["AWS_CA_BUNDLE"] = str(self.ca_bundle)
        return variables

    def environment(self, **more: str) -> dict[str, str]:
        """The environment for a subprocess that uses this server."""
        return {**without_aws(), **self.aws_variables(), **more}

    @contextmanager
    def signed_in(self) -> Iterator[None]:
        """This process's environment, so that a client that is made now uses this server."""
        with mock.patch.dict(os.environ, self.environment(), clear=True):
            yield

    def settings(self, bucket: str, **more: Any) -> StoreSettings:
        """Settings for a bucket here; few attempts, since nothing on loopback gets better by waiting."""
        given = {"bucket": bucket, "endpoint_url": self.endpoint, "region": self.region, "max_attempts": 3}
        return StoreSettings(**{**given, **more})

    def open_store(self, bucket: str, *, copy_limit: int | None = None, **more: Any) -> S3Store:
        """An S3Store on a bucket here; the caller closes it. `copy_limit` lowers the size from which parts copy."""
        limits = {} if copy_limit is None else {"copy_limit": copy_limit, "copy_part_size": copy_limit}
        with self.signed_in():
            return S3Store(self.settings(bucket, **more), **limits)

    def client(self) -> Any:
        """A plain boto3 client; the caller closes it."""
        with self.signed_in():
            return boto3.client(
                "s3",
                endpoint_url=self.endpoint,
                config=Config(
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    s3={"addressing_style": "path"},
                ),
            )


def no_aws() -> dict[str, str]:
    """Variables that keep boto3 from the user's own files and from a cloud's metadata service."""
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def without_aws() -> dict[str, str]:
    """This process's environment without anything that boto3 or lrsync would read."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LRSYNC_"))}
