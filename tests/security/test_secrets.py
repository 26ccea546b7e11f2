"""No credential, token, signature or signed URL in anything that lrsync says or writes, however it ends."""

from __future__ import annotations

import base64
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.machine import Machine, Result, run
from tests.faults import proxy as faults
from tests.faults.proxy import FaultProxy, fault_proxy
from tests.security.secrets_search import found_in, leaks
from tests.stores.server import S3Server
from tests.trees import Tree

SECRET_KEY = "XyzzySecret/Key+Plugh0123456789abcdefABC"
TOKEN = "FwoGZXIvYXdzXyzzyToken//////////wEaD" + "Plugh0" * 20 + "=="
PASSWORD = "hunter2-XyzzyPassword-Plugh"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
SECRETS = (SECRET_KEY, TOKEN, PASSWORD, SIGNATURE)
LIBRARY: Tree = {"2024": {"a.jpg": b"a" * 100, "b.nef": b"b" * 200}, "c.jpg": b"c"}


@dataclass
class Searched:
    """A machine whose every word is kept, and searched at the end."""

    machine: Machine
    proxy: FaultProxy
    results: list[Result] = field(default_factory=list)

    def run(self, name: str, *args: str) -> Result:
        """Run a command and keep what it said."""
        self.results.append(self.machine.run(name, *args))
        return self.results[-1]

    def run_bare(self, *args: str, **variables: str) -> Result:
        """Run a command line as it stands."""
        environment = {**self.machine.variables(), **variables}
        self.results.append(run([sys.executable, "-m", "lrsync", *args], environment, self.machine.home))
        return self.results[-1]

    def check(self) -> None:
        """No secret in what was said, in any file, or in the bucket; and there was something to search."""
        root = self.machine.home.parent
        said = "\n".join(result.out + result.err for result in self.results).encode()
        assert said.strip()
        signatures = [one.headers["authorization"].rpartition("Signature=")[2] for one in self.proxy.seen]
        assert all(len(signature) == 64 for signature in signatures), "what is searched for is really a signature"
        secrets = [*SECRETS, *signatures[:50]]
        assert found_in(said, secrets) == []
        assert leaks(root, secrets) == {}
        for key in self.machine.objects():
            assert found_in(self.machine.read(key), secrets) == []


def with_temporary(machine: Machine, **more: str) -> Machine:
    """The machine, with its temporary files below its home."""
    folder = machine.home / "tmp"
    folder.mkdir()
    return replace(machine, environment={**more, "TMPDIR": str(folder)})


@pytest.fixture
def searched(moto_s3: S3Server, machine: Callable[..., Machine]) -> Iterator[Searched]:
    """A library on a store that takes any credentials, behind a proxy that can make it talk."""
    with fault_proxy(moto_s3.endpoint) as proxy:
        server = replace(moto_s3, endpoint=proxy.endpoint, secret_key=SECRET_KEY)
        made = Searched(
            with_temporary(replace(machine(moto_s3, LIBRARY), server=server), AWS_SESSION_TOKEN=TOKEN), proxy
        )
        yield made
        made.check()
        assert proxy.unfired() == []


@pytest.mark.parametrize("how", [("--verbose",), ("--verbose", "--json"), ("--quiet",)], ids=" ".join)
def test_a_night_that_goes_well(searched: Searched, how: tuple[str, ...]) -> None:
    assert searched.run("sync", "--dry-run", *how).code == 0
    assert searched.run("sync", "--full", *how).code == 0
    assert searched.proxy.seen[-1].headers["x-amz-security-token"] == TOKEN, "the token was really in use"
    assert searched.run("status", *(["--json"] if "--json" in how else [])).code == 0
    assert searched.run("rebuild-manifest", *how).code == 0
    assert searched.run("verify", "--remote", "--download", *how).code == 0
    assert searched.run("restore", ".", "--to", str(searched.machine.home / "restored"), *how).code == 0
    assert list(searched.machine.home.rglob("*.sqlite*"))
    assert list(searched.machine.home.rglob("lrsync.log"))


