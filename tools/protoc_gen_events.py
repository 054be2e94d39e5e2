"""A protoc plugin: regesta/events/v1 to frozen msgspec structs.

The events are declared once, as protobuf messages. The server decodes and
encodes their JSON form some ten thousand times a second, and works on values that
cannot change, so it uses msgspec structs instead of protobuf messages. This plugin
writes them; `tools/proto.sh` runs it.

The JSON form is ProtoJSON with three rules that make it canonical: members in
sorted order, members with a default value left out, and 64-bit integers and
doubles as decimal strings (RFC 8785 would have to format numbers as ECMAScript
does; ProtoJSON parsers accept the strings).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2

Field = descriptor_pb2.FieldDescriptorProto
Message = descriptor_pb2.DescriptorProto

PACKAGE = "regesta.events.v1"
PARTS = "parts.proto"
OUTPUT = "events.py"

SCALARS = {
    Field.TYPE_STRING: ("str", '""'),
    Field.TYPE_BOOL: ("bool", "False"),
    Field.TYPE_INT32: ("int", "0"),
    # Decimal text: JSON numbers beyond 2**53 are not portable (RFC 8785, 3.2.2.3).
    Field.TYPE_INT64: ("str", '""'),
    Field.TYPE_DOUBLE: ("str", '""'),
}

HEADER = '''"""The facts: one frozen struct for each event type, and the parts they are made of.

Generated from proto/regesta/events/v1 by tools/protoc_gen_events.py; edit the protos.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
'''


def comment_lines(text: str) -> list[str]:
    """Return a proto comment as stripped lines."""
    return [line.strip() for line in text.strip().splitlines()]


def field_type(field: Field, nested: dict[str, Message]) -> tuple[str, str]:
    """Return a field's Python type and default as source text."""
    if field.type == Field.TYPE_MESSAGE and field.type_name in nested:
        value, _ = field_type(nested[field.type_name].field[1], {})
        return f"dict[str, {value.removesuffix(' | None')}]", "{}"
    if field.type == Field.TYPE_MESSAGE:
        kind, default = field.type_name.rsplit(".", 1)[1], "None"
        optional = f"{kind} | None"
    else:
        kind, default = SCALARS[field.type]
        optional = kind
        if field.proto3_optional or field.HasField("oneof_index"):
            optional, default = f"{kind} | None", "None"
    if field.label == Field.LABEL_REPEATED:
        return f"tuple[{kind}, ...]", "()"
    return optional, default


def struct_source(
    message: Message, comments: dict[tuple[int, ...], str], path: tuple[int, ...]
) -> Iterator[str]:
    """Yield the lines of one struct."""
    nested = {
        f".{PACKAGE}.{message.name}.{entry.name}": entry
        for entry in message.nested_type
        if entry.options.map_entry
    }
    # gc=False: facts cannot form cycles, and the collector need not look at each of them.
    options = "frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False"
    yield ""
    yield ""
    yield f"class {message.name}(msgspec.Struct, {options}):"
    doc = comment_lines(comments.get(path, ""))
    if len(doc) == 1:
        yield f'    """{doc[0]}"""'
    else:
        yield f'    """{doc[0]}'
        yield from (f"    {line}" for line in doc[1:])
        yield '    """'
    yield ""
    order = sorted(range(len(message.field)), key=lambda i: message.field[i].json_name)
    for index in order:
        field = message.field[index]
        kind, default = field_type(field, nested)
        for line in comment_lines(comments.get((*path, 2, index), "")):
            yield f"    #: {line}"
        if field.json_name != field.name:
            setting = f'default={default}, name="{field.json_name}"'
            if default == "{}":
                setting = f'default_factory=dict, name="{field.json_name}"'
            yield f"    {field.name}: {kind} = msgspec.field({setting})"
        else:
            yield f"    {field.name}: {kind} = {default}"


def generate(request: plugin_pb2.CodeGeneratorRequest) -> plugin_pb2.CodeGeneratorResponse:
    """Return one module for all files of the events' package."""
    files = [file for file in request.proto_file if file.package == PACKAGE]
    # Parts first: the events are made of them.
    files.sort(key=lambda file: (not file.name.endswith(PARTS), file.name))
    lines = [HEADER.rstrip()]
    names = []
    for file in files:
        comments = {
            tuple(place.path): place.leading_comments
            for place in file.source_code_info.location
            if place.leading_comments
        }
        is_event = not file.name.endswith(PARTS)
        for index, message in enumerate(file.message_type):
            lines += struct_source(message, comments, (4, index))
            if is_event:
                names.append(message.name)
    lines += ["", "", "Event: TypeAlias = ("]
    lines += [f"    {'| ' if i else ''}{name}" for i, name in enumerate(sorted(names))]
    lines += [
        ")",
        "",
        "#: Every event type by its short name.",
        "EVENTS: dict[str, type[Event]] = {",
    ]
    lines += [f'    "{name}": {name},' for name in sorted(names)]
    lines += ["}", ""]
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    response.file.add(name=OUTPUT, content="\n".join(lines))
    return response


if __name__ == "__main__":
    asked = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(generate(asked).SerializeToString())
