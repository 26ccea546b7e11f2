"""TLS verification is on, and nobody switches it off without being told so, every time."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from tests.e2e.machine import Machine, Result, run
from tests.stores.server import S3Server

WARNING = "warning: the server's certificate is NOT verified"


@pytest.fixture
def untrusting(seaweed_tls: S3Server, machine: Callable[..., Machine]) -> Machine:
    """A machine that does not know the server's CA."""
    return replace(machine(seaweed_tls, {"a.jpg": b"a", "b.jpg": b"b"}), server=replace(seaweed_tls, ca_bundle=None))


def test_an_unknown_ca_is_refused_before_anything_is_sent(untrusting: Machine) -> None:
    result = untrusting.run("sync", "--quiet")
    assert result.code == 5
    assert "no trusted connection" in result.error_line
    assert "AWS_CA_BUNDLE" in result.error_line
    untrusting.nothing_was_made()
    assert untrusting.objects() == {}


def test_the_right_ca_is_all_it_takes(untrusting: Machine, seaweed_tls: S3Server) -> None:
    trusting = replace(untrusting, server=seaweed_tls)
    result = trusting.run("sync", "--quiet")
    assert (result.code, result.err) == (0, "")
    trusting.check_bucket()


def test_a_certificate_of_another_name_is_refused(untrusting: Machine, tmp_path: Path) -> None:
    """The CA is known, and the server is not who it should be."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("somebody.example.org").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hangs up, as it should
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        endpoint = f"https://localhost:{server.server_port}"
        other = replace(untrusting.server, endpoint=endpoint, ca_bundle=tmp_path / "ca.pem")
        result = replace(untrusting, server=other).run("sync", "--quiet")
        server.shutdown()
        thread.join()
    assert result.code == 5
    assert "no trusted connection" in result.error_line


@pytest.mark.parametrize("how", [("--quiet",), ("--quiet", "--json"), ("--verbose",)], ids=" ".join)
def test_switched_off_it_is_said_every_time(untrusting: Machine, how: tuple[str, ...]) -> None:
    for _ in range(2):
        result = untrusting.run("sync", "--no-verify-ssl", *how)
        assert result.code == 0, result
        assert result.err.splitlines()[0].startswith(WARNING)
        assert result.err.count("warning:") == 1, "once, and urllib3 says nothing beside it"
    untrusting.check_bucket()
    rebuilt = untrusting.run("rebuild-manifest", "--no-verify-ssl", "--quiet")
    assert (rebuilt.code, rebuilt.err.startswith(WARNING)) == (0, True)


def test_a_variable_is_as_loud(untrusting: Machine) -> None:
    loud = replace(untrusting, environment={"LRSYNC_NO_VERIFY_SSL": "1"})
    result = loud.run("sync", "--quiet")
    assert result.code == 0
    assert result.err.startswith(WARNING)
    off = replace(untrusting, environment={"LRSYNC_NO_VERIFY_SSL": "0"})
    assert off.run("sync", "--full", "--quiet").code == 5


def test_it_cannot_be_left_in_a_config_file(untrusting: Machine) -> None:
    config = untrusting.home / "config.toml"
    for name in ("no_verify_ssl = true", "verify_ssl = false"):
        config.write_text(f"[libraries.default]\n{name}\n")
        command = [sys.executable, "-m", "lrsync", "sync", *untrusting.place(), "--config", str(config)]
        result: Result = run(command, untrusting.variables(), untrusting.home)
        assert result.code == 2, result
    untrusting.nothing_was_made()
