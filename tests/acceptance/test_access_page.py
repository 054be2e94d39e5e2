"""The table of calls and roles in docs/access.md is what a running server does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regesta_service.access.permissions import ROLES
from tests.support.access import guarded
from tests.support.wire import METHODS, Wire, request_class

if TYPE_CHECKING:
    from tests.databases import LiveDatabase

PAGE = Path(__file__).parents[2] / "docs/access.md"


def documented() -> dict[str, set[str]]:
    """Return the roles of each call, as the page has them."""
    table = re.search(
        r"<!-- calls and roles -->\n\n(.*?)\n\n<!-- end -->", PAGE.read_text(), re.DOTALL
    )
    assert table is not None
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table[1].splitlines()
    ]
    return {
        row[0].strip("`"): {role for role, cell in zip(head[2:], row[2:], strict=True) if cell}
        for row in rows
    }


def about(method: str, namespace: str) -> Any:
    """Return a request that names a namespace, and nothing else that is there."""
    request: Any = request_class(METHODS[method])()
    name = f"namespaces/{namespace}"
    fields = request.DESCRIPTOR.fields_by_name
    if "parent" in fields:
        request.parent = name
    elif "name" in fields:
        request.name = name
    elif method in {"UpdateModel", "UpdateVersion"}:
        kind = "model" if method == "UpdateModel" else "version"
        getattr(request, kind).name = f"{name}/models/churn"
    return request


def test_each_role_may_do_what_the_page_says(tmp_path: Path, database: LiveDatabase):
    page = documented()
    assert set(METHODS) == set(page)
    principals = {f"a-{role}": (role, ["*"]) for role in ROLES}
    allowed: dict[str, set[str]] = {method: set() for method in METHODS}
    with guarded(tmp_path, database, principals) as server:
        for role in ROLES:
            with Wire(server.process.address, server.tokens[f"a-{role}"]) as wire:
                for method in METHODS:
                    outcome = wire.call(method, about(method, "default"), most=1)
                    if outcome.refusal != ("PERMISSION_DENIED", "PERMISSION_DENIED"):
                        allowed[method].add(role)
    assert page == allowed
