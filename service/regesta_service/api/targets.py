"""What a request is about, as far as grants ask: read by the descriptors of its fields.

| fact | taken from |
| --- | --- |
| `model` | resource names in the request, `address`, and `model_id` of a new model; its first name |
| `version` | resource names, `address`, and a field `version` |
| `alias` | resource names, `address`, and a field `alias` |
| `stage`, `from_stage` | fields of these names; `stage` also from `address` and `displace_to` |
| `tags` | keys of `tags`, also of a model or version to be made, and `keys` to remove |
| `role`, `grantee` | `role`, and `principal` or `group` |

A request that names several of one kind, in a list of parts or in several fields, is about
each of them, and a grant must allow all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from regesta import addresses, names
from regesta.addresses import Alias, InvalidAddress, Number, Stage
from regesta.names import AliasName, InvalidName, ModelName, VersionName

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Texts: what they begin with means nothing.
_TEXTS: Final = frozenset(
    {
        "reason",
        "description",
        "card",
        "matter",
        "legal_basis",
        "label",
        "filter",
        "display",
        "occurred_by",
        # What a document says, a text in a request of its own.
        "content",
    }
)
#: What a version is made of: that it names others does nothing to them.
_CONTENT: Final = frozenset({"lineage", "signature", "manifest", "properties", "source"})
_COPIED: Final = ("stage", "from_stage", "alias", "role")
#: Parts of a request that are looked into, so deep.
_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a request is about."""

    #: A model by any name of it; empty for none.
    model: str = ""
    version: int = 0
    alias: str = ""
    stage: str = ""
    from_stage: str = ""
    tags: tuple[str, ...] = ()
    role: str = ""
    grantee: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about."""

    #: At least one.
    items: tuple[Item, ...]
    #: Whether all of it is about one model; else it is about the namespace.
    one_model: bool


@dataclass(slots=True)
class _Found:
    """What was found so far, on the way through a request."""

    models: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    plain: dict[str, list[str]] = field(default_factory=dict)
    parts: list[_Found] = field(default_factory=list)

    def items(self) -> Iterable[Item]:
        """Yield what it comes to, a part at a time; several of a kind are several items."""
        if self.parts:
            for part in self.parts:
                yield from self._with(part).items()
            return
        lengths = [len(self.models), len(self.versions), len(self.aliases)]
        lengths += [len(values) for values in self.plain.values()]
        for at in range(max(1, *lengths)):
            plain = {name: _at(values, at, "") for name, values in self.plain.items()}
            yield Item(
                model=_at(self.models, at, ""),
                version=_at(self.versions, at, 0),
                alias=_at(self.aliases, at, ""),
                tags=tuple(sorted(set(self.tags))),
                **plain,
            )

    def _with(self, part: _Found) -> _Found:
        return _Found(
            part.models or self.models,
            part.versions or self.versions,
            part.aliases or self.aliases,
            [*self.tags, *part.tags],
            self.plain | part.plain,
            part.parts,
        )


def _at(values: list[Any], at: int, nothing: Any) -> Any:
    """Return a value; where there are fewer than of another kind, the last of them."""
    return values[min(at, len(values) - 1)] if values else nothing


def target_of(request: Message, scope: tuple[str, ...]) -> Target:
    """Return what a request is about.

    Args:
        request: Any of ours.
        scope: Path of the field that names where it happens, as `Method.scope`.
    """
    found = _Found()
    _read(request, found, 0)
    items = tuple(found.items())
    models = {item.model.lower() for item in items}
    within = _is_within_model(request, scope)
    return Target(items, one_model=within and len(models) == 1 and "" not in models)


def _is_within_model(request: Any, scope: tuple[str, ...]) -> bool:
    """Say whether a request cannot reach beyond the model that it names.

    That is so when the place where it happens is in one. Of requests to a namespace there
    are three: to make a model, to resolve an address that names one, and for the latest
    versions of models that are named.
    """
    fields = request.DESCRIPTOR.fields_by_name
    if "model_id" in fields or "address" in fields:
        return True
    if request.DESCRIPTOR.name == "ListLatestVersionsRequest":
        return True
    value: Any = request
    for part in scope:
        value = getattr(value, part)
    return isinstance(value, str) and "/models/" in value


def _read(message: Any, found: _Found, depth: int) -> None:
    for described, value in message.ListFields():
        name = described.name
        if name in _TEXTS or name in _CONTENT:
            continue
        if described.type == FieldDescriptor.TYPE_STRING:
            for text in (value,) if isinstance(value, str) else value:
                _read_text(name, text, found)
        elif name == "tags":
            found.tags += list(value)
        elif name == "version" and isinstance(value, int):
            found.versions.append(value)
        elif isinstance(value, Message):
            if depth < _DEPTH:
                _read(value, found, depth + 1)
        elif (
            described.message_type is not None
            and not described.message_type.GetOptions().map_entry
            and depth < _DEPTH
        ):
            _read_parts(value, found, depth)


def _read_parts(parts: Any, found: _Found, depth: int) -> None:
    """Read a list of messages, each of which is a thing of its own."""
    for part in parts:
        below = _Found()
        _read(part, below, depth + 1)
        if below != _Found():
            found.parts.append(below)


def _read_text(name: str, text: str, found: _Found) -> None:
    if name in _COPIED:
        _copy(name, text, found)
    elif name == "displace_to":
        found.plain.setdefault("stage", []).append(text)
    elif name in {"principal", "group"}:
        found.plain.setdefault("grantee", []).append(text)
    elif name == "keys":
        found.tags.append(text)
    elif name == "model_id":
        found.models.append(text)
    elif name == "address":
        _read_address(text, found)
    elif text.startswith("namespaces/"):
        _read_name(text, found)


def _copy(name: str, text: str, found: _Found) -> None:
    if name == "alias":
        found.aliases.append(text)
    else:
        found.plain.setdefault(name, []).append(text)


def _read_name(text: str, found: _Found) -> None:
    try:
        name = names.parse(text)
    except InvalidName:
        return
    if isinstance(name, ModelName | VersionName | AliasName):
        found.models.append(name.model)
    if isinstance(name, VersionName):
        found.versions.append(name.version)
    if isinstance(name, AliasName):
        found.aliases.append(name.alias)


def _read_address(text: str, found: _Found) -> None:
    try:
        address = addresses.parse(text)
    except InvalidAddress:
        return
    if address.model:
        found.models.append(address.model)
    match address.selector:
        case Number(version=version):
            found.versions.append(version)
        case Alias(alias=alias):
            found.aliases.append(alias)
        case Stage(stage=stage):
            found.plain.setdefault("stage", []).append(stage)
        case _:
            pass
