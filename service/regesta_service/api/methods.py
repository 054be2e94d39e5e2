"""The table of methods: what the descriptors say and which function answers.

Default deny: a method without a permission, or without a function, stops the server
from starting. So a new RPC cannot be reachable by forgetting something.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message

from regesta.v1 import options_pb2
from regesta_service.access.permissions import EVERY_NAMESPACE, Permission

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMESPACE = re.compile(r"namespaces/([a-z][a-z0-9-]{0,62})(?:/|\Z)")


class IncompleteApi(RuntimeError):
    """A method of the API has no permission or no function."""


class NoNamespace(ValueError):
    """A request does not name a namespace where it must."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC of ours."""

    #: `/regesta.v1.CatalogService/GetModel`.
    path: str
    permission: Permission
    request: type[Message]
    #: The servicer's function: a coroutine, or an async generator for a stream.
    function: Callable[..., Any]
    streams: bool
    #: Path of the request's field that names the namespace; empty when none does.
    scope: tuple[str, ...]

    @property
    def name(self) -> str:
        """The RPC's name alone, for example `GetModel`."""
        return self.path.rpartition("/")[2]

    def resource(self, request: Message) -> str:
        """Return the resource name that says where a request happens; empty without one."""
        value: Any = request if self.scope else ""
        for part in self.scope:
            value = getattr(value, part)
        return str(value)

    def namespace(self, request: Message) -> str:
        """Return the namespace a request is about, `*` when it is about no single one.

        Raises:
            NoNamespace: The field is not a resource name within a namespace.
        """
        if not self.scope:
            return EVERY_NAMESPACE
        match = _NAMESPACE.match(self.resource(request))
        if match is None:
            raise NoNamespace(".".join(self.scope))
        return match[1]


def _scope(method: MethodDescriptor) -> tuple[str, ...]:
    """Find the field that names the namespace: `parent`, `name`, or a resource's name."""
    fields = method.input_type.fields_by_name
    for name in ("parent", "name"):
        if name in fields:
            return (name,)
    for field in method.input_type.fields:
        if field.message_type is not None and "name" in field.message_type.fields_by_name:
            return (field.name, "name")
    return ()


def _permission(method: MethodDescriptor) -> Permission:
    options: Any = method.GetOptions()
    try:
        return Permission(options.Extensions[options_pb2.permission])
    except ValueError:
        raise IncompleteApi(f"{method.full_name} names no permission that exists") from None


def _method(method: MethodDescriptor, servicers: Iterable[object]) -> Method:
    name = _CAMEL.sub("_", method.name).lower()
    found = [getattr(servicer, name) for servicer in servicers if hasattr(servicer, name)]
    if len(found) != 1:
        raise IncompleteApi(f"{method.full_name} has {len(found)} functions named {name}")
    proto = descriptor_pb2.MethodDescriptorProto()
    method.CopyToProto(proto)
    if proto.client_streaming:
        # One unparsable message on a client stream can hang a stopping grpcio server.
        raise IncompleteApi(f"{method.full_name} streams requests, which regesta never does")
    function = found[0]
    if inspect.isasyncgenfunction(function) != proto.server_streaming:
        raise IncompleteApi(f"{method.full_name} and {function.__qualname__} differ in streaming")
    service = method.containing_service
    return Method(
        f"/{service.full_name}/{method.name}",
        _permission(method),
        message_factory.GetMessageClass(method.input_type),
        function,
        proto.server_streaming,
        _scope(method),
    )


def permissions_of(files: Iterable[FileDescriptor]) -> dict[str, Permission]:
    """Return what each method of some proto files needs, by the method's name.

    Raises:
        IncompleteApi: One has no permission.
    """
    return {
        method.name: _permission(method)
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    }


def methods_of(files: Iterable[FileDescriptor], servicers: Iterable[object]) -> dict[str, Method]:
    """Return every method of some proto files by its path.

    Raises:
        IncompleteApi: One has no permission, no function or two, or streams requests.
    """
    every = list(servicers)
    methods = [
        _method(method, every)
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
    ]
    return {method.path: method for method in methods}
