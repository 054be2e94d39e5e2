"""What the documentation lists is what the program has."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from regesta_service import config
from regesta_service.access.permissions import ROLES, Permission

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs" / "operating.md").read_text()
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md")],
    key=str,
)


def table_below(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, its head included."""
    below = OPERATING.partition(f"\n## {heading}\n")[2]
    lines = re.findall(r"^\|.*\|$", below.partition("\n## ")[0], re.MULTILINE)
    first = [line for line in lines if not re.fullmatch(r"[| -]+", line)]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in first]


def shown(default: object) -> str:
    """Return a default as the table writes it; empty where it is described in words."""
    if default is None or default is PydanticUndefined or default == []:
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_is_documented_with_its_default():
    _, *rows = table_below("Configuration")
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows}
    assert set(config.Settings.model_fields) == set(documented)
    for name, field in config.Settings.model_fields.items():
        default = shown(field.default)
        assert not default or default == documented[name], name


def test_the_example_configuration_is_valid(tmp_path):
    (example,) = re.findall(r"^```toml\n(.*?)^```", OPERATING, re.MULTILINE | re.DOTALL)
    file = tmp_path / "regesta.toml"
    file.write_text(example)
    settings = config.load({}, file)
    given = tomllib.loads(example)
    assert set(given) == {"listen", "dsn", "drain_notice", "tls", "tokens"}
    assert (given["listen"], given["drain_notice"]) == (settings.listen, settings.drain_notice)
    assert settings.dsn is not None
    assert settings.tls is not None
    assert given["dsn"] == settings.dsn.get_secret_value()
    assert Path(given["tls"]["key"]) == settings.tls.key
    assert [token["principal"] for token in given["tokens"]] == [
        token.principal for token in settings.tokens
    ]


def test_the_table_of_roles_is_what_roles_may_do():
    head, *rows = table_below("Tokens, roles and permissions")
    roles = head[1:-1]
    assert set(ROLES) == set(roles)
    documented = {
        row[0].strip("`"): {role for role, cell in zip(roles, row[1:-1], strict=True) if cell}
        for row in rows
    }
    assert {
        permission.value: {role for role, allowed in ROLES.items() if permission in allowed}
        for permission in Permission
    } == documented


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target
