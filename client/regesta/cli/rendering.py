"""Models, versions, aliases and events as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from regesta.cli.documents import document, enum_text
from regesta.cli.fields import value_text
from regesta.cli.happened import Happened, claimed
from regesta.cli.output import Cell, Output
from regesta.cli.targets import short_of
from regesta.cli.times import local
from regesta.cli.words import in_words
from regesta.v1 import flag_pb2, model_pb2, version_pb2

_KIND = model_pb2.ModelKind.DESCRIPTOR
_SEVERITY = flag_pb2.FlagSeverity.DESCRIPTOR
_UNIT = 1000
_UNITS = ("B", "kB", "MB", "GB", "TB")
_STAGE_STYLES = {"production": "green", "staging": "yellow", "archived": "dim"}

Rows = Iterator[tuple[str, Cell]]


def models_table(output: Output, models: Iterable[model_pb2.Model]) -> None:
    """Write models as a table."""
    output.table(
        ("MODEL", "KIND", "LATEST#", "ALIASES", "OWNER", "CHANGED"),
        (
            (
                _deleted(short_of(model.name), deleted=model.HasField("delete_time")),
                kind_of(model),
                str(model.latest_version or "-"),
                ", ".join(f"{name}={number}" for name, number in sorted(model.aliases.items())),
                model.owner,
                time_of(model.update_time),
            )
            for model in models
        ),
    )


def versions_table(output: Output, versions: Iterable[version_pb2.Version]) -> None:
    """Write versions as a table."""
    output.table(
        ("VERSION", "STAGE", "SEMVER", "ALIASES", "REGISTERED", "BY", "SOURCE"),
        (
            (
                _deleted(short_of(version.name), deleted=version.HasField("delete_time")),
                stage_cell(version.stage),
                version.semver,
                ", ".join(version.aliases),
                time_of(version.create_time),
                version.created_by,
                version.source,
            )
            for version in versions
        ),
    )


def model_facts(output: Output, model: model_pb2.Model) -> None:
    """Write all that is known of a model."""
    output.facts(short_of(model.name), _model_rows(model))


def version_facts(output: Output, version: version_pb2.Version) -> None:
    """Write all that is known of a version."""
    output.facts(short_of(version.name), _version_rows(version))


def alias_facts(output: Output, alias: model_pb2.Alias) -> None:
    """Write all that is known of an alias."""
    rows: list[tuple[str, Cell]] = [("version", str(alias.version))]
    if alias.previous_version:
        rows.append(("before", str(alias.previous_version)))
    if alias.protected:
        rows.append(("protected", "yes"))
    if alias.pinned:
        rows.append(("pinned", f"{time_of(alias.pin_time)} by {alias.pinned_by}"))
    rows.append(("changed", f"{time_of(alias.update_time)} by {alias.updated_by}"))
    rows.append(("revision", alias.etag))
    output.facts(short_of(alias.name), rows)


def event_lines(output: Output, event: Happened) -> None:
    """Write an event: who did what and when, and below it why."""
    output.line(
        (f"{event.position:>7}", "yellow"),
        f"  {local(event.recorded_at)}  ",
        (event.actor, "cyan"),
        "  ",
        (short_of(event.stream), "bold"),
        ": ",
        (in_words(event), "bold red" if event.breaks_glass else ""),
    )
    if claim := event.claim(local):
        output.line(" " * 9, (claim, "dim"))
    for line in event.reason.splitlines():
        output.line(" " * 9, (line, "dim"))


def kind_of(model: model_pb2.Model) -> str:
    """Return a model's kind in lower case."""
    return enum_text(_KIND, model.kind).lower()


def time_of(time: Timestamp) -> str:
    """Return a time of the API in the local zone."""
    return local(time.ToDatetime(UTC))


def stage_cell(stage: str) -> Cell:
    """Return a stage in its colour."""
    return stage, _STAGE_STYLES.get(stage, "")


def size_text(size: int) -> str:
    """Return a size in bytes for people, in powers of a thousand."""
    power, number = 0, float(size)
    while number >= _UNIT and power < len(_UNITS) - 1:
        power, number = power + 1, number / _UNIT
    return f"{number:.1f} {_UNITS[power]} ({size:,} bytes)" if power else f"{size} B"


