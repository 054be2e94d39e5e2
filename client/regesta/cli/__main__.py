"""`python -m regesta.cli`: the same as `regesta`."""

from __future__ import annotations

from regesta.cli import main

main()
