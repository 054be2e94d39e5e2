"""Write the client's calls from the protos: one method for each RPC.

usage: tools/generate_client.py [--check]

Each method takes the fields of its request as keyword arguments, fills in what a
client knows (request id, namespace, consistency) and gives back the resource of the
answer. Docstrings are the comments of the protos. The result is
client/regesta/_aio/calls.py, from which tools/sync_client.py makes the other face.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import descriptor_pb2

ROOT = Path(__file__).parent.parent
OUTPUT = ROOT / "client/regesta/_aio/calls.py"
MAX_LINE = 96

Field = descriptor_pb2.FieldDescriptorProto
Message = descriptor_pb2.DescriptorProto

HEADER = '''"""One method for each RPC of the API.

Generated from proto/regesta/v1 by tools/generate_client.py; edit the protos.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from google.protobuf.field_mask_pb2 import FieldMask

from regesta._aio.transport import AsyncTransport
from regesta._shared import (
    Occurred,
    duration,
    full_name,
    moment,
    namespace_of,
    request_id_or_new,
    timestamp,
)
{imports}


class AsyncCalls:
    """The API of a server, with names relative to one namespace."""

    def __init__(self, transport: AsyncTransport, namespace: str) -> None:
        self._transport = transport
        self._namespace = namespace

    @property
    def namespace(self) -> str:
        """The namespace that short names are relative to."""
        return self._namespace
