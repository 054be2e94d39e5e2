"""What `import regesta` gives, and what it does not bring along."""

from __future__ import annotations

import subprocess
import sys

import pytest

import regesta


def test_each_public_name_is_found_where_it_is_said_to_be():
    assert set(regesta.__all__) == set(regesta._HOMES)
    assert set(regesta.__all__) <= set(dir(regesta))
    for name in regesta.__all__:
        assert getattr(regesta, name) is not None
    assert regesta.NotFound is regesta.errors.NotFound


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Clint'"):
        getattr(regesta, "Clint")  # noqa: B009 - a type checker would not let it stand


@pytest.mark.parametrize("module", ["regesta.v1.model_pb2", "regesta_service.app"])
def test_the_client_comes_only_to_those_who_use_it(module: str):
    script = (
        f"import sys, {module}; print([name for name in sys.modules"
        " if name.startswith(('regesta._aio', 'regesta._sync'))])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True
    )
    assert "[]\n" == ended.stdout, ended.stderr
