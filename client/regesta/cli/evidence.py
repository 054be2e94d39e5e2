"""The command that makes a pack of evidence for an auditor."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from regesta.addresses import Address
from regesta.audit import packs
from regesta.audit.checkpoints import Checkpoint
from regesta.audit.encoding import to_base64
from regesta.audit.notes import Note
from regesta.audit.packs import Manifest, PackWriter
from regesta.audit.page import page
from regesta.cli.gathering import End, Gathered, Prover, disclosed, end_of, of_period, of_resource
from regesta.cli.happened import read
from regesta.cli.offline import FILE, load_policy, told
from regesta.cli.output import counted
from regesta.cli.packed import verify_pack
from regesta.cli.replaying import TIME, recorded_before
from regesta.cli.session import Session, pass_session
from regesta.cli.timeline import render
from regesta.merkle import OutOfRange
from regesta.names import VersionName
from regesta.sealed import disclosure_of

_README = """# Evidence: {subject}

What the model registry recorded of {subject} in the namespace {namespace}: {count}, all
among the {size} of the log at the time of its checkpoint.

- `timeline.html`: who did what, when and why. Open it in a browser.
- `verify.html`: checks every event here, in your browser, without a network. It must say GENUINE.
- `regesta verify THIS_FOLDER_OR_ZIP --policy policy.txt` checks the same, and the other files.

**Take the key from elsewhere.** `policy.txt` names the keys whose signatures make this count. A
forger would bring the forger's key: compare it with the one that the registry's operator gave you
in another way, or use your own policy.

{texts}

