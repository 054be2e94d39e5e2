"""The command that runs a witness."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from regesta.audit.cosignatures import cosigner
from regesta.audit.notes import VerifierKey
from regesta.audit.witness import DamagedState, InvalidWitness, StateInUse, Witness
from regesta.audit.witness_server import WitnessServer
from regesta.cli.offline import FILE, LISTEN, load_key, load_policy, password_option, told
from regesta.cli.output import visible
from regesta.cli.session import Session, pass_session


@click.group()
def witness() -> None:
    """Be a witness: cosign the checkpoints of logs that only ever grow."""


@witness.command("serve")
@click.option(
    "--listen",
    type=LISTEN,
    default="127.0.0.1:7431",
    show_default=True,
    metavar="HOST:PORT",
    help="Where to serve HTTP.",
)
@click.option("--name", required=True, metavar="NAME", help="As in witness.example.com/audit.")
@click.option(
    "--key",
    "key_files",
    type=FILE,
    required=True,
    multiple=True,
    metavar="FILE",
    help="The witness's key; twice for one of each algorithm.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The witness's memory; keep it, and nobody else's eyes on it.",
)
@click.option(
    "--log", "vkeys", multiple=True, metavar="VKEY", help="Verifier key of a log to witness."
)
@click.option(
    "--policy",
    "policy_files",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="Witness the logs of a policy.",
)
@password_option
@pass_session
def witness_serve(
    session: Session,
    *,
    listen: tuple[str, int],
    name: str,
    key_files: tuple[Path, ...],
    state: Path,
    vkeys: tuple[str, ...],
    policy_files: tuple[Path, ...],
    password_file: Path | None,
) -> None:
    """Serve as a witness until interrupted (C2SP tlog-witness).

    A witness sees sizes and roots, never an event. It remembers the last checkpoint of each
    log and cosigns the next one only with a proof that nothing before it was changed, so a
    log cannot show one history to you and another one to somebody else. Run it where the
    operator of the registry has no access. A log that signed two roots for one size raises
    an ALARM on stderr, and both of its notes are kept in DIR.
    """
    keys = [load_key(file, password_file) for file in key_files]
    with told():
        logs = [VerifierKey.parse(vkey) for vkey in vkeys]
        logs += [log.key for file in policy_files for log in load_policy(file).logs]
        if not logs:
            raise click.UsageError("name at least one log, with --log or --policy")
        try:
            serving = Witness([cosigner(name, key) for key in keys], dict.fromkeys(logs), state)
        except (InvalidWitness, DamagedState, StateInUse) as error:
            raise click.ClickException(str(error)) from None
    try:
        _serve(session, listen, serving)
    finally:
        serving.close()


def _serve(session: Session, listen: tuple[str, int], serving: Witness) -> None:
    with WitnessServer(listen, serving, _report) as server:

        def stop(*_: Any) -> None:
            # From another thread, as this one is in the loop that is to end.
            threading.Thread(target=server.shutdown, daemon=True).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        host, port = server.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        _announce(session, f"http://{shown}:{port}", serving)
        server.run()


def _announce(session: Session, url: str, serving: Witness) -> None:
    if session.output.json:
        document = {"url": url, "verifierKeys": serving.vkeys, "logs": serving.origins}
        session.output.json_line(document)
    else:
        session.output.line(f"witnessing {', '.join(serving.origins)} at {url}")
        for vkey in serving.vkeys:
            session.output.line(vkey)
    sys.stdout.flush()


def _report(text: str) -> None:
    click.echo(visible(text), err=True)
