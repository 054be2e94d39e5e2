"""What it costs to know who calls and what he may: a cached Resolve, proved in each way.

The server that lets everybody in is the limit. The others answer the same requests from
memory, and first find the token by its digest; with grants they also find out what the
request is about, and weigh a condition.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from jwt.algorithms import ECAlgorithm

import regesta
from benchmarks.appends import engines
from benchmarks.figures import Figure, Goal
from benchmarks.load import Load, Plan
from benchmarks.requests import RESOLVE, Resolves
from benchmarks.slices import Measured, Side, in_turns
from regesta_service.access.tokens import new_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.effort import Effort
    from benchmarks.ground import Ground
    from regesta_service.config import EngineName

_NAMESPACE = "proved"
_MODELS = 64
_WHAT = "Resolve from memory"
_GOAL = Goal(1.25)

#: Sides differ by a few microseconds, and five turns of two seconds by more than that on a
#: busy machine: slices are so much shorter, for there to be more turns.
_FINER = 4
_CONDITION = 'method != "SetAlias" || alias != "champion"'


def compare_access(ground: Ground, effort: Effort) -> list[Figure]:
    """Resolve as nobody in particular, and with each kind of token; by each engine there is."""
    return [figure for engine in engines() for figure in _compare(ground, effort, engine)]


def _compare(ground: Ground, effort: Effort, engine: EngineName) -> list[Figure]:
    dsn = ground.migrated()
    tokens = {name: new_token() for name in ("root", "static")}
    with ExitStack() as stack:
        issuer, sign = stack.enter_context(_issuing())
        config = ground.home / "access.toml"
        config.write_text(_configuration(issuer, tokens))
        open_server = stack.enter_context(ground.serving(dsn, engine))
        guarded = stack.enter_context(ground.serving(dsn, engine, config=config))
        with regesta.Client(guarded.address, token=tokens["root"]) as root:
            root.create_namespace(_NAMESPACE)
        issued = _prepare(guarded.address, tokens["root"])
        addresses = tuple(f"model-{number}@champion" for number in range(_MODELS))
        requests = Resolves(_NAMESPACE, addresses)
        kinds = {
            "insecure": (open_server, ""),
            "static token": (guarded, tokens["static"]),
            "issued token, grants with a condition": (guarded, issued),
            "OIDC token, grants with a condition": (guarded, sign()),
        }
        sides = []
        for name, (server, token) in kinds.items():
            load = stack.enter_context(Load(Plan(server.address, RESOLVE, requests, token=token)))
            run = lambda load=load: load.run(effort.slice_seconds / _FINER)  # noqa: E731 - a slice
            sides.append(Side(name, run, {"service": server.cpu}))
        limit, *others = in_turns(sides, effort.turns * 2 * _FINER)
    what = f"{_WHAT}, {engine}"
    figures = [Figure(f"{what}, insecure: CPU", limit.cpu_each("service"), "µs/op")]
    return figures + [
        _figure(f"{what}, {side.name}", measured, limit)
        for side, measured in zip(sides[1:], others, strict=True)
    ]


def _figure(what: str, measured: Measured, limit: Measured) -> Figure:
    return Figure(
        f"{what}: CPU",
        measured.cpu_each("service"),
        "µs/op",
        "insecure",
        measured.ratio(limit, lambda sample: sample.cpu_each("service")),
        _GOAL,
    )


def _configuration(issuer: str, tokens: dict[str, str]) -> str:
    tables = [
        f'[[tokens]]\nprincipal = "{name}"\nrole = "{role}"\ntoken = "{tokens[name]}"\n'
        for name, role in (("root", "admin"), ("static", "reader"))
    ]
    trusted = f'[[oidc]]\nissuer = "{issuer}"\naudience = "regesta"\ngroups_claim = "groups"\n'
    return "\n".join([*tables, trusted])


def _prepare(address: str, token: str) -> str:
    """Fill the namespace, grant roles in it, and return a token that was issued."""
    with regesta.Client(address, token=token, namespace=_NAMESPACE) as root:
        for number in range(_MODELS):
            root.register(f"model-{number}", source="s3://models/1")
            root.set_alias(f"model-{number}@champion", version=1)
        root.register_principal("issued", kind="service_account")
        root.grant_role(principal="issued", role="maintainer", condition=_CONDITION)
        root.grant_role(group="ml", role="maintainer", condition=_CONDITION)
        return root.issue_token(principal="issued", label="bench").secret


@contextmanager
def _issuing() -> Iterator[tuple[str, Any]]:
    """Yield the name of an issuer that serves its keys, and what signs a token."""
    key = generate_private_key(SECP256R1())
    published: Any = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer with the configuration or the keys."""
            answer: dict[str, Any] = {"issuer": name, "jwks_uri": f"{name}/keys"}
            if self.path == "/keys":
                answer = {"keys": [{**published, "kid": "bench"}]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    name = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def sign() -> str:
        claims = {
            "iss": name,
            "aud": "regesta",
            "sub": "leo",
            "groups": ["ml"],
            "exp": int(time.time()) + 3_600,
        }
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "bench"})

    try:
        yield name, sign
    finally:
        server.shutdown()
        server.server_close()
