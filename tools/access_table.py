"""Write the table of each call and each role into docs/access.md, from the descriptors.

usage: tools/access_table.py [--check]

What a call needs stands in its descriptor, and what a role has in the service; a test asks a
running server the same. With `--check` nothing is written, and a page that is not fresh is
an error.
"""

from __future__ import annotations

import sys
from pathlib import Path

from regesta_service.access.permissions import ROLES
from regesta_service.api.methods import permissions_of
from regesta_service.wiring import FILES

PAGE = Path(__file__).parent.parent / "docs/access.md"
BEGIN, END = "<!-- calls and roles -->\n", "<!-- end -->\n"


def table() -> str:
    """Return the table: a row for each call, a column for each role."""
    lines = [
        f"| call | needs | {' | '.join(ROLES)} |",
        f"| --- | --- |{' --- |' * len(ROLES)}",
    ]
    for name, permission in sorted(permissions_of(FILES).items()):
        cells = ("| yes " if permission in allowed else "| " for allowed in ROLES.values())
        lines.append(f"| `{name}` | `{permission}` {''.join(cells)}|")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table, or say whether it is fresh."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page = f"{before}{BEGIN}\n{table()}\n{END}{after}"
    if "--check" in sys.argv:
        if page != PAGE.read_text():
            print(f"{PAGE.name} is not what the descriptors say; run tools/access_table.py")
            return 1
        return 0
    PAGE.write_text(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
