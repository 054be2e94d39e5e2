"""For whom a call is made: this process, or whoever called the server of MLflow's it runs in.

MLflow's server makes all calls of its users. Where a user sent a bearer token, that token goes on
to the registry, which then knows, and writes down, who really acts. Where MLflow itself asked for
a name and password, its server vouches for the name, and the event says so as a claim.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is behind a call."""

    #: The bearer token that he sent.
    token: str | None = None
    #: The name that MLflow's server has checked.
    user: str = ""


NOBODY = Caller()


def caller() -> Caller:
    """Return who called the server of MLflow's that this runs in; `NOBODY` outside of one."""
    # Whoever runs in a request of MLflow's server has Flask loaded; nobody else needs it.
    flask = sys.modules.get("flask")
    if flask is None or not flask.has_request_context():
        return NOBODY
    authorization = flask.request.authorization
    if authorization is None:
        return NOBODY
    if authorization.type == "bearer" and authorization.token:
        return Caller(token=authorization.token)
    if authorization.type == "basic" and _checks_passwords():
        return Caller(user=authorization.username or "")
    return NOBODY


def _checks_passwords() -> bool:
    """Say whether MLflow's server runs with the app that checks names and passwords."""
    return "mlflow.server.auth" in sys.modules
