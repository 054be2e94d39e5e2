"""Programs that know gRPC but not us: health probes and a generic client."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

import regesta
from tests.support.server_process import serving
from tests.support.wire import FILES, METHODS

if TYPE_CHECKING:
    from tests.databases import LiveDatabase
    from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.every_engine

SERVICES = [service.full_name for file in FILES for service in file.services_by_name.values()]


def test_a_probe_is_told_that_every_service_serves(server: ServerProcess):
    with grpc.insecure_channel(server.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for service in ("", *SERVICES):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10)
            assert health_pb2.HealthCheckResponse.SERVING == answer.status
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="nothing"), timeout=10)
        failed: Any = caught.value
        assert grpc.StatusCode.NOT_FOUND == failed.code()


def test_a_probe_is_told_of_a_drain_before_calls_are_refused(
    server_database: LiveDatabase, client: regesta.Client, engine: str
):
    client.register("churn")
    environment = {"REGESTA_DRAIN_NOTICE": "3", "REGESTA_ENGINE": engine}
    options = ("--insecure-dev", "--dsn", server_database.service_dsn)
    with serving(*options, environment=environment) as own:
        with (
            grpc.insecure_channel(own.address) as channel,
            regesta.Client(own.address, namespace=client.namespace) as called,
        ):
            stub: Any = health_pb2_grpc.HealthStub(channel)
            watched = stub.Watch(health_pb2.HealthCheckRequest(), timeout=30)
            assert health_pb2.HealthCheckResponse.SERVING == next(watched).status
            own.process.terminate()
            assert health_pb2.HealthCheckResponse.NOT_SERVING == next(watched).status
            assert client.get_model("churn") == called.get_model("churn")
            assert 2 == called.register("churn").version
            watched.cancel()
        assert 0 == own.stop()


def curl(
    server: ServerProcess, *arguments: str, path: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run buf's generic client, which asks the server itself what there is."""
    program = Path(sys.executable).parent / "buf"
    return subprocess.run(
        [
            program,
            "curl",
            "--protocol",
            "grpc",
            "--http2-prior-knowledge",
            *arguments,
            f"http://{server.address}{path}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
    )


def test_a_generic_client_learns_every_method_from_the_server(server: ServerProcess):
    listed = curl(server, "--list-methods")
    assert 0 == listed.returncode, listed.stderr
    ours = {f"{method.containing_service.full_name}/{name}" for name, method in METHODS.items()}
    assert ours <= set(listed.stdout.split())


def test_a_generic_client_calls_a_method_and_reads_its_answer(
    server: ServerProcess, client: regesta.Client
):
    client.register("churn", metrics={"auc": 0.91}, properties={"gpu": True})
    request = {"parent": f"namespaces/{client.namespace}", "address": "churn@latest"}
    called = curl(
        server,
        "--data",
        json.dumps(request),
        path="/regesta.v1.CatalogService/ResolveVersion",
    )
    assert 0 == called.returncode, called.stderr
    answer = json.loads(called.stdout)
    assert ("3", {"auc": 0.91}) == (answer["position"], answer["version"]["metrics"])
    assert {"gpu": {"boolValue": True}} == answer["version"]["properties"]


def test_a_generic_client_reads_why_it_was_refused(server: ServerProcess, client: regesta.Client):
    request = {"name": f"namespaces/{client.namespace}/models/nobody"}
    called = curl(server, "--data", json.dumps(request), path="/regesta.v1.CatalogService/GetModel")
    assert 0 != called.returncode
    status = json.loads(called.stderr)
    (detail,) = status["details"]
    assert ("not_found", "google.rpc.ErrorInfo") == (status["code"], detail["type"])
    value = detail["value"]
    info = error_details_pb2.ErrorInfo.FromString(b64decode(value + "=" * (-len(value) % 4)))
    assert ("regesta", "MODEL_NOT_FOUND", {"model": "nobody"}) == (
        info.domain,
        info.reason,
        dict(info.metadata),
    )
