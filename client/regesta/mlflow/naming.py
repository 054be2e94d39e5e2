"""How MLflow's names and ours belong together.

MLflow lets a model be called nearly anything, lets two names differ in case only, and frees a
name when its model is deleted or renamed. Here a name is plain, is one without regard to case,
and never comes to mean another model. So a name of MLflow's has a row of ids here, and belongs
to the first of them that is free or its own: the name itself if our rules allow it, then ids
made of it and its hash. An id other than the name keeps it in a tag, `NAME_TAG`.

Nothing is remembered for this: whoever looks along the row finds the same model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Final

from regesta.names import InvalidName, check_alias, check_model

#: The tag of a model that says what MLflow calls it, where that is not its id.
NAME_TAG: Final = "regesta.mlflow.name"

#: The collection of documents that MLflow's webhooks are.
WEBHOOKS: Final = "mlflow-webhooks"
#: The variable that has the key of their secrets, MLflow's own.
WEBHOOK_KEY: Final = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"

#: Properties of a version that MLflow knows and we have no field for.
RUN_LINK: Final = "mlflow.run_link"
STORAGE_LOCATION: Final = "mlflow.storage_location"
USER_ID: Final = "mlflow.user_id"

#: Our default stages, and what MLflow calls them. Other stages have one name in both.
STAGES: Final = {
    "development": "None",
    "staging": "Staging",
    "production": "Production",
    "archived": "Archived",
}
_OUR_STAGES: Final = {name.lower(): stage for stage, name in STAGES.items()}

_DERIVED = re.compile(r".+\.m[0-9a-f]{12}(\.[0-9]+)?")
_UNWANTED = re.compile(r"[^A-Za-z0-9._-]+")
_READABLE = 200

# What an alias of MLflow's becomes that is none here: `x--`, and `-` and two hex digits for each
# byte that is neither letter nor digit.
_ESCAPED = "x--"
_PLAIN_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")


def model_ids(name: str) -> Iterator[str]:
    """Yield the ids that a model of MLflow's may have here, in their order, without end."""
    if id_is_name(name):
        yield name
    readable = _UNWANTED.sub("-", name).strip("-._")[:_READABLE].rstrip("-._") or "model"
    derived = f"{readable}.m{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
    yield derived
    for number in count(2):
        yield f"{derived}.{number}"


def id_is_name(name: str) -> bool:
    """Say whether a name of MLflow's can be an id here as it is."""
    try:
        check_model(name)
    except InvalidName:
        return False
    return _DERIVED.fullmatch(name) is None


def name_of(model_id: str, tags: dict[str, str]) -> str:
    """Return what MLflow calls a model, from its id and its tags here."""
    return tags.get(NAME_TAG) or model_id


def alias_id(alias: str) -> str:
    """Return our spelling of an alias of MLflow's; both can be told from each other.

    Raises:
        InvalidName: It would be too long.
    """
    if not alias.startswith(_ESCAPED):
        try:
            return check_alias(alias)
        except InvalidName:
            pass
    escaped = "".join(
        chr(byte) if byte in _PLAIN_BYTES else f"-{byte:02x}" for byte in alias.encode()
    )
    return check_alias(_ESCAPED + escaped)


def alias_of(alias: str) -> str:
    """Return MLflow's spelling of an alias of ours."""
    if not alias.startswith(_ESCAPED):
        return alias
    plain = re.sub(
        rb"-([0-9a-f]{2})",
        lambda match: bytes([int(match[1], 16)]),
        alias.removeprefix(_ESCAPED).encode(),
    )
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return alias  # made by hand


def webhook_document(namespace: str, webhook: str) -> str:
    """Return the resource name of the document that a webhook of MLflow's is."""
    return f"namespaces/{namespace}/collections/{WEBHOOKS}/documents/{webhook}"


def stage_id(stage: str) -> str:
    """Return our name of a stage of MLflow's."""
    return _OUR_STAGES.get(stage.lower(), stage.lower())


def stage_of(stage: str) -> str:
    """Return MLflow's name of a stage of ours."""
    return STAGES.get(stage, stage)