def chatty(status: int, code: str) -> faults.Fault:
    """A store that repeats everything it was sent in its complaint, as some do."""

    def fault(exchange: faults.Exchange) -> None:
        _ = exchange.body
        sent = exchange.request.headers
        echo = f"{sent['authorization']} token {sent['x-amz-security-token']} {SECRET_KEY} {quote(TOKEN, safe='')}"
        signed = f"{exchange.request.target}?X-Amz-Signature={SIGNATURE}&amp;X-Amz-Security-Token={quote(TOKEN)}"
        text = f"<Error><Code>{code}</Code><Message>{echo} {signed}</Message><Token-0>{TOKEN}</Token-0></Error>"
        exchange.send(faults.Answer(status, (("Content-Type", "application/xml"),), text.encode()))

    return fault


@pytest.mark.parametrize(
    ("operation", "status", "code", "ends"),
    [
        ("ListObjectsV2", 403, "AccessDenied", 5),
        ("ListObjectsV2", 400, "InvalidArgument", 5),
        ("PutObject", 403, "SignatureDoesNotMatch", 5),
        ("PutObject", 400, "InvalidToken", 5),
        ("PutObject", 400, "InvalidArgument", 3),
        ("PutObject", 403, "Made up", 5),
    ],
)
def test_a_store_that_repeats_what_it_was_sent(
    searched: Searched, operation: str, status: int, code: str, ends: int
) -> None:
    searched.proxy.on(operation, chatty(status, code), times=None)
    result = searched.run("sync", "--verbose", "--json")
    assert result.code == ends


def test_a_network_and_a_proxy_that_fail(searched: Searched) -> None:
    place = searched.machine.place()[:-1]
    assert searched.run_bare("sync", *place, "http://127.0.0.1:1", "--verbose").code == 5
    through = {"HTTP_PROXY": f"http://user:{PASSWORD}@127.0.0.1:1", "NO_PROXY": "", "no_proxy": ""}
    assert searched.run_bare("sync", *place, "http://photos.invalid", "--verbose", **through).code == 5


def test_a_credential_process_that_complains_with_the_secret_in_hand(searched: Searched) -> None:
    config = searched.machine.home / "aws-config"
    script = "import sys; sys.exit(''.join(map(chr, " + repr([ord(c) for c in SECRET_KEY]) + ")))"
    program = searched.machine.home / "tell.py"
    program.write_text(script)
    config.write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    without = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "")
    result = searched.run_bare("sync", *searched.machine.place(), "--verbose", AWS_CONFIG_FILE=str(config), **without)
    assert result.code == 5, result
    assert "credentials cannot be used" in result.err


@pytest.mark.parametrize("how", ["flag", "variable", "file"])
@pytest.mark.parametrize(
    "endpoint",
    [
        f"https://user:{PASSWORD}@s3.example.org",
        f"https://s3.example.org/?X-Amz-Signature={SIGNATURE}&X-Amz-Security-Token={quote(TOKEN)}",
        f"htps://user:{PASSWORD}@s3.example.org",
        f"https://user:{PASSWORD}@s3.example.org:99999999",
    ],
    ids=["password", "signed", "mistyped", "port"],
)
def test_an_endpoint_with_a_password_is_refused_and_not_repeated(searched: Searched, how: str, endpoint: str) -> None:
    place = searched.machine.place()[:-2]
    config = searched.machine.home.parent.parent / f"{searched.machine.home.parent.name}.toml"  # not searched
    config.write_text(f"[libraries.default]\nendpoint_url = '{endpoint}'\n")
    given = {
        "flag": (["--endpoint-url", endpoint], {}),
        "variable": ([], {"LRSYNC_ENDPOINT_URL": endpoint}),
        "file": (["--config", str(config)], {}),
    }
    flags, variables = given[how]
    result = searched.run_bare("sync", *place, *flags, "--json", **variables)
    assert result.code == 2, result