def _model_rows(model: model_pb2.Model) -> Rows:
    yield from _flags(model.flags)
    yield "kind", kind_of(model)
    yield from _given("owner", model.owner)
    yield "latest", f"version {model.latest_version}" if model.latest_version else "no version yet"
    yield from _map("aliases", {name: f"version {n}" for name, n in model.aliases.items()})
    yield from _given("once called", ", ".join(short_of(name) for name in model.former_names))
    yield from _map("tags", model.tags)
    yield from _ends(model)


def _version_rows(version: version_pb2.Version) -> Rows:
    if version.HasField("revoked"):
        yield "revoked", (_revocation(version.revoked), "red")
    yield from _flags(version.flags)
    yield "stage", stage_cell(version.stage)
    yield from _given("aliases", ", ".join(version.aliases))
    yield from _given("semver", version.semver)
    yield from _given("source", version.source)
    yield from _given("digest", version.digest)
    if version.size_bytes:
        yield "size", size_text(version.size_bytes)
    for name in ("manifest", "lineage"):
        if version.HasField(name):
            yield from _map(name, document(getattr(version, name)))
    if version.HasField("signature"):
        for side in ("inputs", "outputs", "params"):
            specs = getattr(version.signature, side)
            yield from _map(
                side, {spec.name or str(i): _spec(spec) for i, spec in enumerate(specs)}
            )
    for name in ("params", "metrics", "properties", "tags"):
        yield from _map(name, document(version)[name])
    yield from _ends(version)


def _ends(resource: model_pb2.Model | version_pb2.Version) -> Rows:
    """Yield what models and versions have in common."""
    yield from _given("description", resource.description)
    if resource.card:
        yield "card", f"{len(resource.card):,} characters; see it with --card"
    yield "created", f"{time_of(resource.create_time)} by {resource.created_by}"
    created = _claimed_time(resource, "occurred_create_time")
    yield from _given("", claimed("created", "created", created, resource.occurred_created_by))
    yield "changed", f"{time_of(resource.update_time)} by {resource.updated_by}"
    yield from _given(
        "", claimed("changed", "", _claimed_time(resource, "occurred_update_time"), "")
    )
    if resource.HasField("delete_time"):
        yield "deleted", (time_of(resource.delete_time), "red")
    yield "revision", resource.etag


def _claimed_time(resource: model_pb2.Model | version_pb2.Version, field: str) -> str | None:
    return time_of(getattr(resource, field)) if resource.HasField(field) else None  # type: ignore[arg-type]  # any field


def _flags(flags: Iterable[flag_pb2.Flag]) -> Rows:
    """Yield a row for each open flag; what blocks is red."""
    name = "flags"
    for flag in flags:
        effect = ", blocking" if flag.blocking else ""
        said = f"{flag.id} ({enum_text(_SEVERITY, flag.severity)}{effect})"
        said += f", raised {time_of(flag.raise_time)} by {flag.raised_by}"
        yield name, (_with_reason(said, flag.reason), "red" if flag.blocking else "yellow")
        name = ""


def _revocation(revoked: flag_pb2.Revocation) -> str:
    said = f"{revoked.category}, {time_of(revoked.revoke_time)} by {revoked.revoked_by}"
    return _with_reason(said, revoked.reason)


def _with_reason(said: str, reason: str) -> str:
    return f"{said}: {' '.join(reason.split())}" if reason else said


def _spec(spec: version_pb2.TensorSpec) -> str:
    optional = ", optional" if spec.optional else ""
    return f"{spec.data_type} {value_text(list(spec.shape))}{optional}"


def _given(name: str, value: str) -> Rows:
    if value:
        yield name, value


def _map(name: str, values: Mapping[str, Any]) -> Rows:
    """Yield a row for each entry, the first with the map's name."""
    for key, value in sorted(values.items()):
        if value not in (None, "", [], {}) or name in {"tags", "params"}:
            yield name, f"{key} = {value_text(value)}"
            name = ""


def _deleted(name: str, *, deleted: bool) -> Cell:
    return (f"{name} (deleted)", "dim") if deleted else name
