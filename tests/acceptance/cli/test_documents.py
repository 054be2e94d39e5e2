"""`regesta document`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.acceptance.cli.conftest import CommandLine


def test_a_document_is_put_read_listed_and_removed(cli: CommandLine, tmp_path: Path):
    file = tmp_path / "w1.json"
    file.write_text('{"url": "x"}')
    assert cli("document", "put", "webhooks/w1", str(file), "--etag", "0").out.startswith(
        "webhooks/w1 put at position "
    )
    assert '{"url": "x"}\n' == cli("document", "get", "webhooks/w1").out
    file.write_text("[]")
    written = cli("document", "put", "webhooks/w1", str(file), "--json").document
    assert ("[]", "2") == (written["document"]["content"], written["document"]["etag"])
    before = str(written["position"] - 1)
    assert '{"url": "x"}\n' == cli("document", "get", "webhooks/w1", "--as-of", before).out
    listed = cli("document", "list", "webhooks").out
    assert listed.startswith("webhooks/w1  ")
    assert listed.endswith("revision 2\n")
    (shown,) = cli("document", "list", "webhooks", "--json").document["documents"]
    assert written["document"] == shown
    cli("erase", "--resource", written["document"]["name"], "--legal-basis", "Art. 17")
    assert "(erased)\n" == cli("document", "get", "webhooks/w1").out
    assert "removed at position" in cli("document", "remove", "webhooks/w1").out
    assert "" == cli("document", "list", "webhooks").out


def test_what_is_no_document_is_refused(cli: CommandLine, tmp_path: Path):
    file = tmp_path / "w1.json"
    file.write_text("{}")
    assert "webhooks/w1" in cli("document", "put", "w1", str(file), code=2).err
    file.write_bytes(b"\xff")
    assert "UTF-8" in cli("document", "put", "webhooks/w1", str(file), code=2).err
    assert "a document's id" in cli("document", "get", "webhooks/W1", code=2).err
    assert "" == cli("document", "list", "webhooks").out