'''

SCALARS = {
    Field.TYPE_STRING: ("str", '""'),
    Field.TYPE_BOOL: ("bool", "False"),
    Field.TYPE_INT32: ("int", "0"),
    Field.TYPE_INT64: ("int", "0"),
}

#: Which resource the `parent` of a request is; all else is a namespace.
PARENTS = {
    "RegisterVersion": "model",
    "ListVersions": "model",
    "ListAliases": "model",
    "AddComment": "model",
    "ListComments": "model",
    "SearchVersions": "model_or_namespace",
}

#: Lists of names, in the namespace that the request is for.
NAMES = {
    ("ListLatestVersions", "models"): "[full_name(model, namespace_of(full_name(parent,"
    ' self._namespace, "namespace")), "model") for model in models]',
}

#: Messages that callers give as plain values: annotation and conversion.
PLAIN = {
    ".regesta.v1.Moment": ("datetime | int | Occurred | None", "moment({0})"),
    ".google.protobuf.Timestamp": ("datetime | None", "timestamp({0})"),
    ".google.protobuf.Duration": ("float | None", "duration({0})"),
    ".google.protobuf.FieldMask": ("Sequence[str]", "FieldMask(paths={0})"),
}


@dataclass(frozen=True)
class Parameter:
    """One argument of a method."""

    name: str
    annotation: str
    default: str
    #: Source text of the value in the request.
    value: str
    doc: str
    #: Whether it is one of several, of which only the one that is given is set.
    is_optional: bool = False


class Sources:
    """The protos: messages by name, their modules, and comments."""

    def __init__(self) -> None:
        image = subprocess.run(
            [ROOT / ".venv/bin/buf", "build", "--as-file-descriptor-set", "-o", "-"],
            cwd=ROOT,
            check=True,
            capture_output=True,
        ).stdout
        self.files = [
            file
            for file in descriptor_pb2.FileDescriptorSet.FromString(image).file
            if file.package == "regesta.v1"
        ]
        self.messages: dict[str, Message] = {}
        self.modules: dict[str, str] = {}
        self.docs: dict[str, list[str]] = {}
        for file in self.files:
            self._read(file)

    def _read(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        comments = {
            tuple(place.path): [line.strip() for line in place.leading_comments.strip().split("\n")]
            for place in file.source_code_info.location
        }
        module = Path(file.name).stem
        for i, message in enumerate(file.message_type):
            name = f".{file.package}.{message.name}"
            self.messages[name] = message
            self.modules[name] = module
            for j, field in enumerate(message.field):
                self.docs[f"{name}.{field.name}"] = comments.get((4, i, 2, j), [])
        for i, service in enumerate(file.service):
            for j, method in enumerate(service.method):
                self.docs[f"{service.name}.{method.name}"] = comments.get((6, i, 2, j), [])

    def reference(self, type_name: str) -> str:
        """Return how generated code names a message."""
        return f"{self.modules[type_name]}_pb2.{type_name.rsplit('.', 1)[1]}"


def resource_kind(rpc: str) -> str:
    """Return which resource the `name` of a request is."""
    for kind in ("Alias", "Version", "Model", "Namespace", "Hold", "Document"):
        if rpc.endswith(kind):
            return kind.lower()
    if rpc == "RevokeRole":
        return "grant"
    return "model"


def parameter(sources: Sources, rpc: str, message: str, field: Field) -> Parameter | None:
    """Return the argument for a field of a request; None for what the client fills in."""
    doc = " ".join(sources.docs[f"{message}.{field.name}"])
    name, required = field.name, doc.startswith("Required.")
    if name in {"parent", "name"} and field.type == Field.TYPE_STRING:
        kind = PARENTS.get(rpc, "namespace") if name == "parent" else resource_kind(rpc)
        value = f'full_name({name}, self._namespace, "{kind}")'
        default = '""' if "namespace" in kind and name == "parent" else ""
        return Parameter(name, "str", default, value, doc)
    if name == "request_id":
        return Parameter(name, "str | None", "None", "request_id_or_new(request_id)", doc)
    repeated = field.label == Field.LABEL_REPEATED
    nested = sources.messages[message].nested_type
    entry = next((n for n in nested if field.type_name.endswith(f".{n.name}")), None)
    if entry is not None:
        value_type = SCALARS[entry.field[1].type][0]
        return Parameter(name, f"Mapping[str, {value_type}]", "", name, doc)
    if field.type_name in PLAIN:
        annotation, conversion = PLAIN[field.type_name]
        default = "" if required else "None"
        return Parameter(name, annotation, default, conversion.format(name), doc)
    if field.type == Field.TYPE_MESSAGE:
        kind = sources.reference(field.type_name)
        if repeated:
            return Parameter(name, f"Sequence[{kind}]", "" if required else "()", name, doc)
        if required or name in {"model", "version"}:
            return Parameter(name, kind, "", name, doc)
        return Parameter(name, f"{kind} | None", "None", name, doc)
    kind, default = SCALARS[field.type]
    if repeated:
        value = NAMES.get((rpc, name), name)
        return Parameter(name, f"Sequence[{kind}]", "" if required else "()", value, doc)
    if field.HasField("oneof_index"):
        value = 'full_name(resource, self._namespace, "model")' if name == "resource" else name
        return Parameter(name, f"{kind} | None", "None", value, doc, is_optional=True)
    return Parameter(name, kind, "" if required else default, name, doc)


def argument(p: Parameter) -> str:
    """Return an argument as it stands in a signature."""
    return f"{p.name}: {p.annotation}" + (f" = {p.default}" if p.default else "")


def answer_field(sources: Sources, output: str) -> str:
    """Return the field of an answer that is all a caller wants; empty for more."""
    fields = sources.messages[output].field
    first = fields[0]
    rest = {field.name for field in fields[1:]}
    if first.type == Field.TYPE_MESSAGE and first.label != Field.LABEL_REPEATED:
        return first.name if rest <= {"position"} else ""
    return ""


def promises_heartbeats(sources: Sources, request: str) -> bool:
    """Say whether the server sends something now and then, so that silence means something."""
    return any(field.name == "heartbeat_interval" for field in sources.messages[request].field)


def method_source(
    sources: Sources, service: str, method: descriptor_pb2.MethodDescriptorProto
) -> Iterator[str]:
    """Yield the lines of one method."""
    rpc, request, output = method.name, method.input_type, method.output_type
    fields = sources.messages[request].field
    parameters = [p for f in fields if (p := parameter(sources, rpc, request, f))]
    # What a call is about may stand alone: the first argument that must be given, or the parent.
    first = [p for p in parameters if not p.default or p.name == "parent"][:1]
    if first and rpc not in PARENTS and first[0].default:
        first = [p for p in parameters if not p.default][:1]
    others = [p for p in parameters if p not in first]
    # Arguments without a default may stand anywhere after the star.
    signature = ["self", *(argument(p) for p in first), "*", *(argument(p) for p in others)]
    signature.append("timeout: float | None = None")
    if promises_heartbeats(sources, request):
        signature.append("silence: float | None = None")
    single = answer_field(sources, output)
    result = sources.reference(output)
    if single:
        kind = next(f.type_name for f in sources.messages[output].field if f.name == single)
        returned = sources.reference(kind)
    else:
        returned = f"AsyncIterator[{result}]" if method.server_streaming else result
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", rpc).lower()
    yield ""
    yield f"    async def {name}({', '.join(signature)}) -> {returned}:"
    yield from docstring(sources, service, method, parameters, single)
    optional = [p for p in parameters if p.is_optional]
    yield f"        request = {sources.reference(request)}("
    yield from (f"            {p.name}={p.value}," for p in parameters if p not in optional)
    yield "        )"
    for p in optional:
        yield f"        if {p.name} is not None:"
        yield f"            request.{p.name} = {p.value}"
    yield from body(sources, service, method, single)


def docstring(
    sources: Sources,
    service: str,
    method: descriptor_pb2.MethodDescriptorProto,
    parameters: list[Parameter],
    single: str,
) -> Iterator[str]:
    """Yield a method's docstring."""
    text = " ".join(sources.docs[f"{service}.{method.name}"])
    summary, _, rest = text.partition(". ")
    yield f'        """{summary.rstrip(".")}.'
    if rest:
        yield ""
        yield from wrap(rest, 8)
    yield ""
    yield "        Args:"
    for p in parameters:
        yield from wrap(f"{p.name}: {p.doc}", 12, hang=4)
    yield from wrap("timeout: Seconds until the call is given up.", 12)
    if promises_heartbeats(sources, method.input_type):
        text = "silence: Seconds without any answer after which it is given up as unavailable."
        yield from wrap(text, 12, hang=4)
    yield ""
    verb = "Yields:" if method.server_streaming else "Returns:"
    yield f"        {verb}"
    doc = sources.docs.get(f"{method.output_type}.{single}") if single else None
    yield from wrap(" ".join(doc) if doc else "The answer.", 12)
    yield ""
    yield "        Raises:"
    yield "            RegestaError: The call failed; see `regesta.errors`."
    yield '        """'


def wrap(text: str, indent: int, hang: int = 0) -> Iterator[str]:
    """Yield a text in lines of at most `MAX_LINE` characters."""
    line, pad = "", " " * indent
    for word in text.replace("\\", "\\\\").split():
        if line and len(pad) + len(line) + 1 + len(word) > MAX_LINE:
            yield pad + line
            line, pad = word, " " * (indent + hang)
        else:
            line = f"{line} {word}".strip()
    yield pad + line


def body(
    sources: Sources, service: str, method: descriptor_pb2.MethodDescriptorProto, single: str
) -> Iterator[str]:
    """Yield what a method does."""
    fields = {field.name for field in sources.messages[method.input_type].field}
    answer = {field.name for field in sources.messages[method.output_type].field}
    scope = next((f"request.{n}" for n in ("parent", "name") if n in fields), "")
    if not scope:
        scope = next((f"request.{n}.name" for n in ("model", "version") if n in fields), "")
    for n in ("model", "version"):
        if scope == f"request.{n}.name":
            yield f'        {scope} = full_name({scope}, self._namespace, "{n}")'
    if scope and ("consistency" in fields or _is_seen(method, answer)):
        yield f"        namespace = namespace_of({scope})"
    if "consistency" in fields:
        yield "        if consistency is None:"
        yield "            known = self._transport.positions.consistency(namespace)"
        yield "            if known is not None:"
        yield "                request.consistency.CopyFrom(known)"
    path = f"/regesta.v1.{service}/{method.name}"
    result = sources.reference(method.output_type)
    if method.server_streaming:
        yield "        async for answer in self._transport.stream("
        silence = ", silence" if promises_heartbeats(sources, method.input_type) else ""
        yield f'            "{path}", request, {result}, timeout{silence}'
        yield "        ):"
        yield "            yield answer"
        return
    if not single and not (scope and _is_seen(method, answer)):
        yield "        return await self._transport.unary("
        yield f'            "{path}", request, {result}, timeout'
        yield "        )"
        return
    yield "        answer = await self._transport.unary("
    yield f'            "{path}", request, {result}, timeout'
    yield "        )"
    if scope and _is_seen(method, answer):
        yield "        self._transport.positions.saw(namespace, answer.position)"
    yield f"        return answer.{single}" if single else "        return answer"


def _is_seen(method: descriptor_pb2.MethodDescriptorProto, answer: set[str]) -> bool:
    """Say whether the client learns a position from an answer."""
    return "position" in answer and not method.server_streaming


def generate() -> str:
    """Return the source of the calls, formatted."""
    sources = Sources()
    lines: list[str] = []
    for file in sources.files:
        for service in file.service:
            for method in service.method:
                lines += method_source(sources, service.name, method)
    text = "\n".join(lines)
    used = sorted({match[1] for match in re.finditer(r"\b(\w+_pb2)\.", text)})
    imports = "from regesta.v1 import (\n" + "".join(f"    {name},\n" for name in used) + ")"
    return formatted(HEADER.format(imports=imports) + text + "\n")


def formatted(source: str) -> str:
    """Return source text as ruff writes it."""
    ruff = [ROOT / ".venv/bin/ruff"]
    stdin = ["--stdin-filename", "client/regesta/_aio/made.py", "-"]
    tidy, sort = ["format", "--quiet", *stdin], ["check", "--fix-only", "--quiet", *stdin]
    for command in (tidy, sort, tidy):
        source = subprocess.run(
            [*ruff, *command], cwd=ROOT, input=source, check=True, capture_output=True, text=True
        ).stdout
    return source


def main() -> int:
    """Write the calls, or with `--check` say whether they are fresh."""
    source = generate()
    if "--check" in sys.argv:
        if not OUTPUT.exists() or OUTPUT.read_text() != source:
            print(f"{OUTPUT.relative_to(ROOT)} is not what the protos make")
            return 1
        return 0
    OUTPUT.write_text(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
