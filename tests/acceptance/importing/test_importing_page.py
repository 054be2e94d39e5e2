"""docs/importing.md: its examples print what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from regesta.cli.program import run
from regesta.exporting.formats import write_jsonl
from tests.acceptance.cli.test_reference import _EXAMPLES, played, settled
from tests.acceptance.importing.test_import_huggingface import CARD
from tests.acceptance.importing.test_import_mlflow import filled
from tests.acceptance.test_readme import blocks_of, check_installation

if TYPE_CHECKING:
    from collections.abc import Callable

    import regesta
    from tests.support.mlflow_registry import MlflowRegistry
    from tests.support.server_process import ServerProcess

PAGE = Path(__file__).parents[3] / "docs/importing.md"

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def say(
    *,
    registry: MlflowRegistry,
    client: regesta.Client,
    elsewhere: regesta.Client,
    server: ServerProcess,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], str]:
    """A function that runs a command in a folder with a registry, a repository and a log."""
    filled(registry)
    folder = tmp_path / "sentiment"
    folder.mkdir()
    (folder / "README.md").write_text(CARD)
    elsewhere.register("theirs", source="s3://theirs/1")
    elsewhere.update_model(
        elsewhere.get_model("theirs"), update_mask=["description"], reason="it had none"
    )
    with (tmp_path / "theirs.jsonl").open("wb") as file:
        write_jsonl(elsewhere.events(), file)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGESTA_TARGET", server.address)
    monkeypatch.setenv("REGESTA_NAMESPACE", client.namespace)
    codes = [0]

    def run_it(command: str) -> str:
        if command == "echo $?":
            return f"{codes[-1]}\n"
        program, *arguments = shlex.split(command)
        assert "regesta" == program
        capfd.readouterr()
        codes.append(run(arguments))
        out, err = capfd.readouterr()
        # Beside errors there is how far it is, and what MLflow logs.
        errors = [line for line in err.splitlines(keepends=True) if line.startswith("error")]
        said = settled(out + "".join(errors)).replace(str(tmp_path), "/srv")
        said = re.sub("@[0-9a-f]{16}", "@b2d7f5fc83e631ff", said)
        return said.replace(elsewhere.namespace, "theirs").replace(client.namespace, "default")

    return run_it


def test_the_examples_print_what_the_page_says(say: Callable[[str], str]):
    blocks = _EXAMPLES.findall(PAGE.read_text())
    now = [played(block, say) for block in blocks]
    assert now == [settled(block) for block in blocks]


def test_what_the_page_has_installed_can_be_installed():
    others = [block for block in blocks_of(PAGE) if block.language != "console"]
    assert ["sh"] == [block.language for block in others]
    pip, install, *what = shlex.split(others[0].text)
    assert ("pip", "install") == (pip, install)
    check_installation(what)