The format is described in docs/audit/packs.md of regesta.
"""

_UNVERIFIED_POLICY = """\
# The keys that the server named. Compare them with those that its operator gave you in another
# way before you believe what they signed.
"""


@dataclass(frozen=True, slots=True)
class _Request:
    """What is wanted."""

    out: Path
    policy: Path | None
    known: tuple[Path, ...]
    redact: bool
    disclose: frozenset[str]

    def shows(self, field: str) -> bool:
        """Return whether texts of a field go into the pack."""
        return not self.redact and (not self.disclose or field in self.disclose)


@click.command()
@click.argument("resource", required=False)
@click.option("--from", "since", type=TIME, metavar="TIME", help="Recorded at this time or later.")
@click.option("--to", "before", type=TIME, metavar="TIME", help="Recorded before this time.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="pack.zip",
    show_default=True,
    metavar="PATH",
    help="A zip file, or a folder if it does not end in .zip.",
)
@click.option("--redact-texts", "redact", is_flag=True, help="Without any free text.")
@click.option(
    "--disclose",
    multiple=True,
    metavar="FIELD",
    help="With texts of this field only, as in reason. May be repeated.",
)
@click.option("--policy", type=FILE, metavar="FILE", help="Whose signatures count; goes along.")
@click.option(
    "--known",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A checkpoint from earlier, to be shown to be a part. May be repeated.",
)
@pass_session
def evidence(
    session: Session,
    resource: str | None,
    *,
    since: datetime | None,
    before: datetime | None,
    out: Path,
    redact: bool,
    disclose: tuple[str, ...],
    policy: Path | None,
    known: tuple[Path, ...],
) -> None:
    """Make a pack for an auditor: of a version, model or alias, or of a period.

    Of a version it has all that happened to it, to its model and to every alias that pointed to
    it. Each event comes with its proof; verify.html checks them in any browser, timeline.html
    tells them. The pack is verified here before it is done; findings end with exit code 7.
    """
    if (resource is None) == (since is None and before is None):
        raise click.UsageError("name a resource, or give --from and --to")
    if redact and disclose:
        raise click.UsageError("--redact-texts and --disclose exclude each other")
    if out.exists():
        raise click.UsageError(f"{out} is there already")
    wanted = _Request(out, policy, known, redact, frozenset(disclose))
    with told():
        _make(session, resource, since, before, wanted)
    verify_pack(session, out, policy, known)


def _make(
    session: Session,
    resource: str | None,
    since: datetime | None,
    before: datetime | None,
    wanted: _Request,
) -> None:
    client = session.client()
    end = end_of(client)
    if resource is None:
        after = recorded_before(client, since) if since else 0
        until = recorded_before(client, before) if before else end.size
        gathered = of_period(client, after, until, end)
        gathered.subject = f"the period from {since or 'the beginning'} to {before or 'now'}"
    else:
        target = session.parse(resource)
        if target.namespace != client.namespace:
            client = session.client(target.namespace)
            end = end_of(client)
        name = target.subject
        if isinstance(name, Address):
            name = VersionName.parse(session.resolve(target).name)
        gathered = of_resource(client, name, end)
        if not gathered.events:
            # The server's own words for what is not there.
            client.get_history(str(name), page_size=1)
    if not gathered.events:
        raise click.ClickException("nothing that is signed happened there")
    _write(_Contents(gathered, end, Prover(client, end), client.namespace), wanted)


@dataclass(frozen=True, slots=True)
class _Contents:
    gathered: Gathered
    end: End
    prover: Prover
    namespace: str


def _write(contents: _Contents, wanted: _Request) -> None:
    end, gathered = contents.end, contents.gathered
    files = dict(_evidence_files(contents, wanted))
    manifest = Manifest(
        "events", contents.namespace, end.origin, end.size, end.root, gathered.subject
    )
    with PackWriter(wanted.out) as pack:
        for name, data in files.items():
            pack.write(name, data)
        pack.write("timeline.html", _timeline(contents, wanted))
        pack.write("verify.html", page(manifest, files))
        pack.write("README.md", _readme(contents, wanted))
        pack.finish(manifest)


def _evidence_files(contents: _Contents, wanted: _Request) -> Iterable[tuple[str, bytes]]:
    """Yield the files that are evidence, and the policy."""
    end, events, prover = contents.end, contents.gathered.events, contents.prover
    yield packs.EVENTS, b"".join(event.record + b"\n" for event in events)
    yield (
        packs.PROOFS,
        _lines(
            {"position": event.position, "proof": [*map(to_base64, prover.inclusion(event))]}
            for event in events
        ),
    )
    if end.note:
        yield packs.CHECKPOINT, end.note.encode()
    earlier = [path.read_bytes() for path in wanted.known]
    proofs = []
    for note in earlier:
        checkpoint = Checkpoint.parse(Note.parse(note).text)
        yield f"{packs.EARLIER}{checkpoint.size}", note
        try:
            proof = prover.consistency(checkpoint.size)
        except OutOfRange as error:
            raise click.ClickException(f"a checkpoint that you kept is newer: {error}") from None
        proofs.append({"old_size": checkpoint.size, "proof": [*map(to_base64, proof)]})
    if proofs:
        yield packs.CONSISTENCY, _lines(proofs)
    if (heads := contents.gathered.heads) is not None:
        lines = [
            {"line": one.line.decode(), "index": one.index, "path": [*map(to_base64, one.path)]}
            for one in heads.lines
        ]
        document = {"position": heads.event.position, "lines": lines}
        yield packs.HEADS, json.dumps(document, ensure_ascii=False).encode() + b"\n"
    texts = _lines(
        {
            "position": position,
            "field": text.field,
            "disclosure": disclosure_of(text.salt, text.text),
        }
        for position, text in disclosed(events, wanted.shows)
    )
    if texts:
        yield packs.DISCLOSURES, texts
    if wanted.policy is not None:
        load_policy(wanted.policy)
        yield "policy.txt", wanted.policy.read_bytes()
    elif end.verifier_keys:
        keys = "".join(f"log {key}\n" for key in end.verifier_keys)
        yield "policy.txt", f"{_UNVERIFIED_POLICY}{keys}quorum none\n".encode()


def _timeline(contents: _Contents, wanted: _Request) -> bytes:
    events = []
    for event in contents.gathered.events:
        happened = read(event)
        texts = {field: text for field, text in happened.texts.items() if wanted.shows(field)}
        events.append(replace(happened, texts=texts))
    about = f"Namespace {contents.namespace}, {counted(len(events), 'event')}."
    return render(contents.gathered.subject, about, events)


def _readme(contents: _Contents, wanted: _Request) -> bytes:
    if wanted.redact or wanted.disclose:
        texts = (
            "Free texts were left out when this was made"
            + (f", but for {', '.join(sorted(wanted.disclose))}" if wanted.disclose else "")
            + ". Their salted digests stand in the records, so whoever shows you a text later"
            " can prove that it is the original."
        )
    else:
        texts = (
            "Free texts are those that whoever made this may read. One that is not here was"
            " erased or withheld; its salted digest still stands in the record."
        )
    return _README.format(
        subject=contents.gathered.subject,
        namespace=contents.namespace,
        count=counted(len(contents.gathered.events), "event"),
        size=contents.end.size,
        texts=texts,
    ).encode()


def _lines(documents: Iterable[dict[str, object]]) -> bytes:
    return b"".join(
        json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        for one in documents
    )
