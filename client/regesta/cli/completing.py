"""The command that prints completion scripts."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from regesta.cli.session import Session, pass_session

#: click's own convention for the variable that turns a call into a completion.
COMPLETE_VARIABLE = "_REGESTA_COMPLETE"


_HELP = """Print a script for a shell that completes commands and options.

\b
bash: eval "$(regesta completion bash)"   in ~/.bashrc
zsh:  eval "$(regesta completion zsh)"    in ~/.zshrc
fish: regesta completion fish > ~/.config/fish/completions/regesta.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_session
def completion(session: Session, shell: str) -> None:
    """Print the script that click writes for this program."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"{shell} cannot be completed by this version of click")
    root = click.get_current_context().find_root().command
    session.output.text(kind(root, {}, "regesta", COMPLETE_VARIABLE).source())
