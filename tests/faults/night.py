"""One library behind a faulty network: real files, a real manifest, boto3, the proxy, and a real server."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lrsync.adapters.s3 import S3Store
from lrsync.core.runs import RunSummary
from lrsync.errors import ExitCode, LrsyncError
from tests.engine.world import PREFIX, World
from tests.faults.proxy import FaultProxy
from tests.stores.server import S3Server


@dataclass
class Behind:
    """The server behind the proxy: what is really in the bucket."""

    server: S3Server
    bucket: str

    @cached_property
    def client(self) -> Any:
        """One client for all looks: to make one takes longer than to ask."""
        return self.server.client()

    def listed(self, prefix: str = f"{PREFIX}/") -> list[str]:
        """Every key below the prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def read(self, key: str) -> bytes:
        """An object's bytes."""
        answer = self.client.get_object(Bucket=self.bucket, Key=key)
        with closing(answer["Body"]) as body:
            return bytes(body.read())

    def write(self, path: str, data: bytes) -> None:
        """Put an object there, as another program would."""
        self.client.put_object(Bucket=self.bucket, Key=f"{PREFIX}/{path}", Body=data)

    def lose(self, path: str) -> None:
        """Delete an object, as another program would."""
        self.client.delete_object(Bucket=self.bucket, Key=f"{PREFIX}/{path}")

    def uploads(self) -> list[tuple[str, str]]:
        """The multipart uploads in progress: key and id."""
        answer = self.client.list_multipart_uploads(Bucket=self.bucket)
        return [(found["Key"], found["UploadId"]) for found in answer.get("Uploads", ())]

    def abort_uploads(self) -> None:
        """Throw all uploads in progress away, as a lifecycle rule would."""
        for key, upload_id in self.uploads():
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)


@dataclass(kw_only=True)
class Night(World):
    """A World whose bucket is behind a proxy. `waits` has every pause between attempts, none of which was made."""

    behind: Behind
    proxy: FaultProxy
    waits: list[float] = field(default_factory=list)
    attempts: int = 5
    threads: int = 3
    transport: str = "curl"
    stores: list[S3Store] = field(default_factory=list)

    def _open_store(self) -> S3Store:  # type: ignore[override]
        self.opened.append("store")
        settings: dict[str, Any] = {
            "endpoint_url": self.proxy.endpoint,
            "max_attempts": self.attempts,
            "threads": self.threads,
        }
        settings["transport"] = self.transport
        self.stores.append(self.behind.server.open_store(self.behind.bucket, **settings))
        return self.stores[-1]

    def close(self) -> None:
        """Close the connections of every run."""
        for store in self.stores:
            store.close()
        self.behind.client.close()

    def sync_failing(self, code: ExitCode, **options: Any) -> LrsyncError:
        """A run that an error ends with this exit code."""
        try:
            summary = self.sync(**options)
        except LrsyncError as error:
            assert error.exit_code is code, error
            assert error.message and error.hint
            return error
        raise AssertionError(f"the run ended with {summary.exit_code!r}: {summary.errors}")

    def recorded(self) -> set[str]:
        """The keys of the library's files that the manifest has a row of."""
        return {key for key in self.files() if self.row(key.removeprefix(f"{PREFIX}/")) is not None}

    def objects(self) -> dict[str, bytes]:
        """The bucket without lrsync's own keys."""
        return {key: self.behind.read(key) for key in self.behind.listed() if "/.lrsync/" not in key}

    def trash(self) -> dict[str, bytes]:
        """What lies in the trash, by the path it had."""
        keys = self.behind.listed(f"{PREFIX}/.lrsync/trash/")
        return {key.split("/", 4)[4]: self.behind.read(key) for key in keys}

    def check_truth(self) -> None:
        """Every row's object is there with its file's bytes: nothing was recorded that S3 did not acknowledge."""
        objects, files = self.objects(), self.files()
        for key in self.recorded():
            assert objects[key] == files[key], key

    def check_recovery(self, *, trash: dict[str, bytes] | None = None, extra: tuple[str, ...] = ()) -> RunSummary:
        """Without faults: the next run makes every object equal its file, and the one after asks nothing."""
        self.proxy.heal()
        summary = self.sync()
        assert summary.exit_code is ExitCode.OK, (summary.errors, summary.findings)
        assert {k: v for k, v in self.objects().items() if k not in extra} == self.files()
        assert self.recorded() == set(self.files())
        assert self.trash() == (trash or {})
        assert self.behind.uploads() == []
        before = len(self.proxy.seen)
        assert self.sync().requests.total == 0
        assert len(self.proxy.seen) == before
        return summary
