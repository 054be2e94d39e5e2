"""An identity provider of our own: serves its configuration and keys, and signs tokens."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

if TYPE_CHECKING:
    from typing import Self

AUDIENCE = "regesta"


class Key:
    """A key that signs, and what its issuer publishes of it."""

    def __init__(self, kid: str, algorithm: str = "ES256", bits: int = 2048) -> None:
        self.kid, self.algorithm = kid, algorithm
        match algorithm:
            case "RS256":
                self.private: Any = rsa_key(65537, bits)
                published: Any = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
            case "EdDSA":
                self.private = Ed25519PrivateKey.generate()
                published = OKPAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
            case _:
                self.private = ec_key(SECP256R1())
                published = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.published = {**published, "kid": kid, "use": "sig", "alg": algorithm}


class Issuer:
    """A real HTTP server on loopback, from entering to leaving."""

    def __init__(self, *keys: Key) -> None:
        #: What is published; change it to rotate.
        self.keys = list(keys or [Key("first")])
        #: What was asked for, in order.
        self.asked: list[str] = []
        #: What is answered instead, by path.
        self.instead: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                status, body, headers = issuer.instead.get(self.path) or issuer.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return what is answered to a path."""
        answers = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [key.published for key in self.keys]},
        }
        found = answers.get(path)
        return (404, b"", {}) if found is None else (200, json.dumps(found).encode(), {})

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return good claims with changes; None leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "rosa",
            "iat": now,
            "exp": now + 600,
            "groups": ["ml"],
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key: Key | None = None, headers: Any = None, **changes: Any) -> str:
        """Return a token, good but for the changes of its claims."""
        key = key or self.keys[0]
        return jwt.encode(
            self.claims(**changes),
            key.private,
            algorithm=key.algorithm,
            headers={"kid": key.kid} | (headers or {}),
        )
