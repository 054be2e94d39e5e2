"""Commands about the keys that sign checkpoints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from regesta.audit.cosignatures import cosigner_verifier
from regesta.audit.keys import ALGORITHMS, Algorithm, LocalKey, generate, log_verifier, write_key
from regesta.audit.notes import VerifierKey
from regesta.audit.policies import Log, Policy
from regesta.cli.offline import FILE, NEW_FILE, load_key, password_option, read_password, told
from regesta.cli.session import Session, pass_session

_POLICY = """\
# Which checkpoints are believed (the format is https://c2sp.org/tlog-policy).
# A log alone can show different people different histories. Add the witnesses that you
# trust, and how many of them must have cosigned:
#
#   witness audit <verifier key>
#   quorum audit
"""


@click.group()
def key() -> None:
    """Make and show the keys that sign checkpoints."""


def _names(function: Any) -> Any:
    for option in (
        click.option(
            "--policy",
            "policy_file",
            type=NEW_FILE,
            metavar="FILE",
            help="Write a trust policy with the one log that --origin names.",
        ),
        click.option(
            "--witness",
            "witnesses",
            multiple=True,
            metavar="NAME",
            help="Show the verifier key of a witness of this name.",
        ),
        click.option(
            "--origin",
            "origins",
            multiple=True,
            metavar="ORIGIN",
            help="Show the verifier key of this log, as in registry.example.com/acme.",
        ),
    ):
        function = option(function)
    return function


@key.command("new")
@click.argument("file", type=NEW_FILE)
@click.option(
    "--algorithm",
    type=click.Choice(ALGORITHMS),
    default=ALGORITHMS[0],
    show_default=True,
    help="ml-dsa-44 is for a second signature, against quantum computers.",
)
@_names
@password_option
@pass_session
def key_new(
    session: Session,
    *,
    file: Path,
    algorithm: Algorithm,
    origins: tuple[str, ...],
    witnesses: tuple[str, ...],
    policy_file: Path | None,
    password_file: Path | None,
) -> None:
    """Make a key in a new FILE (PKCS#8 PEM) that only its owner can read.

    A file that exists is left as it is. The verifier key, which is for everybody, is the
    public key under a name: the origin of a log, or the name of a witness.
    """
    password = read_password(password_file)
    with told():
        made = generate(algorithm)
        policy = _policy(policy_file, _logs(made, origins))
        keys = _verifiers(made, origins, witnesses)
    write_key(file, made, password)
    _show(session, file, made, keys)
    _write_policy(policy_file, policy)


@key.command("show")
@click.argument("file", type=FILE)
@_names
@password_option
@pass_session
def key_show(
    session: Session,
    *,
    file: Path,
    origins: tuple[str, ...],
    witnesses: tuple[str, ...],
    policy_file: Path | None,
    password_file: Path | None,
) -> None:
    """Show the public half of the key in FILE."""
    found = load_key(file, password_file)
    with told():
        policy = _policy(policy_file, _logs(found, origins))
        keys = _verifiers(found, origins, witnesses)
    _show(session, file, found, keys)
    _write_policy(policy_file, policy)


def _logs(key_: LocalKey, origins: tuple[str, ...]) -> list[VerifierKey]:
    return [log_verifier(origin, key_) for origin in origins]


def _verifiers(
    key_: LocalKey, origins: tuple[str, ...], witnesses: tuple[str, ...]
) -> list[VerifierKey]:
    return _logs(key_, origins) + [cosigner_verifier(name, key_) for name in witnesses]


def _show(session: Session, file: Path, key_: LocalKey, keys: list[VerifierKey]) -> None:
    if session.output.json:
        session.output.document(
            {
                "file": str(file),
                "algorithm": key_.algorithm,
                "publicKey": key_.public.hex(),
                "verifierKeys": {one.name: one.vkey for one in keys},
            }
        )
        return
    public = key_.public.hex()
    shortened = public if len(public) <= 64 else f"{public[:64]}…"  # noqa: PLR2004 - Ed25519's
    session.output.facts(str(file), [("algorithm", key_.algorithm), ("public key", shortened)])
    for one in keys:
        session.output.line(one.vkey)
    if not keys:
        session.output.line("a verifier key is of a name: give --origin or --witness to see it")


def _policy(file: Path | None, logs: list[VerifierKey]) -> str:
    """Return the text of a policy, before anything is written.

    Raises:
        click.UsageError: It would not hold exactly one log.
    """
    if file is None:
        return ""
    # A policy may name a public key once, and each log's key is this one under its own name.
    if len(logs) != 1:
        raise click.UsageError("--policy wants exactly one --origin: each log has its own policy")
    if file.exists():
        raise click.UsageError(f"{file} exists; a policy is never overwritten")
    return _POLICY + Policy((Log(logs[0]),)).encode()


def _write_policy(file: Path | None, text: str) -> None:
    if file is not None:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as out:
            out.write(text)
