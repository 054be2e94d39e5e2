"""Measures a server of ours beside its limits and other people's code, all in one run.

    python -m benchmarks            about eleven minutes on two cores
    python -m benchmarks --quick    about a minute, and coarse

Prints a table and writes it to `build/bench.json`. Everything is on this machine, and nothing
is left behind. See docs/performance.md for what each figure means.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import ground
from benchmarks.access import compare_access
from benchmarks.appends import compare_appends
from benchmarks.effort import FULL, QUICK
from benchmarks.figures import table, write_json
from benchmarks.flatness import compare_sizes
from benchmarks.folding import measure_rebuild
from benchmarks.history import measure_history
from benchmarks.in_process import measure_in_process
from benchmarks.offline import measure_offline
from benchmarks.policing import measure_policies
from benchmarks.proofs import measure_proofs
from benchmarks.readers import compare_readers
from benchmarks.reads import compare_reads
from benchmarks.tree_upkeep import measure_tree_upkeep

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.effort import Effort
    from benchmarks.figures import Figure
    from benchmarks.ground import Ground

    Part = Callable[[Ground, Effort], list[Figure]]


def _on_stock(run: Ground, effort: Effort) -> list[Figure]:
    dsn = run.migrated()
    effort.stock.write(dsn)
    with run.serving(dsn) as served:
        return compare_reads(run, served, effort) + compare_sizes(run, served, effort)


PARTS: dict[str, Part] = {
    "stock": _on_stock,
    "appends": compare_appends,
    "readers": compare_readers,
    "rebuild": measure_rebuild,
    "in-process": measure_in_process,
    "tree": measure_tree_upkeep,
    "proofs": measure_proofs,
    "offline": measure_offline,
    "history": measure_history,
    "access": compare_access,
    "policies": measure_policies,
}


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="about a minute, and coarse")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), metavar="PART")
    parser.add_argument("--output", type=Path, default=ground.BUILD / "bench.json")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    began = time.monotonic()
    try:
        with ground.prepared() as prepared:
            for name in arguments.only:
                started = time.monotonic()
                figures += PARTS[name](prepared, QUICK if arguments.quick else FULL)
                print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    finally:  # what was measured before a part failed is still worth seeing
        print(table(figures))
        print(f"\n{time.monotonic() - began:.0f} s")
    write_json(arguments.output, figures)


if __name__ == "__main__":
    main()
