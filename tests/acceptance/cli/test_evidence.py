"""A pack of evidence: made over the API, verified here, in a browser, and refused when edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from regesta.audit.checkpoints import log_origin
from regesta.audit.keys import log_verifier
from regesta.audit.policies import Log, Policy
from regesta.audit.verifying import verify
from regesta_service.audit.memory import Memory
from regesta_service.audit.publisher import Publisher
from tests.support import browser
from tests.support.publishing import DEPLOYMENT, KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    import regesta
    from tests.acceptance.cli.conftest import CommandLine
    from tests.databases import LiveDatabase

has_chromium = pytest.mark.skipif(browser.PROGRAM is None, reason="no Chromium")

DOCS = Path(__file__).parents[3] / "docs" / "audit"
PROGRAMS = Path(sys.executable).parent

REASON = "because of <b>Rosa</b> & her report"


@pytest.fixture
def policy(namespace: str, tmp_path: Path) -> Path:
    path = tmp_path / "policy.txt"
    key = log_verifier(log_origin(DEPLOYMENT, namespace), KEY)
    path.write_text(Policy((Log(key),)).encode())
    return path


@pytest.fixture
def publish(server_database: LiveDatabase, tmp_path: Path):
    def look() -> None:
        with Memory(tmp_path / "memory") as memory:
            publisher = Publisher(server_database.service_dsn, [KEY], memory, origin=DEPLOYMENT)
            try:
                publisher.look()
            finally:
                publisher.close()

    return look


@pytest.fixture
def published(churn: CommandLine, client: regesta.Client, publish) -> CommandLine:
    """The story of churn and something else, all heads committed to, all of it signed."""
    churn("update", "churn/2", "--description", "what Rosa wrote", "--reason", REASON)  # 8
    churn("register", "unrelated")  # 9, 10
    list(client.commit_heads())  # 11
    publish()
    return churn


def made(published: CommandLine, out: Path, policy: Path, *arguments: str) -> Path:
    published("evidence", *arguments, "--out", str(out), "--policy", str(policy))
    return out


def test_evidence_of_a_version_is_all_of_it_and_nothing_else(
    published: CommandLine, policy: Path, tmp_path: Path
):
    pack = made(published, tmp_path / "pack.zip", policy, "churn/2")
    report = verify(pack, Policy.parse(policy.read_bytes()))
    assert (True, 3, 11) == (report.ok, report.complete_streams, report.size)
    with zipfile.ZipFile(pack) as archive:
        lines = archive.read("proofs.jsonl").splitlines()
        timeline = archive.read("timeline.html").decode()
        names = set(archive.namelist())
    # The other version is not in it; the alias is, from its first event on.
    assert [2, 4, 5, 6, 7, 8, 11] == [json.loads(line)["position"] for line in lines]
    assert {"manifest.json", "README.md", "verify.html", "policy.txt", "checkpoint"} < names
    assert "pointed the alias to version 2" in timeline
    assert "because of &lt;b&gt;Rosa&lt;/b&gt; &amp; her report" in timeline


def test_the_timeline_shows_a_claim_as_the_importer_s_word(
    churn: CommandLine, publish, policy: Path, tmp_path: Path
):
    claim = ("--occurred-at", "2020-01-02T03:04:05Z", "--occurred-by", "<i>Ana</i>")
    churn("register", "imported", *claim)
    publish()
    pack = made(churn, tmp_path / "pack.zip", policy, "imported")
    assert verify(pack, Policy.parse(policy.read_bytes())).ok
    with zipfile.ZipFile(pack) as archive:
        timeline = archive.read("timeline.html").decode()
    said = (
        "happened 2020-01-02T03:04:05Z, done by &lt;i&gt;Ana&lt;/i&gt;, by the importer&#x27;s word"
    )
    assert said in timeline


def test_evidence_of_a_period_and_of_other_resources(
    published: CommandLine, client: regesta.Client, policy: Path, tmp_path: Path
):
    times = [json.loads(event.record)["recordedtime"] for event in client.events()]
    period = made(published, tmp_path / "period", policy, "--from", times[3], "--to", times[6])
    report = verify(period, Policy.parse(policy.read_bytes()))
    assert (True, 3, 0) == (report.ok, report.events, report.complete_streams)
    model = made(published, tmp_path / "model", policy, "churn")
    assert 8 == verify(model).events
    alias = made(published, tmp_path / "alias", policy, "churn@champion", "--redact-texts")
    assert verify(alias).ok


def test_earlier_checkpoints_are_shown_to_be_a_part(
    published: CommandLine, policy: Path, tmp_path: Path, publish, client: regesta.Client
):
    kept = tmp_path / "kept"
    kept.write_text(client.get_checkpoint().note)
    client.set_tags("churn", tags={"more": "1"})
    publish()
    pack = made(published, tmp_path / "pack.zip", policy, "churn/1", "--known", str(kept))
    assert 1 == verify(pack, None, [kept.read_bytes(), kept.read_bytes()]).prefixes


def test_a_redacted_pack_verifies_and_says_nothing(
    published: CommandLine, policy: Path, tmp_path: Path
):
    redacted = made(published, tmp_path / "redacted", policy, "churn/2", "--redact-texts")
    everything = b"".join(path.read_bytes() for path in redacted.rglob("*") if path.is_file())
    assert b"Rosa" not in everything
    assert b"better" not in everything
    some = made(published, tmp_path / "some", policy, "churn/2", "--disclose", "description")
    shown = (some / "disclosures.jsonl").read_bytes().splitlines()
    assert ["description"] == [json.loads(line)["field"] for line in shown]
    assert (True, 5) == (verify(redacted).ok, verify(redacted).withheld)


def test_without_a_signature_there_is_evidence_of_agreement_only(
    churn: CommandLine, tmp_path: Path
):
    said = churn("evidence", "churn/2", "--out", str(tmp_path / "pack")).out
    assert "not judged" in said
    assert not (tmp_path / "pack" / "checkpoint").exists()


def test_what_cannot_be_made_is_refused(published: CommandLine, tmp_path: Path):
    out = str(tmp_path / "pack.zip")
    assert "name a resource" in published("evidence", "--out", out, code=2).err
    assert (
        "exclude"
        in published(
            "evidence", "churn", "--redact-texts", "--disclose", "reason", "--out", out, code=2
        ).err
    )
    for missing, reason in (
        ("nothing", "MODEL_NOT_FOUND"),
        ("churn/99", "VERSION_NOT_FOUND"),
        ("churn@nobody", "ALIAS_NOT_FOUND"),
    ):
        same = published("log", missing, code=3).err
        assert reason in same
        assert same == published("evidence", missing, "--out", out, code=3).err
    published("create", "unsigned")
    assert "signed" in published("evidence", "unsigned", "--out", out, code=1).err
    published("evidence", "--from", "2999-01-01", "--out", out, code=1)
    assert [] == list(tmp_path.glob("*pack*"))
    Path(out).touch()
    assert "there already" in published("evidence", "churn", "--out", out, code=2).err


@pytest.mark.skipif(not shutil.which("node"), reason="no Node")
def test_a_whole_log_is_checked_without_our_code_as_the_page_for_auditors_says(
    published: CommandLine,
    policy: Path,
    tmp_path: Path,
):
    page = (DOCS / "README.md").read_text()
    (block,) = [one for one in page.split("```sh\n")[1:] if "node verify.mjs" in one]
    shutil.copy(DOCS / "verify.mjs", tmp_path)
    assert policy == tmp_path / "policy.txt"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.partition("```")[0]],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "genuine: 11 events" in done.stdout


@has_chromium
def test_a_browser_says_which_evidence_is_genuine(
    published: CommandLine, policy: Path, tmp_path: Path
):
    pack = made(published, tmp_path / "pack", policy, "churn/2")
    page, profile = pack / "verify.html", tmp_path / "profile"
    verdict, checks = browser.opened(page, profile)
    assert ("genuine", {"good"}) == (verdict, set(checks.values()))
    assert {"events", "checkpoint", "records", "order", "complete", "texts"} == set(checks)

    honest = page.read_text()
    edits = {
        "s3://churn/2": ("s3://churn/9", {"events", "order"}),
        # A text that is genuine, but was said of something else.
        '\\"field\\":\\"description\\"': ('\\"field\\":\\"reason\\"', {"texts"}),
    }
    for old, (new, wrong) in edits.items():
        assert old in honest
        page.write_text(honest.replace(old, new, 1))
        verdict, checks = browser.opened(page, profile)
        assert "not-genuine" == verdict
        assert wrong == {name for name, result in checks.items() if result == "bad"}

    forged = Policy((Log(log_verifier(log_origin("forger.example", "acme"), KEY)),)).encode()
    own = json.dumps(policy.read_text())[1:-1]
    page.write_text(honest.replace(own, json.dumps(forged)[1:-1], 1))
    assert "not-genuine" == browser.opened(page, profile)[0]


_GIVE_FILES = """<script>
const given = new DataTransfer();
for (const [name, text] of Object.entries(%s)) given.items.add(new File([text], name));
document.getElementById("files").files = given.files;
document.getElementById("files").dispatchEvent(new Event("change"));
</script></body>"""


@has_chromium
@pytest.mark.parametrize(("word", "verdict"), [("better", "genuine"), ("edited", "not-genuine")])
def test_a_page_of_ones_own_checks_the_files_of_another_pack(
    published: CommandLine, policy: Path, tmp_path: Path, word: str, verdict: str
):
    own = made(published, tmp_path / "own", policy, "churn/1", "--redact-texts")
    other = made(published, tmp_path / "other", policy, "churn/2")
    names = ("manifest.json", "events.jsonl", "proofs.jsonl", "checkpoint", "heads.json")
    texts = {name: (other / name).read_text() for name in (*names, "disclosures.jsonl")}
    if word == "edited":
        texts["events.jsonl"] = texts["events.jsonl"].replace('"staging"', '"archived"')
    page = own / "verify.html"
    script = _GIVE_FILES % json.dumps(texts).replace("<", "\\u003c")
    # What the page holds itself is not genuine, so a good verdict can only be of the files.
    edited = page.read_text().replace("s3://churn/1", "s3://churn/9")
    page.write_text(edited.replace("</body>", script))
    found, checks = browser.opened(page, tmp_path / "profile")
    assert (verdict, word == "better") == (found, checks["events"] == "good")


@has_chromium
def test_a_browser_takes_a_redacted_pack_for_genuine(
    published: CommandLine, policy: Path, tmp_path: Path
):
    pack = made(published, tmp_path / "pack", policy, "churn/2", "--redact-texts")
    assert "genuine" == browser.opened(pack / "verify.html", tmp_path / "profile")[0]
    shutil.rmtree(pack)


def test_evidence_of_a_version_holds_who_approved_it_and_by_what_policy(
    cli: CommandLine, publish: Callable[[], None], tmp_path: Path
):
    file = tmp_path / "policies.toml"
    file.write_text('[[policies]]\nid = "gate"\nstages = ["staging"]\nrequired_tags = ["risk"]\n')
    cli("policy", "apply", str(file))
    for number in (1, 2):
        cli("register", "churn", "--source", f"s3://churn/{number}")
        cli("evaluate", f"churn/{number}", "--dataset", "holdout", "--metric", "auc=0.9")
        cli("request", f"churn/{number}", "staging")
    pack = tmp_path / "pack"
    publish()
    cli("evidence", "churn/1", "--out", str(pack))
    streams = {
        json.loads(line)["subject"] for line in (pack / "events.jsonl").read_text().splitlines()
    }
    assert {"governance", "models/churn", "models/churn/versions/1"} <= streams
    assert "models/churn/versions/1/evaluations" in streams
    assert len([stream for stream in streams if stream.startswith("requests/")]) == 1
