"""The shipped configurations of front proxies, where the proxies are installed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import regesta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.server_process import ServerProcess

DEPLOY = Path(__file__).parents[2] / "deploy"
START_TIMEOUT = 10.0


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    files = tmp_path / "registry.crt", tmp_path / "registry.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "1", "-subj", "/CN=registry"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run(command, check=True, capture_output=True)
    return files


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, process.communicate()[0].decode()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=START_TIMEOUT)


def changed(name: str, changes: dict[str, str]) -> str:
    text = (DEPLOY / name).read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def use(port: int, roots: Path, namespace: str) -> None:
    """Write, read and watch through the proxy, as clients do."""
    with regesta.Client(f"127.0.0.1:{port}", tls=roots, namespace=namespace) as client:
        version = client.register("churn", card="x" * 1_000_000)
        client.set_alias("churn@champion", version=version.version)
        assert client.resolve("churn@champion").version == 1
        told = next(client.watch(after=0, types=["AliasSet"]))
        assert told.stream == "models/churn/aliases/champion"
        with pytest.raises(regesta.NotFound) as caught:
            client.resolve("churn@challenger")
        assert caught.value.reason == "ALIAS_NOT_FOUND"  # trailers come through


@needs("nginx", "openssl")
def test_everything_works_through_nginx(
    tmp_path: Path, certificate: tuple[Path, Path], server: ServerProcess, namespace: str
):
    port = free_port()
    changes = {
        "worker_processes auto;": f"worker_processes 1; pid {tmp_path}/nginx.pid; daemon off;",
        "access_log off;": "access_log off; "
        + " ".join(
            f"{kind}_temp_path {tmp_path}/{kind};"
            for kind in ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
        ),
        "listen 443": f"listen 127.0.0.1:{port}",
        "/etc/nginx/registry.crt": str(certificate[0]),
        "/etc/nginx/registry.key": str(certificate[1]),
        "127.0.0.1:7421": server.address,
    }
    config = tmp_path / "nginx.conf"
    config.write_text(changed("nginx.conf", changes))
    log = str(tmp_path / "error.log")
    with running(["nginx", "-p", str(tmp_path), "-e", log, "-c", str(config)], port):
        use(port, certificate[0], namespace)


@needs("haproxy", "openssl")
def test_everything_works_through_haproxy(
    tmp_path: Path, certificate: tuple[Path, Path], server: ServerProcess, namespace: str
):
    port = free_port()
    pem = tmp_path / "registry.pem"
    pem.write_bytes(b"".join(file.read_bytes() for file in certificate))
    changes = {
        "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/haproxy/registry.pem": str(pem),
        "127.0.0.1:7421": server.address,
    }
    config = tmp_path / "haproxy.cfg"
    config.write_text(changed("haproxy.cfg", changes))
    with running(["haproxy", "-db", "-f", str(config)], port):
        use(port, certificate[0], namespace)