def test_a_signed_url_in_the_place_of_a_bucket_is_not_repeated(searched: Searched) -> None:
    url = f"https://b.s3.amazonaws.com/a.jpg?X-Amz-Signature={SIGNATURE}"
    result = searched.run_bare("sync", "--source-path", str(searched.machine.source), "--s3-bucket", url, "--json")
    assert result.code == 2


def test_the_search_finds_what_it_is_meant_to_find(tmp_path: Path) -> None:
    """Else the tests above could not fail."""
    for number, data in enumerate(
        [
            SECRET_KEY.encode(),
            b"x=" + quote(SECRET_KEY, safe="").encode(),
            base64.b64encode(b"user:" + SECRET_KEY.encode() + b"!"),
            base64.b64encode(b"me:" + SECRET_KEY.encode()),
            SECRET_KEY.encode().hex().encode(),
        ]
    ):
        (tmp_path / str(number)).write_bytes(b"before " + data + b" after")
    assert sorted(Path(path).name for path in leaks(tmp_path, SECRETS)) == ["0", "1", "2", "3", "4"]


# --- files --------------------------------------------------------------------------------------------------


def modes(folder: Path) -> dict[str, int]:
    """Each file below the folder that others may look at, and how."""
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in files}
    return {path: mode for path, mode in found.items() if mode & 0o077}


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_every_file_is_its_owners_alone(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    """Under the most careless umask: they name every photo, and a manifest in the wrong hands hides a loss."""
    made = machine(moto_s3, LIBRARY)
    home = made.home
    before = os.umask(0)
    try:
        for command, *flags in (
            ["sync"],
            ["sync", "--dry-run"],
            ["rebuild-manifest"],
            ["rebuild-manifest"],
            ["sync", "--full", "--log-file", str(home / "my.log")],
        ):
            assert made.run(command, *flags).code == 0
    finally:
        os.umask(before)
    names = {path.name for path in home.rglob("*") if path.is_file()}
    assert {"lrsync.log", "my.log"} <= names
    assert any(".replaced-" in name for name in names), "the manifests that a rebuild keeps, too"
    assert modes(home) == {}


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_what_is_there_while_a_run_works_is_its_owners_alone(
    moto_s3: S3Server, machine: Callable[..., Machine]
) -> None:
    """The write-ahead log, the lock, who holds it, and a dry run's scratch copy."""
    with fault_proxy(moto_s3.endpoint) as proxy:
        made = with_temporary(replace(machine(moto_s3, LIBRARY), server=replace(moto_s3, endpoint=proxy.endpoint)))
        home = made.home
        seen: dict[str, int] = {}
        names: set[str] = set()

        def look() -> None:
            seen.update(modes(home))
            names.update(path.name for path in home.rglob("*") if path.is_file())

        for operation in ("PutObject", "ListObjectsV2"):
            proxy.on(operation, faults.after(look), times=None)
        before = os.umask(0)
        try:
            assert made.run("sync").code == 0
            assert made.run("sync", "--dry-run", "--full").code == 0
            assert made.run("rebuild-manifest").code == 0
        finally:
            os.umask(before)
        assert proxy.unfired() == []
    assert seen == {}
    suffixes = {name.rpartition(".sqlite")[2] for name in names if ".sqlite" in name}
    assert {"-wal", "-shm", ".lock", ".lock-holder", ".rebuilding"} <= suffixes


def test_the_marker_tells_nothing_but_the_library(moto_s3: S3Server, machine: Callable[..., Machine]) -> None:
    made = machine(moto_s3, LIBRARY)
    assert made.run("sync").code == 0
    text = (made.source / ".lrsync-library").read_text()
    assert made.bucket not in text
    assert str(made.home) not in text
    assert ".lrsync-library" not in made.objects()
