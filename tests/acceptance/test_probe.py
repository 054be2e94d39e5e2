"""The probe of the image's health check, against a real server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.server_process import serving

if TYPE_CHECKING:
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess

PROBE = Path(__file__).parents[2] / "deploy" / "probe.py"


def probe(*arguments: str) -> tuple[int, str]:
    """Return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, PROBE, *arguments], check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout.strip()


def test_a_server_that_serves_is_healthy(server: ServerProcess):
    assert probe(server.address) == (0, "SERVING")


def test_without_a_server_it_is_unhealthy():
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        assert probe(f"127.0.0.1:{reserved.getsockname()[1]}") == (1, "UNAVAILABLE")


def test_a_server_that_drains_is_unhealthy(database: LiveDatabase):
    environment = {"REGESTA_DRAIN_NOTICE": "5"}
    with serving("--insecure-dev", "--dsn", database.service_dsn, environment=environment) as it:
        stopping = threading.Thread(target=it.stop)
        stopping.start()
        answers = {probe(it.address) for _ in range(3)}
        stopping.join()
    assert (1, "NOT_SERVING") in answers


@pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: openssl")
def test_a_server_behind_tls_is_probed_by_the_name_in_its_certificate(
    database: LiveDatabase, tmp_path: Path
):
    certificate, key = str(tmp_path / "server.crt"), str(tmp_path / "server.key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=registry.example.com"]
    command += ["-addext", "subjectAltName=DNS:registry.example.com"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True)
    environment = {"REGESTA_TLS__CERTIFICATE": certificate, "REGESTA_TLS__KEY": key}
    with serving("--insecure-dev", "--dsn", database.service_dsn, environment=environment) as it:
        tls = ["--roots", certificate, "--name"]
        assert probe(it.address, *tls, "registry.example.com") == (0, "SERVING")
        assert probe(it.address, *tls, "another.example.com") == (1, "UNAVAILABLE")
        assert probe(it.address)[0] == 1
