"""The program: its global options, its commands, and how a run ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

import regesta
from regesta.cli import (
    access,
    aliases,
    audit,
    auditing,
    catalog,
    comments,
    comparing,
    completing,
    evidence,
    exporting,
    flagging,
    importing,
    keeping,
    keys,
    labels,
    lifecycle,
    namespaces,
    outgoing,
    policies,
    privacy,
    projecting,
    proving,
    publishing,
    registering,
    replaying,
    requests,
    retention,
    rollbacks,
    tokens,
    tracing,
    verifying,
    watching,
    witnessing,
)
from regesta.cli.failing import FAILED, INVALID, exit_code, report, report_usage
from regesta.cli.session import DEFAULT_TIMEOUT, Session
from regesta.errors import RegestaError

#: A group without a command; older versions of click show the help themselves.
_NO_ARGUMENTS: tuple[type[click.UsageError], ...] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])
)

#: 128 and the number of the signal, as shells say it.
INTERRUPTED, BROKEN_PIPE = 130, 141

SECTIONS: dict[str, list[click.Command]] = {
    "Register and label": [
        registering.create,
        registering.register,
        registering.update,
        labels.tag,
        aliases.alias,
        labels.label,
        comments.comment,
        keeping.document,
    ],
    "Find": [catalog.list_, catalog.search, catalog.show, catalog.resolve],
    "Move and retire": [
        lifecycle.promote,
        aliases.release,
        rollbacks.rollback,
        lifecycle.stages,
        lifecycle.rename,
        lifecycle.delete,
        lifecycle.restore,
    ],
    "Ask and approve": [
        policies.policy,
        requests.check,
        requests.request,
        requests.requests,
        requests.approve,
        requests.reject,
        requests.cancel,
        requests.evaluate,
    ],
    "Warn and stop": [flagging.flag, flagging.revoke],
    "Look back": [
        audit.log,
        comparing.diff,
        comparing.blame,
        watching.watch,
        tracing.trace,
        replaying.replay,
        verifying.verify,
        audit.head,
    ],
    "Erase, hold, retain": [
        privacy.erase,
        privacy.erasure_certificate,
        privacy.hold,
        retention.retention,
    ],
    "Check without trust": [
        evidence.evidence,
        exporting.export_tiles,
        auditing.audit,
        publishing.checkpoint,
        publishing.receipt,
        proving.verify_proof,
        keys.key,
        witnessing.witness,
    ],
    "Come and go": [importing.import_, outgoing.export],
    "Say who may": [access.access, tokens.principal, tokens.token],
    "Set up": [namespaces.namespace, projecting.projections, completing.completion],
}


class Program(click.Group):
    """The root of all commands: help in sections, and errors of calls in words."""

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - the signature is click's
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the commands in their sections instead of by the alphabet."""
        # Wide enough for the longest, so that the sections are aligned.
        widest = max(map(len, self.commands))
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [(f"{one.name:<{widest}}", one.get_short_help_str(80)) for one in commands]
                )

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a call that fails ends it with its exit code."""
        session = ctx.ensure_object(Session)
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
        except RegestaError as error:
            report(error, session)
            ctx.exit(exit_code(error))
        except BrokenPipeError:
            # Python flushes stdout once more as it ends, and would complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(BROKEN_PIPE)
        return answer


def _global_options() -> list[click.Option]:
    return [
        click.Option(
            ["--target"],
            envvar="REGESTA_TARGET",
            metavar="HOST:PORT",
            help=f"The server; {regesta.DEFAULT_TARGET} if left out.",
        ),
        click.Option(
            ["--token"],
            envvar="REGESTA_TOKEN",
            metavar="TOKEN",
            help="Bearer token; safer in a file.",
        ),
        click.Option(
            ["--token-file"],
            envvar="REGESTA_TOKEN_FILE",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="A file that holds the token.",
        ),
        click.Option(
            ["--namespace"],
            envvar="REGESTA_NAMESPACE",
            metavar="NAME",
            help="Names are relative to it; `default` if left out.",
        ),
        click.Option(["--tls"], is_flag=True, default=None, help="Speak TLS."),
        click.Option(
            ["--ca"],
            envvar="REGESTA_CA",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Trust these roots, a PEM file; includes --tls.",
        ),
        click.Option(
            ["--timeout"],
            envvar="REGESTA_TIMEOUT",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help=f"How long one call may take; {DEFAULT_TIMEOUT:g} if left out.",
        ),
        click.Option(["--json"], is_flag=True, default=None, help="Answer in JSON, for programs."),
    ]


@click.group(
    cls=Program,
    params=_global_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=True,
)
@click.version_option(package_name="regesta")
@click.pass_context
def program(ctx: click.Context, /, **given: Any) -> None:
    """The model registry that keeps every fact.

    A resource is churn (a model), churn/3 (a version) or churn@champion (an alias); a
    version is also churn#production, churn@^1.2, churn@latest or sha256:…. These options may
    stand behind the command too; each has a variable, for example REGESTA_TARGET.
    """
    session = ctx.ensure_object(Session)
    ctx.call_on_close(session.resources.close)
    explicit = ctx.get_parameter_source("token_file") is ParameterSource.COMMANDLINE
    if given["token"] is not None and explicit:
        # A token in the environment does not override a file that was asked for.
        if ctx.get_parameter_source("token") is ParameterSource.COMMANDLINE:
            raise click.UsageError("give --token or --token-file, not both")
        given["token"] = None
    if given["token"] is not None:
        given["token_file"] = None
    for name, value in given.items():
        _apply(session, name, value)


def _apply(session: Session, name: str, value: Any) -> None:
    """Set a global option on the session; None leaves what was set."""
    if value is None:
        return
    match name:
        case "token_file":
            session.token = _token(_read_token(value))
        case "token":
            session.token = _token(value)
        case "json":
            session.output.json = value
        case "tls":
            session.tls = session.tls or value
        case "ca":
            session.tls = _existing(value)
        case _:
            setattr(session, name, value)


def _token(text: str) -> str:
    if not text or not all("!" <= character <= "~" for character in text):
        raise click.UsageError("a token is printable ASCII without spaces")
    return text


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"the token file {path} cannot be read: {error}") from None


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise click.UsageError(f"the roots {path} cannot be read: there is no such file")
    return path


def _late(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Take a global option that stands behind the command."""
    session = ctx.find_object(Session)
    if session is not None and not ctx.resilient_parsing:
        _apply(session, param.name or "", value)


def _accept_global_options(command: click.Command) -> None:
    """Let a command, and those below it, take the global options too, unseen in its help."""
    for option in _global_options():
        option.hidden, option.envvar, option.expose_value = True, None, False
        option.callback = _late
        command.params.append(option)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _accept_global_options(below)


for _commands in SECTIONS.values():
    for _command in _commands:
        _accept_global_options(_command)
        program.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: Without the program's name; None takes those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = program.main(given, prog_name="regesta", standalone_mode=False)
    except _NO_ARGUMENTS as error:
        error.show()
        return INVALID
    except click.ClickException as error:
        report_usage(error, as_json="--json" in given)
        # 2 for what is wrong with the command line, 1 unless it says otherwise.
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        click.echo(f"error: {error}", err=True)
        return FAILED
    return code if isinstance(code, int) else 0
