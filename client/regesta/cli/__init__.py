"""`regesta`: the registry from the command line."""

from __future__ import annotations

import sys

_NEEDED = {"click", "rich"}


def main() -> None:
    """Run the command line; exit codes are in docs/reference/cli.md."""
    try:
        from regesta.cli.program import run  # noqa: PLC0415 - an extra; the client goes without
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in _NEEDED:
            raise
        sys.stderr.write(
            f"regesta's command line needs {package}, which the client does not bring: "
            "pip install 'regesta[cli]'\n"
        )
        sys.exit(2)
    sys.exit(run())
